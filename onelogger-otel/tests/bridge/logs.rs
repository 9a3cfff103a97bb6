//! Log records, through OpenTelemetry's interface and its two appenders, under the right span.

use std::time::{Duration, SystemTime};

use onelogger::{InstrumentationScope, Level, Value, span};
use onelogger_otel::OtelLoggerProvider;
use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry::trace::{TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, SpanId, TraceFlags, TraceId};

use super::support::{Job, tracer};

/// The attributes that a log record has beside those given.
const BODY: &str = "onelogger.log.body";
const NUMBER: &str = "onelogger.log.severity_number";
const TEXT: &str = "onelogger.log.severity_text";

#[test]
fn a_log_record_is_an_event_of_the_inner_span() {
    let job = Job::new();
    let logger = OtelLoggerProvider::new().logger("logger");
    let say = |name: &'static str| {
        let mut record = logger.create_log_record();
        record.set_event_name(name);
        logger.emit(record);
    };
    say("in none");
    tracer().in_span("theirs", |_| {
        say("in theirs");
        let _ours = span!("ours");
        say("in ours");
        tracer().in_span("inmost", |_| say("in inmost"));
    });
    let headers = [("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")];
    onelogger::context::Context::extract(&headers).run(|| say("in another process's"));
    let recorded = job.finish();
    for name in ["theirs", "ours", "inmost"] {
        let (_, trace, span) = recorded.event(&format!("in {name}"));
        assert_eq!((trace, span), (recorded.start(name).trace_id, recorded.id(name)));
    }
    assert!(!recorded.event("in none").2.is_valid());
    let (_, trace, span) = recorded.event("in another process's");
    assert_eq!(trace.to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(span.to_string(), "b7ad6b7169203331");
}

#[test]
fn all_that_a_record_says_is_kept() {
    let job = Job::new();
    let logger = OtelLoggerProvider::new().logger("logger");
    let time = SystemTime::now() - Duration::from_secs(7);
    let mut record = logger.create_log_record();
    record.set_timestamp(time);
    record.set_observed_timestamp(SystemTime::now());
    record.set_severity_number(Severity::Warn3);
    record.set_severity_text("WARNING");
    record.set_body(AnyValue::from_iter([("code", 7)]));
    record.set_target("pool::worker");
    record.add_attribute("count", 3_i64);
    record.add_attributes([("ratio", AnyValue::from(0.5)), ("on", AnyValue::from(true))]);
    record.add_attribute("bytes", AnyValue::from(&b"hi"[..]));
    record.add_attribute("list", AnyValue::from_iter([1, 2]));
    record.add_attribute("mixed", AnyValue::from_iter([AnyValue::from(1), AnyValue::from("x")]));
    record.set_trace_context(TraceId::from(7), SpanId::from(9), Some(TraceFlags::SAMPLED));
    let _not_this = span!("current");
    logger.emit(record);
    logger.emit(logger.create_log_record());
    drop(_not_this);
    let recorded = job.finish();
    let event = recorded.events().next().unwrap();
    assert_eq!((event.name.as_str(), event.level), ("log", Level::Warn));
    assert_eq!((event.trace_id.to_u128(), event.span_id.to_u64()), (7, 9));
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(u128::from(event.time_unix_nanos), since.as_nanos());
    assert_eq!(event.scope, Some(InstrumentationScope::new("pool::worker")));
    let expected = [
        ("count", Value::from(3)),
        ("ratio", Value::from(0.5)),
        ("on", Value::from(true)),
        ("bytes", Value::from("aGk=")),
        ("list", Value::from([1, 2])),
        ("mixed", Value::from(r#"[1,"x"]"#)),
        (BODY, Value::from(r#"{"code":7}"#)),
        (NUMBER, Value::from(15)),
        (TEXT, Value::from("WARNING")),
    ];
    let found = event.attributes.iter().map(|(name, value)| (name.as_str(), value.clone()));
    assert_eq!(found.collect::<Vec<_>>(), expected);
    // Nothing said, nothing made up.
    let bare = recorded.events().nth(1).unwrap();
    assert_eq!((bare.level, bare.attributes.len()), (Level::Info, 0));
    assert_eq!(bare.scope, Some(InstrumentationScope::new("logger")));
    assert_eq!(bare.span_id, recorded.id("current"));
}

#[test]
fn severities_are_levels() {
    let job = Job::new();
    let logger = OtelLoggerProvider::new().logger("logger");
    let severities = [
        (Severity::Trace, Level::Trace),
        (Severity::Trace4, Level::Trace),
        (Severity::Debug, Level::Debug),
        (Severity::Debug4, Level::Debug),
        (Severity::Info, Level::Info),
        (Severity::Info4, Level::Info),
        (Severity::Warn, Level::Warn),
        (Severity::Warn4, Level::Warn),
        (Severity::Error, Level::Error),
        (Severity::Fatal4, Level::Error),
    ];
    for (severity, _) in severities {
        let mut record = logger.create_log_record();
        record.set_severity_number(severity);
        logger.emit(record);
    }
    let recorded = job.finish();
    let found = recorded
        .events()
        .map(|event| (event.attributes.get_i64(NUMBER).unwrap().unwrap(), event.level));
    let expected = severities.map(|(severity, level)| (severity as i64, level));
    assert!(found.eq(expected));
}

/// Under a span that a filter holds back, a record goes where the span's children go.
#[test]
fn a_record_under_a_span_that_is_held_back_goes_to_the_one_above() {
    let job = Job::without(&["held back"]);
    let logger = OtelLoggerProvider::new().logger("logger");
    tracer().in_span("outer", |_| {
        tracer().in_span("held back", |_| logger.emit(logger.create_log_record()));
    });
    tracer().in_span("held back", |_| logger.emit(logger.create_log_record()));
    let recorded = job.finish();
    assert_eq!(recorded.event("log").2, recorded.id("outer"));
    // Nothing is above the second one: two spans and one event.
    assert_eq!((recorded.events().count(), recorded.withheld()), (1, 5));
}

#[test]
fn the_appender_of_the_log_crate() {
    use log::Log as _;
    let job = Job::new();
    let provider = OtelLoggerProvider::new();
    let log = opentelemetry_appender_log::OpenTelemetryLogBridge::new(&provider);
    let record = |level, text: std::fmt::Arguments<'_>| {
        let record = log::Record::builder().level(level).target("pool").args(text).build();
        assert!(log.enabled(record.metadata()));
        log.log(&record);
    };
    let _ours = span!("ours");
    tracer().in_span("theirs", |_| record(log::Level::Error, format_args!("{} failed", 3)));
    record(log::Level::Debug, format_args!("details"));
    drop(_ours);
    let recorded = job.finish();
    let events: Vec<_> = recorded.events().collect();
    for (event, level, body, span) in [
        (events[0], Level::Error, "3 failed", "theirs"),
        (events[1], Level::Debug, "details", "ours"),
    ] {
        assert_eq!((event.level, event.span_id), (level, recorded.id(span)));
        assert_eq!(event.attributes.get_str(BODY), Ok(Some(body)));
        assert_eq!(event.scope, Some(InstrumentationScope::new("pool")));
    }
}

#[test]
fn the_appender_of_tracing() {
    use tracing_subscriber::layer::SubscriberExt as _;
    let job = Job::new();
    let layer = opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge::new(
        &OtelLoggerProvider::new(),
    );
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        tracer().in_span("theirs", |_| {
            let _ours = span!("ours");
            tracing::warn!(name: "retry", target: "pool", attempt = 3, slow = true, "again");
        });
    });
    let recorded = job.finish();
    let (event, _, span) = recorded.event("retry");
    assert_eq!((event.level, span), (Level::Warn, recorded.id("ours")));
    assert_eq!(event.attributes.get_i64("attempt"), Ok(Some(3)));
    assert_eq!(event.attributes.get_bool("slow"), Ok(Some(true)));
    assert_eq!(event.attributes.get_str(BODY), Ok(Some("again")));
    assert_eq!(event.attributes.get_i64(NUMBER), Ok(Some(13)));
    assert_eq!(event.scope, Some(InstrumentationScope::new("pool")));
}

/// A record that names the span of a context names the same that is current in it.
#[test]
fn a_record_that_names_our_span_is_in_it() {
    let job = Job::new();
    let logger = OtelLoggerProvider::new().logger("logger");
    let cx = Context::new().with_span(tracer().start("theirs"));
    let named = cx.span().span_context().clone();
    let mut record = logger.create_log_record();
    record.set_trace_context(named.trace_id(), named.span_id(), Some(named.trace_flags()));
    logger.emit(record);
    cx.span().end();
    // Also when it is over: OpenTelemetry's records name what was active.
    let mut record = logger.create_log_record();
    record.set_trace_context(named.trace_id(), named.span_id(), None);
    logger.emit(record);
    drop(cx);
    let recorded = job.finish();
    assert_eq!(recorded.events().count(), 2);
    assert!(recorded.events().all(|event| event.span_id == recorded.id("theirs")));
}
