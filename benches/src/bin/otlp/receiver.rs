//! A collector that counts spans and forgets them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::Outcome;

/// Prints its address and serves until it is killed.
pub(crate) fn run() -> Outcome<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    let spans = Arc::new(AtomicU64::new(0));
    for stream in listener.incoming() {
        let (stream, spans) = (stream?, spans.clone());
        // A connection that breaks is its client's concern.
        thread::spawn(move || serve(stream, &spans).ok());
    }
    Ok(())
}

/// Asks a receiver for how many spans it has had.
pub(crate) fn spans_received(address: &str) -> Outcome<u64> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET /spans HTTP/1.1\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    Ok(body.parse()?)
}

fn serve(stream: TcpStream, spans: &AtomicU64) -> Outcome<()> {
    stream.set_nodelay(true)?;
    let mut answers = stream.try_clone()?;
    let mut requests = BufReader::with_capacity(1 << 18, stream);
    let mut body = Vec::new();
    loop {
        let mut first = String::new();
        if requests.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let length = content_length(&mut requests)?;
        if first.starts_with("GET") {
            let text = spans.load(Ordering::Relaxed).to_string();
            write!(answers, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{text}")?;
            return Ok(());
        }
        body.resize(length, 0);
        requests.read_exact(&mut body)?;
        if first.contains("/v1/traces") {
            let found = spans_in(&body).ok_or("a request that is none")?;
            spans.fetch_add(found, Ordering::Relaxed);
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf";
        write!(answers, "{head}\r\ncontent-length: 0\r\n\r\n")?;
    }
}

/// Reads the rest of a request's head.
fn content_length(requests: &mut impl BufRead) -> Outcome<usize> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        requests.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse()?;
            }
            Some(_) => {}
            None => return Ok(length),
        }
    }
}

/// How many spans a request holds: `{ 1: { 2: { 2: span… }… }… }`.
fn spans_in(request: &[u8]) -> Option<u64> {
    let mut count = 0;
    for of_resource in messages(request, 1)? {
        for of_scope in messages(of_resource, 2)? {
            count += messages(of_scope, 2)?.len() as u64;
        }
    }
    Some(count)
}

/// The messages in a field. These three levels hold nothing but fields with a length.
fn messages(mut message: &[u8], field: u64) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let length = usize::try_from(varint(&mut message)?).ok()?;
        let (value, rest) = message.split_at_checked(length)?;
        if key == field << 3 | 2 {
            found.push(value);
        }
        message = rest;
    }
    Some(found)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}
