//! Spans beside the peers, in one run: `cargo run --release --manifest-path benches/Cargo.toml`.
//!
//! A span with one attribute within a parent, on one thread, to a backend that drops everything; and
//! the same where the callsite is off. The median of several rounds, and the ratio to ours.

use std::hint::black_box;
use std::time::{Duration, Instant};

use onelogger::exporter::{ExportError, Exporter, Records};
use onelogger::{DefaultRecorder, FullPolicy, OneLoggerConfig, OneLoggerProvider, SpanBuilder};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

const SPANS: u32 = 100_000;
const ROUNDS: usize = 11;

struct Null;

impl Exporter for Null {
    fn name(&self) -> &str {
        "Null"
    }

    fn export_batch(&mut self, _: Records<'_>) -> Result<(), ExportError> {
        Ok(())
    }
}

struct NullReporter;

impl fastrace::collector::Reporter for NullReporter {
    fn report(&mut self, spans: Vec<fastrace::collector::SpanRecord>) {
        black_box(spans);
    }
}

/// The median time of a span, in nanoseconds.
fn median(mut round: impl FnMut()) -> f64 {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            round();
            begin.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[ROUNDS / 2].as_nanos() as f64 / f64::from(SPANS)
}

/// What ours cost: by macro, by explicit calls, and by a macro that is off.
struct Ours {
    macros: f64,
    explicit: f64,
    off: f64,
}

fn ours() -> Result<Ours, Box<dyn std::error::Error>> {
    let config = OneLoggerConfig::builder("bench").session_tag("").world_size(1).build()?;
    // Nothing is lost, so that every span is paid for in full.
    let patience = FullPolicy::Block(Duration::from_secs(60));
    let recorder = DefaultRecorder::builder()
        .exporter(Null)
        .lane_policy(patience)
        .queue_policy(patience)
        .build()?;
    let _guard = OneLoggerProvider::instance().configure(config, recorder)?;
    let recorder = onelogger::recorder();
    let _root = onelogger::span!("root");
    let explicit = median(|| {
        for i in 0..SPANS {
            let span = recorder.start(SpanBuilder::new("span").with("i", i));
            if let Ok(span) = span {
                let _ = recorder.stop(&span);
            }
        }
    });
    let by_macro = || {
        median(|| {
            for i in 0..SPANS {
                let _span = onelogger::span!(group: "bench", "span", i);
            }
        })
    };
    let macros = by_macro();
    onelogger::callsite::set_level("bench", None);
    Ok(Ours { macros, explicit, off: by_macro() })
}

fn fastrace() -> f64 {
    fastrace::set_reporter(NullReporter, fastrace::collector::Config::default());
    let nanos = median(|| {
        // A root for each thousand spans, as its documentation advises for long traces.
        for chunk in 0..SPANS / 1000 {
            let root = fastrace::Span::root("root", fastrace::collector::SpanContext::random());
            let _guard = root.set_local_parent();
            for i in 0..1000 {
                let _span = fastrace::local::LocalSpan::enter_with_local_parent("span")
                    .with_property(|| ("i", (chunk * 1000 + i).to_string()));
            }
        }
    });
    fastrace::flush();
    nanos
}

/// With a registry alone: a span that is on, and one that is off.
fn tracing() -> (f64, f64) {
    use tracing_subscriber::filter::LevelFilter;
    tracing_subscriber::registry().with(LevelFilter::INFO).init();
    let _root = tracing::info_span!("root").entered();
    let on = median(|| {
        for i in 0..SPANS {
            let _span = tracing::info_span!("span", i).entered();
        }
    });
    let off = median(|| {
        for i in 0..SPANS {
            let _span = tracing::debug_span!("span", i).entered();
        }
    });
    (on, off)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ours = ours()?;
    let fastrace = fastrace();
    let (tracing_on, tracing_off) = tracing();
    show(
        "a span with an attribute",
        &[
            ("onelogger, span!", ours.macros),
            ("onelogger, explicit calls", ours.explicit),
            ("fastrace, local span", fastrace),
            ("tracing, registry alone", tracing_on),
        ],
    );
    show("the same, off", &[("onelogger, span!", ours.off), ("tracing", tracing_off)]);
    Ok(())
}

/// A table with the ratio of the first row to each.
fn show(title: &str, rows: &[(&str, f64)]) {
    println!("{title:<28} {:>10} {:>8}", "ns", "ours / ×");
    for (name, nanos) in rows {
        println!("{name:<28} {nanos:>10.1} {:>8.2}", rows[0].1 / nanos);
    }
    println!();
}
