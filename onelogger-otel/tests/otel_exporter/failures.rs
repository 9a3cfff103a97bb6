//! Exporters of the SDK that hang, block or panic harm nobody, and what they lose is counted.

use std::time::Duration;

use onelogger::{DefaultRecorder, OneLoggerConfig, OneLoggerProvider};
use onelogger_otel::OTelExporter;

use crate::backend::{Backend, Reply};
use crate::support::{Job, LIMIT};

/// Longer than an export takes that does nothing, also on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(3);

fn job(backend: &Backend) -> Job {
    Job::with(OTelExporter::new(backend.clone()).timeout(PATIENCE))
}

#[test]
fn an_export_that_never_returns_is_dropped_and_its_spans_are_lost() {
    let backend = Backend::replying([Reply::Hang]);
    let job = job(&backend);
    job.events(2);
    job.flush();
    assert!(job.last_error().ends_with("has not returned within 3s"), "{}", job.last_error());
    backend.wait_until(|state| state.dropped == 1);
    job.events(3);
    let counts = job.close();
    assert_eq!((counts.delivered, counts.lost_total()), (3, 2));
    assert_eq!(backend.names().iter().filter(|name| *name == "event").count(), 3);
    assert_eq!(backend.state().shutdowns, 1);
}

#[test]
fn an_export_that_blocks_is_left_alone_and_called_again_when_it_has_returned() {
    let backend = Backend::replying([Reply::Block]);
    let job = job(&backend);
    job.events(2);
    // The export, and the report of its failure, are waited for; then all fails at once.
    job.flush();
    job.events(1);
    job.flush();
    let counts = job.counts();
    assert_eq!((counts.delivered, counts.lost_total()), (0, 3));
    assert_eq!(backend.state().batches, [3], "it is never called by two at a time");

    backend.release();
    backend.wait_until(|state| !state.spans.is_empty());
    job.events(4);
    let counts = job.close();
    // It has taken two events after all, too late for anyone to be told.
    assert_eq!((counts.delivered, counts.lost_total()), (4, 3));
    assert_eq!(backend.names().iter().filter(|name| *name == "event").count(), 6);
}

#[test]
fn an_exporter_that_blocks_for_good_does_not_keep_the_program_from_closing() {
    for reply in [Reply::Block, Reply::Hang] {
        let backend = Backend::replying([reply, reply, reply, reply]);
        // Nobody would wait for so long: the close ends it.
        let hours = Duration::from_secs(24 * 3600);
        let exporter = OTelExporter::new(backend.clone()).timeout(hours);
        let recorder = DefaultRecorder::builder().exporter(exporter).build().unwrap();
        let config = OneLoggerConfig::builder("job").session_tag("test").world_size(1).build();
        let provider = OneLoggerProvider::new();
        let guard = provider.configure(config.unwrap(), recorder).unwrap();
        let recorder = provider.recorder();
        recorder.event(None, "event").unwrap();
        recorder.event(None, "event").unwrap();
        let _ = provider.close(Duration::from_secs(1));
        // On a busy machine it may be a moment later.
        provider.close(LIMIT).unwrap();
        let counts = recorder.health().exporters[0].counts;
        assert!(counts.is_balanced());
        assert_eq!((counts.delivered, counts.lost_total()), (0, 2), "{reply:?}");
        drop(guard);
        // It is shut down when it has returned, at last.
        backend.release();
        backend.wait_until(|state| state.shutdowns == 1);
    }
}

#[test]
fn a_panic_of_the_exporter_is_an_error() {
    let backend = Backend::replying([Reply::Panic]);
    let job = job(&backend);
    let span = job.recorder.start("span").unwrap();
    job.flush();
    job.recorder.stop(&span).unwrap();
    job.flush();
    assert!(job.last_error().ends_with("the exporter has panicked: as told"));
    job.events(1);
    let counts = job.close();
    assert_eq!((counts.delivered, counts.lost_total()), (1, 2));
    assert_eq!(backend.state().shutdowns, 1);
}

#[test]
fn what_the_library_has_to_say_is_said_again_until_it_gets_through() {
    // The event; the report of the failure and that of the loss; and both again with the flush.
    let backend = Backend::replying([Reply::Refuse; 5]);
    let job = job(&backend);
    job.events(1);
    job.flush();
    assert_eq!(backend.names(), Vec::<String>::new());
    job.flush();
    assert_eq!(backend.names().len(), 2, "{:?}", backend.names());
    let counts = job.close();
    assert_eq!((counts.delivered, counts.lost_total()), (0, 1));
    assert_eq!(backend.names().len(), 2, "once each: {:?}", backend.names());
}
