//! What may pass is tried again, within bounds, and nothing that is accepted is sent twice.

use std::time::{Duration, Instant};

use onelogger_otel::Protocol::{Grpc, HttpProtobuf};
use onelogger_otel::{OtlpExporterBuilder, Protocol, RetryPolicy};

use crate::support::{Collector, Job, PROTOCOLS, Received, Reply, exporter};

/// Tries again soon, and for long enough.
fn patient(collector: &Collector, protocol: Protocol) -> OtlpExporterBuilder {
    exporter(collector, protocol).timeout(Duration::from_millis(500)).retry(RetryPolicy {
        first_pause: Duration::from_millis(20),
        longest_pause: Duration::from_millis(100),
        within: Duration::from_secs(10),
    })
}

/// The requests with spans of the job, and not those that tell of a loss.
fn attempts(collector: &Collector) -> Vec<Received> {
    let mut received = collector.received();
    received.retain(|request| request.spans.iter().any(|span| span.name.starts_with("span ")));
    received
}

fn check(protocol: Protocol, replies: impl IntoIterator<Item = Reply>, expected_attempts: usize) {
    let collector = Collector::start(protocol);
    collector.traces(replies);
    let job = Job::new(patient(&collector, protocol));
    job.spans(3);
    job.flush();
    let counts = job.close();
    assert_eq!((counts.delivered, counts.lost_total()), (6, 0), "{protocol:?}");
    assert_eq!(attempts(&collector).len(), expected_attempts, "{protocol:?}");
    assert_eq!(collector.spans().len(), 3, "{protocol:?}: once each");
}

#[test]
fn what_may_pass_is_tried_again_until_it_has_passed() {
    for protocol in PROTOCOLS {
        check(protocol, [Reply::Unavailable, Reply::Unavailable, Reply::Unavailable], 4);
        check(protocol, [Reply::Reset], 2);
        check(protocol, [Reply::Hang], 2);
        check(protocol, [Reply::Unavailable, Reply::Reset, Reply::Hang], 4);
    }
    check(HttpProtobuf, [Reply::Busy(None)], 2);
}

#[test]
fn a_partial_success_is_not_tried_again() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        collector.traces([Reply::Unavailable, Reply::Reject(1)]);
        let job = Job::new(patient(&collector, protocol));
        job.spans(3);
        job.flush();
        let counts = job.close();
        assert_eq!((counts.delivered, counts.lost_total()), (4, 2));
        assert_eq!(attempts(&collector).len(), 2);
    }
}

#[test]
fn exhausted_without_a_word_of_when_is_for_good_over_grpc() {
    let collector = Collector::start(Grpc);
    collector.traces([Reply::Busy(None)]);
    let job = Job::new(patient(&collector, Grpc));
    job.spans(1);
    job.flush();
    assert_eq!(attempts(&collector).len(), 1);
    assert_eq!(job.close().lost_total(), 2);
}

#[test]
fn the_collector_s_own_pause_is_kept() {
    // HTTP knows whole seconds.
    for (protocol, wait) in [(HttpProtobuf, 1000), (Grpc, 400)] {
        let wait = Duration::from_millis(wait);
        let collector = Collector::start(protocol);
        collector.traces([Reply::Busy(Some(wait))]);
        let job = Job::new(patient(&collector, protocol));
        job.spans(1);
        job.flush();
        assert_eq!(job.close().lost_total(), 0);
        let attempts = attempts(&collector);
        let waited = attempts[1].at - attempts[0].at;
        assert!(waited >= wait, "{protocol:?}: {waited:?}");
    }
}

#[test]
fn a_collector_that_asks_for_no_pause_is_not_stormed() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        collector.traces(vec![Reply::Busy(Some(Duration::ZERO)); 1000]);
        let job = Job::new(exporter(&collector, protocol).retry(RetryPolicy {
            first_pause: Duration::from_millis(50),
            longest_pause: Duration::from_millis(50),
            within: Duration::from_millis(500),
        }));
        job.spans(1);
        job.flush();
        // A pause is 25 ms at least.
        let tried = attempts(&collector).len();
        assert!(tried <= 21, "{protocol:?}: {tried} attempts");
        assert_eq!(job.close().lost_total(), 2);
    }
}

#[test]
fn a_policy_without_pauses_storms_nobody() {
    let policy = RetryPolicy {
        first_pause: Duration::ZERO,
        longest_pause: Duration::ZERO,
        within: Duration::from_millis(500),
    };
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        collector.traces(vec![Reply::Unavailable; 10_000]);
        let job = Job::new(exporter(&collector, protocol).retry(policy));
        job.spans(1);
        job.flush();
        // A pause is 5 ms at least.
        let tried = attempts(&collector).len();
        assert!(tried <= 101, "{protocol:?}: {tried} attempts");
        assert_eq!(job.close().lost_total(), 2);
    }
}

#[test]
fn a_pause_beyond_the_bound_is_not_waited_for() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        collector.traces([Reply::Busy(Some(Duration::from_secs(600)))]);
        let job = Job::new(patient(&collector, protocol));
        job.spans(1);
        let began = Instant::now();
        job.flush();
        assert!(began.elapsed() < Duration::from_secs(5));
        assert_eq!(job.close().lost_total(), 2);
        assert_eq!(attempts(&collector).len(), 1);
    }
}

#[test]
fn what_does_not_pass_is_given_up_within_the_bound() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        collector.traces(vec![Reply::Unavailable; 1000]);
        let job = Job::new(exporter(&collector, protocol).retry(RetryPolicy {
            first_pause: Duration::from_millis(10),
            longest_pause: Duration::from_millis(40),
            within: Duration::from_millis(300),
        }));
        job.spans(1);
        let began = Instant::now();
        job.flush();
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        let tried = attempts(&collector).len();
        assert!((4..40).contains(&tried), "{tried}");
        assert!(job.last_error().contains("attempts)"), "{}", job.last_error());
        assert_eq!(job.close().lost_total(), 2);
    }
}

#[test]
fn a_collector_that_comes_late_gets_everything() {
    for protocol in PROTOCOLS {
        let mut collector = Collector::absent(protocol);
        let job = Job::new(patient(&collector, protocol));
        job.spans(2);
        std::thread::scope(|scope| {
            let flush = scope.spawn(|| job.flush());
            std::thread::sleep(Duration::from_millis(300));
            collector.come();
            flush.join().unwrap();
        });
        assert_eq!(job.close().lost_total(), 0);
        // It was not there, but its port was: what it found in the queue counts as sent twice.
        assert!(collector.spans().len() >= 2);
        assert_eq!(collector.event_names()[0], "onelogger.open");
    }
}

#[test]
fn a_collector_that_was_restarted_gets_what_comes_then() {
    for protocol in PROTOCOLS {
        let mut collector = Collector::start(protocol);
        let job = Job::new(patient(&collector, protocol));
        job.spans(2);
        job.flush();
        collector.go();
        collector.come();
        job.spans(2);
        job.flush();
        assert_eq!(job.close().lost_total(), 0, "{protocol:?}");
        assert_eq!(collector.spans().len(), 4, "{protocol:?}");
    }
}

#[test]
fn nobody_there_is_an_error_that_names_the_address() {
    for protocol in PROTOCOLS {
        // A port that was free a moment ago.
        let address = Collector::absent(protocol).address.clone();
        let builder = onelogger_otel::OtlpExporter::builder().protocol(protocol);
        let job = Job::new(builder.endpoint(&address).retry(RetryPolicy::NEVER));
        job.spans(1);
        job.flush();
        let said = job.last_error();
        assert!(said.contains(&address) && said.contains("refused"), "{said}");
        assert_eq!(job.close().lost_total(), 2);
    }
}
