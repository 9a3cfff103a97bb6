//! Nobody who reads the lines is misled, whatever is open at the same time and whatever is lost.

use onelogger::exporter::{Batch, ColorChoice, Exporter};
use onelogger::{Attributes, ConsoleExporter, Outcome};
use proptest::prelude::*;

use crate::story::{Sink, Story};

/// A line as a reader takes it, by the rule in the docs: it belongs to what its note says, else to
/// the last line above it that is indented less. The end of a span without a number belongs to the
/// last line above it that is indented as much.
struct Read {
    mark: char,
    name: String,
    place: Option<String>,
}

/// The names of spans are `s` and their ids.
fn read(text: &str) -> Vec<Read> {
    let mut above: Vec<(usize, String)> = Vec::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        let content: Vec<char> = line.chars().skip(13).collect();
        let indent = content.iter().take_while(|&&character| character == ' ').count();
        let mark = content[indent];
        let rest: String = content[indent + 2..].iter().collect();
        let name = rest.split(' ').next().unwrap().to_owned();
        let is_end = mark == '◂';
        let noted = rest.split_once('#').filter(|_| is_end || rest.contains("(in "));
        let noted = noted.map(|_| {
            let digits = rest.rsplit('#').next().unwrap().trim_end_matches(')');
            format!("s{}", u64::from_str_radix(digits, 16).unwrap())
        });
        above.retain(|(other, _)| *other < indent + is_end as usize);
        let place = noted.or(above.last().map(|(_, name)| name.clone()));
        above.retain(|(other, _)| *other < indent);
        above.push((indent, if mark == '▸' { name.clone() } else { mark.to_string() }));
        lines.push(Read { mark, name, place });
    }
    lines
}

proptest! {
    #[test]
    fn a_reader_is_never_misled(
        choices in prop::collection::vec((0..6_u8, any::<prop::sample::Index>()), 1..80),
        refused in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
    ) {
        let (mut story, mut open, mut flushes) = (Story::default(), Vec::new(), Vec::new());
        for (choice, index) in choices {
            let one = (!open.is_empty()).then(|| open[index.index(open.len())]);
            match (choice, one) {
                (0 | 1, Some(parent)) => {
                    let name = format!("s{}", story.spans.len() + 1);
                    open.push(story.start(parent, &name));
                }
                (2, Some(span)) => story.event(span, &format!("s{span}"), Attributes::new()),
                (3, Some(span)) => {
                    open.retain(|&other| other != span);
                    story.stop(span, Outcome::Ok);
                }
                (4, Some(_)) => flushes.push(story.records.len()),
                // Of a span that has ended, or of none.
                (5, Some(_)) => {
                    let span = index.index(story.spans.len() + 1);
                    story.event(span as u64, &format!("s{span}"), Attributes::new());
                }
                _ => {
                    let name = format!("s{}", story.spans.len() + 1);
                    open.push(story.start(0, &name));
                }
            }
        }
        for span in open {
            story.stop(span, Outcome::Ok);
        }

        let refused: Vec<usize> =
            refused.iter().map(|index| index.index(story.records.len())).collect();
        let sink = Sink::default();
        let mut console = ConsoleExporter::to(sink.clone()).color(ColorChoice::Never);
        for (place, record) in story.records.iter().enumerate() {
            if flushes.contains(&place) {
                sink.refuse_next(false);
                console.flush().unwrap();
            }
            sink.refuse_next(refused.contains(&place));
            let result = console.export_batch(Batch::from_iter([record.clone()]).records());
            prop_assert!(result.is_ok() || refused.contains(&place));
        }
        let text = sink.text();
        let mut records = 0;
        for Read { mark, name, place } in read(&text) {
            records += if mark == '■' { 2 } else { 1 };
            let expected = match mark {
                '-' | '◂' => Some(name.clone()).filter(|name| name != "s0"),
                _ => {
                    let id: usize = name[1..].parse().unwrap();
                    let parent = story.spans[id - 1].parent;
                    parent.map(|parent| format!("s{}", parent.span_id.to_u64()))
                }
            };
            prop_assert_eq!(place, expected, "{} {} in\n{}", mark, name, text);
        }
        prop_assert!(records == story.records.len() || !refused.is_empty(), "{}", text);
    }
}
