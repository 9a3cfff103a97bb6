//! Spans, events and errors through a real collector, over both transports, with gzip and without:
//! all of it arrives, once, as it was recorded.

use std::future::pending;
use std::task::{Context, Waker};
use std::time::Duration;

use onelogger::{
    Attributes, ErrorEvent, Event, Level, Outcome, Record, SpanBuilder, SpanContext, SpanId,
    SpanKind, SpanStop, TelemetryDataError, TraceId, error, event, span, timed_span,
};
use onelogger_otel::Compression;
use onelogger_tests::collector::{
    Closed, Collector, Job, Losses, Received, Sink, check_ledger, expected, exporter, over_both,
};
use serde_json::json;

/// Runs the work as a job of each transport and compression, through one collector, and gives what
/// has arrived of each.
#[track_caller]
fn through_the_collector(work: impl Fn(&Job) + Sync, check: impl Fn(&Closed, &Received) + Sync) {
    let sink = Sink::start();
    over_both(|protocol| {
        let collector = Collector::start(&sink, protocol);
        for compression in [Compression::None, Compression::Gzip] {
            let name = format!("{protocol:?} {compression:?}");
            let endpoint = collector.endpoint(protocol);
            let job = Job::start(&name, exporter(protocol, &endpoint).compression(compression));
            work(&job);
            let closed = job.close();
            assert_eq!(closed.counts.lost_total(), 0, "{name}: {}", closed.last_error);
            let received = sink.until_delivered(&name, &closed);
            check_ledger(&closed, &received, Losses::default());
            check(&closed, &received);
        }
    });
}

/// Each record has its item, and there are no others.
fn everything_arrives(closed: &Closed, received: &Received) {
    let expected = [expected::of_run(), expected::of_records(&closed.records)].concat();
    expected::check(&expected, received, &["traces", "logs"]);
}

#[timed_span(name = "epoch", attrs(epoch), ret(loss = |loss| *loss))]
fn epoch(epoch: u32) -> f64 {
    let loss: f64 = (0..3).map(|index| step(epoch, index).unwrap_or(0.5)).sum();
    event!("progress", loss, epoch);
    loss
}

#[timed_span(name = "step", attrs(index))]
fn step(epoch: u32, index: u32) -> Result<f64, std::num::ParseFloatError> {
    let _load = span!(kind: client, "load", shard = index);
    if epoch == 1 && index == 2 {
        return "diverged".parse();
    }
    event!(level: debug, "loaded", rows = 100 * index);
    Ok(0.25)
}

#[timed_span(name = "fetch", kind = producer, attrs(path))]
async fn fetch(path: &str) -> usize {
    let part = span!(async "part"; { path.len() }).await;
    pending::<()>().await;
    part
}

#[test]
fn annotated_functions_arrive_as_the_tree_that_they_are() {
    let work = |job: &Job| {
        job.run(|| {
            let _train = span!("train", epochs = 2);
            epoch(0);
            epoch(1);
            error!("the run has one bad step", step = 2);
        });
        job.run(|| {
            let mut cancelled = Box::pin(fetch("/a"));
            let mut cx = Context::from_waker(Waker::noop());
            assert!(cancelled.as_mut().poll(&mut cx).is_pending());
        });
        let panicked = std::panic::catch_unwind(|| job.run(panicking));
        assert!(panicked.is_err());
    };
    through_the_collector(work, |closed, received| {
        everything_arrives(closed, received);
        // Three levels below the root, in one trace.
        let train = received.span("train");
        assert_eq!(train.parent_span_id, "");
        assert_eq!(train.status["code"], "STATUS_CODE_ERROR");
        let named = |name: &str| {
            let spans = received.spans().into_iter().filter(move |span| span.name == name);
            spans.collect::<Vec<_>>()
        };
        let (epochs, steps, loads) = (named("epoch"), named("step"), named("load"));
        assert_eq!((epochs.len(), steps.len(), loads.len()), (2, 6, 6));
        for (below, above) in [(&epochs, &vec![train.clone()]), (&steps, &epochs), (&loads, &steps)]
        {
            for span in below {
                assert_eq!(span.trace_id, train.trace_id);
                assert!(above.iter().any(|parent| parent.span_id == span.parent_span_id));
            }
        }
        let failed: Vec<_> =
            steps.iter().filter(|step| step.status["code"] == "STATUS_CODE_ERROR").collect();
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0].attributes["error.type"], "ParseFloatError");
        assert_eq!(received.span("fetch").kind, "SPAN_KIND_PRODUCER");
        assert_eq!(received.span("fetch").attributes["onelogger.outcome"], "cancelled");
        assert_eq!(received.span("panicking").attributes["onelogger.outcome"], "panic");
        // An error, a failed step and a panic.
        assert_eq!(received.events("exception").len(), 3);
    });
}

#[timed_span(name = "panicking")]
fn panicking() {
    std::panic::resume_unwind(Box::new("nobody expects it"));
}

/// Every kind of value, and each at its edges.
fn attributes() -> Attributes {
    let large: String = "0123456789abcdef".repeat(16 << 10);
    Attributes::new()
        .with("text", "plain")
        .with("empty", "")
        .with("unicode", "naïve 日本語 🚀 \u{301}\u{202e}\0\n\"\\")
        .with("large", large)
        .with("true", true)
        .with("false", false)
        .with("zero", 0)
        .with("least", i64::MIN)
        .with("most", i64::MAX)
        .with("beyond", u64::MAX)
        .with("half", 0.5)
        .with("whole", 2.0)
        .with("tiny", f64::MIN_POSITIVE)
        .with("huge", f64::MAX)
        .with("third", 1.0 / 3.0)
        .with("not a number", f64::NAN)
        .with("infinite", f64::INFINITY)
        .with("minus infinite", f64::NEG_INFINITY)
        .with("texts", vec!["a", "", "ß"])
        .with("bools", vec![true, false])
        .with("integers", vec![i64::MIN, 0, i64::MAX])
        .with("floats", vec![1.0, -0.25, f64::INFINITY])
        .with("no texts", Vec::<String>::new())
        .with("no integers", Vec::<i64>::new())
        .with("many", (0..2000).collect::<Vec<i64>>())
        .with("ключ", "a key of other letters")
}

#[test]
fn attributes_of_every_type_arrive_with_their_type() {
    let work = |job: &Job| {
        let span =
            SpanBuilder::new("typed").attributes(attributes()).start_attributes(attributes());
        let span = job.recorder.start(span).unwrap();
        job.recorder.event(&span, Event::new("typed event").attributes(attributes())).unwrap();
        let mut error = ErrorEvent::new("typed error");
        for (name, value) in attributes() {
            error = error.with(name, value);
        }
        job.recorder.error(&span, error).unwrap();
        job.recorder.set_attributes(&span, Attributes::from([("added", 1)])).unwrap();
        let stop = SpanStop::new().with("at the end", vec![0.5]);
        job.recorder.stop_with(&span, stop).unwrap();
        // Nothing at all.
        let bare = job.recorder.start(SpanBuilder::new("bare").root()).unwrap();
        job.recorder.event(&bare, "bare event").unwrap();
        job.recorder.stop(&bare).unwrap();
    };
    through_the_collector(work, |closed, received| {
        everything_arrives(closed, received);
        let typed = received.span("typed");
        let shows = |name: &str, value: serde_json::Value| {
            assert_eq!(typed.attributes[name], value, "{name}");
        };
        shows("most", json!(i64::MAX));
        shows("beyond", json!("18446744073709551615"));
        shows("whole", json!(2.0));
        shows("not a number", json!({"float": "NaN"}));
        shows("integers", json!([i64::MIN, 0, i64::MAX]));
        shows("no texts", json!([]));
        shows("unicode", json!("naïve 日本語 🚀 \u{301}\u{202e}\0\n\"\\"));
        shows("added", json!(1));
        assert_eq!(typed.attributes["large"].as_str().map(str::len), Some(256 << 10));
        assert!(received.span("bare").attributes.is_empty());
        assert_eq!(closed.counts.delivered_updates, 1);
    });
}

const TRACE: u128 = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c;
const REMOTE: u64 = 0xb7ad_6b71_6920_3331;

#[test]
fn kinds_links_remote_parents_and_outcomes_arrive() {
    let remote = SpanContext::remote(TraceId::from_u128(TRACE), SpanId::from_u64(REMOTE));
    let work = |job: &Job| {
        use SpanKind::{Client, Consumer, Internal, Producer, Server};
        let first = job.recorder.start(SpanBuilder::new("first").root()).unwrap();
        for kind in [Internal, Server, Client, Producer, Consumer] {
            let span = SpanBuilder::new(format!("{kind:?}")).kind(kind).parent(&first);
            let span = job.recorder.start(span).unwrap();
            job.recorder.stop(&span).unwrap();
        }
        let span = SpanBuilder::new("handler").kind(Server).remote_parent(remote);
        let span = span.link(first.context(), Attributes::from([("why", "caused")]));
        let handler = job.recorder.start(span.link(remote, Attributes::new())).unwrap();
        for outcome in [Outcome::Ok, Outcome::Error, Outcome::Panic, Outcome::Cancelled] {
            let span = SpanBuilder::new(outcome.as_str()).parent(&handler);
            let span = job.recorder.start(span).unwrap();
            job.recorder.stop_with(&span, SpanStop::new().outcome(outcome)).unwrap();
        }
        for level in [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error] {
            let event = Event::new(format!("{level:?}")).level(level);
            job.recorder.event(&handler, event).unwrap();
        }
        let error = ErrorEvent::new("refused").exception("Refused", "no such user");
        job.recorder.error(&handler, error).unwrap();
        job.recorder.stop(&handler).unwrap();
        job.recorder.stop(&first).unwrap();
    };
    through_the_collector(work, |closed, received| {
        everything_arrives(closed, received);
        let handler = received.span("handler");
        assert_eq!(handler.trace_id, format!("{TRACE:032x}"));
        assert_eq!(handler.parent_span_id, format!("{REMOTE:016x}"));
        assert_eq!(handler.status, json!({"code": "STATUS_CODE_ERROR", "message": "refused"}));
        let shown = received.items("traces").find(|item| item.body["name"] == "handler").unwrap();
        // Sampled, and a parent that is known to be remote.
        assert_eq!(shown.body["flags"], 0x301);
        assert_eq!(shown.body["links"][0]["span_id"], received.span("first").span_id);
        assert_eq!(shown.body["links"][1]["span_id"], format!("{REMOTE:016x}"));
        let codes = ["ok", "error", "panic", "cancelled"]
            .map(|name| received.span(name).status["code"].clone());
        let (unset, error) = ("STATUS_CODE_UNSET", "STATUS_CODE_ERROR");
        assert_eq!(codes, [unset, error, error, unset]);
        let severities = ["Trace", "Debug", "Info", "Warn", "Error"]
            .map(|name| received.events(name)[0].severity_number);
        assert_eq!(severities, [1, 5, 9, 13, 17]);
    });
}

#[test]
fn a_telemetry_data_error_arrives_as_a_log_record_and_as_a_root_span() {
    let work = |job: &Job| {
        job.work(0..2);
        let error = TelemetryDataError::new("the sensor has lied").with("sensor", 7);
        job.recorder.telemetry_data_error(error).unwrap();
        job.work(2..4);
    };
    through_the_collector(work, |closed, received| {
        everything_arrives(closed, received);
        let log = received.events("telemetry_data_error").pop().unwrap();
        let span = received.items("traces").find(|item| item.body["name"] == log.event_name);
        let span = &span.unwrap().body;
        assert_eq!(
            (&log.body, &log.attributes["sensor"]),
            (&json!("the sensor has lied"), &json!(7))
        );
        assert_eq!(span["status"]["code"], "STATUS_CODE_ERROR");
        assert_eq!(
            (&span["trace_id"], &span["span_id"]),
            (&json!(log.trace_id), &json!(log.span_id))
        );
    });
}

#[test]
fn a_span_that_stays_open_is_announced_and_arrives_whole_when_it_ends() {
    let sink = Sink::start();
    over_both(|protocol| {
        let collector = Collector::start(&sink, protocol);
        let name = format!("{protocol:?}");
        let exporter = exporter(protocol, &collector.endpoint(protocol));
        let age = Duration::from_millis(50);
        let job = Job::start(&name, exporter.announce_open_spans_after(age));
        let long = SpanBuilder::new("long").with("a", 1).root();
        let long = job.recorder.start(long).unwrap();
        let announced = |received: &Received| received.of(&name).events("onelogger.span.open");
        let received = sink.until_received("the announcement", |received| {
            // An exporter looks for open spans when it is called.
            job.recorder.event(None, "meanwhile").unwrap();
            !announced(received).is_empty()
        });
        let open = announced(&received).remove(0);
        assert_eq!(open.attributes["onelogger.span.name"], "long");
        assert_eq!(open.span_id, long.context().span_id.to_string());
        assert!(received.of(&name).spans().is_empty());
        job.recorder.stop(&long).unwrap();
        let closed = job.close();
        let received = sink.until_delivered(&name, &closed);
        assert_eq!(received.span("long").span_id, open.span_id);
        assert_eq!(announced(&received).len(), 1, "once is enough");
        let delivered = closed.counts.delivered;
        assert_eq!((closed.counts.lost_total(), received.record_count()), (0, delivered));
    });
}

/// Many threads at once, with everything that they record.
#[test]
fn nothing_is_missing_of_many_threads() {
    let count = if std::env::var_os("ONELOGGER_FULL").is_some() { 5_000 } else { 1_000 };
    let sink = Sink::start();
    over_both(|protocol| {
        let collector = Collector::start(&sink, protocol);
        let name = format!("{protocol:?}");
        let job = Job::start(&name, exporter(protocol, &collector.endpoint(protocol)));
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let job = &job;
                scope.spawn(move || job.work(thread * count..(thread + 1) * count));
            }
        });
        let closed = job.close();
        assert_eq!(closed.counts.delivered, 4 * 3 * count as u64);
        let received = sink.until_delivered(&name, &closed);
        check_ledger(&closed, &received, Losses::default());
        let mut numbers = received.numbers("progress");
        numbers.sort_unstable();
        assert_eq!(numbers, (0..4 * count).collect::<Vec<_>>());
        let mut ids: Vec<String> = received.spans().into_iter().map(|span| span.span_id).collect();
        ids.sort_unstable();
        let recorded = closed.records.iter().filter_map(|record| match record {
            Record::Stop(span) => Some(span.span_id.to_string()),
            _ => None,
        });
        let mut recorded: Vec<String> = recorded.collect();
        recorded.sort_unstable();
        assert_eq!(ids, recorded);
    });
}
