//! What is said of an exporter that fails now and then. A target of its own: messages belong to the
//! process.

use std::path::Path;
use std::time::Duration;

use onelogger::exporter::{ExportError, Exporter, Records};
use onelogger::{DefaultRecorder, LoggerConfig, OneLoggerConfig, OneLoggerProvider};

/// Refuses each second batch.
#[derive(Default)]
struct EverySecond(usize);

impl Exporter for EverySecond {
    fn name(&self) -> &str {
        "EverySecond"
    }

    fn export_batch(&mut self, records: Records<'_>) -> Result<(), ExportError> {
        self.0 += 1;
        match self.0 % 2 {
            0 => Err(ExportError::new("no log records here").with_refused(records.len())),
            _ => Ok(()),
        }
    }
}

#[test]
fn p33_a_message_reaches_the_file_that_was_configured_and_is_said_once() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("messages_of_failures.log");
    let _ = std::fs::remove_file(&path);
    let logger =
        LoggerConfig { log_file_path_for_err: Some(path.clone()), ..LoggerConfig::default() };
    let config = OneLoggerConfig::builder("job").session_tag("test").world_size(1);
    let recorder = DefaultRecorder::builder().synchronous().exporter(EverySecond::default());
    let provider = OneLoggerProvider::new();
    let guard = provider
        .configure(config.logger_config(logger).build().unwrap(), recorder.build().unwrap())
        .unwrap();
    for _ in 0..20 {
        provider.recorder().event(None, "event").unwrap();
    }
    let failures = provider.recorder().health().exporters[0].failures;
    assert!(failures >= 5, "{failures}");
    drop(guard.close_timeout(Duration::from_secs(60)));
    let said = std::fs::read_to_string(&path).unwrap();
    assert_eq!(said.matches("no log records here").count(), 1, "{said}");
}
