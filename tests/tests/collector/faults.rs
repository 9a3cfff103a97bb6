//! A collector that misbehaves, in each way that the protocol knows, over both transports.
//!
//! While it does, the calls of the application return and succeed; when it is over, what is counted
//! as delivered is there, what is not is counted as lost, and the collector is told of it.

use std::time::Duration;

use onelogger::{Counts, LossReason};
use onelogger_otel::{OtlpExporterBuilder, Protocol};
use onelogger_tests::collector::{
    Closed, Job, LogItem, Losses, Received, Sink, check_ledger, exporter, impatient, over_both,
};

/// A round of work: two records for each span, one for each event.
const ROUND: u64 = 3 * 10;

/// Three rounds: before the faults, with them, after them. Gives what came of it.
fn job(
    protocol: Protocol,
    faults: &[&str],
    settings: impl FnOnce(OtlpExporterBuilder) -> OtlpExporterBuilder,
) -> (Closed, Received, Sink) {
    let sink = Sink::start();
    let job = Job::in_batches("job", settings(exporter(protocol, &sink.endpoint(protocol))));
    job.work(0..10);
    job.flush();
    assert_eq!(job.counts().delivered, ROUND, "{protocol:?}: {}", job.last_error());

    sink.set_faults(faults);
    job.work(10..20);
    job.flush();
    assert!(sink.faults_hit() > 0, "{protocol:?}: no fault of {faults:?} was met");

    sink.set_faults(&[]);
    job.work(20..30);
    job.flush();
    // Said as soon as the collector listens, and not only when the job ends.
    let is_told = sink.received().logs().iter().any(LogItem::tells_of_losses);
    assert_eq!(is_told, job.counts().lost_total() > 0, "{protocol:?}: {}", job.last_error());
    let closed = job.close();
    assert_eq!(closed.counts.recorded, 3 * ROUND);
    let received = sink.received();
    (closed, received, sink)
}

/// Lost and nothing else: by the exporter, and for no other reason.
fn lost(counts: &Counts) -> u64 {
    assert_eq!(counts.lost_total(), counts.lost(LossReason::ExportFailed), "{counts:?}");
    counts.lost_total()
}

/// What passes is waited for: nothing is lost, and nothing is sent twice.
fn passes(faults: &[&str], timeout: Duration) {
    over_both(|protocol| {
        let (closed, received, _sink) = job(protocol, faults, |it| it.timeout(timeout));
        assert_eq!(lost(&closed.counts), 0, "{protocol:?}: {}", closed.last_error);
        check_ledger(&closed, &received, Losses::default());
        assert_eq!(received.numbers("progress"), (0..30).collect::<Vec<_>>(), "{protocol:?}");
    });
}

/// What does not pass is lost, all of the round and nothing else.
fn loses(faults: &[&str], timeout: Duration, [over_http, over_grpc]: [&str; 2]) {
    over_both(|protocol| {
        let hasty = |it: OtlpExporterBuilder| it.retry(impatient()).timeout(timeout);
        let (closed, received, _sink) = job(protocol, faults, hasty);
        let said = &closed.last_error;
        assert_eq!(lost(&closed.counts), ROUND, "{protocol:?}: {said}");
        let reason = if protocol == Protocol::Grpc { over_grpc } else { over_http };
        assert!(said.contains(reason), "{protocol:?}: {said}");
        check_ledger(&closed, &received, Losses::default());
        let others: Vec<i64> = (0..10).chain(20..30).collect();
        assert_eq!(received.numbers("progress"), others, "{protocol:?}");
    });
}

/// An answer that comes at all comes within this, however busy the machine is.
const LONG: Duration = Duration::from_secs(30);
/// For a collector that never answers; one that does is quicker.
const SHORT: Duration = Duration::from_secs(2);

#[test]
fn unavailable_and_then_back() {
    passes(&["unavailable:first=3,signal=traces", "unavailable:first=2,signal=logs"], LONG);
}

#[test]
fn unavailable_with_a_delay_of_its_own() {
    passes(&["unavailable:first=1,retry_after=1"], LONG);
}

#[test]
fn unavailable_for_too_long() {
    loses(&["unavailable"], LONG, ["503", "Unavailable"]);
}

#[test]
fn exhausted_with_a_delay() {
    passes(
        &["exhausted:first=1,retry_after=1,signal=logs", "exhausted:first=2,retry_after=0.2"],
        LONG,
    );
}

#[test]
fn exhausted_with_a_delay_that_is_too_long() {
    loses(&["exhausted:retry_after=600"], LONG, ["429", "ResourceExhausted"]);
}

/// Over gRPC that is for good, by the protocol; over HTTP it may pass.
#[test]
fn exhausted_without_a_delay() {
    loses(&["exhausted:retry_after=none"], LONG, ["429", "ResourceExhausted"]);
}

#[test]
fn a_hang_and_then_an_answer() {
    passes(&["hang:first=1,hold=30"], SHORT);
}

#[test]
fn a_hang_that_does_not_end() {
    loses(
        &["hang:count=1,hold=60,signal=traces", "hang:count=1,hold=60,signal=logs"],
        SHORT,
        ["no answer within 2s"; 2],
    );
}

#[test]
fn a_slow_answer_is_an_answer() {
    passes(&["slow:delay=0.3"], LONG);
}

#[test]
fn a_reset_and_then_an_answer() {
    passes(&["reset:first=2"], LONG);
}

#[test]
fn a_connection_that_is_closed_without_an_answer() {
    passes(&["close:first=2"], LONG);
}

#[test]
fn resets_without_an_end() {
    loses(&["reset"], LONG, ["", ""]);
}

#[test]
fn an_answer_that_is_none() {
    loses(&["garbage"], LONG, ["none of a collector"; 2]);
}

#[test]
fn a_refusal_is_for_good() {
    loses(&["status:code=INVALID_ARGUMENT"], LONG, ["400", "InvalidArgument"]);
    loses(&["redirect"], LONG, ["307", "Unimplemented"]);
}

/// The collector has taken the data, and the answer is lost on the way: the data come twice, and
/// count once. That is all that the protocol allows for.
fn doubles(fault: &str, timeout: Duration) {
    over_both(|protocol| {
        let spec = format!("{fault}:first=1,signal=logs,store=1");
        let (closed, received, _sink) = job(protocol, &[&spec], |it| it.timeout(timeout));
        assert_eq!(lost(&closed.counts), 0, "{protocol:?}: {}", closed.last_error);
        // The events of the round.
        check_ledger(&closed, &received, Losses { repeated: 10, ..Losses::default() });
    });
}

#[test]
fn an_answer_that_is_lost_doubles_what_it_was_for_and_nothing_else() {
    doubles("unavailable", LONG);
    doubles("reset", LONG);
    doubles("hang", SHORT);
}

#[test]
fn what_is_rejected_of_a_request_is_lost_with_the_reason() {
    over_both(|protocol| {
        let fault = "partial:first=1,signal=logs,rejected=1,message=too old";
        let (closed, received, _sink) = job(protocol, &[fault], |exporter| exporter);
        // One event. The sink says so, and keeps it all the same.
        assert_eq!(lost(&closed.counts), 1, "{}", closed.last_error);
        assert!(closed.last_error.contains("rejected 1 items: too old"), "{}", closed.last_error);
        let arrived = Losses { arrived_all_the_same: 1, ..Losses::default() };
        check_ledger(&closed, &received, arrived);

        let fault = "partial:first=1,signal=traces,rejected=1,message=too old";
        let (closed, received, _sink) = job(protocol, &[fault], |exporter| exporter);
        // A span is its start and its stop.
        assert_eq!(lost(&closed.counts), 2, "{}", closed.last_error);
        let arrived = Losses { arrived_all_the_same: 2, ..Losses::default() };
        check_ledger(&closed, &received, arrived);
    });
}

#[test]
fn a_warning_is_no_loss() {
    passes(&["partial:warn=1,message=slow down"], LONG);
}

/// While the collector hangs the job records and goes on; a close returns within the time that it is
/// given.
#[test]
fn the_application_does_not_wait_for_a_collector_that_hangs() {
    over_both(|protocol| {
        let sink = Sink::start();
        sink.set_faults(&["hang:hold=600"]);
        let exporter = exporter(protocol, &sink.endpoint(protocol));
        let job = Job::by_default("job", exporter.timeout(Duration::from_secs(600)));
        job.work(0..1);
        sink.until_faults_hit(1);
        // The exporter's thread is held now, and stays so; these calls would not return if they
        // waited for it.
        job.work(1..20_000);
        assert_eq!(job.counts().delivered, 0);
        let flushed = job.recorder.force_flush(Duration::from_millis(50));
        assert!(flushed.is_err(), "there is nothing to be flushed to");
        assert!(job.abandon(Duration::from_millis(50)).is_err());
    });
}
