//! The collector in between.

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use onelogger_otel::Protocol;
use tempfile::TempDir;

use super::program::{Program, environment, free_port};
use super::sink::Sink;

/// A real OpenTelemetry collector, in a process of its own, which forwards all signals to a sink.
pub struct Collector {
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    grpc_port: u16,
    http_port: u16,
    directory: TempDir,
    program: Option<Program>,
}

impl Collector {
    /// Starts one that forwards over `protocol`; it receives over both.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(sink: &Sink, protocol: Protocol) -> Collector {
        let word = if protocol == Protocol::Grpc { "grpc" } else { "http" };
        let option = |name: &str, value: &str| [format!("--{name}"), value.to_owned()];
        let arguments = [
            option("exporter", "otlp"),
            option("otlp-exporter-endpoint", &sink.endpoint(protocol)),
            option("otlp-exporter-protocol", word),
            option("otlp-exporter-retry-initial-backoff", "50ms"),
            option("otlp-exporter-retry-max-backoff", "200ms"),
            // A sink that is slow is not to be sent everything twice.
            option("otlp-exporter-request-timeout", "60s"),
            option("batch-timeout", "20ms"),
        ];
        Collector::with(arguments.concat(), Vec::new())
    }

    /// Starts one with these variables of its environment, `ROTEL_…`. Where it listens does not count:
    /// it has ports of its own.
    ///
    /// # Panics
    /// If it does not start.
    pub fn configured(variables: Vec<(String, String)>) -> Collector {
        Collector::with(Vec::new(), variables)
    }

    fn with(arguments: Vec<String>, mut variables: Vec<(String, String)>) -> Collector {
        let (grpc_port, http_port) = (free_port(), free_port());
        for (transport, port) in [("GRPC", grpc_port), ("HTTP", http_port)] {
            let name = format!("ROTEL_OTLP_{transport}_ENDPOINT");
            variables.push((name, format!("127.0.0.1:{port}")));
        }
        let mut collector = Collector {
            arguments,
            variables,
            grpc_port,
            http_port,
            directory: tempfile::tempdir().unwrap(),
            program: None,
        };
        collector.come();
        collector
    }

    /// Starts it again, at the addresses that it has had.
    ///
    /// # Panics
    /// If it does not start.
    pub fn come(&mut self) {
        let place = |name: &str| self.directory.path().join(name);
        let mut command = Command::new(program());
        command.arg("start").args(&self.arguments).current_dir(self.directory.path());
        command.envs(self.variables.iter().cloned());
        command.arg("--pid-file").arg(place("pid")).arg("--log-file").arg(place("log"));
        let mut program = Program::start(&mut command, place("output"));
        let listens = |port| TcpStream::connect(("127.0.0.1", port)).is_ok();
        program.until_ready(|| listens(self.grpc_port) && listens(self.http_port));
        self.program = Some(program);
    }

    /// Kills it, with what it has taken and not forwarded yet.
    pub fn kill(&mut self) {
        self.program = None;
    }

    /// Lets it end in order: it forwards what it has taken.
    pub fn terminate(&mut self) {
        if let Some(mut program) = self.program.take() {
            program.terminate();
        }
    }

    /// Where it receives, for an exporter.
    pub fn endpoint(&self, protocol: Protocol) -> String {
        let port = match protocol {
            Protocol::Grpc => self.grpc_port,
            _ => self.http_port,
        };
        format!("http://127.0.0.1:{port}")
    }
}

/// The collector's program lies within its Python package, whose directory has the version of
/// Python in its name.
fn program() -> PathBuf {
    let versions = fs::read_dir(environment().join("lib")).unwrap();
    let packages = versions.map(|version| version.unwrap().path().join("site-packages"));
    let mut programs = packages.map(|packages| packages.join("rotel/rotel-agent"));
    programs.find(|program| program.is_file()).expect("an environment with the collector")
}
