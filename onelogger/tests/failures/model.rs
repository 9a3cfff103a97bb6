//! What is to become of an exporter: its state by the rule, and the counts, from what it was asked and
//! how it answered.

use std::time::Duration;

use onelogger::{DisableRule, ExporterHealth, ExporterState, LossReason};

use crate::backend::{Answer, Asked, Call};
use crate::tables::{EXPORTER_ROWS, Taken};

#[derive(Debug)]
pub(crate) struct ExporterModel {
    rule: DisableRule,
    pub(crate) state: ExporterState,
    pub(crate) taken: Taken,
    in_a_row: u32,
    total: u32,
    back_off: Duration,
    retry_at: Option<Duration>,
    is_open: bool,
    is_closing: bool,
    failures: u64,
    has_exported: bool,
    delivered: u64,
    failed_records: u64,
    /// Whether the exporter was told, or is to be told, that something is wrong.
    pub(crate) has_report: bool,
    /// The type of the failure's report that has not got through.
    unsent: Option<&'static str>,
    /// Reports that got through.
    reports: u64,
    pub(crate) losses_told: u64,
    /// Records lost because it was not called.
    disabled: u64,
    /// Whether since the last flush a report of that kind was tried and refused.
    is_failure_refused: bool,
    is_losses_refused: bool,
    /// Whether a record of the library's own has made the exporter lose others.
    has_lost_by_report: bool,
    /// Where the rule sends it, once it has been told of its failure.
    pending: Option<ExporterState>,
    /// The closing record, if that got through and nothing has changed since.
    closing: Option<(u64, u64)>,
}

/// Why a state is left, or entered anew: the rows of the table.
#[derive(Clone, Copy, Debug)]
enum By {
    Opens,
    Fails,
    GetsThrough,
    Panic,
    Close,
}

impl ExporterModel {
    pub(crate) fn new(rule: DisableRule) -> ExporterModel {
        ExporterModel {
            rule,
            state: ExporterState::NotOpened,
            taken: Taken::default(),
            in_a_row: 0,
            total: 0,
            back_off: Duration::from_secs(1),
            retry_at: None,
            is_open: false,
            is_closing: false,
            failures: 0,
            has_exported: false,
            delivered: 0,
            failed_records: 0,
            has_report: false,
            unsent: None,
            reports: 0,
            losses_told: 0,
            disabled: 0,
            is_failure_refused: false,
            is_losses_refused: false,
            has_lost_by_report: false,
            pending: None,
            closing: None,
        }
    }

    /// From here on the exporter gets its last chance.
    pub(crate) fn begins_to_close(&mut self) {
        self.is_closing = true;
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failures > 0
    }

    /// Takes in a call.
    pub(crate) fn called(&mut self, call: &Call) {
        if !matches!(call.asked, Asked::Failure { .. }) {
            self.obey();
        }
        if call.asked == Asked::Close {
            assert!(self.is_closing && self.is_open, "closed too early: {self:?}");
            if call.answer != Answer::Ok {
                self.failures += 1;
            }
            return self.go(By::Close, ExporterState::Closed);
        }
        assert!(self.is_callable(call.at), "{call:?} in {self:?}");
        assert_eq!(self.is_open, call.asked != Asked::Open, "{call:?}");
        if call.asked == Asked::Flush {
            // Before, it is told what it does not know.
            let owes_failure = self.unsent.is_some() && !self.is_failure_refused;
            let owes_losses = self.failed_records > 0 && self.losses_told == 0;
            assert!(!owes_failure && (!owes_losses || self.is_losses_refused), "{self:?}");
            (self.is_failure_refused, self.is_losses_refused) = (false, false);
        }
        if let Answer::Failed { revoked, .. } = call.answer {
            self.delivered -= revoked as u64;
            self.failed_records += revoked as u64;
            let is_records = matches!(call.asked, Asked::Records(_) | Asked::Flush);
            self.has_lost_by_report |= revoked > 0 && !is_records;
        }
        if call.answer == Answer::Panicked {
            self.is_open = false;
            self.failures += 1;
            self.go(By::Panic, ExporterState::Disabled);
        }
        let is_news = call.answer == Answer::Ok || self.has_accepted(call);
        match &call.asked {
            Asked::Open => return self.opened(call),
            Asked::Records(count) => return self.exported(call, *count, *count),
            Asked::DataError { is_own, kind } => {
                assert!(!self.has_report, "told twice: {call:?}");
                assert_eq!(kind, self.kind());
                if is_news {
                    self.has_report = true;
                    self.reports += 1;
                }
                return self.exported(call, 1, !is_own as usize);
            }
            Asked::Flush => return self.flushed(call),
            Asked::Failure { kind } => {
                assert_eq!(Some(&**kind), self.unsent, "{call:?}");
                self.is_failure_refused = !is_news;
                if is_news {
                    self.unsent = None;
                    self.reports += 1;
                }
            }
            Asked::Losses(lost) => {
                assert!(*lost != self.losses_told);
                self.is_losses_refused = !is_news;
                if is_news {
                    self.losses_told = *lost;
                }
            }
            Asked::Closing(delivered, lost) => {
                self.closing = (call.answer == Answer::Ok).then_some((*delivered, *lost));
                self.failures += matches!(call.answer, Answer::Failed { .. }) as u64;
                return;
            }
            Asked::Close => {}
        }
        // A report of the library's own: it says nothing of the rule, but whether a trial succeeds.
        if self.state == ExporterState::BackingOff {
            match call.answer {
                Answer::Ok if call.has_sent != Some(false) => self.works(),
                Answer::Ok => {}
                _ => self.waits(call.at),
            }
        }
    }

    fn opened(&mut self, call: &Call) {
        if call.answer == Answer::Ok {
            self.is_open = true;
            return self.go(By::Opens, ExporterState::Ready);
        }
        self.failures += (call.answer != Answer::Panicked) as u64;
        self.total += 1;
        match self.rule {
            DisableRule::AfterTotal(limit) if self.total >= limit => {
                self.go(By::Fails, ExporterState::Disabled);
            }
            _ => self.waits(call.at),
        }
    }

    /// A call with `count` records, of which `counted` are the application's.
    fn exported(&mut self, call: &Call, count: usize, counted: usize) {
        let (accepted, refused, revoked) = match call.answer {
            Answer::Ok => {
                self.delivered += counted as u64;
                return if call.has_sent != Some(false) {
                    self.works();
                };
            }
            Answer::Failed { accepted, refused, revoked } => (accepted, refused, revoked),
            Answer::Panicked => (0, count, 0),
        };
        self.delivered += accepted.min(counted) as u64;
        self.failed_records += refused.min(counted) as u64;
        self.fails(call, call.has_sent.unwrap_or(accepted > revoked));
    }

    fn flushed(&mut self, call: &Call) {
        match call.answer {
            Answer::Ok if call.has_sent == Some(true) => self.works(),
            Answer::Ok => {}
            _ => self.fails(call, call.has_sent == Some(true)),
        }
    }

    fn fails(&mut self, call: &Call, has_got_something_through: bool) {
        if has_got_something_through && call.answer != Answer::Panicked {
            self.works();
        }
        self.failures += (call.answer != Answer::Panicked) as u64;
        self.in_a_row += 1;
        self.total += 1;
        if !self.has_report {
            self.has_report = true;
            self.unsent = Some(self.kind());
        }
        match self.rule {
            DisableRule::AfterTotal(limit) if self.total >= limit => {
                self.pending = Some(ExporterState::Disabled);
            }
            DisableRule::AfterConsecutive(limit) if self.in_a_row >= limit => {
                self.postpones(call.at);
                self.pending = Some(ExporterState::BackingOff);
            }
            _ => {}
        }
    }

    fn obey(&mut self) {
        if let Some(to) = self.pending.take() {
            self.go(By::Fails, to);
        }
    }

    fn works(&mut self) {
        self.has_exported = true;
        (self.in_a_row, self.back_off, self.retry_at) = (0, Duration::from_secs(1), None);
        self.go(By::GetsThrough, ExporterState::Ready);
    }

    fn waits(&mut self, at: Duration) {
        self.postpones(at);
        self.go(By::Fails, ExporterState::BackingOff);
    }

    fn postpones(&mut self, at: Duration) {
        self.retry_at = Some(at + self.back_off);
        self.back_off = (2 * self.back_off).min(Duration::from_secs(60));
    }

    fn kind(&self) -> &'static str {
        if self.has_exported { "incomplete_telemetry_data" } else { "no_telemetry_data" }
    }

    /// What was taken, though the call failed: it is there, and is not to come again.
    fn has_accepted(&self, call: &Call) -> bool {
        matches!(call.answer, Answer::Failed { accepted: 1.., .. })
    }

    pub(crate) fn is_callable(&self, at: Duration) -> bool {
        match self.state {
            ExporterState::NotOpened | ExporterState::Ready => true,
            ExporterState::BackingOff => {
                self.is_closing || self.retry_at.is_none_or(|retry_at| at >= retry_at)
            }
            _ => false,
        }
    }

    /// Goes to a state by a row of the table.
    fn go(&mut self, by: By, to: ExporterState) {
        use ExporterState::{BackingOff, Closed, Disabled, NotOpened, Ready};
        let row = match (self.state, by, to) {
            (Ready, By::GetsThrough, Ready) => return,
            // What has panicked is gone; the rule has nothing to add.
            (Disabled, By::Fails, _) => return,
            (NotOpened, By::Opens, Ready) => 0,
            (NotOpened, By::Fails, BackingOff | Disabled) => 1,
            (Ready, By::Fails, BackingOff | Disabled) => 2,
            (BackingOff, By::Opens | By::GetsThrough, Ready) => 3,
            (BackingOff, By::Fails, BackingOff | Disabled) => 4,
            (NotOpened | Ready | BackingOff, By::Panic, Disabled) => 5,
            (Ready | BackingOff | Disabled, By::Close, Closed) => 6,
            (from, by, to) => panic!("no row: {from:?} by {by:?} to {to:?}"),
        };
        self.taken.note(&EXPORTER_ROWS, row, &format!("{:?}", self.state), &format!("{to:?}"));
        self.state = to;
    }

    /// The exporter was closed, or let go, because its recorder was.
    pub(crate) fn is_closed(&mut self) {
        self.obey();
        if self.state != ExporterState::Closed {
            self.go(By::Close, ExporterState::Closed);
        }
    }

    /// Compares all that is known when nothing is on its way: `kept` is what the backend has.
    pub(crate) fn check(&mut self, health: &ExporterHealth, kept: u64) {
        self.obey();
        let counts = &health.counts;
        let shown = || format!("{health:?}\n{self:?}");
        assert!(counts.is_balanced(), "{}", shown());
        assert_eq!(health.state, self.state, "{}", shown());
        assert_eq!(health.failures, self.failures, "{}", shown());
        assert_eq!(counts.delivered, self.delivered, "{}", shown());
        assert_eq!(counts.lost(LossReason::ExportFailed), self.failed_records, "{}", shown());
        assert_eq!(counts.delivered, kept, "{}", shown());
        assert!(self.reports <= 1, "{}", shown());
        if let Some((delivered, lost)) = self.closing {
            assert_eq!((delivered, lost), (counts.delivered, counts.lost_total()), "{}", shown());
            // Told before, but for what is lost with the telling.
            let is_told = self.losses_told == lost || self.is_losses_refused;
            assert!(is_told || self.has_lost_by_report, "{}", shown());
        }
    }

    /// Compares how many records were lost because the exporter was not called. Where it is known that all of
    /// that was `now`, it was right not to call it.
    pub(crate) fn check_disabled(&mut self, disabled: u64, now: Option<Duration>) {
        assert!(disabled == 0 || self.failures > 0, "{disabled}: {self:?}");
        let is_news = disabled > self.disabled && !self.is_closing;
        assert!(!is_news || now.is_none_or(|now| !self.is_callable(now)), "{disabled}: {self:?}");
        self.disabled = disabled;
    }
}
