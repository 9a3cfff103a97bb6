//! Programs that know their collector from their environment alone.

use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use onelogger_otel::Protocol;
use onelogger_tests::collector::Program;
use tempfile::TempDir;

/// A program, with the environment of the test and nothing of OpenTelemetry's besides.
pub(crate) struct Service {
    command: Command,
    directory: TempDir,
}

impl Service {
    /// A scenario of the program `service`.
    pub(crate) fn scenario(scenario: &str, name: &str) -> Service {
        let mut service = Service::program(env!("CARGO_BIN_EXE_service"));
        service.command.arg(scenario);
        service.with("OTEL_SERVICE_NAME", name)
    }

    /// Any program, in a directory of its own.
    pub(crate) fn program(path: &str) -> Service {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new(path);
        let others = std::env::vars_os().map(|(name, _)| name);
        for name in others.filter(|name| name.to_string_lossy().contains("OTEL")) {
            command.env_remove(name);
        }
        command.current_dir(directory.path());
        // What the library tells of itself would stand among what the tests count.
        command.env("ONELOGGER_SELF_METRICS", "false");
        Service { command, directory }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Service {
        self.command.env(name, value);
        self
    }

    /// Gives it these arguments, after those before.
    pub(crate) fn arguments(mut self, arguments: &[&str]) -> Service {
        self.command.args(arguments);
        self
    }

    /// Sends to this endpoint.
    pub(crate) fn to(self, protocol: Protocol, endpoint: &str) -> Service {
        let word = if protocol == Protocol::Grpc { "grpc" } else { "http/protobuf" };
        self.with("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).with("OTEL_EXPORTER_OTLP_PROTOCOL", word)
    }

    /// A file that it has written, or will.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs it to its end; gives what it has printed.
    #[track_caller]
    pub(crate) fn run(&mut self) -> String {
        let (output, status) = self.run_to_any_end();
        assert!(status.success(), "{status}: {output}");
        output
    }

    /// The same for one that may fail; says how it has ended.
    pub(crate) fn run_to_any_end(&mut self) -> (String, ExitStatus) {
        let log = self.file("output");
        let mut program = Program::start(&mut self.command, log);
        let status = program.wait();
        (program.output(), status)
    }
}
