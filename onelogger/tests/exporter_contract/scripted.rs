//! An exporter that answers as the test says, and notes what it was asked.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use onelogger::exporter::{ExportError, Exporter, RecordKind, Records, Run};
use onelogger::recorder::DefaultRecorderBuilder;
use onelogger::{
    DefaultRecorder, ExporterHealth, OneLoggerConfig, OneLoggerProvider, RecorderHandle,
};

/// So long that it is only reached if something hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What a call of the exporter was for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Open,
    /// With so many records of the application.
    Export(usize),
    /// A report of the library, by its message.
    Report(String),
    Flush,
    Close,
}

/// How the exporter behaves from now on.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) is_unopenable: bool,
    /// Records of which kinds are refused, all of a call.
    pub(crate) refuses: Vec<RecordKind>,
    pub(crate) fails_to_flush: bool,
    /// What `has_sent` answers after each call that succeeds.
    pub(crate) has_sent: Option<bool>,
    /// The exporter panics when it is asked that.
    pub(crate) has_sent_panics: bool,
    pub(crate) next_flush_after: Option<Duration>,
    /// Export calls wait for the end of the time that a close has, and then refuse.
    pub(crate) hangs_until_close: bool,
}

#[derive(Default)]
struct State {
    script: Script,
    calls: Vec<(Call, Instant)>,
    run: Option<Run>,
    has_failed: bool,
}

#[derive(Clone, Default)]
pub(crate) struct Scripted(Arc<(Mutex<State>, Condvar)>);

impl Scripted {
    pub(crate) fn new(script: Script) -> Scripted {
        let scripted = Scripted::default();
        scripted.change(|now| *now = script);
        scripted
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.lock().script);
    }

    pub(crate) fn calls(&self) -> Vec<(Call, Instant)> {
        self.lock().calls.clone()
    }

    pub(crate) fn count(&self, call: &Call) -> usize {
        self.calls().iter().filter(|(made, _)| made == call).count()
    }

    /// Waits until so many such calls were made.
    pub(crate) fn wait_for(&self, call: &Call, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.lock();
        while state.calls.iter().filter(|(made, _)| made == call).count() < count {
            let rest = deadline.saturating_duration_since(Instant::now());
            assert!(!rest.is_zero(), "no {call:?} ({count}): {:?}", state.calls);
            state = self.0.1.wait_timeout(state, rest).unwrap().0;
        }
    }

    /// What the exporter was told with `open`.
    pub(crate) fn run(&self) -> Run {
        self.lock().run.clone().expect("an open exporter")
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, call: Call) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        state.calls.push((call, Instant::now()));
        state.has_failed = false;
        self.0.1.notify_all();
        state
    }
}

impl Exporter for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn open(&mut self, run: &Run) -> Result<(), ExportError> {
        let mut state = self.note(Call::Open);
        state.run = Some(run.clone());
        if state.script.is_unopenable { Err(ExportError::new("not today")) } else { Ok(()) }
    }

    fn export_batch(&mut self, records: Records<'_>) -> Result<(), ExportError> {
        let first = records.iter().next().expect("no call without a record");
        let own = |name: &str| name.starts_with("onelogger.");
        let message = first.attributes().to_owned();
        let message = message.iter().find(|(name, _)| *name == "error_message");
        let call = match message {
            Some((_, message)) if first.kind() == RecordKind::TelemetryDataError => {
                Call::Report(message.to_string())
            }
            _ => Call::Export(records.iter().filter(|record| !own(record.name())).count()),
        };
        let mut state = self.note(call);
        if state.script.hangs_until_close {
            let deadline = Instant::now() + PATIENCE;
            let run = state.run.clone().expect("an open exporter");
            drop(state);
            while run.close_by().is_none_or(|at| at > Instant::now()) {
                assert!(Instant::now() < deadline, "nobody said that it is time to give up");
                std::thread::sleep(Duration::from_millis(1));
            }
            return Err(ExportError::new("given up").with_refused(records.len()));
        }
        let is_refused = records.iter().any(|one| state.script.refuses.contains(&one.kind()));
        state.has_failed = is_refused;
        match is_refused {
            true => Err(ExportError::new("refused").with_refused(records.len())),
            false => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        let mut state = self.note(Call::Flush);
        state.has_failed = state.script.fails_to_flush;
        match state.has_failed {
            true => Err(ExportError::new("not flushed").with_refused(0)),
            false => Ok(()),
        }
    }

    fn close(&mut self) -> Result<(), ExportError> {
        drop(self.note(Call::Close));
        Ok(())
    }

    fn next_flush_after(&self) -> Option<Duration> {
        self.lock().script.next_flush_after
    }

    fn has_sent(&self) -> Option<bool> {
        let state = self.lock();
        assert!(!state.script.has_sent_panics, "as the test wants");
        state.script.has_sent.map(|has_sent| has_sent && !state.has_failed)
    }
}

/// A provider with one exporter.
pub(crate) struct Job {
    pub(crate) provider: OneLoggerProvider,
    pub(crate) recorder: RecorderHandle,
}

impl Job {
    pub(crate) fn new(
        exporter: &Scripted,
        settings: impl FnOnce(DefaultRecorderBuilder) -> DefaultRecorderBuilder,
    ) -> Job {
        let recorder = DefaultRecorder::builder().exporter(exporter.clone());
        let recorder = settings(recorder).build().expect("settings that work");
        let config = OneLoggerConfig::builder("contract").session_tag("test").world_size(1);
        let provider = OneLoggerProvider::new();
        let guard = provider.configure(config.build().expect("a config"), recorder);
        // The tests close the provider themselves.
        std::mem::forget(guard.expect("a provider"));
        let recorder = provider.recorder();
        Job { provider, recorder }
    }

    /// Records an event, and waits until it was offered.
    pub(crate) fn event(&self) {
        self.recorder.event(None, "event").expect("an event");
        self.flush();
    }

    pub(crate) fn flush(&self) {
        self.recorder.force_flush(PATIENCE).expect("a flush in time");
    }

    pub(crate) fn health(&self) -> ExporterHealth {
        self.recorder.health().exporters[0].clone()
    }

    /// Waits until the exporter's health is as it should be.
    pub(crate) fn wait_until(&self, is_so: impl Fn(&ExporterHealth) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(&self.health()) {
            assert!(Instant::now() < deadline, "{:?}", self.health());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Closes the provider; the counts are in balance.
    pub(crate) fn close(&self) -> ExporterHealth {
        self.provider.close(PATIENCE).expect("a close in time");
        let health = self.health();
        assert!(health.counts.is_balanced(), "{health:?}");
        health
    }
}
