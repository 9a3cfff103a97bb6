//! The receiver at the end: what has arrived, and faults on request.

use std::fs;
use std::path::PathBuf;

use onelogger::names::event::CLOSE;
use onelogger_otel::Protocol;
use serde_json::Value;
use tempfile::TempDir;

use super::http::request;
use super::job::Closed;
use super::program::{Program, data, free_port, in_time, python, until};
use super::received::Received;

/// `otlp_sink.py`, in a process of its own.
pub struct Sink {
    options: Vec<String>,
    grpc_port: u16,
    http_port: u16,
    directory: TempDir,
    program: Option<Program>,
}

impl Sink {
    /// A receiver that takes everything.
    pub fn start() -> Sink {
        Sink::with(&[])
    }

    /// A receiver with options; `otlp_sink.py --help` lists them.
    pub fn with(options: &[&str]) -> Sink {
        let mut sink = Sink::absent(options);
        sink.come();
        sink
    }

    /// One that comes later: its addresses are known.
    ///
    /// # Panics
    /// If there is no place for its files.
    pub fn absent(options: &[&str]) -> Sink {
        Sink {
            options: options.iter().map(|&option| option.to_owned()).collect(),
            grpc_port: free_port(),
            http_port: free_port(),
            directory: tempfile::tempdir().unwrap(),
            program: None,
        }
    }

    /// Starts it, at the addresses that it has had before, too.
    ///
    /// # Panics
    /// If it does not start.
    pub fn come(&mut self) {
        let place = |name: &str| self.directory.path().join(name);
        let port_file = place("ports.json");
        // It would tell of the one before.
        let _ = fs::remove_file(&port_file);
        let mut command = python();
        command.arg(data("otlp_sink.py")).args(&self.options);
        command.args(["--flush", "--check-unknown", "--grpc-relay"]);
        command.arg("--grpc-port").arg(self.grpc_port.to_string());
        command.arg("--http-port").arg(self.http_port.to_string());
        command.arg("--port-file").arg(&port_file);
        command.arg("--out").arg(place("items.jsonl"));
        command.arg("--requests").arg(place("requests.jsonl"));
        command.arg("--tls-dir").arg(place("tls"));
        let mut program = Program::start(&mut command, place("sink.log"));
        program.until_ready(|| port_file.exists());
        self.program = Some(program);
    }

    /// Starts it anew with other options.
    ///
    /// # Panics
    /// If it does not start.
    pub fn come_with(&mut self, options: &[&str]) {
        self.go();
        self.options = options.iter().map(|&option| option.to_owned()).collect();
        self.come();
    }

    /// Kills it. What it has received stays.
    pub fn go(&mut self) {
        self.program = None;
    }

    /// Where it receives, for an exporter.
    pub fn endpoint(&self, protocol: Protocol) -> String {
        let is_tls = self.options.iter().any(|option| option.ends_with("tls"));
        let port = match protocol {
            Protocol::Grpc => self.grpc_port,
            _ => self.http_port,
        };
        // Certificates are for names.
        if is_tls {
            format!("https://localhost:{port}")
        } else {
            format!("http://127.0.0.1:{port}")
        }
    }

    /// Lets it misbehave from now on, instead of what it was told before; `otlp_sink.py --help`
    /// lists the faults.
    ///
    /// # Panics
    /// If it does not understand them.
    pub fn set_faults(&self, faults: &[&str]) {
        let body = serde_json::to_string(faults).unwrap();
        let answer = request(self.http_port, "POST", "/_sink/faults", &body);
        let answer = answer.unwrap_or_else(|error| panic!("{faults:?}: {error}"));
        assert!(answer.contains(r#""ok": true"#), "{faults:?}: {answer}");
    }

    /// How often it has misbehaved since it was told to.
    ///
    /// # Panics
    /// If it does not tell.
    pub fn faults_hit(&self) -> u64 {
        let stats = request(self.http_port, "GET", "/_sink/stats", "").unwrap();
        let stats: Value = serde_json::from_str(&stats).unwrap();
        let faults = stats["faults"].as_array().unwrap();
        faults.iter().map(|fault| fault["hit"].as_u64().unwrap()).sum()
    }

    /// Waits until it has misbehaved so often.
    pub fn until_faults_hit(&self, times: u64) {
        until("faults of the sink", || (self.faults_hit() >= times).then_some(()));
    }

    /// The requests that have come, whatever became of them: what was answered, the headers, sizes.
    ///
    /// # Panics
    /// If what it wrote cannot be read.
    pub fn requests(&self) -> Vec<Value> {
        let text = self.lines("requests.jsonl");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What it has taken, over all its lives.
    pub fn received(&self) -> Received {
        Received::parse(&self.lines("items.jsonl"))
    }

    /// Waits until it has taken what is looked for.
    ///
    /// # Panics
    /// If it does not come; it says what came instead.
    pub fn until_received(&self, what: &str, is_there: impl Fn(&Received) -> bool) -> Received {
        let found = in_time(|| Some(self.received()).filter(&is_there));
        found.unwrap_or_else(|| {
            let (summary, requests) = (self.received().summary(), self.requests().len());
            let of_it = self.program.as_ref().map(Program::output).unwrap_or_default();
            panic!("waited in vain for {what}; {requests} requests: {summary}; {of_it}")
        })
    }

    /// Waits until it has all that a job counts as delivered, and the closing record. A collector in
    /// between forwards in its own time, and each signal by itself. Gives what the job has sent.
    pub fn until_delivered(&self, service: &str, closed: &Closed) -> Received {
        let delivered = closed.counts.delivered - closed.counts.delivered_updates;
        let received = self.until_received(&format!("all of {service}"), |received| {
            let received = received.of(service);
            received.record_count() >= delivered && !received.events(CLOSE).is_empty()
        });
        received.of(service)
    }

    /// One of its certificates or keys: `ca.pem`, `client.pem`, `client.key`.
    ///
    /// # Panics
    /// If it was started without TLS.
    pub fn pem(&self, name: &str) -> Vec<u8> {
        fs::read(self.pem_path(name)).unwrap()
    }

    /// The file of a certificate or key.
    pub fn pem_path(&self, name: &str) -> PathBuf {
        self.directory.path().join("tls").join(name)
    }

    /// What it has written to a file, without a last line that is not whole.
    fn lines(&self, name: &str) -> String {
        let text = fs::read(self.directory.path().join(name)).unwrap_or_default();
        let mut text = String::from_utf8_lossy(&text).into_owned();
        text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        text
    }
}
