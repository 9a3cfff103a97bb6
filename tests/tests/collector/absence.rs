//! A collector that is not there: not yet, not any more, for a moment, or for good.

use std::time::Duration;

use onelogger::ExporterState;
use onelogger_otel::Protocol;
use onelogger_tests::collector::{
    Closed, Collector, Job, LogItem, Losses, Received, Sink, Wire, check_ledger, exporter,
    impatient, over_both,
};

#[test]
fn a_collector_that_comes_late_gets_everything() {
    over_both(|protocol| {
        let mut sink = Sink::absent(&[]);
        let job = Job::start("job", exporter(protocol, &sink.endpoint(protocol)));
        job.work(0..100);
        // Its first attempt has failed.
        let flushed = job.recorder.force_flush(Duration::from_millis(200));
        assert!(flushed.is_err(), "{protocol:?}: nobody has taken anything");
        assert_eq!(job.counts().delivered, 0);
        sink.come();
        job.work(100..200);
        let closed = job.close();
        assert_eq!(closed.counts.lost_total(), 0, "{protocol:?}: {}", closed.last_error);
        let received = sink.received();
        check_ledger(&closed, &received, Losses::default());
        assert_eq!(received.numbers("progress"), (0..200).collect::<Vec<_>>());
        assert_eq!(received.events("onelogger.open").len(), 1);
    });
}

#[test]
fn one_that_comes_too_late_is_told_what_it_has_missed() {
    over_both(|protocol| {
        let mut sink = Sink::absent(&[]);
        let exporter = exporter(protocol, &sink.endpoint(protocol)).retry(impatient());
        let job = Job::in_batches("job", exporter);
        for round in 0..3 {
            job.work(10 * round..10 * round + 10);
            job.flush();
        }
        assert!(job.last_error().contains("refused"), "{protocol:?}: {}", job.last_error());
        assert_eq!((job.counts().delivered, job.counts().lost_total()), (0, 90));
        sink.come();
        // Told with the next flush, also if nothing more is recorded.
        job.flush();
        assert!(sink.received().logs().iter().any(LogItem::tells_of_losses), "{protocol:?}");
        job.work(30..40);
        let closed = job.close();
        assert_eq!(closed.counts.lost_total(), 90);
        let received = sink.received();
        check_ledger(&closed, &received, Losses::default());
        assert_eq!(received.numbers("progress"), (30..40).collect::<Vec<_>>());
    });
}

/// An exporter that has failed too often is left alone for a while, and tried again by itself.
#[test]
fn an_exporter_that_was_switched_off_tells_of_it_although_nothing_more_is_recorded() {
    over_both(|protocol| {
        let mut sink = Sink::absent(&[]);
        let exporter = exporter(protocol, &sink.endpoint(protocol)).retry(impatient());
        let job = Job::start("job", exporter);
        let mut number = 0;
        let state = || job.recorder.health().exporters[0].state;
        while state() != ExporterState::BackingOff {
            job.work(number..number + 1);
            job.flush();
            number += 1;
            assert!(number < 100, "it fails, and is not switched off");
        }
        sink.come();
        let told = |received: &Received| received.logs().iter().any(LogItem::tells_of_losses);
        sink.until_received("the report of the losses", told);
        job.work(number..number + 10);
        let closed = job.close();
        assert_eq!(closed.counts.delivered, 30, "{protocol:?}: {:?}", closed.counts);
        check_ledger(&closed, &sink.received(), Losses::default());
    });
}

#[test]
fn one_that_never_comes_loses_all_and_holds_up_no_one() {
    over_both(|protocol| {
        let sink = Sink::absent(&[]);
        let exporter = exporter(protocol, &sink.endpoint(protocol)).retry(impatient());
        let job = Job::in_batches("job", exporter);
        job.work(0..1000);
        let closed = job.close();
        let counts = closed.counts;
        assert_eq!((counts.delivered, counts.lost_total()), (0, 3000), "{}", closed.last_error);
        assert!(counts.is_balanced());
    });
}

/// A connection that was closed while nobody used it is no loss, and costs no second sending: that
/// is found out before something is sent, or with the first attempt.
#[test]
fn a_connection_that_was_closed_while_idle_is_made_anew() {
    over_both(|protocol| {
        let sink = Sink::start();
        let wire = Wire::to(&sink.endpoint(protocol));
        let job = Job::in_batches("job", exporter(protocol, &wire.endpoint()));
        for round in 0..5 {
            job.work(10 * round..10 * round + 10);
            job.flush();
            assert_eq!(job.counts().delivered, 30 * (round as u64 + 1), "{}", job.last_error());
            assert!(wire.cut() > 0, "{protocol:?}: there was a connection");
        }
        let closed = job.close();
        assert_eq!(closed.counts.lost_total(), 0, "{protocol:?}: {}", closed.last_error);
        let received = sink.received();
        check_ledger(&closed, &received, Losses::default());
        assert_eq!(received.numbers("progress"), (0..50).collect::<Vec<_>>());
    });
}

/// So does a router that forgets a connection: nobody is told, and no answer ever comes.
#[test]
fn a_connection_that_has_gone_dead_is_given_up_for_another() {
    over_both(|protocol| {
        let sink = Sink::start();
        let wire = Wire::to(&sink.endpoint(protocol));
        let exporter = exporter(protocol, &wire.endpoint()).timeout(Duration::from_secs(2));
        let job = Job::in_batches("job", exporter);
        job.work(0..10);
        job.flush();
        assert!(wire.let_go_dead() > 0, "{protocol:?}: there was a connection");
        job.work(10..20);
        let closed = job.close();
        assert_eq!(closed.counts.lost_total(), 0, "{protocol:?}: {}", closed.last_error);
        let received = sink.received();
        check_ledger(&closed, &received, Losses::default());
        assert_eq!(received.numbers("progress"), (0..20).collect::<Vec<_>>());
    });
}

/// Records for as long as `meanwhile` takes, and gives the number of the first event that was
/// recorded after its end.
fn under_load(job: &Job, first: i64, meanwhile: impl FnOnce() + Send) -> i64 {
    std::thread::scope(|scope| {
        let meanwhile = scope.spawn(meanwhile);
        let mut number = first;
        while !meanwhile.is_finished() {
            job.work(number..number + 1);
            number += 1;
            std::thread::sleep(Duration::from_millis(1));
        }
        meanwhile.join().expect("a collector that starts again");
        number
    })
}

/// Before, during, and after: what is recorded goes on to be recorded.
fn restarted(protocol: Protocol, restart: impl FnOnce(&mut Collector) + Send) -> Restarted {
    let sink = Sink::start();
    let mut collector = Collector::start(&sink, protocol);
    let job = Job::start("job", exporter(protocol, &collector.endpoint(protocol)));
    job.work(0..100);
    job.flush();
    sink.until_received("what came before", |received| received.record_count() == 300);
    let until = under_load(&job, 100, || restart(&mut collector));
    job.work(until..until + 100);
    let closed = job.close();
    assert_eq!(closed.counts.lost_total(), 0, "{protocol:?}: {}", closed.last_error);
    assert!(closed.counts.is_balanced());
    assert_eq!(closed.counts.delivered, 3 * (until as u64 + 100));
    Restarted { sink, closed, until, _collector: collector }
}

struct Restarted {
    sink: Sink,
    /// Forwards still.
    _collector: Collector,
    closed: Closed,
    /// The number of the first event after the restart.
    until: i64,
}

#[test]
fn a_collector_that_is_restarted_under_load_misses_nothing() {
    over_both(|protocol| {
        let Restarted { sink, closed, until, _collector } = restarted(protocol, |collector| {
            collector.terminate();
            std::thread::sleep(Duration::from_millis(300));
            collector.come();
        });
        let received = sink.until_delivered("job", &closed);
        check_ledger(&closed, &received, Losses::default());
        let mut numbers = received.numbers("progress");
        numbers.sort_unstable();
        assert_eq!(numbers, (0..until + 100).collect::<Vec<_>>());
    });
}

/// What it had taken and not forwarded dies with it: the sender cannot know, and the collector's own
/// answer was that it has it. All else arrives, and only what it was sent at that moment twice.
#[test]
fn a_collector_that_is_killed_under_load_misses_only_what_it_had_taken() {
    over_both(|protocol| {
        let Restarted { sink, closed, until, _collector } = restarted(protocol, |collector| {
            std::thread::sleep(Duration::from_millis(200));
            collector.kill();
            std::thread::sleep(Duration::from_millis(300));
            collector.come();
        });
        let received = sink.until_received("what comes after", |received| {
            received.numbers("progress").contains(&(until + 99))
                && !received.events("onelogger.close").is_empty()
                && received.spans().iter().any(|span| span.name == format!("span {}", until + 99))
        });
        let mut numbers = received.numbers("progress");
        numbers.sort_unstable();
        numbers.dedup();
        let arrived = |number: &i64| numbers.binary_search(number).is_ok();
        // It was killed at the beginning of the load, and had forwarded what came before.
        let missing: Vec<i64> = (0..until + 100).filter(|number| !arrived(number)).collect();
        println!("{protocol:?}: {} of {} events died with it", missing.len(), until + 100);
        assert!(missing.iter().all(|number| (100..until).contains(number)), "{missing:?}");
        assert!(received.record_count() <= closed.counts.delivered);
        assert_eq!(received.problems(), Vec::<&String>::new());
    });
}
