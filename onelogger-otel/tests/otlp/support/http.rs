//! A collector over HTTP/1.1, on plain sockets.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;

use super::collector::{Orders, Received, Reply, Signal};
use super::job::LIMIT;

/// Serves until what is returned is called.
pub(super) fn serve(listener: TcpListener, orders: Orders) -> Box<dyn FnOnce() + Send> {
    let address = listener.local_addr().expect("an address");
    let server = thread::spawn(move || {
        let mut connections: Vec<TcpStream> = Vec::new();
        for connection in listener.incoming() {
            if orders.is_over() {
                break;
            }
            let Ok(connection) = connection else { break };
            connections.extend(connection.try_clone());
            let orders = orders.clone();
            thread::spawn(
                move || while answer(&connection, &orders).is_ok_and(|goes_on| goes_on) {},
            );
        }
        for connection in connections {
            let _ = connection.shutdown(Shutdown::Both);
        }
    });
    Box::new(move || {
        // To be seen, the end needs a connection.
        let _ = TcpStream::connect(address);
        server.join().expect("the server ends well");
    })
}

/// Answers one request. Whether the connection goes on.
fn answer(mut connection: &TcpStream, orders: &Orders) -> io::Result<bool> {
    connection.set_read_timeout(Some(LIMIT))?;
    let mut reader = BufReader::new(connection);
    let Some((signal, received)) = read(&mut reader)? else {
        return Ok(false);
    };
    let answer = match orders.take(received) {
        Reply::Accept => ok(&accepted(signal, 0)),
        Reply::Reject(items) => ok(&accepted(signal, items)),
        Reply::Unavailable => status("503 Service Unavailable", "", "not now"),
        Reply::Busy(wait) => {
            let wait = wait.map(|wait| format!("retry-after: {}\r\n", wait.as_secs()));
            status("429 Too Many Requests", &wait.unwrap_or_default(), "too fast")
        }
        Reply::Refuse => status("400 Bad Request", "", "no such tenant"),
        Reply::Page => status("200 OK", "", "<html>welcome</html>"),
        Reply::Hang => {
            orders.wait_for_end();
            return Ok(false);
        }
        Reply::Reset => {
            connection.shutdown(Shutdown::Both)?;
            return Ok(false);
        }
    };
    connection.write_all(&answer)?;
    Ok(true)
}

/// Reads a request; `None` at the end of the connection.
fn read(reader: &mut impl BufRead) -> io::Result<Option<(Signal, Received)>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        headers.push(line.trim().to_lowercase());
    }
    let value = |name: &str| headers.iter().find_map(|line| line.strip_prefix(name));
    let length = value("content-length: ").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let is_compressed = value("content-encoding: ") == Some("gzip");
    if is_compressed {
        let mut plain = Vec::new();
        GzDecoder::new(&*body).read_to_end(&mut plain)?;
        body = plain;
    }
    let (signal, received) = match first.as_str() {
        "POST /v1/traces HTTP/1.1\r\n" => {
            (Signal::Traces, Received::traces(Message::decode(&*body)?))
        }
        "POST /v1/logs HTTP/1.1\r\n" => (Signal::Logs, Received::logs(Message::decode(&*body)?)),
        other => panic!("an unexpected request: {other}"),
    };
    Ok(Some((signal, Received { is_compressed, headers, ..received })))
}

fn accepted(signal: Signal, rejected: usize) -> Vec<u8> {
    let (rejected, error_message) = (rejected as i64, "too old".to_owned());
    match signal {
        Signal::Traces => {
            let partial = ExportTracePartialSuccess { rejected_spans: rejected, error_message };
            let partial_success = (rejected > 0).then_some(partial);
            ExportTraceServiceResponse { partial_success }.encode_to_vec()
        }
        Signal::Logs => {
            let partial =
                ExportLogsPartialSuccess { rejected_log_records: rejected, error_message };
            let partial_success = (rejected > 0).then_some(partial);
            ExportLogsServiceResponse { partial_success }.encode_to_vec()
        }
    }
}

fn ok(body: &[u8]) -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\n";
    let mut answer = format!("{head}content-length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

fn status(line: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {line}\r\n{headers}content-length: {length}\r\n\r\n{body}").into_bytes()
}
