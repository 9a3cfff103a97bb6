//! An exporter that fails as it is told, and a log of what it was asked and how it answered.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use onelogger::exporter::{ExportError, Exporter, RecordKind, Records, Run};
use onelogger::{ManualClock, names};

/// What becomes of records from now on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Manner {
    #[default]
    Healthy,
    /// The record after so many of a call is refused.
    RefusesAfter(usize),
    RefusesAll,
    /// Takes all of a call, and loses so many of those that it had.
    LosesEarlier(usize),
    /// What is the application's goes through, what the library itself says does not.
    RefusesReports,
    Panics,
}

/// How the backend behaves from now on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Script {
    pub(crate) manner: Manner,
    pub(crate) is_unopenable: bool,
    pub(crate) fails_to_flush: bool,
    pub(crate) fails_to_close: bool,
    /// What is taken over is sent with the next flush only.
    pub(crate) holds: bool,
}

/// What the exporter was asked to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Asked {
    Open,
    /// So many records of the application.
    Records(usize),
    /// A telemetry data error of the application, or of the library on a misuse.
    DataError {
        is_own: bool,
        kind: String,
    },
    /// The library's report of a failure.
    Failure {
        kind: String,
    },
    /// The library's report of losses, and how many there are.
    Losses(u64),
    /// The closing record: delivered, lost.
    Closing(u64, u64),
    Flush,
    Close,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Ok,
    Failed { accepted: usize, refused: usize, revoked: usize },
    Panicked,
}

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) asked: Asked,
    pub(crate) answer: Answer,
    /// What [`Exporter::has_sent`] says of it.
    pub(crate) has_sent: Option<bool>,
    pub(crate) at: Duration,
}

#[derive(Default)]
struct State {
    script: Script,
    log: Vec<Call>,
    /// Records of the application that it has, taken over or sent.
    kept: u64,
    /// Of all records, its own included, those that wait for a flush.
    waiting: usize,
    has_sent: Option<bool>,
}

#[derive(Clone)]
pub(crate) struct Backend {
    state: Arc<Mutex<State>>,
    clock: ManualClock,
}

impl Backend {
    pub(crate) fn new(script: Script, clock: &ManualClock) -> Backend {
        let state = State { script, ..State::default() };
        Backend { state: Arc::new(Mutex::new(state)), clock: clock.clone() }
    }

    /// Behaves otherwise from now on; whether it holds records back stays as it is.
    pub(crate) fn change(&self, script: Script) {
        let mut state = self.lock();
        state.script = Script { holds: state.script.holds, ..script };
    }

    /// The calls since this was asked last.
    pub(crate) fn take_log(&self) -> Vec<Call> {
        std::mem::take(&mut self.lock().log)
    }

    /// How many records of the application it has.
    pub(crate) fn kept(&self) -> u64 {
        self.lock().kept
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, asked: Asked, answer: impl FnOnce(&mut State) -> Answer) -> Answer {
        let at = Duration::from_nanos(self.clock.unix_nanos());
        let mut state = self.lock();
        state.has_sent = state.script.holds.then_some(false);
        let answer = answer(&mut state);
        let has_sent = state.has_sent;
        state.log.push(Call { asked, answer, has_sent, at });
        answer
    }
}

impl State {
    /// Takes so many records, of which so many are the application's.
    fn take(&mut self, all: usize, of_application: usize) -> Answer {
        let is_own = of_application == 0;
        let (accepted, refused, revoked) = match self.script.manner {
            Manner::Healthy => (all, 0, 0),
            Manner::RefusesReports => {
                if is_own {
                    (0, 1, 0)
                } else {
                    (all, 0, 0)
                }
            }
            Manner::RefusesAfter(count) if count < all => (count, 1, 0),
            Manner::RefusesAfter(_) => (all, 0, 0),
            Manner::RefusesAll => (0, all, 0),
            Manner::LosesEarlier(count) => (all, 0, self.kept.min(count as u64)),
            Manner::Panics => return Answer::Panicked,
        };
        if !is_own {
            self.kept += accepted as u64;
        }
        self.kept -= revoked;
        self.waiting += if self.script.holds { accepted } else { 0 };
        match (refused, revoked) {
            (0, 0) => Answer::Ok,
            _ => Answer::Failed { accepted, refused, revoked: revoked as usize },
        }
    }

    fn flush(&mut self) -> Answer {
        let waiting = std::mem::take(&mut self.waiting);
        if self.script.manner == Manner::Panics {
            return Answer::Panicked;
        }
        if !self.script.fails_to_flush {
            self.has_sent = self.has_sent.map(|_| waiting > 0);
            return Answer::Ok;
        }
        let revoked = self.kept.min(waiting as u64);
        self.kept -= revoked;
        Answer::Failed { accepted: 0, refused: 0, revoked: revoked as usize }
    }
}

fn result(answer: Answer) -> Result<(), ExportError> {
    match answer {
        Answer::Ok => Ok(()),
        Answer::Failed { accepted, refused, revoked } => {
            let error = ExportError::new("as the test wants").with_accepted(accepted);
            Err(error.with_refused(refused).with_revoked(revoked))
        }
        // Past the panic hook, which would print it.
        Answer::Panicked => resume_unwind(Box::new("as the test wants")),
    }
}

fn asked(records: Records<'_>) -> Asked {
    let first = records.iter().next().expect("no call without a record");
    let attributes = first.attributes().to_owned();
    let text = |name| attributes.get_str(name).ok().flatten().unwrap_or_default().to_owned();
    let number = |name| attributes.get_i64(name).unwrap().unwrap_or_default() as u64;
    let is_loss = |name: &str| name.starts_with(names::attribute::LOST_PREFIX);
    let lost = attributes.iter().filter(|(name, _)| is_loss(name.as_str()));
    let lost: Vec<u64> = lost.map(|(_, count)| count.to_string().parse().unwrap()).collect();
    let total = lost.iter().sum();
    let kind = text(names::attribute::TELEMETRY_DATA_ERROR_TYPE);
    let message = text(names::attribute::ERROR_MESSAGE);
    match (first.kind(), first.is_own()) {
        (RecordKind::TelemetryDataError, true) if !lost.is_empty() => Asked::Losses(total),
        (RecordKind::TelemetryDataError, true) if message.starts_with("Error exporting") => {
            Asked::Failure { kind }
        }
        (RecordKind::TelemetryDataError, is_own) => Asked::DataError { is_own, kind },
        (_, true) => Asked::Closing(number(names::attribute::DELIVERED), total),
        (_, false) => Asked::Records(records.len()),
    }
}

impl Exporter for Backend {
    fn name(&self) -> &str {
        "backend"
    }

    fn open(&mut self, _: &Run) -> Result<(), ExportError> {
        result(self.answer(Asked::Open, |state| match state.script {
            Script { manner: Manner::Panics, .. } => Answer::Panicked,
            Script { is_unopenable: true, .. } => {
                Answer::Failed { accepted: 0, refused: 0, revoked: 0 }
            }
            _ => Answer::Ok,
        }))
    }

    fn export_batch(&mut self, records: Records<'_>) -> Result<(), ExportError> {
        let of_application = records.iter().filter(|record| !record.is_own()).count();
        let answer = self.answer(asked(records), |state| state.take(records.len(), of_application));
        result(answer)
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        result(self.answer(Asked::Flush, State::flush))
    }

    fn close(&mut self) -> Result<(), ExportError> {
        result(self.answer(Asked::Close, |state| match state.script.fails_to_close {
            true => Answer::Failed { accepted: 0, refused: 0, revoked: 0 },
            false => Answer::Ok,
        }))
    }

    fn has_sent(&self) -> Option<bool> {
        self.lock().has_sent
    }
}
