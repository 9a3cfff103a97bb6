//! As much of HTTP as the sink's control interface needs.

use std::io::{self, Read, Write};
use std::net::TcpStream;

/// Sends a request to a port of the loopback, and returns the body of the answer.
pub(super) fn request(port: u16, method: &str, path: &str, body: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let malformed = || io::Error::other(format!("no answer of a server: {answer}"));
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(malformed)?;
    if head.split(' ').nth(1) != Some("200") {
        return Err(malformed());
    }
    Ok(body.to_owned())
}
