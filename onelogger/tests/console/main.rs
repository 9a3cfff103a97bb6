//! What a person reads on a console is true: each line says what it belongs to, nothing of a value
//! steers the terminal, and what could not be written is counted as lost.

mod jobs;
mod reader;
mod story;

use std::io;
use std::process::Command;
use std::time::Duration;

use onelogger::exporter::{ColorChoice, Exporter, Run};
use onelogger::{Attributes, ConsoleExporter, ErrorEvent, Level, Outcome, Parent, Record, SpanId};

use crate::story::{Sink, Story, unindented};

#[test]
fn a_span_has_one_line_unless_something_is_to_be_shown_in_it() {
    let mut story = Story::default();
    let job = story.start(0, "job");
    let load = story.start(job, "load");
    story.stop(load, Outcome::Ok);
    story.event(job, "progress", Attributes::new().with("done", 0.5).with("text", "two words"));
    let epoch = story.start(job, "epoch");
    let step = story.start(epoch, "step");
    story.stop(step, Outcome::Ok);
    story.stop(epoch, Outcome::Ok);
    story.stop(job, Outcome::Ok);
    story.event(0, "over", Attributes::new());
    story.check(
        r#"
                     ▸ job
             1.0 ms    ■ load
            +3.0 ms    - progress  done=0.5 text="two words"
                       ▸ epoch
             1.0 ms      ■ step
             3.0 ms    ◂ epoch
             8.0 ms  ◂ job
                     - over
        "#,
    );
}

#[test]
fn a_span_that_did_not_end_well_says_how() {
    let mut story = Story::default();
    let source = "x".parse::<u32>().unwrap_err();
    let job = story.start(0, "job");
    let load = story.start(job, "load");
    story.error(
        load,
        &ErrorEvent::new("Error in load: invalid digit found in string").caused_by(&source),
    );
    story.stop(load, Outcome::Error);
    let step = story.start(job, "step");
    story.error(
        step,
        &ErrorEvent::new("panic in step: boom").exception("panic", "boom").with("line", 7),
    );
    story.stop(step, Outcome::Panic);
    let fetch = story.start(job, "fetch");
    story.stop(fetch, Outcome::Cancelled);
    let save = story.start(job, "save");
    story.stop(save, Outcome::Error);
    let error = io::Error::other(Wrapped("no route", Some(Box::new(Wrapped("cable cut", None)))));
    story.error(
        job,
        &ErrorEvent::new("could not send")
            .caused_by(&Wrapped("request failed", Some(Box::new(error)))),
    );
    story.stop(job, Outcome::Ok);
    story.check(
        r#"
                     ▸ job
                       ▸ load
            +1.0 ms      ! Error in load: invalid digit found in string (ParseIntError)
             2.0 ms    ◂ load (error: invalid digit found in string)
                       ▸ step
            +1.0 ms      ! panic in step: boom  line=7
             2.0 ms    ◂ step (panic: boom)
             1.0 ms    ■ fetch (cancelled)
             1.0 ms    ■ save (error)
           +11.0 ms    ! could not send (Wrapped: request failed: no route: cable cut)
            12.0 ms  ◂ job
        "#,
    );
}

/// An error with a source.
#[derive(Debug)]
struct Wrapped(&'static str, Option<Box<dyn std::error::Error + Send + Sync>>);

impl std::fmt::Display for Wrapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Wrapped {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.1.as_deref().map(|source| source as _)
    }
}

#[test]
fn lines_of_spans_beside_each_other_say_where_they_belong() {
    let mut story = Story::default();
    let pool = story.start(0, "pool");
    let [a, b] = ["a", "b"].map(|name| story.start(pool, name));
    story.event(a, "first", Attributes::new());
    story.event(b, "second", Attributes::new());
    let task = story.start(a, "task");
    story.stop(task, Outcome::Ok);
    story.event(b, "third", Attributes::new());
    let other = story.start(0, "other");
    let detached = story.start(other, "detached");
    story.stop(other, Outcome::Ok);
    story.stop(a, Outcome::Ok);
    story.stop(b, Outcome::Ok);
    story.stop(pool, Outcome::Ok);
    story.stop(detached, Outcome::Ok);
    story.check(
        r#"
                     ▸ pool #000001
                       ▸ a #000002
            +2.0 ms      - first
                       ▸ b #000003
            +2.0 ms      - second
             1.0 ms      ■ task  (in a #000002)
            +5.0 ms      - third  (in b #000003)
             2.0 ms  ■ other #000005
            10.0 ms    ◂ a #000002
            10.0 ms    ◂ b #000003
            13.0 ms  ◂ pool #000001
             5.0 ms    ■ detached  (in #000005)
        "#,
    );
}

#[test]
fn a_parent_that_is_elsewhere_is_named() {
    let mut story = Story::default();
    story.start(77, "orphan");
    story.stop(1, Outcome::Ok);
    story.start(0, "request");
    let remote = Parent { span_id: SpanId::from_u64(1), is_remote: true };
    for record in &mut story.records[2..] {
        let Record::Start(span) = record else { unreachable!() };
        span.parent = Some(remote);
    }
    story.spans[1].parent = Some(remote);
    story.stop(2, Outcome::Ok);
    story.event(55, "stray", Attributes::new());
    story.check(
        r#"
             1.0 ms  ■ orphan  (in #00004d)
             1.0 ms  ■ request  (under the remote span 0000000000000001)
                     - stray  (in #000037)
        "#,
    );
}

#[test]
fn nothing_of_a_value_steers_the_terminal_or_fills_it() {
    let mut story = Story::default();
    let hostile = "\u{1b}[2J\r\n\u{202e}\u{9b}31m\u{0}";
    story.start(0, hostile);
    let many: Attributes = (0..10_000).map(|i| (format!("k{i}"), i)).collect();
    story.spans[0].attributes = Attributes::new().with(hostile, hostile).with("", "");
    story.error(1, &ErrorEvent::new(hostile).exception(hostile, hostile).with("list", [hostile]));
    story.stop(1, Outcome::Error);
    story.start(0, "");
    story.spans[1].attributes = Attributes::new()
        .with("text", "é".repeat(5 << 20))
        .with("list", vec![1_i64; 1 << 20])
        .with("name 🦀", "naïve 🦀");
    story.stop(2, Outcome::Ok);
    story.start(0, "many");
    story.spans[2].attributes = many;
    story.stop(3, Outcome::Ok);
    let text = story.shown_by(|console| console);
    assert_eq!(text.lines().count(), 5, "{text}");
    let is_harmless = |character: char| !character.is_control() && character != '\u{202e}';
    assert!(text.chars().all(|character| character == '\n' || is_harmless(character)), "{text}");
    assert!(text.lines().all(|line| line.chars().count() < 1_000), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    let expected = format!(
        r#"     1.0 ms  ■ ""  text={}… list=[{}1… name 🦀="naïve 🦀""#,
        "é".repeat(80),
        "1, ".repeat(26),
    );
    assert_eq!(lines[3], expected);
    assert!(lines[4].ends_with("k23=23 … 9976 more"), "{}", lines[4]);
}

#[test]
fn settings_hide_what_is_short_and_went_well() {
    let mut story = Story::default();
    let job = story.start(0, "job");
    for outcome in [Outcome::Ok, Outcome::Error] {
        let short = story.start(job, "short");
        story.stop(short, outcome);
    }
    let long = story.start(job, "long");
    story.event(job, "event", Attributes::new());
    story.event(job, "event", Attributes::new());
    story.stop(long, Outcome::Ok);
    story.stop(job, Outcome::Ok);
    let text = story.shown_by(|console| {
        console.min_duration(Duration::from_millis(2)).show_events(false).max_value_chars(3)
    });
    let expected = "
                     ▸ job
             1.0 ms    ■ short (error)
             3.0 ms    ■ long
             9.0 ms  ◂ job
        ";
    assert_eq!(text, unindented(expected));
}

#[test]
fn a_span_whose_start_was_shown_has_its_end_shown_however_short_it_was() {
    let mut story = Story::default();
    let job = story.start(0, "job");
    story.error(job, &ErrorEvent::new("bad"));
    story.stop(job, Outcome::Ok);
    let text = story.shown_by(|console| console.min_duration(Duration::from_secs(1)));
    let marks: Vec<_> = text.lines().map(|line| line.chars().nth(13).unwrap()).collect();
    assert_eq!(marks, ['▸', ' ', '◂']);
}

#[test]
fn a_ring_of_parents_has_an_end() {
    let mut story = Story::default();
    let (a, b) = (story.start(0, "a"), story.start(1, "b"));
    story.spans[0].parent = Some(Parent { span_id: SpanId::from_u64(b), is_remote: false });
    story.records.push(Record::Start(story.spans[0].clone()));
    story.event(a, "e", Attributes::new());
    story.stop(b, Outcome::Ok);
    story.stop(a, Outcome::Ok);
    let text = story.shown_by(|console| console);
    assert_eq!(text.lines().count(), 5, "{text}");
}

#[test]
fn a_flush_shows_what_is_open() {
    let mut story = Story::default();
    let job = story.start(0, "job");
    let wait = story.start(job, "wait");
    for (min, expected) in [(0, "▸ job|▸ wait"), (1, "▸ job"), (2, "")] {
        let sink = Sink::default();
        let console = ConsoleExporter::to(sink.clone()).color(ColorChoice::Never);
        let mut console = console.min_duration(Duration::from_millis(min));
        console.export_batch(story.batch().records()).unwrap();
        assert_eq!(sink.text(), "");
        console.flush().unwrap();
        console.flush().unwrap();
        let text = sink.text();
        let shown: Vec<&str> = text.lines().map(str::trim).collect();
        assert_eq!(shown.join("|"), expected);
        console.close().unwrap();
        assert_eq!(sink.text().lines().count(), 2);
    }
    story.stop(wait, Outcome::Ok);
}

#[test]
fn an_attribute_that_is_added_stands_in_the_line_of_the_start() {
    let mut story = Story::default();
    story.start(0, "job");
    story.spans[0].attributes = Attributes::new().with("late", true);
    story.records.push(Record::Attributes(story.spans[0].clone()));
    story.event(1, "e", Attributes::new());
    let text = story.shown_by(|console| console);
    assert_eq!(text.lines().next().unwrap().trim(), "▸ job  late=true");
}

#[test]
fn a_deep_tree_is_not_the_square_of_its_depth() {
    let mut story = Story::default();
    for depth in 0..5_000 {
        story.start(depth, "deep");
    }
    story.event(5_000, "e", Attributes::new());
    for depth in (1..=5_000).rev() {
        story.stop(depth, Outcome::Ok);
    }
    let text = story.shown_by(|console| console);
    assert_eq!(text.lines().count(), 10_001);
    assert!(text.len() < 2_000_000 && text.contains("[4999] ▸ deep\n"));
}

#[test]
fn losses_are_said() {
    let sink = Sink::default();
    let mut console = ConsoleExporter::to(sink.clone()).color(ColorChoice::Never);
    console.open(&Run::new("job", 7)).unwrap();
    let mut story = Story::default();
    let attributes = Attributes::new()
        .with("error_message", "3 of 9 records are lost")
        .with("telemetry_data_error_type", "incomplete_telemetry_data")
        .with("onelogger.lost.queue_full", 3);
    let report = story.event_record(0, "telemetry_data_error", attributes);
    story.records.push(Record::TelemetryDataError(report));
    let totals = Attributes::new()
        .with("onelogger.recorded", 9)
        .with("onelogger.delivered", 4)
        .with("onelogger.withheld", 1)
        .with("onelogger.lost.lane_full", 1)
        .with("onelogger.lost.queue_full", 3);
    story.event(0, "onelogger.close", totals);
    console.export_batch(story.batch().records()).unwrap();
    let text = sink.text();
    let lines: Vec<&str> = text.lines().map(str::trim).skip(1).collect();
    let expected = [
        "! telemetry data error: 3 of 9 records are lost  \
         telemetry_data_error_type=incomplete_telemetry_data onelogger.lost.queue_full=3",
        "! of 9 records: 4 lost (lane_full 1, queue_full 3), 1 withheld",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn colors_take_nothing_away_and_levels_are_words() {
    let mut story = Story::default();
    let job = story.start(0, "job");
    let mut event = story.event_record(job, "disk", Attributes::new().with("left", 3));
    event.level = Level::Warn;
    story.records.push(Record::Event(event));
    story.stop(job, Outcome::Panic);
    let colored = story.shown_by(|console| console.color(ColorChoice::Always));
    let mut plain = String::new();
    for (place, part) in colored.split('\u{1b}').enumerate() {
        plain.push_str(if place == 0 { part } else { part.split_once('m').unwrap().1 });
    }
    assert_eq!(plain, story.shown_by(|console| console));
    assert!(plain.contains("- warn: disk  left=3") && colored.contains("\u{1b}[33m-\u{1b}[0m"));
}

/// A process of its own, so that it has an environment of its own.
const CHILD: &str = "ONELOGGER_TEST_CONSOLE_CHILD";

#[test]
fn the_environment_has_a_say_in_colors() {
    if std::env::var_os(CHILD).is_some() {
        let mut console = ConsoleExporter::stdout();
        console.open(&Run::new("child", 7)).unwrap();
        console.close().unwrap();
        return;
    }
    let check = |variables: &[(&str, &str)], expected: bool| {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "the_environment_has_a_say_in_colors", "--nocapture"]);
        for name in ["NO_COLOR", "CLICOLOR_FORCE", "FORCE_COLOR"] {
            child.env_remove(name);
        }
        child.env(CHILD, "1").envs(variables.iter().copied());
        let output = String::from_utf8(child.output().unwrap().stdout).unwrap();
        let line = output.lines().find(|line| line.contains('●')).unwrap();
        assert_eq!(line.contains('\u{1b}'), expected, "{variables:?}: {line}");
    };
    check(&[], false);
    check(&[("CLICOLOR_FORCE", "1")], true);
    check(&[("FORCE_COLOR", "1"), ("NO_COLOR", "1")], false);
    check(&[("FORCE_COLOR", "1"), ("NO_COLOR", "")], true);
}

#[test]
fn it_moves_to_a_thread_of_its_own() {
    fn send<T: Send>(_: T) {}
    send(ConsoleExporter::stderr());
}
