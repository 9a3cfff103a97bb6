//! What is measured: one operation of an instrumented program, the same for all contenders.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::str::FromStr;
use std::task::{Context, Poll, Waker};

use crate::Unknown;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// A span in a parent, without attributes.
    Span,
    /// The same, around a tiny function, by the attribute macro.
    Attribute,
    /// A span with an `i64`, an `f64` and a text of 8 bytes.
    Span3,
    /// A span with a list of 4 numbers.
    SpanList,
    /// A span that gets an attribute after it was opened.
    SpanSet,
    /// An event with an `i64` and an `f64`.
    Event,
    /// An error with a message.
    Error,
    /// An async function that is polled three times, by the attribute macro.
    Async,
    /// Ten spans, each in the one before.
    Nested,
    /// A trace of a hundred spans.
    Tree,
    /// Nothing, because it is switched off at run time.
    SpanOff,
    Span3Off,
    EventOff,
}

impl Operation {
    pub const ALL: [Operation; 13] = [
        Operation::Span,
        Operation::Attribute,
        Operation::Span3,
        Operation::SpanList,
        Operation::SpanSet,
        Operation::Event,
        Operation::Error,
        Operation::Async,
        Operation::Nested,
        Operation::Tree,
        Operation::SpanOff,
        Operation::Span3Off,
        Operation::EventOff,
    ];

    /// As an argument of a program, and in files.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Span => "span",
            Operation::Attribute => "attribute",
            Operation::Span3 => "span-3",
            Operation::SpanList => "span-list",
            Operation::SpanSet => "span-set",
            Operation::Event => "event",
            Operation::Error => "error",
            Operation::Async => "async",
            Operation::Nested => "nested",
            Operation::Tree => "tree",
            Operation::SpanOff => "span-off",
            Operation::Span3Off => "span-3-off",
            Operation::EventOff => "event-off",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Operation::Span => "span",
            Operation::Attribute => "span by the attribute, tiny function",
            Operation::Span3 => "span, 3 attributes",
            Operation::SpanList => "span, a list of 4",
            Operation::SpanSet => "span, 1 attribute set later",
            Operation::Event => "event, 2 attributes",
            Operation::Error => "error, a message",
            Operation::Async => "async function, 3 polls",
            Operation::Nested => "10 nested spans",
            Operation::Tree => "tree of 100 spans",
            Operation::SpanOff => "off: span",
            Operation::Span3Off => "off: span, 3 attributes",
            Operation::EventOff => "off: event, 2 attributes",
        }
    }

    pub fn is_off(self) -> bool {
        matches!(self, Operation::SpanOff | Operation::Span3Off | Operation::EventOff)
    }

    /// What comes of one.
    pub fn load(self) -> Load {
        match self {
            Operation::SpanOff | Operation::Span3Off | Operation::EventOff => Load::default(),
            Operation::Event | Operation::Error => Load { spans: 0, events: 1 },
            Operation::Nested => Load { spans: u64::from(DEPTH), events: 0 },
            Operation::Tree => Load { spans: 1 + BRANCHES + BRANCHES * LEAVES, events: 0 },
            _ => Load { spans: 1, events: 0 },
        }
    }
}

impl FromStr for Operation {
    type Err = Unknown;

    fn from_str(name: &str) -> Result<Operation, Unknown> {
        let known = Operation::ALL.into_iter().find(|known| known.name() == name);
        known.ok_or_else(|| Unknown(name.to_owned()))
    }
}

/// What a program records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    pub spans: u64,
    pub events: u64,
}

impl Load {
    pub fn times(self, count: u64) -> Load {
        Load { spans: self.spans * count, events: self.events * count }
    }

    pub fn plus(self, other: Load) -> Load {
        Load { spans: self.spans + other.spans, events: self.events + other.events }
    }

    pub fn total(self) -> u64 {
        self.spans + self.events
    }
}

/// So many spans or events fit into the smallest buffer there is, the 2048 of the OpenTelemetry SDK.
pub const BURST: u64 = 2_000;

/// How deep [`Operation::Nested`] goes.
pub const DEPTH: u32 = 10;

/// The shape of [`Operation::Tree`].
pub const BRANCHES: u64 = 9;
pub const LEAVES: u64 = 10;

pub const LOSS: f64 = 0.25;

pub const LIST: [i64; 4] = [1, 2, 3, 4];

/// Texts of 8 bytes, one after the other.
#[inline(always)]
pub fn text(number: u32) -> &'static str {
    const TEXTS: [&str; 4] = ["resnet50", "vit-base", "bert-xxl", "gpt-tiny"];
    TEXTS[number as usize % TEXTS.len()]
}

/// What the body of an async function waits for: ready at the third poll.
#[inline(always)]
pub async fn yields_twice() {
    let mut yields = 2;
    poll_fn(|_| match yields {
        0 => Poll::Ready(()),
        _ => {
            yields -= 1;
            Poll::Pending
        }
    })
    .await;
}

/// Polls a future until it is ready.
#[inline(always)]
pub fn poll_to_end(future: impl Future<Output = ()>) {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    while future.as_mut().poll(&mut context).is_pending() {}
}
