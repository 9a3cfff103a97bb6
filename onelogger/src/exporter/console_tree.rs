//! Where the lines of a console stand, and what a reader must be told beside them.
//!
//! A start has no line until something is to be shown under its span, so a span with nothing in it
//! has one line, that of its stop. Lines of spans that are open at the same time come mixed; a
//! reader takes a line to belong to the last one above it that is indented less. Where that is
//! wrong, the line names its parent.

use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

use super::console_line::{self as line, Line};
use super::console_text::{self as text, Look, Style};
use super::{RecordKind, RecordRef, Run};
use crate::data::names::{attribute, event};
use crate::data::{Parent, SpanId};

/// What is shown, and how.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    pub(super) look: Look,
    pub(super) shows_events: bool,
    pub(super) min_duration: Duration,
}

/// The lines of one run.
pub(super) struct ConsoleTree {
    pub(super) settings: Settings,
    open: HashMap<SpanId, Open>,
    /// How many spans have started.
    started: u64,
    /// The latest time of a record.
    now_unix_nanos: u64,
    /// What a reader takes the next line to stand under: depths and spans, from the outermost.
    path: Vec<(usize, SpanId)>,
    /// Lines that are yet to be written.
    text: String,
    /// Where in the text the lines of starts end.
    starts: Vec<(usize, SpanId)>,
}

/// A span that is open.
struct Open {
    parent: Option<Parent>,
    depth: usize,
    /// Its place in the order of starts.
    number: u64,
    name: String,
    attributes: String,
    start_attributes: String,
    start_unix_nanos: u64,
    open_children: usize,
    /// Whether its start has a line.
    is_shown: bool,
    /// Whether that line has a number.
    is_numbered: bool,
    /// What the last error in it said.
    error: Option<String>,
}

/// A stop that is lost, because the exporter has failed, leaves its span here. From so many spans
/// on a start has its line at once and is forgotten.
const MOST_OPEN: usize = 1 << 14;

impl ConsoleTree {
    pub(super) fn new(settings: Settings) -> ConsoleTree {
        ConsoleTree {
            settings,
            open: HashMap::new(),
            started: 0,
            now_unix_nanos: 0,
            path: Vec::new(),
            text: String::new(),
            starts: Vec::new(),
        }
    }

    /// Begins a run.
    pub(super) fn begin(&mut self, run: &Run) {
        *self = ConsoleTree::new(self.settings);
        self.put(0, &line::opening(self.settings.look, run));
    }

    /// Makes the lines of a record. Whether the last of them stands for a start as well, one that
    /// was taken over and has no line of its own.
    pub(super) fn add(&mut self, record: &RecordRef<'_>) -> bool {
        self.now_unix_nanos = self.now_unix_nanos.max(record.time_unix_nanos());
        let is_closing = record.name() == event::CLOSE && !record.span_id().is_valid();
        match record.kind() {
            RecordKind::Start => self.start(record),
            RecordKind::Stop => return self.stop(record),
            RecordKind::Attributes => {
                // The stop has them; this is for a start that is yet to be shown.
                if let Some(span) = self.open.get_mut(&record.span_id()) {
                    span.attributes = self.settings.look.attributes(record.attributes(), &[]);
                }
            }
            RecordKind::Event if is_closing => {
                if let Some(line) = line::totals(self.settings.look, record) {
                    self.put(0, &line);
                }
            }
            RecordKind::Event if !self.settings.shows_events => {}
            RecordKind::Event | RecordKind::Error | RecordKind::TelemetryDataError => {
                self.event(record);
            }
        }
        false
    }

    /// Shows the spans that are open, so that one sees what a job hangs in. With a minimum of
    /// durations, before the end, only those that are known to have reached it.
    pub(super) fn show_open(&mut self, is_end: bool) {
        let is_due = |span: &&Open| {
            let age = self.now_unix_nanos.saturating_sub(span.start_unix_nanos);
            is_end || Duration::from_nanos(age) >= self.settings.min_duration
        };
        let hidden = self.open.iter().filter(|(_, span)| !span.is_shown && is_due(span));
        let mut hidden: Vec<_> = hidden.map(|(&id, span)| (span.number, id)).collect();
        hidden.sort_unstable();
        let deepest = self.open.values().map(|span| span.depth).max();
        for (_, id) in hidden {
            self.show(id, deepest.unwrap_or(0));
        }
    }

    /// Shows a span that has just started.
    pub(super) fn show_start(&mut self, id: SpanId) {
        self.show(id, self.open.get(&id).map_or(0, |span| span.depth));
    }

    /// Forgets a span whose start is lost.
    pub(super) fn forget(&mut self, id: SpanId) {
        self.open.remove(&id);
    }

    /// How many starts were taken over and have no line.
    pub(super) fn count_hidden(&self) -> usize {
        self.open.values().filter(|span| !span.is_shown).count()
    }

    /// The lines that are yet to be written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Takes note that so much of the text was written; the rest is dropped. A start whose line is
    /// in the rest gets another one.
    pub(super) fn set_written(&mut self, bytes: usize) {
        for (_, id) in self.starts.drain(..).filter(|&(end, _)| end > bytes) {
            if let Some(span) = self.open.get_mut(&id) {
                span.is_shown = false;
            }
        }
        self.text.clear();
    }

    fn start(&mut self, record: &RecordRef<'_>) {
        let (id, look) = (record.span_id(), self.settings.look);
        self.started += 1;
        let depth = self.open_parent(record.parent()).map_or(0, |parent| {
            parent.open_children += 1;
            parent.depth + 1
        });
        let span = Open {
            attributes: look.attributes(record.attributes(), &[]),
            start_attributes: look.attributes(record.event_attributes(), &[]),
            start_unix_nanos: record.time_unix_nanos(),
            number: self.started,
            ..Open::new(record, depth)
        };
        let is_full = self.open.len() >= MOST_OPEN;
        self.open.insert(id, span);
        if is_full {
            self.show(id, 0);
            self.open.remove(&id);
        }
    }

    fn stop(&mut self, record: &RecordRef<'_>) -> bool {
        let (id, look) = (record.span_id(), self.settings.look);
        let is_shown = self.open.get(&id).is_some_and(|span| span.is_shown);
        let is_in_place = is_shown && self.is_below(id);
        let known = self.open.remove(&id);
        let holds_start = known.is_some() && !is_shown;
        let depth = self.open_parent(record.parent()).map_or(0, |parent| {
            parent.open_children = parent.open_children.saturating_sub(1);
            parent.depth + 1
        });
        let span = known.unwrap_or_else(|| Open::new(record, depth));
        let style = line::outcome_style(record.outcome());
        let is_short = record.duration() < self.settings.min_duration;
        if is_short && !is_shown && matches!(style, Style::Plain) {
            return false;
        }
        let (mark, is_numbered, note) = if is_shown {
            self.leave(span.depth);
            ("◂", span.is_numbered || !is_in_place, String::new())
        } else {
            if let (Some(parent), Some(above)) = (span.parent, span.depth.checked_sub(1)) {
                self.show(parent.span_id, above);
            }
            ("■", false, self.place(&span))
        };
        // What is still to come of spans under it says that it stands under this number.
        let is_numbered = is_numbered || span.open_children > 0;
        let body = [
            self.named(&span.name, is_numbered.then_some(id)),
            line::ending(look, record, span.error.as_deref()),
            look.attributes(record.attributes(), &[attribute::TRUNCATED]),
            if is_shown { String::new() } else { span.start_attributes },
            look.attributes(record.event_attributes(), &[]),
            note,
        ];
        let time = text::duration(record.duration());
        self.put(span.depth, &Line { time, mark, style, body: body.concat() });
        holds_start
    }

    fn event(&mut self, record: &RecordRef<'_>) {
        let (id, look) = (record.span_id(), self.settings.look);
        let (mut depth, mut time, mut note) = (0, String::new(), String::new());
        if let Some(span) = self.open.get_mut(&id) {
            if record.kind() == RecordKind::Error {
                span.error = Some(line::error_in_short(record)).filter(|error| !error.is_empty());
            }
            let since = record.time_unix_nanos().saturating_sub(span.start_unix_nanos);
            time = format!("+{}", text::duration(Duration::from_nanos(since)));
            let of_span = span.depth;
            depth = of_span + 1;
            self.show(id, of_span);
            if !self.is_below(id) {
                note = self.within(id);
            }
            self.leave(depth);
        } else {
            self.path.clear();
            if id.is_valid() {
                note = self.within(id);
            }
        }
        let mut line = line::event(look, record, time);
        line.body.push_str(&note);
        self.put(depth, &line);
    }

    /// Gives the start of a span its line, and before that those of the spans above it. If more are
    /// open than stand above one at this depth, they run beside each other and get numbers.
    fn show(&mut self, id: SpanId, deepest: usize) {
        let is_crowded = self.open.len() > deepest + 1;
        let mut hidden = Vec::new();
        let mut next = Some(id);
        while let Some(id) = next.filter(|id| self.open.get(id).is_some_and(|span| !span.is_shown))
        {
            hidden.push(id);
            next = self.above(id).map(|(_, id)| id);
        }
        for id in hidden.into_iter().rev() {
            let Some(mut span) = self.open.remove(&id) else { continue };
            let note = self.place(&span);
            self.path.push((span.depth, id));
            let name = self.named(&span.name, is_crowded.then_some(id));
            let body = [&*name, &span.attributes, &span.start_attributes, &note].concat();
            let time = String::new();
            self.put(span.depth, &Line { time, mark: "▸", style: Style::Plain, body });
            self.starts.push((self.text.len(), id));
            (span.is_shown, span.is_numbered) = (true, is_crowded);
            self.open.insert(id, span);
        }
    }

    /// What has to be said of the place of a span's first line. The reader is there then.
    fn place(&mut self, span: &Open) -> String {
        let note = match span.parent {
            None => String::new(),
            Some(parent) if span.depth > 0 => match self.is_below(parent.span_id) {
                true => String::new(),
                false => self.within(parent.span_id),
            },
            Some(parent) if parent.is_remote => {
                let note = format!("  (under the remote span {})", parent.span_id);
                self.settings.look.paint(Style::Aside, note)
            }
            Some(parent) => self.within(parent.span_id),
        };
        self.leave(span.depth);
        note
    }

    /// Whether a line one deeper than this span is taken to belong to it.
    ///
    /// If not, the line has to say that it does, and who reads on may take either this span or what
    /// stands above for the place: only what both have in common is certain from then on.
    fn is_below(&mut self, id: SpanId) -> bool {
        let mut above = Vec::new();
        let mut next = self.open.get(&id).map(|span| (span.depth, id));
        if let Some((depth, _)) = next {
            self.leave(depth + 1);
            if self.path.last() == Some(&(depth, id)) {
                return true;
            }
        }
        while let Some((depth, id)) = next {
            above.push((depth, id));
            next = self.above(id);
        }
        above.reverse();
        self.path.retain(|place| above.binary_search(place).is_ok());
        false
    }

    /// The reader looks at a line of this depth.
    fn leave(&mut self, depth: usize) {
        self.path.truncate(self.path.partition_point(|&(above, _)| above < depth));
    }

    /// The span above an open one, and its depth. Not a remote one; and records made by hand may
    /// hold a ring.
    fn above(&self, id: SpanId) -> Option<(usize, SpanId)> {
        let span = self.open.get(&id)?;
        let parent = span.parent?.span_id;
        let above = self.open.get(&parent)?;
        (above.depth + 1 == span.depth).then_some((above.depth, parent))
    }

    fn within(&self, id: SpanId) -> String {
        let name = self.open.get(&id).map_or_else(String::new, |span| format!("{} ", span.name));
        let note = format!("  (in {name}{})", number(id));
        self.settings.look.paint(Style::Aside, note)
    }

    fn named(&self, name: &str, id: Option<SpanId>) -> String {
        let look = self.settings.look;
        let number = id.map(|id| format!(" {}", look.paint(Style::Aside, number(id))));
        format!("{}{}", look.paint(Style::Name, name), number.unwrap_or_default())
    }

    fn open_parent(&mut self, parent: Option<Parent>) -> Option<&mut Open> {
        self.open.get_mut(&parent.filter(|parent| !parent.is_remote)?.span_id)
    }

    fn put(&mut self, depth: usize, line: &Line) {
        /// Beyond it the depth is given as a number: text grows with the spans, not their square.
        const DEEPEST: usize = 40;
        let look = self.settings.look;
        let time = if line.time.is_empty() { Style::Plain } else { Style::Aside };
        let time = look.paint(time, format_args!("{:>11}", line.time));
        let indent = 2 * depth.min(DEEPEST);
        let _ = write!(self.text, "{time}  {:indent$}", "");
        if depth > DEEPEST {
            let _ = write!(self.text, "[{depth}] ");
        }
        let _ = writeln!(self.text, "{} {}", look.paint(line.style, line.mark), line.body);
    }
}

impl Open {
    /// A span of which no more is known than any of its records says.
    fn new(record: &RecordRef<'_>, depth: usize) -> Open {
        Open {
            parent: record.parent(),
            depth,
            number: 0,
            name: text::name(record.name()),
            attributes: String::new(),
            start_attributes: String::new(),
            start_unix_nanos: record.start_time_unix_nanos(),
            open_children: 0,
            is_shown: false,
            is_numbered: false,
            error: None,
        }
    }
}

/// The end of a span's id, by which it is found in a file as well.
fn number(id: SpanId) -> String {
    format!("#{:06x}", id.to_u64() & 0xff_ffff)
}
