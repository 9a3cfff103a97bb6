//! `fastrace`: local spans below a root that each batch has for itself.

use std::borrow::Cow;
use std::hint::black_box;

use fastrace::collector::{Config, Reporter, SpanContext, SpanRecord};
use fastrace::local::LocalSpan;
use fastrace::{Event, Span};

use super::tally::Tally;
use super::{Delivery, Loop, Ready, Setting, repeated};
use crate::operation::{
    BRANCHES, DEPTH, LEAVES, LIST, LOSS, Load, Operation, poll_to_end, text, yields_twice,
};

pub(super) struct Fastrace {
    /// It has no switch: what is off is below a span that is none.
    is_off: bool,
}

static DELIVERED: Tally = Tally::new();

struct Null;

impl Reporter for Null {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        let events: usize = spans.iter().map(|span| span.events.len()).sum();
        DELIVERED.add(spans.len() + events);
        black_box(spans);
    }
}

impl Fastrace {
    pub(super) fn set_up(setting: Setting) -> Fastrace {
        fastrace::set_reporter(Null, Config::default());
        Fastrace { is_off: setting.operation.is_off() }
    }
}

impl Ready for Fastrace {
    fn parent(&self) -> Load {
        Load { spans: u64::from(!self.is_off), events: 0 }
    }

    fn within_parent(&self, body: impl FnOnce()) {
        let root =
            if self.is_off { Span::noop() } else { Span::root("root", SpanContext::random()) };
        let _guard = root.set_local_parent();
        body();
    }

    fn operate<L: Loop>(&self, operation: Operation, run: L) -> Option<L::Output> {
        Some(match operation {
            Operation::Span | Operation::SpanOff => run.run(repeated(span)),
            Operation::Attribute => run.run(repeated(attribute)),
            Operation::Span3 | Operation::Span3Off => run.run(repeated(span_3)),
            Operation::SpanList => run.run(repeated(span_list)),
            Operation::SpanSet => run.run(repeated(span_set)),
            Operation::Event | Operation::EventOff => run.run(repeated(event)),
            Operation::Error => return None,
            Operation::Async => run.run(repeated(|_| poll_to_end(asynchronous()))),
            Operation::Nested => run.run(repeated(|_| nested(DEPTH))),
            Operation::Tree => run.run(repeated(|_| tree())),
        })
    }

    fn flush(&self) {
        fastrace::flush();
    }

    fn delivery(&self, load: Load) -> Delivery {
        Delivery::counted(load, DELIVERED.total())
    }
}

#[inline(always)]
fn span(_: u32) {
    let _span = LocalSpan::enter_with_local_parent("span");
}

#[fastrace::trace]
fn annotated() -> u32 {
    black_box(1)
}

#[inline(always)]
fn attribute(_: u32) {
    annotated();
}

#[inline(always)]
fn span_3(i: u32) {
    let _span = LocalSpan::enter_with_local_parent("span").with_properties(|| {
        [
            ("index", Cow::from(i64::from(i).to_string())),
            ("loss", Cow::from(LOSS.to_string())),
            ("model", Cow::from(text(i))),
        ]
    });
}

#[inline(always)]
fn span_list(_: u32) {
    let _span =
        LocalSpan::enter_with_local_parent("span").with_property(|| ("shape", format!("{LIST:?}")));
}

#[inline(always)]
fn span_set(i: u32) {
    let _span = LocalSpan::enter_with_local_parent("span");
    LocalSpan::add_property(|| ("index", i64::from(i).to_string()));
}

#[inline(always)]
fn event(i: u32) {
    let event = Event::new("event").with_properties(|| {
        [("index", Cow::from(i64::from(i).to_string())), ("loss", Cow::from(LOSS.to_string()))]
    });
    LocalSpan::add_event(event);
}

#[fastrace::trace]
async fn asynchronous() {
    yields_twice().await;
}

fn nested(depth: u32) {
    let _span = LocalSpan::enter_with_local_parent("nested");
    if depth > 1 {
        nested(depth - 1);
    }
}

fn tree() {
    let root = Span::root("root", SpanContext::random());
    let _guard = root.set_local_parent();
    for _ in 0..BRANCHES {
        let _branch = LocalSpan::enter_with_local_parent("branch");
        for _ in 0..LEAVES {
            let _leaf = LocalSpan::enter_with_local_parent("leaf");
        }
    }
}
