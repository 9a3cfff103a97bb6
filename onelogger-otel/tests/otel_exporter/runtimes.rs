//! The exporter in programs with runtimes and without, in front of exporters that need one, that
//! block, and that speak to a collector.

use onelogger::exporter::Exporter;
use onelogger::{DefaultRecorder, OneLoggerConfig, OneLoggerProvider};
use onelogger_otel::{OTelExporter, Protocol};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};

use crate::backend::{Backend, Reply};
use crate::support::{Collector, Job, LIMIT, PROTOCOLS};

fn current_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Records, flushes and closes, all on the thread that calls.
fn job(exporter: impl Exporter) {
    let job = Job::with(exporter);
    job.spans(2);
    job.flush();
    job.spans(1);
    assert_eq!(job.close().delivered, 6);
}

/// The same in synchronous mode: the exporter is called by whoever records.
fn synchronous_job(exporter: impl Exporter) {
    let recorder = DefaultRecorder::builder().synchronous().exporter(exporter);
    let config = OneLoggerConfig::builder("job").session_tag("test").world_size(1).build();
    let provider = OneLoggerProvider::new();
    let guard = provider.configure(config.unwrap(), recorder.build().unwrap()).unwrap();
    for _ in 0..3 {
        let span = provider.recorder().start("task").unwrap();
        provider.recorder().stop(&span).unwrap();
    }
    provider.close(LIMIT).unwrap();
    drop(guard);
}

/// In each kind of program; `check` looks at what has arrived in each.
fn everywhere<E: Exporter>(exporter: impl Fn() -> E, check: impl Fn()) {
    job(exporter());
    check();
    current_thread().block_on(async { job(exporter()) });
    check();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let sent = exporter();
    runtime.block_on(runtime.spawn(async move { job(sent) })).unwrap();
    check();
    synchronous_job(exporter());
    check();
    current_thread().block_on(async { synchronous_job(exporter()) });
    check();
}

/// Exporters do this each time they are called.
fn check(reply: Reply) {
    let backend = Backend::default();
    let exporter = || {
        backend.reply([reply; 8]);
        OTelExporter::new(backend.clone())
    };
    everywhere(exporter, || {
        assert_eq!(backend.spans().len(), 3);
        *backend.state() = Default::default();
    });
}

#[test]
fn an_exporter_that_needs_a_runtime_finds_one() {
    check(Reply::Spawn);
}

#[test]
fn an_exporter_that_blocks_or_brings_a_runtime_of_its_own_may() {
    check(Reply::RunRuntime);
}

fn otlp(collector: &Collector, protocol: Protocol) -> OTelExporter {
    let address = collector.address.clone();
    OTelExporter::from_fn(move || match protocol {
        Protocol::HttpProtobuf => {
            let builder = SpanExporter::builder().with_http().with_timeout(LIMIT);
            builder.with_endpoint(format!("{address}/v1/traces")).build()
        }
        _ => {
            let builder = SpanExporter::builder().with_tonic().with_timeout(LIMIT);
            builder.with_endpoint(&address).build()
        }
    })
}

#[test]
fn the_exporters_of_opentelemetry_otlp_reach_a_collector_from_everywhere() {
    for protocol in PROTOCOLS {
        everywhere(
            || {
                // Each with a collector of its own, which lives as long as the test.
                let collector = Box::leak(Box::new(Collector::start(protocol)));
                COLLECTOR.with(|current| current.set(Some(collector)));
                otlp(collector, protocol)
            },
            || {
                let collector = COLLECTOR.with(std::cell::Cell::take).unwrap();
                let mut spans = collector.spans();
                spans.retain(|span| !span.name.starts_with("onelogger."));
                assert_eq!(spans.len(), 3, "{protocol:?}");
                assert!(spans.iter().all(|span| span.flags == 0x101 && span.kind == 1));
                let request = &collector.received()[0];
                assert_eq!(request.scopes[0].0.name, "onelogger");
                let service = request.resource.attributes.iter();
                assert_eq!(service.filter(|one| one.key == "service.name").count(), 1);
            },
        );
    }
}

thread_local! {
    static COLLECTOR: std::cell::Cell<Option<&'static Collector>> =
        const { std::cell::Cell::new(None) };
}

#[test]
fn what_a_collector_refuses_is_lost() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        collector.traces([crate::support::Reply::Refuse]);
        let job = Job::with(otlp(&collector, protocol));
        job.spans(2);
        job.flush();
        job.spans(1);
        let counts = job.close();
        assert_eq!((counts.delivered, counts.lost_total()), (2, 4), "{protocol:?}");
    }
}

#[test]
fn a_runtime_of_the_application_may_end_while_it_exports() {
    let collector = Collector::start(Protocol::Grpc);
    let runtime = current_thread();
    let job = runtime.block_on(async { Job::with(otlp(&collector, Protocol::Grpc)) });
    job.spans(1);
    runtime.block_on(async { job.spans(1) });
    drop(runtime);
    job.flush();
    job.spans(1);
    assert_eq!(job.close().delivered, 6);
}

#[test]
fn it_may_be_dropped_within_a_task_opened_or_not() {
    current_thread().block_on(async {
        let unopened = OTelExporter::new(Backend::default());
        let mut opened = OTelExporter::new(Backend::default());
        opened.open(&onelogger::exporter::Run::new("app", 1)).unwrap();
        drop((unopened, opened));
    });
}

/// With the provider of the process, which code that is instrumented records to.
#[test]
fn what_the_exporter_itself_records_is_not_recorded() {
    for synchronous in [false, true] {
        let backend = Backend::replying([Reply::Record; 4]);
        let recorder = DefaultRecorder::builder().exporter(OTelExporter::new(backend.clone()));
        let recorder = if synchronous { recorder.synchronous() } else { recorder };
        let config = OneLoggerConfig::builder("job").session_tag("test").world_size(1).build();
        let provider = OneLoggerProvider::instance();
        let guard = provider.configure(config.unwrap(), recorder.build().unwrap()).unwrap();
        let handle = onelogger::recorder();
        for _ in 0..3 {
            onelogger::event!("from without");
            handle.force_flush(LIMIT).unwrap();
        }
        provider.close(LIMIT).unwrap();
        let counts = handle.health().exporters[0].counts;
        assert_eq!((counts.recorded, counts.delivered), (3, 3));
        assert_eq!(backend.names(), ["from without"; 3]);
        drop(guard);
    }
}
