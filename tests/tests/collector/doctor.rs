//! What the example `doctor` says in each situation that a set-up can be in: the remedy that helps,
//! and no secret.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use onelogger_otel::Protocol;
use onelogger_tests::collector::{Sink, over_both};

/// What a collector may demand. The doctor has it, unless it is told otherwise.
const SECRET: &str = "s3cret";

/// Variables of the environment, by what follows `OTEL_EXPORTER_OTLP_` in their names.
type Variables = Vec<(&'static str, String)>;

/// What the doctor prints in this environment, and whether it says that all is well.
fn doctor(protocol: Protocol, variables: &Variables) -> (String, bool) {
    let word = if protocol == Protocol::Grpc { "grpc" } else { "http/protobuf" };
    let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
    command.arg("--strict").env_clear();
    command.env("OTEL_SERVICE_NAME", "patient").env("OTEL_EXPORTER_OTLP_PROTOCOL", word);
    command.env("OTEL_EXPORTER_OTLP_HEADERS", format!("authorization=Bearer%20{SECRET}"));
    // An answer that comes at all comes within this, however busy the machine is.
    command.env("OTEL_EXPORTER_OTLP_TIMEOUT", "60000");
    for (name, value) in variables {
        command.env(format!("OTEL_EXPORTER_OTLP_{name}"), value);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let all = text.clone() + &String::from_utf8_lossy(&output.stderr);
    assert!(!all.contains(SECRET), "{protocol}: a secret shows:\n{all}");
    assert!(!all.contains("panicked"), "{protocol}:\n{all}");
    (text, output.status.success())
}

/// No signal gets through, and for each the remedy is this one.
#[track_caller]
fn remedied(protocol: Protocol, variables: &Variables, expected: &str) {
    let (text, is_well) = doctor(protocol, variables);
    let remedies = text.lines().filter_map(|line| line.trim_start().strip_prefix("-> "));
    let remedies: Vec<&str> = remedies.collect();
    let are_right = remedies.iter().all(|remedy| remedy.contains(expected));
    assert!(are_right, "{protocol}: `{expected}` is not in\n{text}");
    let failed = text.matches(" FAILED ").count();
    assert_eq!((failed, remedies.len(), is_well), (3, 3, false), "{protocol}:\n{text}");
}

/// So it is over each transport, with the remedy for each.
#[track_caller]
fn both_remedied(variables: impl Fn(Protocol) -> Variables + Sync, [http, grpc]: [&str; 2]) {
    over_both(|protocol| {
        let expected = if protocol == Protocol::Grpc { grpc } else { http };
        remedied(protocol, &variables(protocol), expected);
    });
}

/// The same over both transports, at this address.
#[track_caller]
fn at(address: impl Fn(Protocol) -> String + Sync, remedy: &str) {
    both_remedied(|protocol| vec![("ENDPOINT", address(protocol))], [remedy; 2]);
}

const OTHER_PROTOCOL: [&str; 2] = [
    "set OTEL_EXPORTER_OTLP_PROTOCOL to grpc (usually port 4317)",
    "set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf (usually port 4318)",
];

#[test]
fn nobody_is_there() {
    let sink = Sink::absent(&[]);
    at(|protocol| sink.endpoint(protocol), "nobody listens there");
    // Longer than a name may be, so that no server of names is asked.
    let name = "a".repeat(64);
    at(|_| format!("http://{name}:4318"), "the host's name is not known");
}

#[test]
fn the_port_is_that_of_the_other_protocol() {
    let sink = Sink::start();
    let other = |protocol| match protocol {
        Protocol::Grpc => Protocol::HttpProtobuf,
        _ => Protocol::Grpc,
    };
    both_remedied(|protocol| vec![("ENDPOINT", sink.endpoint(other(protocol)))], OTHER_PROTOCOL);
}

#[test]
fn only_one_end_speaks_tls() {
    let (plain, protected) = (Sink::start(), Sink::with(&["--tls"]));
    let https = |protocol| plain.endpoint(protocol).replace("http:", "https:");
    at(https, "write http:// instead of https://");
    let http = |protocol| protected.endpoint(protocol).replace("https:", "http:");
    at(http, "write https:// instead of http://");
}

/// To a sink, whose certificate has to be from another one's authority.
fn trusting(sink: &Sink, authority: &Sink, protocol: Protocol) -> Variables {
    vec![("ENDPOINT", sink.endpoint(protocol)), ("CERTIFICATE", path(authority, "ca.pem"))]
}

fn path(sink: &Sink, name: &str) -> String {
    sink.pem_path(name).display().to_string()
}

#[test]
fn a_certificate_is_not_accepted() {
    let (sink, stranger) = (Sink::with(&["--tls"]), Sink::with(&["--tls"]));
    let authority = "set OTEL_EXPORTER_OTLP_CERTIFICATE to a PEM file";
    at(|protocol| sink.endpoint(protocol), authority);
    both_remedied(|protocol| trusting(&sink, &stranger, protocol), [authority; 2]);
    for (kind, remedy) in [
        ("selfsigned", authority),
        ("wronghost", "the certificate is for another name"),
        ("expired", "the certificate is out of date"),
    ] {
        let sink = Sink::with(&["--tls", "--tls-kind", kind]);
        both_remedied(|protocol| trusting(&sink, &sink, protocol), [remedy; 2]);
    }
}

#[test]
fn the_server_wants_a_certificate() {
    let (sink, stranger) = (Sink::with(&["--mtls"]), Sink::with(&["--tls"]));
    let remedy = "set OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and _CLIENT_KEY";
    both_remedied(|protocol| trusting(&sink, &sink, protocol), [remedy; 2]);
    let with_another_s = |protocol| {
        let mut variables = trusting(&sink, &sink, protocol);
        variables.push(("CLIENT_CERTIFICATE", path(&stranger, "client.pem")));
        variables.push(("CLIENT_KEY", path(&stranger, "client.key")));
        variables
    };
    let remedy = "does not accept the certificate in OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE";
    both_remedied(with_another_s, [remedy; 2]);
}

const DEMANDED: &str = "authorization=Bearer s3cret";

#[test]
fn credentials_are_missing_or_wrong() {
    let sink = Sink::with(&["--require-header", DEMANDED]);
    for headers in ["x-tenant=north", "authorization=Bearer%20gu3ss"] {
        let variables =
            |protocol| vec![("ENDPOINT", sink.endpoint(protocol)), ("HEADERS", headers.to_owned())];
        both_remedied(variables, ["set OTEL_EXPORTER_OTLP_HEADERS"; 2]);
    }
}

#[test]
fn each_answer_of_the_collector_has_its_remedy() {
    let no_collector = "is no collector that takes";
    let sink = Sink::start();
    for (fault, [http, grpc]) in [
        ("unavailable", ["not able to work now"; 2]),
        ("unavailable:retry_after=7", ["not able to work now"; 2]),
        ("exhausted", ["has too much to do"; 2]),
        ("exhausted:retry_after=none", ["has too much to do"; 2]),
        ("partial:rejected=1,message=error 404", ["not what is in them"; 2]),
        ("status:code=INVALID_ARGUMENT", ["see the message"; 2]),
        ("status:code=PERMISSION_DENIED", ["set OTEL_EXPORTER_OTLP_HEADERS"; 2]),
        ("status:code=UNIMPLEMENTED", [no_collector; 2]),
        ("status:code=INTERNAL", ["not able to work now"; 2]),
        ("status:code=OUT_OF_RANGE,http=413", ["raise its limit to 4 MiB"; 2]),
        ("redirect", ["sends requests elsewhere", no_collector]),
        ("garbage", [no_collector; 2]),
    ] {
        sink.set_faults(&[fault]);
        both_remedied(|protocol| vec![("ENDPOINT", sink.endpoint(protocol))], [http, grpc]);
    }
    // Over gRPC the sink may get an answer out before it hangs up.
    for fault in ["reset", "close"] {
        sink.set_faults(&[fault]);
        let http = Protocol::HttpProtobuf;
        remedied(http, &vec![("ENDPOINT", sink.endpoint(http))], "does not understand this");
    }
    sink.set_faults(&["hang:hold=60"]);
    let impatient =
        |protocol| vec![("ENDPOINT", sink.endpoint(protocol)), ("TIMEOUT", "300".to_owned())];
    both_remedied(impatient, ["does not answer in time"; 2]);
}

/// A server of something else, which does this with a connection.
fn server(serve: fn(TcpStream)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // Ends with the process.
    thread::spawn(move || listener.incoming().flatten().for_each(serve));
    format!("http://127.0.0.1:{port}")
}

#[test]
fn what_listens_there_is_no_collector() {
    let page = server(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: close\r\n\r\nwelcome";
        let _ = stream.write_all(answer.as_bytes());
    });
    let remedies = ["is no collector that takes http/protobuf", OTHER_PROTOCOL[1]];
    both_remedied(|_| vec![("ENDPOINT", page.clone())], remedies);
    let mail = server(|mut stream| {
        let _ = stream.write_all(b"220 mail.example ESMTP\r\n");
        let _ = stream.read(&mut [0; 4096]);
    });
    for address in [mail, server(drop)] {
        both_remedied(|_| vec![("ENDPOINT", address.clone())], OTHER_PROTOCOL);
    }
    let sink = Sink::start();
    let elsewhere = sink.endpoint(Protocol::HttpProtobuf) + "/collector";
    remedied(Protocol::HttpProtobuf, &vec![("ENDPOINT", elsewhere)], "check port and path");
}

#[test]
fn what_is_wrong_with_the_set_up_is_said_and_left_out() {
    let sink = Sink::start();
    let endpoint = sink.endpoint(Protocol::HttpProtobuf);
    let no_pem = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for (name, value, problem, is_sent) in [
        ("ENDPOINT", "localhost:4318", "`localhost:4318` is none like", false),
        ("ENDPOINT", "http://me:s3cret@localhost:4318", "send them in a header", false),
        ("ENDPOINT", "http://localhost:4318?key=s", "only that of one signal", false),
        ("HEADERS", "authorization=s3cret%0a", "`authorization` is no name of a header", false),
        ("HEADERS", "authorization: s3cret", "_HEADERS: a part is no `key=value`", true),
        ("PROTOCOL", "http/json", "`http/json` is not known; expected `grpc`", true),
        ("TIMEOUT", "-1", "_TIMEOUT: `-1` is no whole number", true),
        ("CERTIFICATE", "/no/such/ca.pem", "_CERTIFICATE: cannot read `/no/such/ca.pem`", true),
        ("CERTIFICATE", no_pem, "the root certificates: no PEM text of a certificate", false),
        ("CLIENT_KEY", no_pem, "_CLIENT_CERTIFICATE: is missing", true),
    ] {
        let variables = vec![("ENDPOINT", endpoint.clone()), (name, value.to_owned())];
        let (text, is_well) = doctor(Protocol::HttpProtobuf, &variables);
        let mut problems = text.lines().filter(|line| line.starts_with("  problem: "));
        assert!(problems.any(|line| line.contains(problem)), "`{problem}` is not in\n{text}");
        assert_eq!((is_well, text.contains(" are not sent: ")), (is_sent, !is_sent), "{text}");
    }
    // The other protocol's way to write an address, whose path belongs to HTTP.
    let variables = vec![("ENDPOINT", format!("{endpoint}/v1/traces"))];
    let (text, is_well) = doctor(Protocol::Grpc, &variables);
    assert!(!is_well && text.contains("has a path, and gRPC takes none"), "{text}");
}

#[test]
fn all_is_well() {
    let sink = Sink::with(&["--mtls", "--require-header", DEMANDED]);
    over_both(|protocol| {
        let mut variables = trusting(&sink, &sink, protocol);
        variables.push(("CLIENT_CERTIFICATE", path(&sink, "client.pem")));
        variables.push(("CLIENT_KEY", path(&sink, "client.key")));
        variables.push(("COMPRESSION", "gzip".to_owned()));
        let (text, is_well) = doctor(protocol, &variables);
        assert!(is_well && !text.contains("problem:"), "{text}");
        let tls = ", TLS: own roots, client certificate, ";
        let ok = |line: &&str| line.contains(" ok ") && line.contains(tls);
        assert_eq!(text.lines().filter(ok).count(), 3, "{text}");
    });
    let received = sink.received().of("patient");
    for (signal, name) in [("traces", "name"), ("logs", "event_name"), ("metrics", "name")] {
        let items = received.items(signal).filter(|item| item.body[name] == "onelogger.verify");
        assert_eq!(items.count(), 2, "one of each transport: {signal}");
    }
    assert_eq!(received.problems(), Vec::<&String>::new());
}
