//! Whatever a name or a value is: what reaches the file is valid and as documented, what is too
//! large is counted as lost and reported, and nothing beside it is lost.

use std::path::{Path, PathBuf};
use std::time::Duration;

use onelogger::exporter::{FilePath, MemoryExporter, MemoryRecords};
use onelogger::recorder::DefaultRecorderBuilder;
use onelogger::{
    Attributes, Counts, DefaultRecorder, ErrorEvent, ErrorHandlingStrategy, Event, FileExporter,
    FullPolicy, LossReason, OneLoggerConfig, OneLoggerProvider, Record, RecorderHandle,
    SpanBuilder, SpanStop, TelemetryDataError, Value,
};
use serde_json::{Value as Json, json};

/// So long that it is only reached if something hangs.
const PATIENCE: Duration = Duration::from_secs(600);

/// A provider that writes a file and keeps the records in memory.
struct Trial {
    directory: PathBuf,
    path: FilePath,
    memory: MemoryRecords,
    provider: OneLoggerProvider,
    recorder: RecorderHandle,
}

/// What a trial left behind: the lines of the file and the records, without the library's own.
struct Outcome {
    lines: Vec<Json>,
    records: Vec<Record>,
    /// The library's reports in the file.
    reports: Vec<Json>,
    counts: Counts,
}

impl Trial {
    fn new(
        name: &str,
        settings: impl FnOnce(DefaultRecorderBuilder) -> DefaultRecorderBuilder,
    ) -> Trial {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("hostile-{}-{name}", std::process::id()));
        let file = FileExporter::new(directory.join("run.jsonl"));
        let path = file.path();
        let (exporter, memory) = MemoryExporter::new();
        // Nothing is to be lost but what can never fit.
        let builder = DefaultRecorder::builder()
            .lane_policy(FullPolicy::Block(PATIENCE))
            .queue_policy(FullPolicy::Block(PATIENCE))
            .exporter(file)
            .exporter(exporter);
        let config = OneLoggerConfig::builder("hostile")
            .world_size(1)
            .session_tag("\u{0}\"\n")
            .error_handling_strategy(ErrorHandlingStrategy::PropagateExceptions)
            .build()
            .unwrap();
        let provider = OneLoggerProvider::new();
        let guard = provider.configure(config, settings(builder).build().unwrap()).unwrap();
        // Closed by `finish`, to see whether that succeeds.
        std::mem::forget(guard);
        let recorder = provider.recorder();
        Trial { directory, path, memory, provider, recorder }
    }

    /// Closes the provider, and checks what holds always: `recorded` is what the caller counted.
    fn finish(self, recorded: u64) -> Outcome {
        self.provider.close(PATIENCE).unwrap();
        let health = self.recorder.health();
        for exporter in &health.exporters {
            let counts = exporter.counts;
            assert!(counts.is_balanced(), "{}: {counts:?}", exporter.name);
            assert_eq!(counts.recorded, recorded, "{}: {counts:?}", exporter.name);
        }
        let text = std::fs::read_to_string(self.path.get().unwrap()).unwrap();
        let mut lines: Vec<Json> = text
            .lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:.300}"))
            })
            .collect();
        for (place, line) in lines.iter().enumerate() {
            assert_eq!(line["count"], place + 1);
        }
        let counts = health.exporters[0].counts;
        let closing = lines.pop().unwrap();
        assert_eq!(closing["event"]["name"], "onelogger.close");
        for (name, count) in [
            ("recorded", counts.recorded),
            ("added", counts.added),
            ("delivered", counts.delivered),
            ("delivered.updates", counts.delivered_updates),
            ("withheld", counts.withheld),
        ] {
            assert_eq!(closing["event"]["attributes"][format!("onelogger.{name}")], count);
        }
        for reason in LossReason::ALL {
            let lost = closing["event"]["attributes"].get(format!("onelogger.lost.{reason}"));
            assert_eq!(lost.map_or(0, |lost| lost.as_u64().unwrap()), counts.lost(reason));
        }
        assert_eq!(lines.remove(0)["event"]["attributes"]["session_tag"], "\u{0}\"\n");
        let is_report = |line: &mut Json| {
            let attributes = line["error"]["attributes"].as_object();
            attributes.is_some_and(|all| all.keys().any(|key| key.starts_with("onelogger.lost.")))
        };
        let reports: Vec<Json> = lines.extract_if(.., is_report).collect();
        let of = |line: &Json| if line["type"] == "complete" { 2 } else { 1 };
        let written: u64 = lines.iter().map(of).sum();
        assert_eq!(written + counts.delivered_updates, counts.delivered);
        let mut records = self.memory.take();
        // The closing record, and reports of losses.
        records.pop();
        records.retain(|record| {
            let Record::TelemetryDataError(error) = record else { return true };
            let is_loss = |name: &str| name.starts_with("onelogger.lost.");
            !error.attributes.iter().any(|(name, _)| is_loss(name.as_str()))
        });
        assert_eq!(records.len() as u64, health.exporters[1].counts.delivered);
        std::fs::remove_dir_all(&self.directory).unwrap();
        Outcome { lines, records, reports, counts }
    }
}

impl Outcome {
    fn check_nothing_lost(&self) {
        assert_eq!((self.counts.delivered, self.counts.lost_total()), (self.counts.recorded, 0));
        assert!(self.reports.is_empty());
    }

    /// So many records were too large, nothing else is missing, and the file says so.
    fn check_too_large(&self, lost: u64) {
        assert_eq!(self.counts.lost(LossReason::RecordTooLarge), lost, "{:?}", self.counts);
        assert_eq!(self.counts.delivered + lost, self.counts.recorded, "{:?}", self.counts);
        let last = &self.reports.last().unwrap()["error"]["attributes"];
        assert_eq!(last["onelogger.lost.record_too_large"], lost);
        assert_eq!(last["telemetry_data_error_type"], "incomplete_telemetry_data");
    }

    /// The lines that name this span or event.
    fn named(&self, name: &str) -> Vec<&Json> {
        let of = |line: &&Json| line["name"] == name || line["event"]["name"] == name;
        self.lines.iter().filter(of).collect()
    }
}

/// Every text that may give a writer of JSON trouble.
fn hostile_texts() -> Vec<String> {
    let all = (0..0x250).filter_map(char::from_u32).collect::<String>();
    let mut texts: Vec<String> = (0..0xa0).filter_map(char::from_u32).map(String::from).collect();
    texts.extend(
        [
            "",
            " ",
            "\\",
            "\\\\\"",
            "\\u0000",
            "\"}\n{\"type\":\"stop\"}",
            "\u{2028}\u{2029}",
            "\u{feff}bom",
            "\u{fffe}\u{ffff}",
            "\u{d7ff}\u{e000}\u{10ffff}",
            "👩‍👩‍👧‍👦 e\u{301} Ω \u{202e}txt",
            "${jndi:ldap://x}",
            "type",
            "onelogger.close",
            "a\0b",
        ]
        .map(String::from),
    );
    texts.push(all);
    texts
}

#[test]
fn any_text_is_a_name_a_key_and_a_value_and_comes_back() {
    let texts = hostile_texts();
    let trial = Trial::new("texts", |builder| builder);
    let recorder = &trial.recorder;
    for text in &texts {
        let attributes = Attributes::new()
            .with(text.clone(), text.clone())
            .with("list", vec![text.clone(), String::new()]);
        let span = SpanBuilder::new(text.clone())
            .attributes(attributes.clone())
            .start_attributes(attributes.clone())
            .group(text.clone());
        let span = recorder.start(span).unwrap();
        recorder.event(&span, Event::new(text.clone()).attributes(attributes.clone())).unwrap();
        let error = ErrorEvent::new(text.clone()).exception(text.clone(), text.clone());
        recorder.error(&span, error).unwrap();
        recorder.set_attributes(&span, [("more", text.clone())]).unwrap();
        recorder.stop_with(&span, SpanStop::new().attributes(attributes)).unwrap();
    }
    // Reported to each exporter once; the others are withheld.
    for text in &texts {
        recorder.telemetry_data_error(TelemetryDataError::new(text.clone())).unwrap();
    }
    let outcome = trial.finish(6 * texts.len() as u64);
    assert_eq!(outcome.counts.withheld, texts.len() as u64 - 1);
    assert_eq!(outcome.counts.lost_total(), 0);
    assert_eq!(outcome.lines.len(), 4 * texts.len() + 1);
    for (text, lines) in texts.iter().zip(outcome.lines.chunks(4)) {
        let [start, event, error, stop] = lines else { panic!("{lines:?}") };
        let list = json!([text, ""]);
        for body in [
            &start["attributes"],
            &start["start_event"]["attributes"],
            &event["event"]["attributes"],
            &stop["attributes"],
            &stop["stop_event"]["attributes"],
        ] {
            assert_eq!((&body[text], &body["list"]), (&json!(text), &list), "{text:?}");
        }
        assert_eq!((&start["name"], &stop["name"]), (&json!(text), &json!(text)));
        assert_eq!((&start["group"], &stop["attributes"]["more"]), (&json!(text), &json!(text)));
        assert_eq!(event["event"]["name"], json!(text));
        let error = &error["event"]["attributes"];
        for name in ["error_message", "exception_type", "exception_message"] {
            assert_eq!(error[name], json!(text));
        }
    }
}

#[test]
fn p15_numbers_that_json_does_not_know_are_written_as_documented() {
    let cases = [
        ("nan", Value::from(f64::NAN), json!("NaN")),
        ("negative nan", Value::from(-f64::NAN), json!("NaN")),
        ("infinity", Value::from(f64::INFINITY), json!("Infinity")),
        ("-infinity", Value::from(f64::NEG_INFINITY), json!("-Infinity")),
        ("f32", Value::from(f32::NAN), json!("NaN")),
        ("list", Value::from([1.0, f64::NAN, -0.0]), json!([1.0, "NaN", -0.0])),
        ("u64", Value::from(u64::MAX), json!("18446744073709551615")),
        ("just fits", Value::from(i64::MAX as u64), json!(i64::MAX)),
        ("just not", Value::from(i64::MAX as u64 + 1), json!("9223372036854775808")),
        ("smallest", Value::from(i64::MIN), json!(i64::MIN)),
        ("largest float", Value::from(f64::MAX), json!(f64::MAX)),
        ("tiny", Value::from(5e-324), json!(5e-324)),
        ("no strings", Value::StringList(vec![]), json!([])),
        ("no floats", Value::F64List(vec![]), json!([])),
    ];
    let trial = Trial::new("numbers", |builder| builder);
    let all: Attributes = cases.iter().map(|(name, value, _)| (*name, value.clone())).collect();
    let span = trial.recorder.start(SpanBuilder::new("span").attributes(all.clone())).unwrap();
    trial.recorder.event(&span, Event::new("event").attributes(all.clone())).unwrap();
    trial.recorder.stop_with(&span, SpanStop::new().attributes(all.clone())).unwrap();
    let outcome = trial.finish(3);
    outcome.check_nothing_lost();
    for line in &outcome.lines {
        let bodies = [&line["attributes"], &line["event"]["attributes"]];
        let body = bodies.into_iter().find(|body| body.is_object()).unwrap();
        for (name, _, expected) in &cases {
            assert_eq!(body[name], *expected, "{name}");
        }
    }
    // In memory a number stays a number: only JSON has no word for it.
    let Record::Start(start) = &outcome.records[0] else { panic!("{:?}", outcome.records[0]) };
    assert_eq!(start.attributes, all);
}

#[test]
fn attributes_named_like_the_librarys_own_do_not_break_a_line() {
    let trial = Trial::new("reserved", |builder| builder);
    let names = ["timestamp_msec", "duration_msec", "id", "count", "type", "onelogger.truncated"];
    let all: Attributes = names.iter().map(|&name| (name, "mine")).collect();
    let span = SpanBuilder::new("span").attributes(all.clone()).start_attributes(all.clone());
    let span = trial.recorder.start(span).unwrap();
    trial.recorder.event(&span, Event::new("event").attributes(all.clone())).unwrap();
    trial.recorder.stop_with(&span, SpanStop::new().attributes(all)).unwrap();
    let outcome = trial.finish(3);
    outcome.check_nothing_lost();
    let [start, event, stop] = &outcome.lines[..] else { panic!("{:?}", outcome.lines) };
    // The time and the duration are the library's, the rest is left alone.
    assert!(event["event"]["attributes"]["timestamp_msec"].is_u64());
    assert!(stop["attributes"]["duration_msec"].is_u64());
    assert_eq!((&start["type"], &start["attributes"]["type"]), (&json!("start"), &json!("mine")));
    assert_eq!(stop["attributes"]["onelogger.truncated"], "mine");
}

#[test]
fn what_is_larger_than_a_lane_is_counted_and_nothing_beside_it_is_lost() {
    let huge = "x".repeat(10_000_000);
    let trial = Trial::new("too-large", |builder| builder);
    let recorder = &trial.recorder;
    let outer = recorder.start("outer").unwrap();
    // Two records: a span that is too large is lost with its stop, and with what concerns it.
    let lost = recorder.start(SpanBuilder::new("lost").with("text", huge.clone())).unwrap();
    recorder.event(&lost, "of the lost one").unwrap();
    recorder.set_attributes(&lost, [("a", 1)]).unwrap();
    let child = recorder.start("child").unwrap();
    recorder.stop(&child).unwrap();
    recorder.stop(&lost).unwrap();
    recorder.event(&outer, Event::new("lost event").with("text", huge.clone())).unwrap();
    recorder.error(&outer, ErrorEvent::new(huge.clone())).unwrap();
    recorder.set_attributes(&outer, [("text", huge.clone())]).unwrap();
    recorder.event(&outer, Event::new(huge.clone())).unwrap();
    recorder.event(&outer, Event::new("kept").with("number", 7)).unwrap();
    // The attributes of a stop are lost by themselves, and count as a record.
    recorder.stop_with(&outer, SpanStop::new().with("text", huge)).unwrap();
    let outcome = trial.finish(6 + 2 + 4 + 1 + 1);
    outcome.check_too_large(4 + 4 + 1);
    assert_eq!(outcome.named("kept").len(), 1);
    assert!(outcome.named("lost").is_empty());
    // What would hang under the lost span hangs under the next one above.
    assert_eq!(outcome.named("child")[0]["parent_id"], outcome.named("outer")[0]["id"]);
    let stop = outcome.named("outer").into_iter().find(|line| line["type"] == "stop").unwrap();
    assert_eq!(stop["stop_event"]["attributes"].get("text"), None);
}

#[test]
fn ten_megabytes_are_written_whole_where_the_lane_is_large_enough() {
    let huge: String = "0123456789abcdé\u{1}".chars().cycle().take(10_000_000).collect();
    let trial = Trial::new("huge", |builder| builder.lane_bytes(64 << 20));
    let recorder = &trial.recorder;
    let span = recorder.start(SpanBuilder::new("span").with("text", huge.clone())).unwrap();
    recorder.event(&span, Event::new("event").with("text", huge.clone())).unwrap();
    recorder.error(&span, ErrorEvent::new(huge.clone())).unwrap();
    recorder.stop_with(&span, SpanStop::new().with("text", huge.clone())).unwrap();
    recorder.event(None, "small").unwrap();
    let outcome = trial.finish(5);
    outcome.check_nothing_lost();
    let [start, event, error, stop, _] = &outcome.lines[..] else { panic!() };
    for text in [
        &start["attributes"]["text"],
        &event["event"]["attributes"]["text"],
        &error["event"]["attributes"]["error_message"],
        &stop["attributes"]["text"],
        &stop["stop_event"]["attributes"]["text"],
    ] {
        assert!(*text == huge, "a text of {} bytes", text.as_str().unwrap().len());
    }
}

#[test]
fn a_name_of_a_megabyte_is_written_or_counted() {
    let name = "n".repeat(1_000_000);
    // The lane has room for one of them at a time, and then for none.
    for (lane_bytes, is_kept) in [(1 << 20, true), (1 << 19, false)] {
        let trial = Trial::new("long-name", |builder| builder.lane_bytes(lane_bytes));
        let recorder = &trial.recorder;
        let outer = recorder.start("outer").unwrap();
        let span = recorder.start(name.clone()).unwrap();
        recorder.event(&span, Event::new(name.clone())).unwrap();
        recorder.event(&outer, "between").unwrap();
        recorder.stop(&span).unwrap();
        recorder.stop(&outer).unwrap();
        let outcome = trial.finish(6);
        assert_eq!((outcome.named("outer").len(), outcome.named("between").len()), (2, 1));
        if is_kept {
            outcome.check_nothing_lost();
            assert_eq!(outcome.named(&name).len(), 3);
        } else {
            outcome.check_too_large(3);
        }
    }
}

/// A record's length has 24 bits in words of 8 bytes; more is too large for every lane.
#[test]
fn what_is_larger_than_any_record_is_counted_in_a_lane_that_could_hold_it() {
    let trial = Trial::new("gigantic", |builder| builder.lane_bytes(512 << 20));
    let recorder = &trial.recorder;
    recorder.event(None, "before").unwrap();
    let gigantic = Event::new("gigantic").with("text", "x".repeat(140 << 20));
    recorder.event(None, gigantic).unwrap();
    recorder.event(None, "after").unwrap();
    let outcome = trial.finish(3);
    outcome.check_too_large(1);
    assert_eq!((outcome.named("before").len(), outcome.named("after").len()), (1, 1));
}

#[test]
fn ten_thousand_attributes_come_back_in_their_order() {
    let count = 10_000;
    let all: Attributes = (0..count).map(|number| (format!("key {number}"), number)).collect();
    let trial = Trial::new("many", |builder| builder.lane_bytes(8 << 20));
    let recorder = &trial.recorder;
    let span = recorder.start(SpanBuilder::new("span").attributes(all.clone())).unwrap();
    recorder.event(&span, Event::new("event").attributes(all.clone())).unwrap();
    let doubled: Attributes = (0..count).map(|n| (format!("key {n}"), 2 * n)).collect();
    recorder.set_attributes(&span, doubled).unwrap();
    recorder.stop_with(&span, SpanStop::new().attributes(all)).unwrap();
    let outcome = trial.finish(4);
    outcome.check_nothing_lost();
    let [start, event, stop] = &outcome.lines[..] else { panic!() };
    for (body, factor) in [
        (&start["attributes"], 1),
        (&event["event"]["attributes"], 1),
        (&stop["attributes"], 2),
        (&stop["stop_event"]["attributes"], 1),
    ] {
        // The library adds the time or the duration.
        assert!((count..count + 2).contains(&(body.as_object().unwrap().len() as i32)));
        for number in 0..count {
            assert_eq!(body[format!("key {number}")], factor * number);
        }
    }
    let Record::Stop(stop) = outcome.records.last().unwrap() else { panic!() };
    let names = stop.attributes.iter().map(|(name, _)| name.to_string());
    assert!(names.eq((0..count).map(|number| format!("key {number}"))));
}

#[test]
fn a_long_list_and_a_thousand_attributes_set_one_by_one() {
    let list: Vec<i64> = (0..10_000).collect();
    let trial = Trial::new("list", |builder| builder.lane_bytes(8 << 20));
    let recorder = &trial.recorder;
    let span = recorder.start(SpanBuilder::new("span").with("list", list.clone())).unwrap();
    for number in 0..1_000 {
        recorder.set_attributes(&span, [(format!("key {}", number % 100), number)]).unwrap();
    }
    recorder.stop(&span).unwrap();
    let outcome = trial.finish(1_002);
    outcome.check_nothing_lost();
    assert_eq!(outcome.counts.delivered_updates, 1_000);
    let stop = outcome.lines.last().unwrap();
    assert_eq!(stop["attributes"]["list"], json!(list));
    for number in 0..100 {
        assert_eq!(stop["attributes"][format!("key {number}")], 900 + number);
    }
}

/// Starts spans each within the one before, then stops all; the innermost first or last.
fn nest(recorder: &RecorderHandle, depth: usize, is_innermost_first: bool) {
    let mut open = Vec::new();
    for number in 0..depth {
        open.push(recorder.start(SpanBuilder::new("nested").with("number", number)).unwrap());
    }
    if is_innermost_first {
        open.reverse();
    }
    for span in open {
        recorder.stop(&span).unwrap();
    }
}

#[test]
fn a_hundred_thousand_spans_may_be_nested() {
    let depth = 100_000;
    for is_innermost_first in [true, false] {
        let trial = Trial::new("nested", |builder| builder.lane_bytes(64 << 20));
        let attached = trial.provider.attach();
        nest(&trial.recorder, depth, is_innermost_first);
        drop(attached);
        let outcome = trial.finish(2 * depth as u64);
        outcome.check_nothing_lost();
        let starts = outcome.lines.iter().filter(|line| line["type"] != "stop");
        let mut parent = &Json::Null;
        let mut seen = 0;
        for (number, start) in starts.enumerate() {
            assert_eq!(
                (&start["attributes"]["number"], &start["parent_id"]),
                (&json!(number), parent)
            );
            parent = &start["id"];
            seen += 1;
        }
        assert_eq!(seen, depth);
    }
}

#[test]
fn more_spans_than_a_lane_keeps_room_for_may_be_open() {
    // Room for a stop is forty bytes: a lane of a megabyte could keep that of 26,214 spans.
    let depth = 100_000;
    let trial = Trial::new("nested-deep", |builder| builder);
    let attached = trial.provider.attach();
    nest(&trial.recorder, depth, true);
    drop(attached);
    let outcome = trial.finish(2 * depth as u64);
    outcome.check_nothing_lost();
    println!("nested: {:?}", outcome.counts);
}

#[test]
fn a_hundred_thousand_spans_that_stay_open_are_stopped_by_the_close() {
    let depth = 100_000;
    let trial = Trial::new("left-open", |builder| builder.lane_bytes(64 << 20));
    let attached = trial.provider.attach();
    for number in 0..depth {
        trial.recorder.start(SpanBuilder::new("open").with("number", number)).unwrap();
    }
    drop(attached);
    let outcome = trial.finish(2 * depth as u64);
    outcome.check_nothing_lost();
    let stops: Vec<_> = outcome
        .lines
        .iter()
        .filter(|line| line["attributes"]["onelogger.truncated"] == true)
        .map(|line| line["attributes"]["number"].as_u64().unwrap() as usize)
        .collect();
    // Children first.
    assert!(stops.into_iter().eq((0..depth).rev()));
}
