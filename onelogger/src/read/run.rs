use std::collections::HashMap;

use super::{Completeness, Damage, Line, LineKind, Spans, Statistics, Tree};
use crate::data::{Attributes, RecordId};

/// The lines of one run: what one exporter of one process has written from its configuration to its
/// close.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    lines: Vec<Line>,
    damage: Vec<Damage>,
}

impl Run {
    /// The lines, in the order of the file.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The lines that could not be read and that follow on one of this run. (Whose they were is
    /// not known; they may belong to another process that writes into the same file.)
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// What the opening record says of the run: the application's name, the session, the rank.
    /// The Python library's files have no opening record.
    pub fn opening(&self) -> Option<&Attributes> {
        let opening = self.lines.iter().find(|line| line.is_opening());
        opening.map(|line| &line.attributes)
    }

    /// The closing record with the totals.
    pub fn closing(&self) -> Option<&Line> {
        self.lines.iter().rev().find(|line| line.is_closing())
    }

    /// The process that wrote the run.
    pub fn pid(&self) -> Option<u32> {
        self.lines.first().and_then(|line| line.pid)
    }

    /// The events of the application, with or without a span.
    pub fn events(&self) -> impl Iterator<Item = &Line> {
        let events = self.lines.iter().filter(|line| line.kind == LineKind::Event);
        events.filter(|line| !line.is_opening() && !line.is_closing())
    }

    /// The errors that the application reported.
    pub fn errors(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.kind == LineKind::Error)
    }

    /// The spans.
    pub fn spans(&self) -> Spans<'_> {
        Spans::new(&self.lines)
    }

    /// The spans as they hang together.
    pub fn tree(&self) -> Tree<'_> {
        Tree::new(self.spans())
    }

    /// How many spans of each name there were, and how long they took.
    pub fn statistics(&self) -> Statistics {
        Statistics::of(&self.spans())
    }

    /// Whether anything is missing.
    pub fn completeness(&self) -> Completeness {
        Completeness::new(self)
    }

    /// Whether this library has written the run, and not the Python library.
    pub(super) fn is_ours(&self) -> bool {
        let is_ours = |line: &Line| {
            let id = line.id.and_then(process_half);
            line.is_opening() || line.is_closing() || line.trace_id.is_some() || id.is_some()
        };
        self.lines.iter().any(is_ours)
    }
}

/// The half of an id that all spans of a process share; ids of other versions than ours have none.
fn process_half(id: RecordId) -> Option<u64> {
    let upper = (id.to_u128() >> 64) as u64;
    (upper >> 12 & 0xf == 8).then_some(upper)
}

/// Finds out which run each line belongs to.
///
/// One file may hold several runs one after the other (append mode), and several at once (processes
/// that append to the same file). A run is known by its process, by the upper half of its ids and
/// by its numbers, which go on, also from one rotated file to the next. A run begins with an
/// opening record, with the number 1, with an unknown process, after a closing record, or where
/// neither ids nor numbers fit any run that goes on.
#[derive(Default)]
pub(super) struct Sorter {
    runs: Vec<Run>,
    /// What the runs that may go on were like at their last line, by process.
    open: HashMap<Option<u32>, Vec<OpenRun>>,
    /// The run of the line before.
    last: Option<usize>,
    /// Damage before the first line of a run.
    early: Vec<Damage>,
}

struct OpenRun {
    place: usize,
    count: Option<u64>,
    process_half: Option<u64>,
}

/// No more runs of one process id go on at once: process ids are used again, above all in
/// containers, and most runs of a damaged file never end.
const MOST_OPEN_RUNS: usize = 8;

impl Sorter {
    pub(super) fn add(&mut self, line: Line) {
        let half = line.id.and_then(process_half);
        let open = self.open.entry(line.pid).or_default();
        let found = match begins_run(&line) {
            true => None,
            false => continued(open, line.count, half),
        };
        let at = found.unwrap_or_else(|| {
            if open.len() == MOST_OPEN_RUNS {
                open.remove(0);
            }
            open.push(OpenRun { place: self.runs.len(), count: None, process_half: None });
            self.runs.push(Run { lines: Vec::new(), damage: std::mem::take(&mut self.early) });
            open.len() - 1
        });
        let state = &mut open[at];
        state.count = state.count.max(line.count);
        state.process_half = state.process_half.or(half);
        let place = state.place;
        if line.is_closing() {
            open.remove(at);
        }
        self.last = Some(place);
        self.runs[place].lines.push(line);
    }

    pub(super) fn add_damage(&mut self, damage: Damage) {
        match self.last {
            Some(place) => self.runs[place].damage.push(damage),
            None => self.early.push(damage),
        }
    }

    pub(super) fn into_runs(self) -> Vec<Run> {
        self.runs
    }
}

fn begins_run(line: &Line) -> bool {
    line.is_opening() || line.count == Some(1)
}

/// The run that a line of this number and these ids goes on with, of those of its process.
fn continued(open: &[OpenRun], count: Option<u64>, half: Option<u64>) -> Option<usize> {
    let goes_on = |run: &OpenRun| run.count.is_none() || count.is_none() || count > run.count;
    let is_next =
        |run: &OpenRun| count.is_some() && count == run.count.and_then(|n| n.checked_add(1));
    let latest = |fits: &dyn Fn(&OpenRun) -> bool| open.iter().rposition(fits);
    if half.is_none() {
        return latest(&is_next).or_else(|| latest(&goes_on));
    }
    latest(&|run| run.process_half == half && goes_on(run))
        .or_else(|| latest(&|run| run.process_half.is_none() && is_next(run)))
        .or_else(|| latest(&|run| run.process_half.is_none() && goes_on(run)))
        // The same process with a lower number: files that were given in the wrong order.
        .or_else(|| latest(&|run| run.process_half == half))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::from_str;

    /// Checks which numbers each run gets of lines given as `pid count process [word]`, where
    /// process is the first digit of the ids, `-` for a line without a span.
    fn check(lines: &[&str], expected: &[&[u64]]) {
        let mut text = String::new();
        for line in lines {
            let parts: Vec<_> = line.split(' ').collect();
            let span = match parts[2] {
                "-" => String::new(),
                "v4" => "\"span_id\":\"00000000-0000-4000-8000-00000000002a\",".to_owned(),
                half => format!("\"span_id\":\"{half}0000000-0000-8000-8000-00000000002a\","),
            };
            let name = parts.get(3).map_or("e".to_owned(), |word| format!("onelogger.{word}"));
            text += &format!(
                "{{\"type\":\"event\",{span}\"event\":{{\"name\":\"{name}\"}},\
                 \"count\":{},\"pid\":{},\"time_unix_nano\":1}}\n",
                parts[1], parts[0]
            );
        }
        let log = from_str(&text);
        assert!(log.damage().is_empty(), "{:?}", log.damage());
        let counts = |run: &Run| run.lines().iter().filter_map(|line| line.count).collect();
        let found: Vec<Vec<u64>> = log.runs().iter().map(counts).collect();
        assert_eq!(found, expected, "{lines:?}");
    }

    #[test]
    fn runs_follow_each_other_in_one_file() {
        let opened = ["7 1 - open", "7 2 a", "7 3 - close", "7 1 - open", "7 2 b"];
        check(&opened, &[&[1, 2, 3], &[1, 2]]);
        // The first was killed, and process ids are used again.
        check(&["7 1 - open", "7 2 a", "7 1 - open", "7 2 b", "7 3 -"], &[&[1, 2], &[1, 2, 3]]);
        // Without opening records the numbers tell; the number 1 may be missing.
        check(&["7 1 v4", "7 2 v4", "7 1 v4", "7 2 v4"], &[&[1, 2], &[1, 2]]);
        check(&["7 1 v4", "7 2 v4", "7 2 v4", "7 3 v4"], &[&[1, 2], &[2, 3]]);
        // After a closing record numbers that go on belong to another run all the same.
        check(&["7 1 - open", "7 2 - close", "7 3 a"], &[&[1, 2], &[3]]);
    }

    #[test]
    fn runs_of_several_processes_interleave() {
        check(
            &["1 1 - open", "2 1 - open", "1 2 a", "2 2 b", "1 3 -", "2 4 -"],
            &[&[1, 2, 3], &[1, 2, 4]],
        );
        // Two containers have the same process id.
        check(
            &["1 1 - open", "1 1 - open", "1 2 a", "1 2 b", "1 3 a", "1 5 a", "1 3 b", "1 4 -"],
            &[&[1, 2, 3, 4], &[1, 2, 3, 5]],
        );
    }

    #[test]
    fn a_missing_line_begins_no_run() {
        check(&["7 1 - open", "7 5 a", "7 9 -", "7 11 a"], &[&[1, 5, 9, 11]]);
        check(&["7 5 v4", "7 7 v4"], &[&[5, 7]]);
        check(&["7 101 a", "7 102 a", "7 3 a"], &[&[101, 102, 3]]);
    }

    #[test]
    fn many_runs_that_never_end_are_sorted_in_reasonable_time() {
        let lines: Vec<_> = (0..20_000).flat_map(|_| ["7 1 v4", "7 3 v4"]).collect();
        let expected: Vec<&[u64]> = (0..20_000).map(|_| &[1, 3][..]).collect();
        check(&lines, &expected);
    }
}
