//! Which recorder a span goes to, and who is told that nothing is recorded.

use std::sync::atomic::{AtomicU32, Ordering};

use onelogger::{event, span};
use opentelemetry::Context;
use opentelemetry::logs::{Logger as _, LoggerProvider as _, Severity};
use opentelemetry::trace::{Span as _, TraceContextExt as _, Tracer as _};

use onelogger_otel::OtelLoggerProvider;

use super::support::{Job, tracer};

#[test]
fn where_nothing_is_recorded_spans_hand_on_their_parents() {
    let tracer = tracer();
    let mut span = tracer.start("alone");
    assert!(!span.is_recording() && !span.span_context().is_valid());
    span.add_event("nobody hears", Vec::new());
    span.end();
    let headers = [("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")];
    onelogger::context::Context::extract(&headers).run(|| {
        let span = tracer.start("under one of another process");
        assert!(!span.is_recording());
        assert_eq!(span.span_context().span_id().to_string(), "b7ad6b7169203331");
        let cx = Context::current_with_span(span);
        let below = tracer.start_with_context("below", &cx);
        assert_eq!(below.span_context(), cx.span().span_context());
    });
    let logger = OtelLoggerProvider::new().logger("nobody");
    assert!(!logger.event_enabled(Severity::Fatal4, "x", None));
    logger.emit(logger.create_log_record());
}

#[test]
fn a_span_goes_to_the_recorder_that_is_in_force_where_it_starts() {
    let tracer = tracer();
    let one = Job::new();
    let mut span = tracer.start("of one");
    let other = Job::new();
    tracer.in_span("of the other", |cx| cx.span().add_event("in the other", Vec::new()));
    span.add_event("in one", Vec::new());
    span.end();
    let other = other.finish();
    let one = one.finish();
    assert_eq!(other.event("in the other").2, other.id("of the other"));
    assert_eq!(one.event("in one").2, one.id("of one"));
    assert_eq!((one.starts().count(), other.starts().count()), (1, 1));
}

/// What an exporter does is not to be recorded: OpenTelemetry has a context that says so.
#[test]
fn nothing_is_recorded_in_a_suppressed_scope() {
    let job = Job::new();
    let tracer = tracer();
    let logger = OtelLoggerProvider::new().logger("library");
    tracer.in_span("outer", |cx| {
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        let span = tracer.start("of an exporter");
        assert!(!span.is_recording());
        assert_eq!(span.span_context(), cx.span().span_context());
        assert!(!logger.event_enabled(Severity::Error, "x", None));
        logger.emit(logger.create_log_record());
    });
    assert!(logger.event_enabled(Severity::Trace, "x", None));
    let recorded = job.finish();
    assert_eq!(recorded.starts().map(|span| span.name.as_str()).collect::<Vec<_>>(), ["outer"]);
    assert_eq!(recorded.events().count(), 0);
}

/// When a thread ends its contexts end too, in an order that nobody chooses. A panic would be caught,
/// and would still leave its message.
#[test]
fn a_destructor_of_a_thread_records_or_does_not_but_never_panics() {
    const THREAD: &str = "ending";
    static PANICS: AtomicU32 = AtomicU32::new(0);
    static WORKED: AtomicU32 = AtomicU32::new(0);
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            let _span = span!("late");
            event!("late");
            drop(onelogger::context::Context::capture());
            WORKED.fetch_add(1, Ordering::Relaxed);
        }
    }
    thread_local! {
        static FIRST: Late = const { Late };
        static LAST: Late = const { Late };
    }
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| match std::thread::current().name() {
        Some(THREAD) => drop(PANICS.fetch_add(1, Ordering::Relaxed)),
        _ => before(panic),
    }));
    let job = Job::new();
    let provider = job.provider.clone();
    let work = move || {
        // Begins before both contexts, so it ends after them; the other one the other way round.
        FIRST.with(|_| {});
        let _attached = provider.attach();
        tracer().in_span("early", |_| drop(span!("in early")));
        LAST.with(|_| {});
    };
    std::thread::Builder::new().name(THREAD.to_owned()).spawn(work).unwrap().join().unwrap();
    assert_eq!((WORKED.load(Ordering::Relaxed), PANICS.load(Ordering::Relaxed)), (2, 0));
    job.finish().is_chain(&["early", "in early"]);
}
