use std::collections::HashMap;

use super::{Draft, Processor, Verdict};
use crate::exporter::RecordKind;

/// Lets so many spans, events and errors of each name through in a second, and holds the others back.
///
/// A bucket for each name and kind: it holds as many tokens as may come at once, and gets new ones all the
/// time, by the times of the records. A span that is let through is so with all that belongs to it but for
/// its events and errors, which have buckets of their own.
///
/// Names beyond [`MOST_NAMES`](RateLimit::MOST_NAMES) share one bucket, so that an application that makes
/// names up costs no memory.
///
/// ```
/// use onelogger::processor::RateLimit;
/// let limit = RateLimit::per_second(100.0).burst(1_000);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct RateLimit {
    per_second: f64,
    burst: f64,
    buckets: HashMap<(RecordKind, String), Bucket>,
    /// Of all names that have none of their own.
    shared: Bucket,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    filled_unix_nanos: u64,
}

impl RateLimit {
    /// So many names have buckets of their own.
    pub const MOST_NAMES: usize = 10_000;

    /// So many of each name in a second, and as many at once but at least one. What is below zero, or no
    /// number, counts as zero: then the first of each name is let through and no other.
    pub fn per_second(per_second: f64) -> RateLimit {
        let per_second = per_second.max(0.0);
        let burst = per_second.max(1.0);
        let shared = Bucket { tokens: burst, filled_unix_nanos: 0 };
        RateLimit { per_second, burst, buckets: HashMap::new(), shared }
    }

    /// So many of each name may come at once, after a pause; at least one.
    pub fn burst(mut self, records: u32) -> RateLimit {
        self.burst = f64::from(records.max(1));
        self.shared.tokens = self.burst;
        self
    }
}

impl Bucket {
    fn take(&mut self, now_unix_nanos: u64, per_second: f64, burst: f64) -> bool {
        // Records of a time that has been passed already fill nothing.
        let nanos = now_unix_nanos.saturating_sub(self.filled_unix_nanos);
        self.filled_unix_nanos = self.filled_unix_nanos.max(now_unix_nanos);
        self.tokens = (self.tokens + nanos as f64 / 1e9 * per_second).min(burst);
        let is_left = self.tokens >= 1.0;
        self.tokens -= if is_left { 1.0 } else { 0.0 };
        is_left
    }
}

impl Processor for RateLimit {
    fn name(&self) -> &str {
        "rate_limit"
    }

    fn process(&mut self, draft: &mut Draft<'_>) -> Verdict {
        let record = draft.record();
        if !matches!(record.kind(), RecordKind::Start | RecordKind::Event | RecordKind::Error) {
            return Verdict::Keep;
        }
        let now = record.time_unix_nanos();
        let key = (record.kind(), record.name().to_owned());
        let is_known =
            self.buckets.len() < RateLimit::MOST_NAMES || self.buckets.contains_key(&key);
        let bucket = match is_known {
            true => {
                let full = Bucket { tokens: self.burst, filled_unix_nanos: now };
                self.buckets.entry(key).or_insert(full)
            }
            false => &mut self.shared,
        };
        match bucket.take(now, self.per_second, self.burst) {
            true => Verdict::Keep,
            false => Verdict::Withhold,
        }
    }
}
