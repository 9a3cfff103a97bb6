//! What an application may do wrong, or in an unlucky order, and what it must not cost it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::time::Duration;

use onelogger::exporter::{ExportError, Exporter, MemoryRecords, Records, Run};
use onelogger::recorder::RecordError;
use onelogger::{
    DefaultRecorder, ErrorHandlingStrategy, Event, ManualClock, MemoryExporter, OneLoggerConfig,
    OneLoggerGuard, OneLoggerProvider, Record, SpanBuilder, SpanRecord, SpanStop, Timestamp,
};

const EPOCH: u64 = 1_700_000_000_000_000_000;
const PATIENCE: Duration = Duration::from_secs(60);

fn config(strategy: ErrorHandlingStrategy) -> OneLoggerConfig {
    let builder = OneLoggerConfig::builder("misuse").world_size(1).session_tag("");
    builder.error_handling_strategy(strategy).build().unwrap()
}

fn configure(
    provider: &OneLoggerProvider,
    strategy: ErrorHandlingStrategy,
) -> (OneLoggerGuard, MemoryRecords, ManualClock) {
    let (exporter, records) = MemoryExporter::new();
    let clock = ManualClock::new(EPOCH);
    let recorder = DefaultRecorder::builder().exporter(exporter).manual_clock(clock.clone());
    let guard = provider.configure(config(strategy), recorder.build().unwrap()).unwrap();
    (guard, records, clock)
}

fn stops(records: &[Record]) -> Vec<&SpanRecord> {
    let mut stops = Vec::new();
    for record in records {
        if let Record::Stop(span) = record {
            stops.push(span);
        }
    }
    stops
}

#[test]
fn a_span_that_ends_after_the_close_is_counted_and_is_no_misuse() {
    let provider = OneLoggerProvider::new();
    let strategy = ErrorHandlingStrategy::DisableQuietlyAndReportMetricError;
    let (_first, _, _) = configure(&provider, strategy);
    let first = provider.recorder();
    let [by_handle, by_provider, by_successor] =
        ["a", "b", "c"].map(|name| first.start(name).unwrap());
    provider.close(PATIENCE).unwrap();
    first.stop(&by_handle).unwrap();
    provider.recorder().stop(&by_provider).unwrap();
    let (_second, _, _) = configure(&provider, strategy);
    provider.recorder().stop(&by_successor).unwrap();
    assert_eq!(first.health().stopped_after_close, 3);
    assert!(first.is_enabled() && provider.is_enabled());
    assert_eq!((first.refused_calls(), provider.recorder().refused_calls()), (0, 0));
}

#[test]
fn a_stop_with_a_time_that_is_refused_ends_its_span_all_the_same() {
    let provider = OneLoggerProvider::new();
    let (guard, records, clock) = configure(&provider, ErrorHandlingStrategy::PropagateExceptions);
    let _attached = provider.attach();
    let recorder = provider.recorder();
    let span = recorder.start("step").unwrap();
    clock.advance(Duration::from_secs(2));
    let future = Timestamp::from_unix_nanos(EPOCH + 3_600_000_000_000);
    let refused = recorder.stop_with(&span, SpanStop::new().at(future));
    assert!(matches!(refused, Err(RecordError::Time(_))), "{refused:?}");
    assert!(span.is_stopped() && onelogger::context::current_span().is_none());
    drop(guard);
    let records = records.take();
    let [stop] = stops(&records)[..] else { panic!("{records:?}") };
    assert_eq!((stop.duration_nanos, stop.attributes.len()), (2_000_000_000, 0));
}

#[test]
fn an_event_without_a_span_is_not_refused_for_a_current_span_of_another_recorder() {
    let (one, other) = (OneLoggerProvider::new(), OneLoggerProvider::new());
    let strategy = ErrorHandlingStrategy::PropagateExceptions;
    let (_one, _, _) = configure(&one, strategy);
    let (other_guard, records, _) = configure(&other, strategy);
    let foreign = one.recorder().start("of one").unwrap();
    other.recorder().event(None, "of none").unwrap();
    let own = other.recorder().start("of the other").unwrap();
    let inner = one.recorder().start("of one, within").unwrap();
    other.recorder().event(None, "of the own span").unwrap();
    // Named explicitly it is another matter.
    let refused = other.recorder().event(&foreign, "of a foreign span");
    assert!(matches!(refused, Err(RecordError::ForeignSpan { .. })));
    for span in [inner, foreign] {
        one.recorder().stop(&span).unwrap();
    }
    other.recorder().stop(&own).unwrap();
    drop(other_guard);
    let events: Vec<_> = records
        .take()
        .into_iter()
        .filter_map(|record| match record {
            Record::Event(event) if event.name != "onelogger.close" => Some(event),
            _ => None,
        })
        .collect();
    assert_eq!(events.len(), 2);
    assert!(!events[0].span_id.is_valid());
    assert_eq!(events[1].span_id, own.context().span_id);
}

#[test]
fn monotonic_readings_count_where_both_ends_have_them() {
    let provider = OneLoggerProvider::new();
    let (guard, records, clock) = configure(&provider, ErrorHandlingStrategy::PropagateExceptions);
    let recorder = provider.recorder();
    clock.advance(Duration::from_secs(10));
    let at = |unix: u64, monotonic| Timestamp {
        unix_nanos: EPOCH + unix * 1_000_000_000,
        monotonic_nanos: Some(monotonic),
    };
    // The wall clock was set back in between.
    let both = recorder.start(SpanBuilder::new("both").start_time(at(9, 500))).unwrap();
    recorder.stop_with(&both, SpanStop::new().at(at(8, 2_500))).unwrap();
    // A reading of a clock that is not the recorder's, at one end only.
    let one = recorder.start(SpanBuilder::new("one").start_time(at(8, 77))).unwrap();
    recorder.stop(&one).unwrap();
    drop(guard);
    let records = records.take();
    let durations: Vec<_> = stops(&records).iter().map(|stop| stop.duration_nanos).collect();
    assert_eq!(durations, [2_000, 2_000_000_000]);
}

/// Panics where no one should have to expect it.
struct PanicsWhenDropped;

impl Exporter for PanicsWhenDropped {
    fn name(&self) -> &str {
        "PanicsWhenDropped"
    }

    fn export_batch(&mut self, _: Records<'_>) -> Result<(), ExportError> {
        Ok(())
    }
}

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("as the test wants");
    }
}

#[test]
fn an_exporter_whose_drop_panics_does_not_reach_the_application() {
    for is_synchronous in [false, true] {
        let mut builder = DefaultRecorder::builder().exporter(PanicsWhenDropped);
        if is_synchronous {
            builder = builder.synchronous();
        }
        let provider = OneLoggerProvider::new();
        let config = config(ErrorHandlingStrategy::default());
        let guard = provider.configure(config, builder.build().unwrap()).unwrap();
        provider.recorder().event(None, "something").unwrap();
        drop(guard);
    }
}

/// An exporter that cannot even say its name once it is told to open.
struct PanicsWhenOpened;

impl Exporter for PanicsWhenOpened {
    fn name(&self) -> &str {
        "PanicsWhenOpened"
    }

    fn open(&mut self, _: &Run) -> Result<(), ExportError> {
        panic!("as the test wants");
    }

    fn export_batch(&mut self, _: Records<'_>) -> Result<(), ExportError> {
        Ok(())
    }
}

#[test]
fn a_provider_may_be_configured_after_an_attempt_that_failed() {
    let provider = OneLoggerProvider::new();
    let broken = DefaultRecorder::builder().exporter(PanicsWhenOpened).build().unwrap();
    let strategy = ErrorHandlingStrategy::PropagateExceptions;
    assert!(provider.configure(config(strategy), broken).is_err());
    let (_guard, _, _) = configure(&provider, strategy);
    assert!(provider.is_enabled());
}

/// Waits in `close` until it is let go.
struct ClosesLate(mpsc::Receiver<()>);

impl Exporter for ClosesLate {
    fn name(&self) -> &str {
        "ClosesLate"
    }

    fn export_batch(&mut self, _: Records<'_>) -> Result<(), ExportError> {
        Ok(())
    }

    fn close(&mut self) -> Result<(), ExportError> {
        let _ = self.0.recv();
        Ok(())
    }
}

#[test]
fn whoever_closes_while_a_close_is_under_way_waits_for_it() {
    let (let_go, gate) = mpsc::channel();
    let recorder = DefaultRecorder::builder().exporter(ClosesLate(gate)).build().unwrap();
    let provider = OneLoggerProvider::new();
    let config = config(ErrorHandlingStrategy::default());
    let guard = provider.configure(config, recorder).unwrap();
    assert!(provider.close(Duration::ZERO).is_err());
    // Not done yet, and whoever asks is told so.
    assert!(provider.close(Duration::from_millis(10)).is_err());
    let_go.send(()).unwrap();
    provider.close(PATIENCE).unwrap();
    drop(guard);
}

#[test]
fn a_panic_in_the_application_leaves_its_spans_to_the_close() {
    let provider = OneLoggerProvider::new();
    let (guard, records, _) = configure(&provider, ErrorHandlingStrategy::default());
    let recorder = provider.recorder();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _span = recorder.start("doomed").unwrap();
        recorder.event(None, Event::new("before")).unwrap();
        panic!("as the test wants");
    }));
    assert!(panicked.is_err());
    drop(guard);
    let records = records.take();
    let [stop] = stops(&records)[..] else { panic!("{records:?}") };
    assert_eq!(stop.attributes.get_bool("onelogger.truncated"), Ok(Some(true)));
}
