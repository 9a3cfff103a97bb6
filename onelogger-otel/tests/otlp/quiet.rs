//! What is sent though nothing is recorded, and what is given up when there is no more time.

use std::time::{Duration, Instant};

use onelogger::LossReason;
use onelogger_otel::RetryPolicy;

use crate::support::{Collector, Job, PROTOCOLS, Received, Reply, exporter};

/// So long that it is only reached if something hangs.
const PATIENCE: Duration = Duration::from_secs(60);

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not yet: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_span_that_stays_open_is_announced_though_nothing_more_is_recorded() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        let age = Duration::from_millis(300);
        let job = Job::new(exporter(&collector, protocol).announce_open_spans_after(age));
        let began = Instant::now();
        let span = job.recorder.start("epoch").unwrap();
        job.flush();
        // The first time it is refused; it comes again by itself as well.
        collector.logs([Reply::Refuse]);
        let is_announced = |request: &Received| {
            request.logs.iter().any(|log| log.event_name == "onelogger.span.open")
        };
        wait_until("two announcements", || {
            collector.received().iter().filter(|one| is_announced(one)).count() == 2
        });
        let received = collector.received();
        let announced: Vec<_> = received.iter().filter(|one| is_announced(one)).collect();
        assert!(announced[0].at >= began + age, "too early");
        // From the call on that was refused, which was before it arrived.
        assert!(announced[1].at >= began + 2 * age, "too early");
        assert_eq!(announced.iter().map(|one| one.is_accepted).collect::<Vec<_>>(), [false, true]);
        job.recorder.stop(&span).unwrap();
        let counts = job.close();
        assert_eq!((counts.delivered, counts.lost_total()), (2, 0));
    }
}

#[test]
fn a_dead_collector_is_given_up_when_the_time_of_the_close_is_over() {
    for protocol in PROTOCOLS {
        for reply in [Reply::Unavailable, Reply::Hang] {
            let collector = Collector::start(protocol);
            let day = Duration::from_secs(24 * 3600);
            let retry = RetryPolicy {
                first_pause: Duration::from_millis(20),
                longest_pause: Duration::from_millis(100),
                within: day,
            };
            let job = Job::new(exporter(&collector, protocol).timeout(day).retry(retry));
            collector.traces(vec![reply.clone(); 10_000]);
            collector.logs(vec![reply.clone(); 10_000]);
            let before = collector.received().len();
            job.spans(2);
            let counts = std::thread::scope(|scope| {
                // The call that hangs has begun before the close.
                scope.spawn(|| job.flush());
                wait_until("an attempt", || collector.received().len() > before);
                job.events(3);
                job.close_within(Duration::from_secs(2))
            });
            assert_eq!(counts.lost(LossReason::ExportFailed), 7, "{protocol:?} {reply:?}");
            assert_eq!((counts.recorded, counts.delivered), (7, 0), "{protocol:?} {reply:?}");
        }
    }
}
