//! Whom the exporter trusts, and who trusts it.

use onelogger_otel::{OtlpExporterBuilder, Protocol};

use crate::support::tls::{Authority, Front};
use crate::support::{Collector, Job, PROTOCOLS, exporter};

/// What is delivered of two records, and what is said if nothing is.
fn check(
    protocol: Protocol,
    (host, clients): (&str, Option<&Authority>),
    settings: impl FnOnce(OtlpExporterBuilder) -> OtlpExporterBuilder,
    expected: Result<(), &str>,
    authority: &Authority,
) {
    let collector = Collector::start(protocol);
    let front = Front::start(&collector.address, authority.issue(host), clients);
    let exporter = exporter(&collector, protocol).endpoint(&front.address);
    let job = Job::new(settings(exporter));
    job.spans(1);
    job.flush();
    let said = job.last_error();
    let counts = job.close();
    match expected {
        Ok(()) => assert_eq!((counts.delivered, counts.lost_total()), (2, 0), "{said}"),
        Err(reason) => {
            assert_eq!((counts.delivered, counts.lost_total()), (0, 2));
            assert!(said.contains(reason), "{protocol:?}: {said}");
        }
    }
}

#[test]
fn a_server_is_trusted_by_the_roots_that_were_given() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    for protocol in PROTOCOLS {
        let trusts = |whom: &Authority| {
            let pem = whom.pem();
            move |exporter: OtlpExporterBuilder| exporter.root_certificates(pem)
        };
        check(protocol, ("localhost", None), trusts(&ours), Ok(()), &ours);
        let unknown = Err("invalid peer certificate");
        check(protocol, ("localhost", None), trusts(&theirs), unknown, &ours);
        let wrong_name = Err("not valid for name");
        check(protocol, ("elsewhere.example", None), trusts(&ours), wrong_name, &ours);
    }
}

#[test]
fn a_client_shows_its_certificate() {
    let (servers, clients) = (Authority::new(), Authority::new());
    for protocol in PROTOCOLS {
        let (chain, key) = clients.issue("client");
        let known = |exporter: OtlpExporterBuilder| {
            exporter.root_certificates(servers.pem()).client_certificate(chain, key)
        };
        check(protocol, ("localhost", Some(&clients)), known, Ok(()), &servers);
        let stranger = |exporter: OtlpExporterBuilder| exporter.root_certificates(servers.pem());
        check(protocol, ("localhost", Some(&clients)), stranger, Err(""), &servers);
    }
}

#[test]
fn a_key_that_does_not_belong_to_its_certificate_is_found_at_once() {
    let authority = Authority::new();
    let ((chain, _), (_, other)) = (authority.issue("a"), authority.issue("b"));
    let built = onelogger_otel::OtlpExporter::builder()
        .root_certificates(authority.pem())
        .client_certificate(chain, other)
        .build();
    let message = built.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(message.contains("certificate and its key"), "{message}");
}
