use std::collections::VecDeque;
use std::time::Duration;

use onelogger::Timestamp;

use super::timer::Timer;
use crate::config::CheckpointStrategy;

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
    sync: Saves,
    asynchronous: Saves,
    pending: VecDeque<Pending>,
    /// The furthest progress of a save that succeeded.
    furthest: Option<Progress>,
}

/// Those of one strategy.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Saves {
    /// How long training has waited.
    pub(crate) times: Timer,
    /// The attempt that was begun last.
    pub(crate) latest: i64,
    /// Whether that one has succeeded if it ends well, as nobody has said what became of it.
    pub(crate) succeeds_by_end: bool,
}

/// Which save it is that has come to its end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which {
    Attempt(i64),
    /// The last one of this step that has not.
    LastOfStep(i64),
}

impl Checkpoints {
    pub(crate) fn of(&mut self, strategy: CheckpointStrategy) -> &mut Saves {
        match strategy {
            CheckpointStrategy::Sync => &mut self.sync,
            CheckpointStrategy::Async => &mut self.asynchronous,
        }
    }

    /// A save has begun, the `attempt`th of the job.
    pub(crate) fn begin(
        &mut self,
        strategy: CheckpointStrategy,
        attempt: i64,
        step: i64,
        progress: Progress,
    ) {
        if self.pending.len() == PENDING_LIMIT {
            self.pending.pop_front();
        }
        self.pending.push_back(Pending { attempt, step, progress });
        self.of(strategy).latest = attempt;
    }

    /// A save has succeeded. Returns what is safe now, which is never less than before; `None` if no such
    /// save has begun.
    pub(crate) fn succeed(&mut self, which: Which, at: Timestamp) -> Option<Progress> {
        self.successes += 1;
        self.first_success.get_or_insert(at);
        let saved = self.take(which)?.progress;
        let furthest = self.furthest.filter(|furthest| furthest.iterations > saved.iterations);
        self.furthest = Some(furthest.unwrap_or(saved));
        self.furthest
    }

    /// The step of a save that has not come to its end.
    pub(crate) fn step(&self, which: Which) -> Option<i64> {
        self.place(which).map(|place| self.pending[place].step)
    }

    /// A save will not succeed any more. Returns its step, if it has not succeeded before.
    pub(crate) fn fail(&mut self, which: Which) -> Option<i64> {
        self.take(which).map(|pending| pending.step)
    }

    /// Whether it is the one that was begun last, which alone can be under way. Of synchronous saves no
    /// other can be meant.
    pub(crate) fn is_latest(&mut self, strategy: CheckpointStrategy, which: Which) -> bool {
        let attempt = self.place(which).map(|place| self.pending[place].attempt);
        strategy == CheckpointStrategy::Sync || attempt == Some(self.of(strategy).latest)
    }

    fn take(&mut self, which: Which) -> Option<Pending> {
        self.pending.remove(self.place(which)?)
    }

    fn place(&self, which: Which) -> Option<usize> {
        let is_it = |pending: &Pending| match which {
            Which::Attempt(attempt) => pending.attempt == attempt,
            Which::LastOfStep(step) => pending.step == step,
        };
        self.pending.iter().rposition(is_it)
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
        saves.begin(CheckpointStrategy::Async, 1, 10, progress(10));
        saves.begin(CheckpointStrategy::Async, 2, 20, progress(20));
        assert_eq!(saves.succeed(Which::LastOfStep(20), NOW), Some(progress(20)));
        assert_eq!(saves.succeed(Which::LastOfStep(10), NOW), Some(progress(20)));
        assert_eq!(saves.succeed(Which::LastOfStep(30), NOW), None);
    }

    #[test]
    fn p66_two_saves_of_one_step_are_two() {
        let mut saves = Checkpoints::default();
        saves.begin(CheckpointStrategy::Async, 1, 10, progress(10));
        saves.begin(CheckpointStrategy::Async, 2, 10, progress(12));
        assert_eq!(saves.succeed(Which::LastOfStep(10), NOW), Some(progress(12)));
        assert_eq!(saves.succeed(Which::LastOfStep(10), NOW), Some(progress(12)));
        assert_eq!(saves.pending(), 0);
    }

    #[test]
    fn p67_saves_that_nobody_reports_do_not_add_up() {
        let mut saves = Checkpoints::default();
        for attempt in 0..3000 {
            saves.begin(CheckpointStrategy::Async, attempt, attempt, progress(attempt));
        }
        assert_eq!(saves.pending(), PENDING_LIMIT);
        assert_eq!(saves.succeed(Which::LastOfStep(2999), NOW), Some(progress(2999)));
        assert_eq!(saves.fail(Which::Attempt(2998)), Some(2998));
        assert_eq!(saves.fail(Which::Attempt(2998)), None);
    }
}
