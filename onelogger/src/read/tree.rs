use std::fmt;
use std::time::Duration;

use super::{Line, ParentId, SpanView, Spans, text};
use crate::data::Outcome;
use crate::data::names::attribute;

/// The spans of a run as they hang together.
///
/// A span without a parent is a root; so is one whose parent is another process's or is not in the
/// file, and [`Node::missing_parent`] tells the latter. Children stand in the order in which they
/// started. The text that `Display` gives has a line for each span, event and error, indented.
///
/// A tree may be as deep as memory allows: nothing here recurses.
#[derive(Clone, Debug)]
pub struct Tree<'a> {
    spans: Spans<'a>,
    roots: Vec<usize>,
    children: Vec<Vec<usize>>,
    /// Whether the parent that is given is not in the file, or is a descendant of the span.
    is_parent_missing: Vec<bool>,
}

/// A span in its place in a [`Tree`]. `Display` gives a line of text without an end.
#[derive(Clone, Copy, Debug)]
pub struct Node<'t> {
    tree: &'t Tree<'t>,
    place: usize,
    depth: usize,
}

/// What stands in a [`Tree`]: a span, or what happened in one or outside of all. `Display` gives a line of text without an end.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Entry<'t> {
    /// A span, which may have entries of its own.
    Span(Node<'t>),
    /// An event or an error.
    #[non_exhaustive]
    Record {
        /// Its line.
        line: &'t Line,
        /// How long after the start of its span it came; `None` if the file does not hold its span.
        since_start: Option<Duration>,
    },
}

impl<'a> Tree<'a> {
    pub(super) fn new(spans: Spans<'a>) -> Tree<'a> {
        let mut parents: Vec<Option<usize>> = Vec::with_capacity(spans.len());
        let mut is_parent_missing = Vec::with_capacity(spans.len());
        for span in &spans {
            let parent = match span.parent() {
                Some(ParentId::Local(id)) => Some(spans.place(id)),
                _ => None,
            };
            is_parent_missing.push(parent == Some(None));
            parents.push(parent.flatten());
        }
        for place in ring_members(&parents) {
            parents[place] = None;
            is_parent_missing[place] = true;
        }
        let mut roots = Vec::new();
        let mut children = vec![Vec::new(); spans.len()];
        // Spans stand in the order in which they started, and so do children.
        for (place, parent) in parents.iter().enumerate() {
            match parent {
                Some(parent) => children[*parent].push(place),
                None => roots.push(place),
            }
        }
        Tree { spans, roots, children, is_parent_missing }
    }

    /// The spans that hang under no other.
    pub fn roots(&self) -> impl DoubleEndedIterator<Item = Node<'_>> {
        self.nodes(&self.roots, 0)
    }

    /// All spans, each before its children.
    pub fn walk(&self) -> impl Iterator<Item = Node<'_>> {
        walk(self.roots().rev().collect())
    }

    /// The spans that hang under no other, and the events and errors that belong to no span or to
    /// one that the file does not hold, in the order of time.
    pub fn entries(&self) -> Vec<Entry<'_>> {
        let loose = self.spans.loose_records().iter();
        let loose = loose.map(|&line| Entry::Record { line, since_start: None });
        in_order(self.roots().map(Entry::Span).chain(loose))
    }

    /// The spans as a table.
    pub fn spans(&self) -> &Spans<'a> {
        &self.spans
    }

    fn nodes<'t>(
        &'t self,
        places: &'t [usize],
        depth: usize,
    ) -> impl DoubleEndedIterator<Item = Node<'t>> {
        places.iter().map(move |&place| Node { tree: self, place, depth })
    }
}

fn in_order<'t>(entries: impl Iterator<Item = Entry<'t>>) -> Vec<Entry<'t>> {
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by_key(Entry::key);
    entries
}

/// Each of these nodes, the last one first, and after each what hangs under it.
fn walk(mut ahead: Vec<Node<'_>>) -> impl Iterator<Item = Node<'_>> {
    std::iter::from_fn(move || {
        let node = ahead.pop()?;
        ahead.extend(node.children().rev());
        Some(node)
    })
}

/// The first span of each ring of parents, which only a damaged file has.
fn ring_members(parents: &[Option<usize>]) -> Vec<usize> {
    let mut members = Vec::new();
    // The span from which each was first reached on the way up.
    let mut reached_from: Vec<Option<usize>> = vec![None; parents.len()];
    for start in 0..parents.len() {
        let mut at = start;
        while reached_from[at].is_none() {
            reached_from[at] = Some(start);
            match parents[at] {
                Some(parent) if reached_from[parent] == Some(start) => {
                    let ring = std::iter::successors(Some(at), |&member| parents[member]);
                    let others = ring.skip(1).take_while(|&member| member != at);
                    members.push(others.fold(at, usize::min));
                    break;
                }
                Some(parent) => at = parent,
                None => break,
            }
        }
    }
    members
}

impl<'t> Node<'t> {
    /// The span.
    pub fn span(&self) -> &'t SpanView<'t> {
        self.tree.spans.at(self.place)
    }

    /// How many spans it hangs under.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// The spans that hang under it.
    pub fn children(&self) -> impl DoubleEndedIterator<Item = Node<'t>> + use<'t> {
        let places = &self.tree.children[self.place];
        self.tree.nodes(places, self.depth + 1)
    }

    /// The span and all that hang under it, each before its children.
    pub fn walk(&self) -> impl Iterator<Item = Node<'t>> + use<'t> {
        walk(vec![*self])
    }

    /// The spans that hang under it, and its events and errors, in the order of time.
    pub fn entries(&self) -> Vec<Entry<'t>> {
        let start = self.span().start_time_unix_nanos();
        let records = self.span().records().iter().map(|&line| {
            let since_start = line.time_unix_nanos.saturating_sub(start);
            Entry::Record { line, since_start: Some(Duration::from_nanos(since_start)) }
        });
        in_order(self.children().map(Entry::Span).chain(records))
    }

    /// The parent that is given and does not hold this span up, because the file does not hold it.
    pub fn missing_parent(&self) -> Option<ParentId> {
        let is_missing = self.tree.is_parent_missing[self.place];
        self.span().parent().filter(|_| is_missing)
    }
}

impl fmt::Display for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = self.span();
        f.write_str(&text::shown(span.name().as_str()))?;
        match span.duration() {
            Some(duration) => write!(f, "  {}", text::duration(duration))?,
            None if span.is_open() => f.write_str("  open")?,
            None => {}
        }
        if span.is_truncated() {
            f.write_str(" (truncated)")?;
        }
        match span.outcome() {
            None | Some(Outcome::Ok) => {}
            Some(outcome) => write!(f, " ({outcome})", outcome = outcome.as_str())?,
        }
        if span.is_start_missing() {
            f.write_str(" (its start is missing)")?;
        }
        match (span.parent(), self.missing_parent()) {
            (_, Some(parent)) => write!(f, " (its parent {parent} is missing)")?,
            (Some(ParentId::Remote(parent)), _) => write!(f, " (under the remote span {parent})")?,
            _ => {}
        }
        if span.is_truncated() {
            let mut attributes = span.attributes().clone();
            attributes.remove(attribute::TRUNCATED);
            return text::put_attributes(f, &attributes);
        }
        text::put_attributes(f, span.attributes())
    }
}

impl Entry<'_> {
    /// By time, and by place where times are equal: the Python library's are coarse.
    fn key(&self) -> (u64, usize, u64) {
        let line = match self {
            Entry::Span(node) => {
                let line = node.span().first_line();
                return (node.span().start_time_unix_nanos(), line.file, line.number);
            }
            Entry::Record { line, .. } => line,
        };
        (line.time_unix_nanos, line.file, line.number)
    }
}

impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entry::Span(node) => node.fmt(f),
            Entry::Record { line, since_start } => text::put_record(f, line, *since_start),
        }
    }
}

impl fmt::Display for Tree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is still to be written, and how deep it stands.
        let mut ahead: Vec<_> = self.roots().rev().map(|node| (0, Entry::Span(node))).collect();
        while let Some((depth, entry)) = ahead.pop() {
            indent(f, depth)?;
            writeln!(f, "{entry}")?;
            if let Entry::Span(node) = entry {
                ahead.extend(node.entries().into_iter().rev().map(|entry| (depth + 1, entry)));
            }
        }
        if !self.spans.loose_records().is_empty() {
            writeln!(f, "outside of these spans:")?;
            for line in self.spans.loose_records() {
                indent(f, 1)?;
                writeln!(f, "{line}")?;
            }
        }
        Ok(())
    }
}

/// Beyond some depth the depth is given as a number: the text of a tree grows with its spans, and
/// not with their square.
fn indent(f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
    const DEEPEST: usize = 40;
    write!(f, "{:1$}", "", 2 * depth.min(DEEPEST))?;
    match depth {
        0..=DEEPEST => Ok(()),
        _ => write!(f, "[{depth}] "),
    }
}

#[cfg(test)]
mod tests {
    use crate::read::{Log, from_str};

    /// A log of starts given as `id parent time`, `-` for a root.
    fn starts(spans: &[&str]) -> Log {
        let mut text = String::new();
        for (place, span) in spans.iter().enumerate() {
            let parts: Vec<_> = span.split(' ').collect();
            let id = |id: &str| format!("00000000-0000-8000-8000-00000000000{id}");
            let parent = match parts[1] {
                "-" => String::new(),
                parent if parent.len() > 1 => format!("\"parent_id\":\"{parent}\","),
                parent => format!("\"parent_id\":\"{}\",", id(parent)),
            };
            text += &format!(
                "{{\"type\":\"start\",\"id\":\"{}\",\"name\":\"{}\",{parent}\
                 \"count\":{},\"time_unix_nano\":{}}}\n",
                id(parts[0]),
                parts[0],
                place + 1,
                parts[2]
            );
        }
        from_str(&text)
    }

    fn check(spans: &[&str], expected: &str) {
        let log = starts(spans);
        let tree = log.runs()[0].tree();
        let mut found = String::new();
        for node in tree.walk() {
            let mark = if node.missing_parent().is_some() { "?" } else { "" };
            found += &format!("{}{}{mark} ", node.span().name(), node.depth());
        }
        assert_eq!(found.trim_end(), expected, "{spans:?}");
        assert_eq!(tree.to_string().lines().count(), spans.len());
    }

    #[test]
    fn children_stand_in_the_order_in_which_they_started() {
        check(&["1 - 10", "4 1 40", "3 1 30", "5 3 35", "2 - 5"], "20 10 31 52 41");
    }

    #[test]
    fn a_span_whose_parent_is_not_there_is_a_root_and_marked() {
        check(&["1 9 10", "2 1 20"], "10? 21");
        let log = starts(&["1 9 10"]);
        let text = log.runs()[0].tree().to_string();
        let expected = "(its parent 00000000-0000-8000-8000-000000000009 is missing)";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn a_remote_parent_is_not_missing() {
        check(&["1 00f067aa0ba902b7 10"], "10");
        let log = starts(&["1 00f067aa0ba902b7 10"]);
        let text = log.runs()[0].tree().to_string();
        assert_eq!(text, "1  open (under the remote span 00f067aa0ba902b7)\n");
    }

    #[test]
    fn a_ring_of_parents_is_cut() {
        check(&["1 1 10"], "10?");
        check(&["1 2 10", "2 3 20", "3 1 30", "4 2 40"], "10? 31 22 43");
        check(&["4 3 5", "1 2 10", "2 1 20", "3 2 30"], "10? 21 32 43");
    }
}
