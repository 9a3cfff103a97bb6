//! Floating point operations, and how many of them there are in a second.

use std::time::Duration;

use onelogger::Value;

/// Operations in a tflop.
const TERA: f64 = 1e12;

/// The operations of a loop, and its slowest and fastest iteration.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Throughput {
    operations: i128,
    /// In iterations whose time is known.
    timed_operations: i128,
    time: Duration,
    /// Operations per second.
    slowest: Option<f64>,
    fastest: Option<f64>,
}

/// In 10¹² operations per second, of one rank.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PerRank {
    pub(crate) average: f64,
    pub(crate) fastest: f64,
    pub(crate) slowest: f64,
}

impl Throughput {
    /// Adds an iteration. One without a length, or of no length, says nothing of speed.
    pub(crate) fn add(&mut self, operations: i128, duration: Option<Duration>) {
        self.operations = self.operations.saturating_add(operations);
        let Some(duration) = duration else { return };
        self.timed_operations = self.timed_operations.saturating_add(operations);
        self.time += duration;
        if duration.is_zero() {
            return;
        }
        let rate = operations as f64 / duration.as_secs_f64();
        self.slowest = Some(self.slowest.map_or(rate, |slowest| slowest.min(rate)));
        self.fastest = Some(self.fastest.map_or(rate, |fastest| fastest.max(rate)));
    }

    pub(crate) fn operations(&self) -> i128 {
        self.operations
    }

    /// `None` as long as no iteration took any time.
    pub(crate) fn per_rank(&self, world_size: u32) -> Option<PerRank> {
        let (slowest, fastest) = (self.slowest?, self.fastest?);
        let ranks = TERA * f64::from(world_size);
        let average = self.timed_operations as f64 / (self.time.as_secs_f64() * ranks);
        Some(PerRank { average, fastest: fastest / ranks, slowest: slowest / ranks })
    }
}

pub(crate) fn to_tera(operations: i128) -> f64 {
    operations as f64 / TERA
}

/// A whole number as long as it fits into 64 bits, as the sum over a long training need not.
pub(crate) fn to_value(operations: i128) -> Value {
    i64::try_from(operations).map_or(Value::F64(operations as f64), Value::I64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_average_over_the_time_and_extremes_of_single_iterations() {
        let mut throughput = Throughput::default();
        throughput.add(6_400_000_000_000, Some(Duration::from_secs(1)));
        throughput.add(6_400_000_000_000, Some(Duration::from_millis(500)));
        let per_rank = throughput.per_rank(4).unwrap();
        assert!((per_rank.average - 12.8 / 6.0).abs() < 1e-12);
        assert_eq!((per_rank.slowest, per_rank.fastest), (1.6, 3.2));
    }

    #[test]
    fn p52_an_iteration_without_length_says_nothing_of_speed() {
        let mut throughput = Throughput::default();
        throughput.add(10, Some(Duration::ZERO));
        throughput.add(10, None);
        assert_eq!((throughput.operations(), throughput.per_rank(1)), (20, None));
    }

    #[test]
    fn a_sum_beyond_64_bits_stays_a_number() {
        assert_eq!(to_value(7), Value::I64(7));
        assert_eq!(to_value(10_i128.pow(24)), Value::F64(1e24));
    }
}
