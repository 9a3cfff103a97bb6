//! Files that are read back, and what has become of them.

use std::collections::BTreeSet;

use onelogger::read::{self, Finding, Line, LineKind, Log, Run, Verdict};

/// A run with a bit of everything, which is complete.
const RUN: &str = include_str!("run.jsonl");

/// Whatever bytes a file has: each line is a record, damage or blank, and each span has its place.
pub(super) fn file(data: &[u8]) {
    let log = read::from_reader(data).unwrap();
    check_numbers(&log, data.split(|&byte| byte == b'\n').count() as u64);
    log.runs().iter().for_each(check_run);
    let shown: usize = log.runs().iter().map(shown_len).sum();
    // A number of spaces that is bounded stands before each line, and a text is cut.
    assert!(shown <= 100 * data.len() + 1000, "{} bytes are shown as {shown}", data.len());
    if let Ok(text) = str::from_utf8(data) {
        assert_eq!(read::from_str(text), log);
    }
}

/// Every line is a line or damage, and not both.
fn check_numbers(log: &Log, lines: u64) {
    let read = log.runs().iter().flat_map(Run::lines).map(|line| line.number);
    let mut numbers: Vec<u64> =
        read.chain(log.damage().iter().map(|damage| damage.number)).collect();
    numbers.sort_unstable();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
    assert!(numbers.iter().all(|number| (1..=lines).contains(number)), "{numbers:?} of {lines}");
}

fn check_run(run: &Run) {
    let (spans, tree) = (run.spans(), run.tree());
    let mut records = spans.loose_records().len();
    let mut seen = std::collections::HashSet::new();
    for node in tree.walk() {
        assert!(seen.insert(node.span().id()), "a span stands twice in its tree");
        records += node.span().records().len();
        assert!(node.children().all(|child| child.depth() == node.depth() + 1));
    }
    assert_eq!(seen.len(), spans.len());
    let of_run = |line: &&Line| line.is_opening() || line.is_closing();
    let others = run.lines().iter().filter(|line| !line.holds_start() && !line.holds_stop());
    assert_eq!(records, others.filter(|line| !of_run(line)).count());
    let counted: u64 = run.statistics().iter().map(|names| names.count).sum();
    assert_eq!(counted, spans.len() as u64);
    let completeness = run.completeness();
    check_counts(run, &completeness.findings);
    assert_eq!(completeness.verdict == Verdict::Incomplete, !completeness.findings.is_empty());
    assert!(!completeness.is_complete() || run.closing().is_some());
    let records = |line: &Line| match (line.is_own, line.kind) {
        (true, _) => 0,
        (false, LineKind::Complete) => 2,
        (false, _) => 1,
    };
    assert_eq!(completeness.records, run.lines().iter().map(records).sum::<u64>());
}

/// The numbers that are missing, and how many lines have one that another has.
fn check_counts(run: &Run, findings: &[Finding]) {
    let all: Vec<u64> = run.lines().iter().filter_map(|line| line.count).collect();
    let distinct: BTreeSet<u64> = all.iter().copied().collect();
    let befores = [0].into_iter().chain(distinct.iter().copied());
    let gaps = befores.zip(&distinct).filter(|(before, next)| before + 1 < **next);
    let expected: Vec<_> = gaps.map(|(before, next)| before + 1..=next - 1).collect();
    let (mut found, mut repeated) = (Vec::new(), 0);
    for finding in findings {
        match finding {
            Finding::Gap { counts } => found.push(counts.clone()),
            Finding::RepeatedCounts { lines } => repeated = *lines,
            _ => {}
        }
    }
    assert_eq!(found, expected);
    assert_eq!(repeated, (all.len() - distinct.len()) as u64, "{all:?}");
}

fn shown_len(run: &Run) -> usize {
    format!("{}{}{}", run.tree(), run.statistics(), run.completeness()).len()
}

/// The complete run, damaged as the bytes say, three for each time: what was not touched is read as it
/// was, what was is known by its number, and where lines are missing the run is not complete.
pub(super) fn damaged_file(data: &[u8]) {
    let whole = read::from_str(RUN);
    let before = whole.runs()[0].lines();
    let mut lines: Vec<Piece> = (0..).zip(RUN.lines()).map(Piece::new).collect();
    let (edits, _) = data.as_chunks::<3>();
    for &[what, place, byte] in edits {
        let line = usize::from(what) / 4 % lines.len();
        if what % 4 == 3 {
            lines.remove(line);
            if lines.is_empty() {
                return;
            }
            continue;
        }
        // Not the end of a line: that would make other lines of it.
        let byte = if byte == b'\n' { 0 } else { byte };
        lines[line].edit(what % 4, usize::from(place), byte);
    }
    let text: Vec<&[u8]> = lines.iter().map(|line| &line.bytes[..]).collect();
    let log = read::from_reader(&text.join(&b'\n')[..]).unwrap();
    check_numbers(&log, lines.len() as u64);
    log.runs().iter().for_each(check_run);

    let place = |number: u64| &lines[number as usize - 1];
    assert!(log.damage().iter().all(|damage| place(damage.number).is_touched));
    let read: Vec<&Line> = log.runs().iter().flat_map(Run::lines).collect();
    for (number, line) in (1..).zip(&lines).filter(|(_, line)| !line.is_touched) {
        let mut expected = before[line.origin].clone();
        expected.number = number;
        assert!(read.contains(&&expected), "line {number} was {expected:?}");
    }
    let is_untouched = lines.iter().all(|line| !line.is_touched);
    if is_untouched {
        let is_complete = log.runs()[0].completeness().is_complete();
        assert_eq!(is_complete, lines.len() == before.len(), "{} lines", lines.len());
    }
}

/// A line of the run.
struct Piece {
    origin: usize,
    bytes: Vec<u8>,
    is_touched: bool,
}

impl Piece {
    fn new((origin, text): (usize, &str)) -> Piece {
        Piece { origin, bytes: text.as_bytes().to_vec(), is_touched: false }
    }

    /// Replaces a byte, adds one, or lets the line break off.
    fn edit(&mut self, what: u8, place: usize, byte: u8) {
        self.is_touched = true;
        let place = (place * self.bytes.len()) >> 8;
        match what {
            0 => {
                if let Some(there) = self.bytes.get_mut(place) {
                    *there = byte;
                }
            }
            1 => self.bytes.insert(place, byte),
            _ => self.bytes.truncate(place),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wherever_the_run_breaks_off_the_lines_before_are_read() {
        let before = read::from_str(RUN);
        for end in 0..RUN.len() - 1 {
            let text = &RUN.as_bytes()[..end];
            file(text);
            let log = read::from_reader(text).unwrap();
            let whole = text.iter().filter(|&&byte| byte == b'\n').count();
            let read = log.runs().first().map_or(&[][..], Run::lines);
            // The last line may lack nothing but its end.
            let read = &read[..whole.min(read.len())];
            assert_eq!(read, &before.runs()[0].lines()[..whole], "{end}");
            let is_complete =
                log.runs().first().is_some_and(|run| run.completeness().is_complete());
            assert!(!is_complete, "{end}");
        }
        assert!(before.runs()[0].completeness().is_complete());
    }
}
