//! One trace in two processes: a client that asks, a server that answers.
//!
//! The trace context travels in the headers of the request, as W3C Trace Context has it, and the
//! baggage with it. Another way, for a child process, is its environment.
//!
//! ```text
//! cargo run -p onelogger-otel --example two_processes
//! ```
//!
//! Both processes leave a file in the working directory, and send to the collector if there is one.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use onelogger::context::{self, Baggage, Context};
use onelogger::{FileExporter, event, timed_span};
use onelogger_otel::Setup;

/// A collector that is not there is not waited for any longer.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        None => client(),
        Some(address) => server(address),
    }
}

fn client() -> Result<(), Box<dyn Error>> {
    let _telemetry = Setup::new()
        .resource("service.name", "client")
        .exporter(FileExporter::new("client.jsonl"))
        .install()?
        .close_timeout(CLOSE_TIMEOUT);
    order()?;
    println!("client.jsonl and server.jsonl hold one trace");
    Ok(())
}

#[timed_span(name = "order", kind = client)]
fn order() -> Result<(), Box<dyn Error>> {
    let baggage = Baggage::new().with("tenant", "north")?;
    let _attached = Context::capture().with_baggage(baggage).attach();

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    // The child hangs under this span, and so would all that it does on its own account.
    let mut server = Command::new(std::env::current_exe()?)
        .arg(&address)
        .envs(context::environment())
        .spawn()?;
    let (mut connection, _) = listener.accept()?;
    let mut headers: Vec<(String, String)> = Vec::new();
    context::inject(&mut headers);
    for (name, value) in &headers {
        writeln!(connection, "{name}: {value}")?;
    }
    writeln!(connection)?;
    let mut answer = String::new();
    BufReader::new(connection).read_line(&mut answer)?;
    event!("answered", answer = answer.trim());
    server.wait()?;
    Ok(())
}

fn server(address: &str) -> Result<(), Box<dyn Error>> {
    let _telemetry = Setup::new()
        .resource("service.name", "server")
        .exporter(FileExporter::new("server.jsonl"))
        .install()?
        .close_timeout(CLOSE_TIMEOUT);
    let _parent = Context::from_environment().attach();
    start_up();
    let mut connection = TcpStream::connect(address)?;
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in BufReader::new(connection.try_clone()?).lines() {
        match line?.split_once(": ") {
            Some((name, value)) => headers.push((name.to_owned(), value.to_owned())),
            None => break,
        }
    }
    // Whatever is started in here belongs to the client's trace.
    let answer = Context::extract(&headers).run(answer);
    writeln!(connection, "{answer}")?;
    Ok(())
}

#[timed_span(name = "start up")]
fn start_up() {}

#[timed_span(name = "answer", kind = server)]
fn answer() -> String {
    let tenant = context::baggage().get("tenant").unwrap_or("nobody").to_owned();
    event!("served", tenant = &tenant);
    format!("hello {tenant}")
}
