//! How long a close may take.

use std::time::{Duration, Instant};

use onelogger::LossReason;

use crate::scripted::*;

#[test]
fn an_exporter_that_hangs_gives_up_in_time_for_its_losses_to_be_counted() {
    for is_synchronous in [false, true] {
        let exporter = Scripted::default();
        let job = Job::new(&exporter, |builder| match is_synchronous {
            true => builder.synchronous(),
            false => builder,
        });
        job.event();
        assert_eq!(exporter.run().close_by(), None);
        let open = job.recorder.start("open").unwrap();
        job.flush();
        exporter.change(|script| script.hangs_until_close = true);
        if !is_synchronous {
            // The call that hangs has begun before the close.
            job.recorder.event(&open, "hangs").unwrap();
            exporter.wait_for(&Call::Export(1), 3);
        }
        let began = Instant::now();
        let timeout = Duration::from_secs(2);
        let closed = job.provider.close(timeout);
        let close_by = exporter.run().close_by().expect("a close has begun");
        let patience = close_by.saturating_duration_since(began);
        // Of the two seconds 250 ms are kept for what comes after.
        assert!(patience >= timeout - timeout / 8, "{patience:?}");
        // In time, unless the machine was too busy for that; and then a little later.
        let health = if closed.is_ok() { job.health() } else { job.close() };
        assert!(health.counts.is_balanced(), "{health:?}");
        // The stop that the close adds, and the event.
        let lost = if is_synchronous { 1 } else { 2 };
        assert_eq!(health.counts.lost(LossReason::ExportFailed), lost, "{health:?}");
        assert_eq!(health.counts.delivered, 2);
        assert!(health.last_error.unwrap().contains("given up"));
        assert_eq!(exporter.count(&Call::Close), 1);
    }
}

#[test]
fn a_close_that_waits_for_nothing_leaves_the_exporter_its_time() {
    let exporter = Scripted::default();
    let job = Job::new(&exporter, |builder| builder);
    job.event();
    let _ = job.provider.close(Duration::ZERO);
    assert_eq!(exporter.run().close_by(), None);
    // One that waits for long after all, and one that waits for less: the longest counts.
    let began = Instant::now();
    job.close();
    let first = exporter.run().close_by().expect("somebody waits");
    assert!(first >= began + PATIENCE - Duration::from_secs(1));
    job.provider.close(Duration::from_secs(1)).unwrap();
    assert_eq!(exporter.run().close_by(), Some(first));
}

#[test]
fn recorders_that_share_a_run_are_closed_for_themselves() {
    use onelogger::exporter::Run;
    use onelogger::{DefaultRecorder, Recorder};
    let run = Run::new("shared", 1);
    let exporters = [Scripted::default(), Scripted::default()];
    let recorders = exporters.each_ref().map(|exporter| {
        let recorder = DefaultRecorder::builder().exporter(exporter.clone()).build().unwrap();
        recorder.open(&run).unwrap();
        recorder
    });
    recorders[0].close(PATIENCE).unwrap();
    let is_closing = exporters.each_ref().map(|exporter| exporter.run().close_by().is_some());
    assert_eq!((is_closing, run.close_by()), ([true, false], None));
}
