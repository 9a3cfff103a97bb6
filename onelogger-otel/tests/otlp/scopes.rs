//! Items stand under the scope that made them.

use onelogger::{ErrorEvent, Event, InstrumentationScope, SpanBuilder};
use onelogger_otel::Protocol::HttpProtobuf;

use crate::support::{Collector, Job, PROTOCOLS, Signal, exporter};

const LOADER: InstrumentationScope = InstrumentationScope::from_static("loader", Some("1.2.0"));

/// The scopes of the latest request of a signal, with how many items each has.
fn scopes(collector: &Collector, signal: Signal) -> Vec<(String, String, usize)> {
    let received = collector.received();
    let latest = received.iter().rev().find(|one| one.signal == signal).expect("a request");
    let scopes = latest.scopes.iter();
    scopes.map(|(scope, items)| (scope.name.clone(), scope.version.clone(), *items)).collect()
}

#[test]
fn each_record_goes_under_its_scope_or_else_under_ours() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        let job = Job::new(exporter(&collector, protocol));
        for _ in 0..3 {
            let scoped = job.recorder.start(SpanBuilder::new("load").scope(LOADER)).unwrap();
            let plain = job.recorder.start("train").unwrap();
            job.recorder.event(&scoped, Event::new("row").scope(LOADER)).unwrap();
            job.recorder.error(&plain, ErrorEvent::new("bad").scope(LOADER)).unwrap();
            job.recorder.event(&plain, "progress").unwrap();
            job.recorder.stop(&scoped).unwrap();
            job.recorder.stop(&plain).unwrap();
        }
        job.flush();
        let version = env!("CARGO_PKG_VERSION");
        let expected = |ours, loader| {
            let ours = ("onelogger".to_owned(), version.to_owned(), ours);
            vec![ours, ("loader".to_owned(), "1.2.0".to_owned(), loader)]
        };
        assert_eq!(scopes(&collector, Signal::Traces), expected(3, 3));
        assert_eq!(scopes(&collector, Signal::Logs), expected(3, 6));
        assert_eq!(job.close().delivered, 21);
    }
}

#[test]
fn the_macros_records_belong_to_the_crate_that_they_stand_in() {
    let collector = Collector::start(HttpProtobuf);
    let job = Job::new(exporter(&collector, HttpProtobuf));
    {
        let _provider = job.attach();
        let _span = onelogger::span!("load");
        onelogger::event!("row", index = 1);
    }
    job.flush();
    let expected = [(env!("CARGO_PKG_NAME").to_owned(), env!("CARGO_PKG_VERSION").to_owned(), 1)];
    assert_eq!(scopes(&collector, Signal::Traces), expected);
    assert_eq!(scopes(&collector, Signal::Logs), expected);
    assert_eq!(job.close().delivered, 3);
}
