use std::iter::FusedIterator;

use crate::{PhaseGuard, TrainingTelemetry};

/// An iterator over training data that measures the training. Made by
/// [`TrainingTelemetry::train_iter`].
#[must_use = "iterators do nothing unless they are consumed"]
#[derive(Debug)]
pub struct TrainIter<I> {
    data: I,
    telemetry: TrainingTelemetry,
    /// Ends as completed when it is dropped, unless that is by a panic.
    iteration: Option<PhaseGuard>,
}

impl TrainingTelemetry {
    /// Wraps what gives the training its data: the time within its `next` is a wait for data, the time
    /// between two is a training iteration. Whatever becomes of the telemetry, the data comes.
    ///
    /// What follows a step in the body, a validation or a save, is part of the iteration, unless
    /// [`on_training_single_iteration_end`](TrainingTelemetry::on_training_single_iteration_end) comes
    /// before. An iteration that is left by `break` or by the end of the data is completed, and so is one
    /// that is left by `?`: end one that has failed by
    /// [`fail_iteration`](TrainingTelemetry::fail_iteration).
    ///
    /// ```
    /// use onelogger_training::{TrainStart, telemetry};
    /// # fn step(_: &[u32]) -> f64 { 0.5 }
    /// # let loader = vec![vec![1, 2], vec![3, 4]];
    /// let telemetry = telemetry();
    /// let training = telemetry.training_loop(TrainStart::default())?;
    /// for batch in telemetry.train_iter(loader) {
    ///     let loss = step(&batch);
    ///     telemetry.work("tokens", 2)?;
    ///     telemetry.report_loss(loss)?;
    /// }
    /// training.end()?;
    /// # Ok::<(), onelogger::recorder::RecordError>(())
    /// ```
    pub fn train_iter<I: IntoIterator>(&self, data: I) -> TrainIter<I::IntoIter> {
        let telemetry = self.without_time();
        TrainIter { data: data.into_iter(), telemetry, iteration: None }
    }
}

impl<I: Iterator> Iterator for TrainIter<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.iteration = None;
        // A start that is refused is the strategy's affair.
        let wait = self.telemetry.data_loading();
        let item = self.data.next();
        drop(wait);
        if item.is_some() {
            self.iteration = self.telemetry.training_iteration().ok();
        }
        item
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.data.size_hint()
    }
}

impl<I: ExactSizeIterator> ExactSizeIterator for TrainIter<I> {}

impl<I: FusedIterator> FusedIterator for TrainIter<I> {}
