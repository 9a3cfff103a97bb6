//! What attributes say of the span or the log record that holds them.

use std::time::Duration;

use onelogger::{Attributes, ErrorEvent, Event, SpanBuilder};
use onelogger_otel::EventMode;
use onelogger_otel::Protocol::HttpProtobuf;
use onelogger_otel::names::{attribute, event};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Status;

use crate::support::{Collector, Job, exporter};

#[test]
fn a_span_that_is_said_to_be_ok_is_whatever_errors_were_in_it() {
    let collector = Collector::start(HttpProtobuf);
    let job = Job::new(exporter(&collector, HttpProtobuf));
    for code in ["OK", "ERROR"] {
        let span = job.recorder.start("load").unwrap();
        job.recorder.error(&span, ErrorEvent::new("bad").exception("Bad", "very bad")).unwrap();
        let said = Attributes::from([(attribute::STATUS_CODE, code)]);
        job.recorder.set_attributes(&span, said).unwrap();
        job.recorder.stop(&span).unwrap();
    }
    job.flush();
    let spans = collector.spans();
    let ok = Status { message: String::new(), code: 1 };
    assert_eq!((spans[0].status.clone(), spans[0].attributes.len()), (Some(ok), 0));
    let error = Status { message: "bad".into(), code: 2 };
    assert_eq!(spans[1].status, Some(error));
    let keys: Vec<_> = spans[1].attributes.iter().map(|one| &*one.key).collect();
    assert_eq!(keys, ["otel.status_code", "error.type"], "only `OK` has a meaning");
    assert_eq!(job.close().delivered, 8);
}

#[test]
fn a_span_may_be_given_another_name_while_it_is_open() {
    let collector = Collector::start(HttpProtobuf);
    let exporter = exporter(&collector, HttpProtobuf)
        .announce_open_spans_after(Duration::ZERO)
        .events(EventMode::ZeroLengthSpans);
    let job = Job::new(exporter);
    let span = job.recorder.start(SpanBuilder::new("GET").with("n", 1)).unwrap();
    for name in ["GET /users", "GET /users/{id}"] {
        let said = Attributes::from([(attribute::NEW_SPAN_NAME, name)]);
        job.recorder.set_attributes(&span, said).unwrap();
    }
    job.recorder.event(&span, "row").unwrap();
    job.flush();
    job.recorder.stop(&span).unwrap();
    job.flush();
    let announced = format!("{:?}", collector.events()[0].attributes);
    assert!(announced.contains("GET /users/{id}"), "{announced}");
    let spans = collector.spans();
    let names: Vec<_> = spans.iter().map(|span| &*span.name).collect();
    assert_eq!(names, ["row_event_for_GET /users/{id}", "GET /users/{id}"]);
    assert_eq!(spans[1].attributes.len(), 1);
    assert_eq!(job.close().delivered, 5);
}

#[test]
fn a_log_record_from_elsewhere_is_one_again_whatever_becomes_of_events() {
    for mode in [EventMode::LogRecords, EventMode::SpanEvents, EventMode::ZeroLengthSpans] {
        let collector = Collector::start(HttpProtobuf);
        let job = Job::new(exporter(&collector, HttpProtobuf).events(mode));
        let span = job.recorder.start("load").unwrap();
        let record = Event::new(event::LOG)
            .with(attribute::LOG_BODY, vec![1_i64, 2])
            .with(attribute::LOG_SEVERITY_NUMBER, 10)
            .with("user", 7)
            .with(attribute::LOG_SEVERITY_TEXT, "NOTICE");
        job.recorder.event(&span, record).unwrap();
        let named = Event::new("login").with(attribute::LOG_BODY, "welcome");
        job.recorder.event(&span, named).unwrap();
        let odd = Event::new("odd").with(attribute::LOG_SEVERITY_NUMBER, 25);
        job.recorder.event(&span, odd).unwrap();
        job.recorder.stop(&span).unwrap();
        job.flush();

        let logs = collector.events();
        assert_eq!(logs.len(), 3, "{mode:?}");
        assert!(matches!(
            logs[0].body.as_ref().and_then(|body| body.value.as_ref()),
            Some(Value::ArrayValue(values)) if values.values.len() == 2
        ));
        assert_eq!((logs[0].severity_number, &*logs[0].severity_text), (10, "NOTICE"));
        assert_eq!(logs[0].event_name, "", "a log record of another library has no name");
        assert_eq!(logs[0].attributes.len(), 1);
        let body = logs[1].body.clone().and_then(|body| body.value);
        assert_eq!(body, Some(Value::StringValue("welcome".into())));
        assert_eq!((&*logs[1].event_name, logs[1].severity_number), ("login", 9));
        // Not a severity: it stays what it is.
        assert_eq!((logs[2].severity_number, logs[2].attributes.len()), (9, 1));
        let spans = collector.spans();
        assert!(logs.iter().all(|log| log.span_id == spans[0].span_id));
        assert_eq!((spans.len(), spans[0].events.len()), (1, 0));
        assert_eq!(job.close().delivered, 5);
    }
}
