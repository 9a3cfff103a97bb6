//! Percentiles of numbers that are not kept.

use std::collections::BTreeMap;

/// Counts numbers by size, in classes each of which is 2 % wider than the one below: so a percentile is
/// found to within 1 % of its value (the idea of `DDSketch`: Masson, Rim and Lee, 2019). Count, extremes
/// and sum are exact, but for the rounding of the sum.
///
/// Numbers of `f64` fall into at most 71,600 classes for each sign; those of one kind of measurement into
/// some hundreds.
#[derive(Clone, Debug, Default)]
pub(super) struct Sketch {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    /// By class: the positive ones, those below zero by their absolute value.
    positive: BTreeMap<i32, u64>,
    negative: BTreeMap<i32, u64>,
    zeros: u64,
}

/// A class ends at this times where it begins: (1 + e) / (1 - e), for an error e of 1 %.
const GROWTH: f64 = 1.01 / 0.99;

impl Sketch {
    /// Takes a number; whether it is one: a NaN or an infinity is not.
    pub(super) fn add(&mut self, value: f64) -> bool {
        if !value.is_finite() {
            return false;
        }
        self.min = if self.count == 0 { value } else { self.min.min(value) };
        self.max = if self.count == 0 { value } else { self.max.max(value) };
        self.count += 1;
        self.sum += value;
        match value {
            0.0 => self.zeros += 1,
            _ if value > 0.0 => *self.positive.entry(class(value)).or_default() += 1,
            _ => *self.negative.entry(class(-value)).or_default() += 1,
        }
        true
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn min(&self) -> f64 {
        self.min
    }

    pub(super) fn max(&self) -> f64 {
        self.max
    }

    /// The sum by the count; 0 of nothing.
    pub(super) fn average(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }

    /// The smallest number that so many percent of all numbers do not exceed, to within 1 %; 0 of nothing.
    pub(super) fn percentile(&self, percent: u32) -> f64 {
        let rank = (u128::from(self.count) * u128::from(percent)).div_ceil(100).max(1) as u64;
        let negative = self.negative.iter().rev().map(|(&class, &count)| (-middle(class), count));
        let positive = self.positive.iter().map(|(&class, &count)| (middle(class), count));
        let mut below = 0;
        for (value, count) in negative.chain([(0.0, self.zeros)]).chain(positive) {
            below += count;
            if below >= rank {
                return value.clamp(self.min, self.max);
            }
        }
        self.max
    }
}

fn class(value: f64) -> i32 {
    (value.ln() / GROWTH.ln()).ceil() as i32
}

/// The number that is within 1 % of all numbers of a class.
fn middle(class: i32) -> f64 {
    2.0 * (f64::from(class) * GROWTH.ln()).exp() / (1.0 + GROWTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks all percentiles against the sorted numbers.
    fn check(mut numbers: Vec<f64>) {
        let mut sketch = Sketch::default();
        assert!(numbers.iter().all(|&number| sketch.add(number)));
        numbers.sort_by(f64::total_cmp);
        for percent in 1..=100 {
            let rank = (numbers.len() * percent).div_ceil(100).max(1);
            let (exact, found) = (numbers[rank - 1], sketch.percentile(percent as u32));
            // A little more than 1 %: logarithms are rounded.
            assert!((found - exact).abs() <= 0.0101 * exact.abs(), "p{percent}: {found} {exact}");
        }
        assert_eq!((sketch.min(), sketch.max()), (numbers[0], *numbers.last().unwrap()));
        assert_eq!(sketch.count(), numbers.len() as u64);
    }

    #[test]
    fn percentiles_are_within_a_hundredth() {
        check(vec![7.0]);
        check((0..1_000).map(f64::from).collect());
        check((0..999).map(|number| f64::from(number * 37 % 999 - 500) / 8.0).collect());
        check((0..600).map(|number| 1.1_f64.powi(number - 300)).collect());
        check(vec![f64::MIN_POSITIVE, 1e300, -1e300, 0.0, -0.0]);
    }

    #[test]
    fn what_is_no_number_is_not_taken() {
        let mut sketch = Sketch::default();
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(!sketch.add(number));
        }
        assert_eq!((sketch.count(), sketch.average(), sketch.percentile(50)), (0, 0.0, 0.0));
    }
}
