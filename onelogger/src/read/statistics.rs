use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use super::{SpanView, text};
use crate::data::Name;

/// How many spans of each name there were and how long they took, the most time-consuming first.
/// `Display` gives a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    names: Vec<NameStatistics>,
}

/// How many spans of one name there were and how long they took.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NameStatistics {
    /// The name of the spans.
    pub name: Name,
    /// How many there were.
    pub count: u64,
    /// Those that never stopped.
    pub open: u64,
    /// Those that the library stopped, because they were open at the end.
    pub truncated: u64,
    /// Those that ended with an error or a panic, or in which an error was reported.
    pub errors: u64,
    /// How long those took that were stopped by the application; `None` if there was none.
    pub durations: Option<Durations>,
}

/// How long spans took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Durations {
    /// All together.
    pub total: Duration,
    /// The shortest.
    pub min: Duration,
    /// The mean.
    pub mean: Duration,
    /// The median: half of the spans took no longer.
    pub p50: Duration,
    /// 95 in 100 spans took no longer.
    pub p95: Duration,
    /// The longest.
    pub max: Duration,
}

impl Statistics {
    /// Statistics of any spans: those below a span ([`Node::walk`](super::Node::walk)), those that
    /// failed.
    pub fn of<'s, 'a: 's>(spans: impl IntoIterator<Item = &'s SpanView<'a>>) -> Statistics {
        let mut by_name: HashMap<&Name, Vec<&SpanView<'_>>> = HashMap::new();
        for span in spans {
            by_name.entry(span.name()).or_default().push(span);
        }
        let names = by_name.into_iter();
        let mut names: Vec<_> =
            names.map(|(name, spans)| NameStatistics::new(name, &spans)).collect();
        names.sort_by(|a, b| {
            let key = |names: &NameStatistics| names.durations.map(|durations| durations.total);
            Reverse(key(a)).cmp(&Reverse(key(b))).then_with(|| a.name.cmp(&b.name))
        });
        Statistics { names }
    }

    /// The names.
    pub fn iter(&self) -> std::slice::Iter<'_, NameStatistics> {
        self.names.iter()
    }

    /// The spans of this name.
    pub fn get(&self, name: &str) -> Option<&NameStatistics> {
        self.names.iter().find(|names| names.name == *name)
    }
}

impl<'s> IntoIterator for &'s Statistics {
    type Item = &'s NameStatistics;
    type IntoIter = std::slice::Iter<'s, NameStatistics>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl NameStatistics {
    fn new(name: &Name, spans: &[&SpanView<'_>]) -> NameStatistics {
        let count = |is_meant: &dyn Fn(&SpanView<'_>) -> bool| {
            spans.iter().filter(|span| is_meant(span)).count() as u64
        };
        let stopped = spans.iter().filter(|span| !span.is_truncated());
        NameStatistics {
            name: name.clone(),
            count: spans.len() as u64,
            open: count(&|span| span.is_open()),
            truncated: count(&|span| span.is_truncated()),
            errors: count(&|span| span.has_failed()),
            durations: Durations::new(stopped.filter_map(|span| span.duration()).collect()),
        }
    }
}

impl Durations {
    fn new(mut all: Vec<Duration>) -> Option<Durations> {
        all.sort_unstable();
        let (min, max) = (*all.first()?, *all.last()?);
        let nanos: u128 = all.iter().map(Duration::as_nanos).sum();
        let duration = |nanos: u128| Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        // The nearest rank: the shortest duration that so many in 100 do not exceed.
        let percentile = |percent: usize| all[(all.len() * percent).div_ceil(100).max(1) - 1];
        Some(Durations {
            total: duration(nanos),
            min,
            mean: duration(nanos / all.len() as u128),
            p50: percentile(50),
            p95: percentile(95),
            max,
        })
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HEADS: [&str; 11] = [
            "span",
            "count",
            "open",
            "truncated",
            "errors",
            "total",
            "min",
            "mean",
            "p50",
            "p95",
            "max",
        ];
        let mut rows = vec![HEADS.map(str::to_owned)];
        for names in &self.names {
            let time = |part: fn(&Durations) -> Duration| {
                let durations = names.durations.as_ref().map(part);
                durations.map_or_else(|| "-".to_owned(), text::duration)
            };
            rows.push([
                text::shown(names.name.as_str()),
                names.count.to_string(),
                names.open.to_string(),
                names.truncated.to_string(),
                names.errors.to_string(),
                time(|durations| durations.total),
                time(|durations| durations.min),
                time(|durations| durations.mean),
                time(|durations| durations.p50),
                time(|durations| durations.p95),
                time(|durations| durations.max),
            ]);
        }
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
        let widths: Vec<usize> = (0..HEADS.len()).filter_map(width).collect();
        for row in &rows {
            write!(f, "{:1$}", row[0], widths[0])?;
            for (cell, width) in row.iter().zip(&widths).skip(1) {
                write!(f, "  {cell:>width$}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::from_str;

    #[test]
    fn p23_a_span_that_runs_or_was_cut_off_is_in_no_mean() {
        let line = |kind: &str, span: u32, rest: &str| {
            let id = format!("00000000-0000-8000-8000-{span:012}");
            format!(
                "{{\"type\":\"{kind}\",\"id\":\"{id}\",\"name\":\"a\",\"time_unix_nano\":9{rest}}}\n"
            )
        };
        let truncated = ",\"duration_nano\":9,\"attributes\":{\"onelogger.truncated\":true}";
        let text = line("complete", 1, ",\"duration_nano\":4")
            + &line("start", 2, "")
            + &line("complete", 3, truncated);
        let log = from_str(&text);
        let statistics = log.runs()[0].statistics();
        let of_name = statistics.get("a").unwrap();
        assert_eq!((of_name.count, of_name.open, of_name.truncated), (3, 1, 1));
        let durations = of_name.durations.unwrap();
        assert_eq!(
            (durations.mean, durations.max),
            (Duration::from_nanos(4), Duration::from_nanos(4))
        );
    }

    #[test]
    fn percentiles_are_durations_that_occurred() {
        let nanos = |all: &[u64]| {
            let all = all.iter().copied().map(Duration::from_nanos).collect();
            let durations = Durations::new(all)?;
            let values = [
                durations.total,
                durations.min,
                durations.mean,
                durations.p50,
                durations.p95,
                durations.max,
            ];
            Some(values.map(|duration| duration.as_nanos()))
        };
        assert_eq!(nanos(&[]), None);
        assert_eq!(nanos(&[7]), Some([7; 6]));
        assert_eq!(nanos(&[4, 1]), Some([5, 1, 2, 1, 4, 4]));
        let hundred: Vec<u64> = (1..=100).rev().collect();
        assert_eq!(nanos(&hundred), Some([5050, 1, 50, 50, 95, 100]));
        assert_eq!(nanos(&[u64::MAX; 2]), Some([u64::MAX.into(); 6]));
    }
}
