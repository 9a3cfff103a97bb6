//! `DefaultRecorder` in front of an exporter that drops everything.

use std::hint::black_box;
use std::time::Duration;

use onelogger::exporter::{ExportError, Exporter, Records};
use onelogger::{
    DefaultRecorder, FullPolicy, OneLoggerConfig, OneLoggerGuard, OneLoggerProvider, error, event,
    span, timed_span,
};

use super::{Delivery, Loop, PATIENCE, Ready, Setting, repeated};
use crate::Outcome;
use crate::operation::{
    BRANCHES, DEPTH, LEAVES, LIST, LOSS, Load, Operation, poll_to_end, text, yields_twice,
};

pub(super) struct Ours {
    _guard: OneLoggerGuard,
}

struct Null;

impl Exporter for Null {
    fn name(&self) -> &str {
        "Null"
    }

    fn export_batch(&mut self, records: Records<'_>) -> Result<(), ExportError> {
        black_box(records);
        Ok(())
    }
}

impl Ours {
    pub(super) fn set_up(setting: Setting, is_blocking: bool) -> Outcome<Ours> {
        let config = OneLoggerConfig::builder("bench").session_tag("").world_size(1).build()?;
        let mut recorder = DefaultRecorder::builder().exporter(Null);
        if is_blocking {
            let patience = FullPolicy::Block(PATIENCE);
            recorder = recorder.lane_policy(patience).queue_policy(patience);
        }
        if setting.is_quiet {
            recorder = recorder.drain_interval(Duration::from_secs(3600));
        }
        let guard = OneLoggerProvider::instance().configure(config, recorder.build()?)?;
        Ok(Ours { _guard: guard })
    }
}

impl Ready for Ours {
    fn parent(&self) -> Load {
        Load { spans: 1, events: 0 }
    }

    fn within_parent(&self, body: impl FnOnce()) {
        let _parent = span!("parent");
        body();
    }

    fn operate<L: Loop>(&self, operation: Operation, run: L) -> Option<L::Output> {
        Some(match operation {
            Operation::Span => run.run(repeated(span)),
            Operation::Attribute => run.run(repeated(attribute)),
            Operation::Span3 => run.run(repeated(span_3)),
            Operation::SpanList => run.run(repeated(span_list)),
            Operation::SpanSet => run.run(repeated(span_set)),
            Operation::Event => run.run(repeated(event)),
            Operation::Error => run.run(repeated(error)),
            Operation::Async => run.run(repeated(|_| poll_to_end(asynchronous()))),
            Operation::Nested => run.run(repeated(|_| nested(DEPTH))),
            Operation::Tree => run.run(repeated(|_| tree())),
            Operation::SpanOff => run.run(repeated(span_off)),
            Operation::Span3Off => run.run(repeated(span_3_off)),
            Operation::EventOff => run.run(repeated(event_off)),
        })
    }

    fn flush(&self) {
        let _ = onelogger::recorder().force_flush(PATIENCE);
    }

    /// In records: a span is a start and a stop.
    fn delivery(&self, load: Load) -> Delivery {
        let counts = onelogger::recorder().health().exporters[0].counts;
        Delivery {
            sent: load.spans * 2 + load.events,
            delivered: counts.delivered,
            lost: counts.lost_total(),
        }
    }
}

// Part of the loop that does them, and not called from it: so they are where they are written.

#[inline(always)]
fn span(_: u32) {
    let _span = span!("span");
}

#[timed_span]
fn annotated() -> u32 {
    black_box(1)
}

#[inline(always)]
fn attribute(_: u32) {
    annotated();
}

#[inline(always)]
fn span_3(i: u32) {
    let _span = span!("span", index = i64::from(i), loss = LOSS, model = text(i));
}

#[inline(always)]
fn span_list(_: u32) {
    let _span = span!("span", shape = &LIST[..]);
}

#[inline(always)]
fn span_set(i: u32) {
    let mut span = span!("span");
    span.set("index", i64::from(i));
}

#[inline(always)]
fn event(i: u32) {
    event!("event", index = i64::from(i), loss = LOSS);
}

#[inline(always)]
fn error(_: u32) {
    error!("the batch is damaged");
}

#[timed_span]
async fn asynchronous() {
    yields_twice().await;
}

fn nested(depth: u32) {
    let _span = span!("nested");
    if depth > 1 {
        nested(depth - 1);
    }
}

fn tree() {
    let _root = span!(root: true, "root");
    for _ in 0..BRANCHES {
        let _branch = span!("branch");
        for _ in 0..LEAVES {
            let _leaf = span!("leaf");
        }
    }
}

// The filter lets `info` through, if nothing is said.

#[inline(always)]
fn span_off(_: u32) {
    let _span = span!(level: debug, "span");
}

#[inline(always)]
fn span_3_off(i: u32) {
    let _span = span!(level: debug, "span", index = i64::from(i), loss = LOSS, model = text(i));
}

#[inline(always)]
fn event_off(i: u32) {
    event!(level: debug, "event", index = i64::from(i), loss = LOSS);
}
