//! A job that records into memory.

use std::time::Duration;

use onelogger::exporter::{MemoryExporter, MemoryRecords};
use onelogger::recorder::DefaultRecorderBuilder;
use onelogger::{
    Counts, DefaultRecorder, OneLoggerConfig, OneLoggerProvider, Record, RecorderHandle,
};

/// So long that it is only reached if something hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Job {
    pub(crate) provider: OneLoggerProvider,
    pub(crate) recorder: RecorderHandle,
    records: MemoryRecords,
}

impl Job {
    pub(crate) fn new(
        settings: impl FnOnce(DefaultRecorderBuilder) -> DefaultRecorderBuilder,
    ) -> Job {
        let (exporter, records) = MemoryExporter::new();
        let builder = settings(DefaultRecorder::builder().exporter(exporter));
        let config = OneLoggerConfig::builder("recording").session_tag("test").world_size(1);
        let provider = OneLoggerProvider::new();
        let recorder = builder.build().expect("settings that work");
        let guard = provider.configure(config.build().expect("a config"), recorder);
        // The tests close the provider themselves.
        std::mem::forget(guard.expect("a provider"));
        let recorder = provider.recorder();
        Job { provider, recorder, records }
    }

    /// What was exported, but for the closing record, and the counts, which are in balance and which
    /// that record bears.
    pub(crate) fn close(self) -> (Vec<Record>, Counts) {
        self.provider.close(PATIENCE).expect("a close in time");
        let counts = self.recorder.health().exporters[0].counts;
        assert!(counts.is_balanced(), "{counts:?}");
        let mut records = self.records.take();
        let Some(Record::Event(closing)) = records.pop() else { panic!("no closing record") };
        assert_eq!(closing.name, "onelogger.close");
        let withheld = closing.attributes.get_i64("onelogger.withheld").unwrap();
        assert_eq!(withheld, Some(counts.withheld as i64));
        assert_eq!(records.len() as u64, counts.delivered);
        (records, counts)
    }
}
