//! Recording by macros asks for no memory on the instrumented thread. A process of its own, because
//! the allocator is the whole process's.

#[path = "support/requests.rs"]
mod requests;

use onelogger::{
    DefaultRecorder, OneLoggerConfig, OneLoggerProvider, Sampler, SpanName, event, span, timed_span,
};
use onelogger_tests::Null;

use requests::requests;

enum Phase {
    Train,
}

impl SpanName for Phase {
    fn span_name(&self) -> &'static str {
        match self {
            Phase::Train => "train",
        }
    }
}

#[timed_span(attrs(step, lr = 0.1, phase = "warm-up"))]
fn annotated(step: u64) -> u64 {
    event!("inside", step);
    step + 1
}

#[timed_span(name = Phase::Train)]
fn named() -> Result<u64, std::fmt::Error> {
    Ok(1)
}

/// Everything that is to cost no memory, once.
fn record(round: u64) {
    let outer = span!("outer", a = round as i64, b = 0.5, c = "8-bytes!");
    let _ = annotated(round);
    let _ = named();
    for i in 0..3 {
        let mut inner =
            span!(kind: client, level: warn, "inner", i, none = None::<i64>, yes = true);
        inner.set("later", round);
        inner.set("nothing", None::<u64>);
        event!("progress", done = i, total = 3, text = "some longer text than eight bytes");
    }
    let list = [0.5, 1.5, 2.5];
    event!("formatted", shown = %round, list, texts = ["a", "b"], debug = ?Some(round));
    span!(root: true, "root"; {
        span!(parent: &outer, "below"; { event!(in outer, "of the outer one") });
    });
}

fn requests_of(rounds: u64) -> u64 {
    let before = requests();
    (0..rounds).for_each(record);
    requests() - before
}

#[test]
fn macros_ask_for_no_memory() -> Result<(), Box<dyn std::error::Error>> {
    let config = OneLoggerConfig::builder("test").session_tag("").world_size(1).build()?;
    let recorder = DefaultRecorder::builder().exporter(Null).lane_bytes(8 << 20).build()?;
    let guard = OneLoggerProvider::instance().configure(config, recorder)?;
    let recorder = onelogger::recorder();
    // The first time a thread gets its lane, and room for its spans.
    assert!(requests_of(2) > 0, "the allocator is not counted");
    assert_eq!(requests_of(200), 0);
    // A handle that somebody keeps costs its span's memory, once.
    let kept = span!("kept").span().clone();
    assert!(requests_of(200) <= 1);
    drop(kept);
    recorder.force_flush(std::time::Duration::from_secs(60))?;
    let health = recorder.health();
    let counts = health.exporters[0].counts;
    // 8 spans, each with a start and a stop, 6 events and 3 additions of an attribute a round; and the span
    // that was kept.
    assert_eq!(counts.delivered, 402 * (2 * 8 + 6 + 3) + 2);
    assert!(counts.is_balanced());
    drop(guard);

    // Nor do spans that a sampler holds back.
    let config = OneLoggerConfig::builder("test").session_tag("").world_size(1).build()?;
    let recorder = DefaultRecorder::builder().exporter(Null).sampler(Sampler::AlwaysOff).build()?;
    let guard = OneLoggerProvider::instance().configure(config, recorder)?;
    assert!(requests_of(1) > 0);
    assert_eq!(requests_of(200), 0);
    let recorder = onelogger::recorder();
    drop(guard);
    let counts = recorder.health().exporters[0].counts;
    assert_eq!((counts.withheld, counts.delivered), (201 * (2 * 8 + 6 + 3), 0));
    Ok(())
}
