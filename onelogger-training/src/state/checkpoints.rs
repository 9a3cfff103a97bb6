use std::collections::VecDeque;
use std::time::Duration;

use onelogger::Timestamp;

use super::timer::Timer;

/// Saves that have not been reported as done, kept at most: those of an application that never
/// reports any must not add up.
const PENDING_LIMIT: usize = 1024;

/// How far training had come when a save began: what a restart from the checkpoint need not do again.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    pub(crate) iterations: i64,
    pub(crate) samples: i64,
    pub(crate) training: Duration,
    pub(crate) validation: Duration,
    pub(crate) flops: Option<i128>,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    attempt: i64,
    step: i64,
    progress: Progress,
}

/// The saves of a job.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checkpoints {
    /// Saves begun.
    pub(crate) attempts: i64,
    pub(crate) successes: i64,
    pub(crate) first_success: Option<Timestamp>,
    /// The times for which training waited, of synchronous saves and of asynchronous ones.
    pub(crate) sync_times: Timer,
    pub(crate) async_times: Timer,
    /// The synchronous save that was begun last.
    pub(crate) sync_attempt: i64,
    pending: VecDeque<Pending>,
    /// The furthest progress of a save that succeeded.
    furthest: Option<Progress>,
}

impl Checkpoints {
    /// A save has begun, the `attempt`th of the job.
    pub(crate) fn begin(&mut self, attempt: i64, step: i64, progress: Progress) {
        if self.pending.len() == PENDING_LIMIT {
            self.pending.pop_front();
        }
        self.pending.push_back(Pending { attempt, step, progress });
    }

    /// A save has succeeded: the last one of this step that has not. Returns what is safe now, which is
    /// never less than before; `None` if no such save has begun.
    pub(crate) fn succeed(&mut self, step: i64, at: Timestamp) -> Option<Progress> {
        self.successes += 1;
        self.first_success.get_or_insert(at);
        let saved = self.forget(step)?;
        let furthest = self.furthest.filter(|furthest| furthest.iterations > saved.iterations);
        self.furthest = Some(furthest.unwrap_or(saved));
        self.furthest
    }

    /// The last save of this step that has not succeeded never will.
    pub(crate) fn forget(&mut self, step: i64) -> Option<Progress> {
        let place = self.pending.iter().rposition(|pending| pending.step == step)?;
        self.pending.remove(place).map(|pending| pending.progress)
    }

    /// If this attempt has not succeeded, it never will: its step.
    pub(crate) fn fail_attempt(&mut self, attempt: i64) -> Option<i64> {
        let place = self.pending.iter().position(|pending| pending.attempt == attempt)?;
        self.pending.remove(place).map(|pending| pending.step)
    }

    /// Saves that have not been reported as done.
    #[cfg(test)]
    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(iterations: i64) -> Progress {
        Progress { iterations, ..Progress::default() }
    }

    const NOW: Timestamp = Timestamp::from_unix_nanos(1);

    #[test]
    fn p66_what_is_safe_never_becomes_less() {
        let mut saves = Checkpoints::default();
        saves.begin(1, 10, progress(10));
        saves.begin(2, 20, progress(20));
        assert_eq!(saves.succeed(20, NOW), Some(progress(20)));
        assert_eq!(saves.succeed(10, NOW), Some(progress(20)));
        assert_eq!(saves.succeed(30, NOW), None);
    }

    #[test]
    fn p66_two_saves_of_one_step_are_two() {
        let mut saves = Checkpoints::default();
        saves.begin(1, 10, progress(10));
        saves.begin(2, 10, progress(12));
        assert_eq!(saves.succeed(10, NOW), Some(progress(12)));
        assert_eq!(saves.succeed(10, NOW), Some(progress(12)));
        assert_eq!(saves.pending(), 0);
    }

    #[test]
    fn p67_saves_that_nobody_reports_do_not_add_up() {
        let mut saves = Checkpoints::default();
        for attempt in 0..3000 {
            saves.begin(attempt, attempt, progress(attempt));
        }
        assert_eq!(saves.pending(), PENDING_LIMIT);
        assert_eq!(saves.succeed(2999, NOW), Some(progress(2999)));
        assert_eq!(saves.fail_attempt(2998), Some(2998));
        assert_eq!(saves.fail_attempt(2998), None);
    }
}
