//! Whatever the collector answers, each record is delivered or lost, and counted so.

use std::sync::Barrier;
use std::time::Duration;

use onelogger::{Attributes, DisableRule, ExporterState, LossReason};
use onelogger_otel::Compression;

use crate::support::{Collector, Job, PROTOCOLS, Reply, exporter};

/// Two spans and three events: four records and three.
fn two_spans_and_three_events(job: &Job) {
    job.spans(2);
    job.events(3);
    job.flush();
}

/// What is delivered and lost of them under these answers, and what the exporter says of it.
fn check(traces: &[Reply], logs: &[Reply], (delivered, lost): (u64, u64), reason: [&str; 2]) {
    for (protocol, reason) in PROTOCOLS.into_iter().zip(reason) {
        let collector = Collector::start(protocol);
        let timeout = Duration::from_millis(300);
        let job = Job::new(exporter(&collector, protocol).timeout(timeout));
        collector.traces(traces.iter().cloned());
        collector.logs(logs.iter().cloned());
        two_spans_and_three_events(&job);
        let counts = job.counts();
        let said = job.last_error();
        assert_eq!((counts.delivered, counts.lost_total()), (delivered, lost), "{said}");
        assert!(said.contains(reason), "{protocol:?}: {said}");
        assert_eq!(said.is_empty(), lost == 0, "{said}");
        job.close();
    }
}

#[test]
fn what_is_accepted_is_delivered() {
    check(&[], &[], (7, 0), ["", ""]);
}

#[test]
fn what_is_refused_is_lost_and_the_other_signal_is_not() {
    let reasons = ["400 Bad Request: no such tenant", "InvalidArgument: no such tenant"];
    check(&[Reply::Refuse], &[], (3, 4), reasons);
    check(&[], &[Reply::Refuse], (4, 3), reasons);
    check(&[Reply::Refuse], &[Reply::Refuse], (0, 7), reasons);
}

/// As those that keep traces only.
#[test]
fn a_collector_that_takes_no_log_records_gets_all_spans() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        collector.logs(vec![Reply::Refuse; 1000]);
        let exporter = exporter(&collector, protocol).build().unwrap();
        let job = Job::under(DisableRule::AfterConsecutive(5), exporter);
        for _ in 0..2 {
            job.spans(1);
            job.flush();
            for _ in 0..10 {
                job.events(1);
                job.flush();
            }
        }
        let counts = job.counts();
        assert_eq!((counts.delivered, counts.lost_total()), (4, 20), "{protocol:?}: {counts:?}");
        assert_eq!(counts.lost(LossReason::ExportFailed), 20, "{protocol:?}: {counts:?}");
        job.close();
    }
}

/// One that takes nothing is left alone for a while.
#[test]
fn a_collector_that_refuses_everything_is_left_alone() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        let job = Job::under(
            DisableRule::AfterConsecutive(5),
            exporter(&collector, protocol).build().unwrap(),
        );
        job.spans(1);
        job.flush();
        collector.traces(vec![Reply::Refuse; 1000]);
        collector.logs(vec![Reply::Refuse; 1000]);
        for _ in 0..5 {
            job.spans(1);
            job.events(1);
            job.flush();
        }
        assert_eq!(job.recorder.health().exporters[0].state, ExporterState::BackingOff);
        job.close();
    }
}

#[test]
fn what_is_rejected_of_an_accepted_request_is_lost() {
    let reasons = ["rejected 1 items: too old"; 2];
    check(&[Reply::Reject(1)], &[], (5, 2), reasons);
    check(&[], &[Reply::Reject(1)], (6, 1), reasons);
    // More than there were.
    check(&[Reply::Reject(9)], &[], (3, 4), ["rejected 9 items: too old"; 2]);
}

#[test]
fn what_may_pass_is_lost_where_nothing_is_tried_again() {
    check(&[Reply::Unavailable], &[], (3, 4), ["503", "Unavailable: not now"]);
    check(&[Reply::Busy(None)], &[], (3, 4), ["429", "ResourceExhausted: too fast"]);
    check(&[Reply::Hang], &[], (3, 4), ["no answer within 300ms"; 2]);
}

#[test]
fn what_is_on_its_way_when_a_connection_breaks_is_lost() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        let job = Job::new(exporter(&collector, protocol));
        // Over gRPC it ends the connection for log records as well, and so there are none here.
        collector.traces([Reply::Reset]);
        job.spans(2);
        job.flush();
        let counts = job.close();
        assert_eq!((counts.delivered, counts.lost_total()), (0, 4), "{protocol:?}");
    }
}

#[test]
fn an_answer_that_is_none_of_a_collector_is_no_delivery() {
    check(&[Reply::Page], &[], (3, 4), ["none of a collector", "Unknown"]);
}

#[test]
fn a_start_is_lost_with_its_span_also_when_it_was_accepted_long_before() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        let job = Job::new(exporter(&collector, protocol));
        let span = job.recorder.start("long").unwrap();
        job.recorder.set_attributes(&span, Attributes::from([("a", 1)])).unwrap();
        job.flush();
        assert_eq!((job.counts().delivered, job.counts().lost_total()), (2, 0));
        assert_eq!(job.counts().delivered_updates, 1);
        collector.traces([Reply::Refuse]);
        job.recorder.stop(&span).unwrap();
        job.flush();
        let counts = job.counts();
        assert_eq!((counts.delivered, counts.lost_total()), (0, 3));
        assert_eq!(counts.delivered_updates, 0);
        job.close();
    }
}

#[test]
fn additions_of_attributes_are_counted_apart_whichever_records_of_a_call_are_lost() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        let job = Job::new(exporter(&collector, protocol));
        let update = |span| {
            job.recorder.set_attributes(span, Attributes::from([("a", 1)])).unwrap();
        };
        // One call: a span with two additions, whose request is refused; an event, which is not; and
        // an open span with one.
        let [lost, open] = ["lost", "open"].map(|name| job.recorder.start(name).unwrap());
        update(&lost);
        update(&open);
        update(&lost);
        job.recorder.stop(&lost).unwrap();
        job.events(1);
        collector.traces([Reply::Refuse]);
        job.flush();
        let counts = job.counts();
        assert_eq!((counts.delivered, counts.delivered_updates), (3, 1), "{protocol:?}");
        assert_eq!(counts.lost_total(), 4, "{protocol:?}");
        let counts = job.close();
        // The close has stopped the other.
        assert_eq!((counts.delivered, counts.delivered_updates), (4, 1), "{protocol:?}");
    }
}

#[test]
fn losses_and_totals_are_told_to_the_collector() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        collector.traces([Reply::Refuse]);
        let job = Job::new(exporter(&collector, protocol));
        two_spans_and_three_events(&job);
        let counts = job.close();
        assert_eq!((counts.recorded, counts.delivered, counts.lost_total()), (7, 3, 4));
        let names = collector.event_names();
        assert_eq!(names.first().map(String::as_str), Some("onelogger.open"));
        assert!(names.iter().any(|name| name == "telemetry_data_error"), "{names:?}");
        let closing = collector.log_records().pop().unwrap();
        assert_eq!(closing.event_name, "onelogger.close");
        let number = |name: &str| {
            let value = closing.attributes.iter().find(|attribute| attribute.key == name);
            format!("{:?}", value.and_then(|value| value.value.clone()?.value))
        };
        assert_eq!(number("onelogger.recorded"), "Some(IntValue(7))");
        assert_eq!(number("onelogger.delivered"), "Some(IntValue(3))");
        assert_eq!(number("onelogger.lost.export_failed"), "Some(IntValue(4))");
    }
}

#[test]
fn large_batches_are_cut_and_each_request_stands_for_itself() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        let job = Job::new(exporter(&collector, protocol));
        // The second of several requests is refused.
        collector.logs([Reply::Accept, Reply::Refuse]);
        // A lane holds a megabyte. Each of these threads has its own: none ends before all record.
        let together = Barrier::new(15);
        std::thread::scope(|scope| {
            for _ in 0..15 {
                let event = onelogger::Event::new("large").with("text", "x".repeat(300 << 10));
                scope.spawn(|| {
                    job.recorder.event(None, event).unwrap();
                    together.wait();
                });
            }
        });
        job.flush();
        let mut received = collector.received();
        // Without what tells of the loss.
        received.retain(|request| request.logs.iter().any(|log| log.event_name == "large"));
        let refused: usize =
            received.iter().filter(|request| !request.is_accepted).map(|one| one.logs.len()).sum();
        let counts = job.close();
        assert!(refused > 0, "several requests: {}", received.len());
        assert_eq!((counts.recorded, counts.lost_total()), (15, refused as u64));
    }
}

#[test]
fn compressed_requests_carry_the_same() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        let exporter = exporter(&collector, protocol).compression(Compression::Gzip);
        let job = Job::new(exporter.header("X-Tenant", "blue"));
        two_spans_and_three_events(&job);
        assert_eq!(job.close().delivered, 7);
        assert_eq!(collector.spans().len(), 2);
        for request in collector.received() {
            assert!(request.is_compressed, "{protocol:?}");
            let has = |line: &str| request.headers.iter().any(|header| header.contains(line));
            assert!(has("x-tenant: blue") && has("onelogger-otel/"), "{:?}", request.headers);
        }
    }
}
