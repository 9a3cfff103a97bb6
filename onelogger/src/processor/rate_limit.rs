use std::collections::HashMap;

use super::{Draft, Processor, Verdict};
use crate::exporter::RecordKind;

/// Lets so many spans, events and errors of each name through in a second, and holds the others back.
///
/// A bucket for each name and kind: it holds as many tokens as may come at once, and gets new ones all the
/// time, as the records that come by are [made](Draft::made_unix_nanos). A span that is let through is so with all that belongs to it but for
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
    buckets: HashMap<String, Buckets>,
    /// Of all names that have none of their own.
    shared: Buckets,
}

/// Of spans, events and errors of one name.
type Buckets = [Bucket; 3];

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
        RateLimit { per_second, burst, buckets: HashMap::new(), shared: full(burst) }
    }

    /// So many of each name may come at once, after a pause; at least one.
    pub fn burst(mut self, records: u32) -> RateLimit {
        self.burst = f64::from(records.max(1));
        self.shared = full(self.burst);
        self
    }

    fn buckets(&mut self, name: &str) -> &mut Buckets {
        // Looked up twice, because most names are known, and a key would have to be made of this one.
        if !self.buckets.contains_key(name) {
            if self.buckets.len() >= RateLimit::MOST_NAMES {
                return &mut self.shared;
            }
            self.buckets.insert(name.to_owned(), full(self.burst));
        }
        self.buckets.get_mut(name).unwrap_or(&mut self.shared)
    }
}

fn full(burst: f64) -> Buckets {
    // The first record finds them full, whenever that comes.
    [Bucket { tokens: burst, filled_unix_nanos: 0 }; 3]
}

impl Bucket {
    fn take(&mut self, now_unix_nanos: u64, per_second: f64, burst: f64) -> bool {
        // A wall clock that is set back fills nothing, and goes on from there.
        let nanos = now_unix_nanos.saturating_sub(self.filled_unix_nanos);
        self.filled_unix_nanos = now_unix_nanos;
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
        let place = match record.kind() {
            RecordKind::Start => 0,
            RecordKind::Event => 1,
            RecordKind::Error => 2,
            _ => return Verdict::Keep,
        };
        let (now, per_second, burst) = (draft.made_unix_nanos(), self.per_second, self.burst);
        let bucket = &mut self.buckets(record.name())[place];
        match bucket.take(now, per_second, burst) {
            true => Verdict::Keep,
            false => Verdict::Withhold,
        }
    }
}
