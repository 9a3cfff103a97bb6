//! Whom the exporter trusts, who trusts it, and what becomes of the records where there is no trust.

use onelogger_otel::{OtlpExporterBuilder, Protocol};
use onelogger_tests::collector::{Job, Losses, Sink, check_ledger, exporter, impatient, over_both};

/// All that the job records arrives.
fn is_let_in(sink: &Sink, settings: impl Fn(OtlpExporterBuilder) -> OtlpExporterBuilder + Sync) {
    over_both(|protocol| {
        let name = format!("let in {protocol:?}");
        let exporter = settings(exporter(protocol, &sink.endpoint(protocol)));
        let job = Job::in_batches(&name, exporter);
        job.work(0..10);
        let closed = job.close();
        assert_eq!(closed.counts.delivered, 30, "{protocol:?}: {}", closed.last_error);
        check_ledger(&closed, &sink.received().of(&name), Losses::default());
    });
}

/// Nothing of it does; all is counted as lost, for this reason.
fn is_kept_out(
    sink: &Sink,
    settings: impl Fn(OtlpExporterBuilder) -> OtlpExporterBuilder + Sync,
    [over_http, over_grpc]: [&str; 2],
) {
    over_both(|protocol| {
        let name = format!("kept out {protocol:?}");
        let exporter = exporter(protocol, &sink.endpoint(protocol)).retry(impatient());
        let job = Job::in_batches(&name, settings(exporter));
        job.work(0..10);
        job.flush();
        let said = job.last_error();
        let reason = if protocol == Protocol::Grpc { over_grpc } else { over_http };
        assert!(said.contains(reason), "{protocol:?}: {said}");
        let closed = job.close();
        let counts = closed.counts;
        assert_eq!((counts.recorded, counts.delivered, counts.lost_total()), (30, 0, 30));
        assert!(counts.is_balanced(), "{counts:?}");
        assert_eq!(sink.received().of(&name).items("traces").count(), 0);
        assert_eq!(sink.received().of(&name).items("logs").count(), 0);
    });
}

#[test]
fn a_certificate_is_trusted_if_its_root_is() {
    let (sink, other) = (Sink::with(&["--tls"]), Sink::with(&["--tls"]));
    is_let_in(&sink, |exporter| exporter.root_certificates(sink.pem("ca.pem")));
    let stranger = |exporter: OtlpExporterBuilder| exporter.root_certificates(other.pem("ca.pem"));
    is_kept_out(&sink, stranger, ["invalid peer certificate"; 2]);
}

#[test]
fn a_certificate_that_is_wrong_in_itself_is_not_trusted() {
    // Each is said in the words of the library that has looked.
    let reasons =
        [("expired", "expired"), ("wronghost", "not valid for name"), ("selfsigned", "Unknown")];
    for (kind, reason) in reasons {
        let sink = Sink::with(&["--tls", "--tls-kind", kind]);
        let trusting =
            |exporter: OtlpExporterBuilder| exporter.root_certificates(sink.pem("ca.pem"));
        is_kept_out(&sink, trusting, [reason; 2]);
    }
}

#[test]
fn a_client_without_a_certificate_is_kept_out_where_one_is_demanded() {
    let sink = Sink::with(&["--mtls"]);
    let trusting = |exporter: OtlpExporterBuilder| exporter.root_certificates(sink.pem("ca.pem"));
    is_let_in(&sink, |exporter| {
        trusting(exporter).client_certificate(sink.pem("client.pem"), sink.pem("client.key"))
    });
    is_kept_out(&sink, trusting, ["", ""]);
}

#[test]
fn a_plain_connection_to_a_port_with_tls_loses_and_says_so() {
    let sink = Sink::with(&["--tls"]);
    over_both(|protocol| {
        let plain = sink.endpoint(protocol).replace("https:", "http:");
        let exporter = exporter(protocol, &plain).retry(impatient());
        let job = Job::in_batches("plain", exporter);
        job.work(0..10);
        job.flush();
        assert!(job.last_error().contains(&plain), "{protocol:?}: {}", job.last_error());
        assert_eq!(job.close().counts.lost_total(), 30);
    });
}

const REQUIRED: [&str; 2] = ["--require-header", "authorization=Bearer s3cret"];

#[test]
fn who_has_no_credentials_is_kept_out_and_nothing_shows_them() {
    let sink = Sink::with(&REQUIRED);
    is_let_in(&sink, |exporter| exporter.header("Authorization", "Bearer s3cret"));
    let reasons = ["401", "Unauthenticated: missing or wrong credentials"];
    is_kept_out(&sink, |exporter| exporter, reasons);
    let wrong = |exporter: OtlpExporterBuilder| exporter.header("authorization", "Bearer gu3ss");
    is_kept_out(&sink, wrong, reasons);
    over_both(|protocol| {
        let exporter = exporter(protocol, &sink.endpoint(protocol));
        let exporter = exporter.header("authorization", "Bearer gu3ss").retry(impatient());
        let job = Job::in_batches("secret", exporter);
        job.work(0..1);
        assert!(!job.close().last_error.contains("gu3ss"));
    });
}

#[test]
fn what_was_lost_without_credentials_is_told_when_none_are_needed_any_more() {
    over_both(|protocol| {
        let mut sink = Sink::with(&REQUIRED);
        let exporter = exporter(protocol, &sink.endpoint(protocol));
        let job = Job::in_batches("job", exporter);
        job.work(0..10);
        job.flush();
        sink.come_with(&[]);
        job.work(10..20);
        job.flush();
        let closed = job.close();
        assert_eq!(closed.counts.lost_total(), 30, "{}", closed.last_error);
        let received = sink.received();
        check_ledger(&closed, &received, Losses::default());
        assert_eq!(received.numbers("progress"), (10..20).collect::<Vec<_>>());
        // Whose telemetry it is was not known before, and is now.
        assert_eq!(received.events("onelogger.open").len(), 1);
    });
}
