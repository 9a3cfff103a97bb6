//! What a call has lost, and how the exporter says so.

use onelogger::exporter::ExportError;

use super::stake::Stake;

/// Adds up what the requests of one call have lost.
#[derive(Default)]
pub(super) struct Losses {
    lost: Stake,
    /// Why the first request was lost, and how many others were.
    reason: Option<String>,
    further: usize,
}

impl Losses {
    /// What shows no record is no loss: it comes again, or was there a second time.
    pub(super) fn add(&mut self, stake: Stake, reason: impl Into<String>) {
        if stake == Stake::NONE {
            return;
        }
        self.lost = self.lost.plus(stake, 1);
        match self.reason {
            None => self.reason = Some(reason.into()),
            Some(_) => self.further += 1,
        }
    }

    /// The answer to a call with so many records.
    ///
    /// The contract counts from the front: the first so many were accepted, the next so many
    /// refused. Here any of them may be lost; only the numbers matter to the ledger. Records that
    /// the same call has accepted, and that turned out to be lost with a span, are revoked like
    /// those of earlier calls. `unsaid` is how many of the library's own did not get through, which
    /// no stake counts, and why.
    pub(super) fn into_result(
        self,
        records: usize,
        unsaid: Option<(String, usize)>,
    ) -> Result<(), ExportError> {
        let (unsaid, not_said) = unsaid.filter(|(_, own)| *own > 0).unzip();
        let Some(mut reason) = self.reason.or(unsaid) else {
            return Ok(());
        };
        if self.further > 0 {
            let requests = if self.further == 1 { "request" } else { "requests" };
            reason.push_str(&format!("; and {} more {requests}", self.further));
        }
        let Stake { own, waiting, updates } = self.lost;
        let refused = (own + not_said.unwrap_or(0)).min(records);
        let error = ExportError::new(reason).with_accepted(records - refused).with_refused(refused);
        Err(error.with_revoked(waiting).with_lost_updates(updates))
    }
}
