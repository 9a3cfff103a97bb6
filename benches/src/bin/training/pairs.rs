//! CPU time, in pairs: a variant and the bare steps, one right after the other.

use std::process::{Command, Stdio};
use std::{env, fmt};

use super::job::{Outcome, Run, Variant};

pub(crate) struct Measured {
    /// Of one step, of all runs without telemetry.
    bare_nanos: Vec<f64>,
    /// By variant, how many per cent more than its partner each run took.
    more_percent: Vec<(Variant, Vec<f64>)>,
}

/// A mean of differences, with the half of its 95 % interval where there are pairs enough.
pub(crate) struct Difference {
    mean: f64,
    half_interval: Option<f64>,
}

/// Runs everything so often; each pair begins with the other one than the pair before.
pub(crate) fn measure(pairs: usize, steps: usize) -> Outcome<Measured> {
    let variants = Variant::ALL.into_iter().filter(|variant| *variant != Variant::Bare);
    let mut measured = Measured {
        bare_nanos: Vec::new(),
        more_percent: variants.map(|variant| (variant, Vec::new())).collect(),
    };
    for pair in 0..pairs {
        for (variant, more) in &mut measured.more_percent {
            let (bare, with) = if pair % 2 == 0 {
                let bare = run(Variant::Bare, steps)?;
                (bare, run(*variant, steps)?)
            } else {
                let with = run(*variant, steps)?;
                (run(Variant::Bare, steps)?, with)
            };
            if bare.loss != with.loss {
                return Err(format!("{} trains another network", variant.title()).into());
            }
            more.push((with.cpu_nanos as f64 / bare.cpu_nanos as f64 - 1.0) * 100.0);
            measured.bare_nanos.push(bare.cpu_nanos as f64 / steps as f64);
        }
    }
    Ok(measured)
}

fn run(variant: Variant, steps: usize) -> Outcome<Run> {
    let output = Command::new(env::current_exe()?)
        .args(variant.arguments(steps))
        .env_remove("RANK")
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("`{}` has failed: {}", variant.title(), output.status).into());
    }
    Run::parse(&String::from_utf8(output.stdout)?)
}

impl Measured {
    pub(crate) fn bare(&self) -> String {
        let mut nanos = self.bare_nanos.clone();
        nanos.sort_by(f64::total_cmp);
        let median = nanos.get(nanos.len() / 2);
        median.map_or_else(|| "what it takes".to_owned(), |nanos| format!("{:.3} ms", nanos / 1e6))
    }

    pub(crate) fn of(&self, variant: Variant) -> Option<Difference> {
        let (_, more) = self.more_percent.iter().find(|(measured, _)| *measured == variant)?;
        Difference::of(more)
    }
}

impl Difference {
    /// `None` where nothing was measured.
    fn of(values: &[f64]) -> Option<Difference> {
        // Of Student's distribution for 29 degrees of freedom, as 30 pairs have. With more it is less, with
        // fewer it is more.
        const PAIRS: usize = 30;
        const QUANTILE: f64 = 2.045;
        let count = values.len() as f64;
        if values.is_empty() {
            return None;
        }
        let mean = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        let half_interval = QUANTILE * (squares / (count - 1.0) / count).sqrt();
        Some(Difference { mean, half_interval: (values.len() >= PAIRS).then_some(half_interval) })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:+.2} %", self.mean)?;
        self.half_interval.map_or(Ok(()), |half| write!(f, " ± {half:.2}"))
    }
}
