//! Spans: those that are not recorded, and which one is current.

use onelogger::{
    DefaultRecorder, ErrorHandlingStrategy, OneLoggerProvider, RecorderHandle, Span, SpanBuilder,
    context,
};

use crate::{Job, PATIENCE, stop_of};

const QUIET: ErrorHandlingStrategy = ErrorHandlingStrategy::DisableQuietlyAndReportMetricError;
const STRICT: ErrorHandlingStrategy = ErrorHandlingStrategy::PropagateExceptions;

/// All that an application may do with a span.
fn use_span(recorder: &RecorderHandle) {
    let span = recorder.start(SpanBuilder::new("span").with("a", 1)).unwrap();
    assert!(span.is_disabled());
    recorder.event(&span, "event").unwrap();
    recorder.set_attributes(&span, [("b", 2)]).unwrap();
    let child = recorder.start(SpanBuilder::new("child").parent(&span)).unwrap();
    recorder.stop(&child).unwrap();
    recorder.stop(&span).unwrap();
}

#[test]
fn p04_a_span_that_is_not_recorded_is_a_span_all_the_same() {
    let provider = OneLoggerProvider::new();
    use_span(&provider.recorder());
    let recorder = DefaultRecorder::builder().build().unwrap();
    let silent = onelogger::OneLoggerConfig::builder("silent").session_tag("").world_size(1);
    let silent = silent.enable_for_current_rank(false).build().unwrap();
    let _silent = provider.configure(silent, recorder).unwrap();
    use_span(&provider.recorder());
    // After misuse that has switched telemetry off.
    let job = Job::new(QUIET);
    let span = job.recorder.start("span").unwrap();
    job.recorder.stop(&span).unwrap();
    job.recorder.stop(&span).unwrap();
    assert!(!job.provider.is_enabled());
    use_span(&job.recorder);
}

#[test]
fn p24_a_span_that_was_stopped_elsewhere_is_no_parent_and_contexts_are_handed_over() {
    let job = Job::new(STRICT);
    let _attached = job.provider.attach();
    let outer = job.recorder.start("outer").unwrap();
    let inner = job.recorder.start("inner").unwrap();
    std::thread::scope(|scope| {
        let work = context::wrap(|| {
            // The new thread knows where it comes from.
            let there = job.recorder.start("there").unwrap();
            job.recorder.stop(&there).unwrap();
            job.recorder.stop(&inner).unwrap();
        });
        scope.spawn(work);
    });
    let after = job.recorder.start("after").unwrap();
    job.recorder.stop(&after).unwrap();
    let parent = |span: &Span| Some(span.context().span_id);
    let expected = (parent(&inner), parent(&outer));
    job.recorder.stop(&outer).unwrap();
    job.provider.close(PATIENCE).unwrap();
    let records = job.records.take();
    let of = |name: &str| stop_of(&records, name).parent.map(|parent| parent.span_id);
    assert_eq!((of("there"), of("after")), expected);
}

#[test]
fn p25_after_a_span_with_an_explicit_parent_the_one_before_is_current_again() {
    let job = Job::new(STRICT);
    let _attached = job.provider.attach();
    let elsewhere = job.recorder.start_detached("elsewhere").unwrap();
    let current = job.recorder.start("current").unwrap();
    let explicit = SpanBuilder::new("explicit").parent(&elsewhere);
    let explicit = job.recorder.start(explicit).unwrap();
    assert_eq!(context::current_span(), Some(explicit.clone()));
    job.recorder.stop(&explicit).unwrap();
    assert_eq!(context::current_span(), Some(current));
}

#[test]
fn p48_every_call_fails_with_one_type_where_failing_is_wanted_and_nowhere_else() {
    use onelogger::recorder::RecordError;
    use onelogger::{Attributes, ErrorEvent, SpanStop, TelemetryDataError};

    let misuse = |recorder: &RecorderHandle, span: &Span| -> Vec<Result<(), RecordError>> {
        vec![
            recorder.stop(span),
            recorder.stop_with(span, SpanStop::new().with("a", 1)),
            recorder.event(span, "event"),
            recorder.error(span, ErrorEvent::new("error")),
            recorder.set_attributes(span, Attributes::new().with("a", 1)),
        ]
    };
    let after_close = |recorder: &RecorderHandle| -> Vec<Result<(), RecordError>> {
        vec![
            recorder.start("span").map(drop),
            recorder.event(None, "event"),
            recorder.error(None, ErrorEvent::new("error")),
            recorder.telemetry_data_error(TelemetryDataError::new("error")),
        ]
    };
    for strategy in [STRICT, QUIET, ErrorHandlingStrategy::ReportAndContinue] {
        let job = Job::new(strategy);
        let span = job.recorder.start("span").unwrap();
        job.recorder.stop(&span).unwrap();
        let mut results = misuse(&job.recorder, &span);
        job.provider.close(PATIENCE).unwrap();
        results.extend(after_close(&job.recorder));
        let failed = results.iter().filter(|result| result.is_err()).count();
        assert_eq!(failed, if strategy == STRICT { results.len() } else { 0 }, "{results:?}");
    }
}
