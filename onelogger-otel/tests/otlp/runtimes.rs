//! The exporter in programs with other runtimes, and without.

use std::cell::RefCell;
use std::time::Duration;

use onelogger::exporter::{Batch, Exporter, Run};
use onelogger::{
    DefaultRecorder, Event, EventRecord, OneLoggerConfig, OneLoggerGuard, OneLoggerProvider,
    Record, RecorderHandle,
};
use onelogger_otel::{OtlpExporter, OtlpExporterBuilder, Protocol};

use crate::support::{Collector, Job, LIMIT, PROTOCOLS, exporter};

fn events(count: usize) -> Batch {
    let event = EventRecord { name: "event".into(), ..EventRecord::default() };
    std::iter::repeat_n(Record::Event(event), count).collect()
}

fn current_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Records, flushes and closes, all on the thread that calls.
fn job(exporter: OtlpExporterBuilder) {
    let job = Job::new(exporter);
    job.spans(2);
    job.flush();
    assert_eq!(job.close().delivered, 4);
}

#[test]
fn it_works_within_a_runtime_of_one_thread() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        current_thread().block_on(async { job(exporter(&collector, protocol)) });
        assert_eq!(collector.spans().len(), 2);
    }
}

#[test]
fn it_works_within_a_runtime_of_several_threads() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
        let exporter = exporter(&collector, protocol);
        runtime.block_on(runtime.spawn(async move { job(exporter) })).unwrap();
        assert_eq!(collector.spans().len(), 2);
    }
}

/// A provider in synchronous mode.
fn synchronous(exporter: OtlpExporter) -> (OneLoggerProvider, OneLoggerGuard) {
    let recorder = DefaultRecorder::builder().synchronous().exporter(exporter);
    let config = OneLoggerConfig::builder("job").session_tag("test").world_size(1).build().unwrap();
    let provider = OneLoggerProvider::new();
    let guard = provider.configure(config, recorder.build().unwrap()).unwrap();
    (provider, guard)
}

/// In synchronous mode the exporter is called by the task that records.
#[test]
fn it_works_when_a_task_calls_it() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        let exporter = exporter(&collector, protocol).build().unwrap();
        let (provider, guard) = synchronous(exporter);
        current_thread().block_on(async {
            let span = provider.recorder().start("task").unwrap();
            provider.recorder().stop(&span).unwrap();
            drop(guard);
        });
        assert_eq!(collector.spans().len(), 1);
        assert_eq!(collector.event_names(), ["onelogger.open", "onelogger.close"]);
    }
}

/// Records when its thread ends, and what others keep for the thread is gone by then.
struct Last(RecorderHandle);

impl Drop for Last {
    fn drop(&mut self) {
        self.0.event(None, Event::new("last")).unwrap();
    }
}

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

#[test]
fn it_works_when_a_thread_that_ends_calls_it() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        let exporter = exporter(&collector, protocol).build().unwrap();
        let (provider, guard) = synchronous(exporter);
        let recorder = provider.recorder();
        let thread = std::thread::spawn(move || {
            // What is used first ends last.
            LAST.set(Some(Last(recorder.clone())));
            recorder.event(None, Event::new("first")).unwrap();
        });
        thread.join().unwrap();
        drop(guard);
        let expected = ["onelogger.open", "first", "last", "onelogger.close"];
        assert_eq!(collector.event_names(), expected);
    }
}

#[test]
fn it_may_be_dropped_within_a_task_opened_or_not() {
    let build =
        |protocol: Protocol, collector: &Collector| exporter(collector, protocol).build().unwrap();
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        let (unopened, mut opened) = (build(protocol, &collector), build(protocol, &collector));
        opened.open(&Run::new("app", 1)).unwrap();
        opened.export_batch(events(1).records()).unwrap();
        let mut begun = build(protocol, &collector);
        current_thread().block_on(async move {
            drop((unopened, opened));
            begun.open(&Run::new("app", 1)).unwrap();
            begun.export_batch(events(1).records()).unwrap();
        });
    }
}

/// The runtime of the application ends while the exporter, which has its own, is sending.
#[test]
fn it_does_not_mind_that_the_application_s_runtime_ends() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        let runtime = current_thread();
        let job = runtime.block_on(async { Job::new(exporter(&collector, protocol)) });
        job.spans(1);
        runtime.block_on(async { job.spans(1) });
        drop(runtime);
        job.flush();
        job.spans(1);
        assert_eq!(job.close().delivered, 6);
        assert_eq!(collector.spans().len(), 3);
    }
}

/// The close waits for no longer than it is told to, whatever the collector does.
#[test]
fn a_collector_that_hangs_holds_up_no_one() {
    for protocol in PROTOCOLS {
        // Nobody accepts: the connection is made by the system, and no answer ever comes.
        let collector = Collector::absent(protocol);
        let exporter = exporter(&collector, protocol).timeout(Duration::from_millis(800));
        let recorder = DefaultRecorder::builder().exporter(exporter.build().unwrap());
        let config =
            OneLoggerConfig::builder("job").session_tag("test").world_size(1).build().unwrap();
        let provider = OneLoggerProvider::new();
        let guard = provider.configure(config, recorder.build().unwrap()).unwrap();
        let recorder = provider.recorder();
        for _ in 0..1000 {
            recorder.event(None, "event").unwrap();
        }
        let began = std::time::Instant::now();
        // In time, unless the machine is busy: the exporter gives up before.
        let _ = provider.close(Duration::from_millis(100));
        assert!(began.elapsed() < Duration::from_millis(700), "{:?}", began.elapsed());
        provider.close(LIMIT).unwrap();
        assert_eq!(recorder.health().exporters[0].counts.lost_total(), 1000);
        drop(guard);
    }
}
