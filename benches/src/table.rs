//! The table: one line for each contender in each scenario.

use std::collections::BTreeMap;
use std::fmt;
use std::iter;

use onelogger_benches::contender::{Contender, Delivery};

use crate::measure::Figures;
use crate::scenario::{Bar, Scenario, Unit};

/// The figures of all rounds.
#[derive(Default)]
pub(crate) struct Results(BTreeMap<(Scenario, Contender), Vec<Figures>>);

impl Results {
    pub(crate) fn add(&mut self, scenario: Scenario, contender: Contender, figures: Figures) {
        self.0.entry((scenario, contender)).or_default().push(figures);
    }

    /// The median of each figure by itself.
    fn median(&self, scenario: Scenario, contender: Contender) -> Option<Figures> {
        let rounds = self.0.get(&(scenario, contender)).filter(|rounds| !rounds.is_empty())?;
        let float = |of: fn(&Figures) -> f64| median(rounds, of, f64::total_cmp);
        let count = |of: fn(&Figures) -> u64| median(rounds, of, u64::cmp);
        // Sent, delivered and lost belong together: those of the round that lost the median.
        let delivery = median(
            rounds,
            |round| round.delivery,
            |one, other| share(one.lost, one.sent).total_cmp(&share(other.lost, other.sent)),
        );
        Some(Figures {
            value: float(|round| round.value),
            arrived: float(|round| round.arrived),
            delivery,
            peak_bytes: count(|round| round.peak_bytes),
        })
    }

    /// How many bars there are, and how many are met.
    pub(crate) fn verdict(&self) -> (usize, usize) {
        let bars = self.0.keys().flat_map(|&(scenario, contender)| {
            let bars = scenario.bars(contender).iter();
            bars.filter_map(move |bar| self.is_met(*bar, scenario, contender))
        });
        bars.fold((0, 0), |(all, met), is_met| (all + 1, met + usize::from(is_met)))
    }

    /// `None` if the peer that it is about was not measured.
    fn is_met(&self, bar: Bar, scenario: Scenario, contender: Contender) -> Option<bool> {
        let ours = self.median(scenario, contender)?;
        let of = |peer| self.median(scenario, peer);
        Some(match bar {
            Bar::Takes(times, peer) => ours.value <= times * of(peer)?.value,
            Bar::Sends(times, peer) => ours.value >= times * of(peer)?.value,
            Bar::Delivers(times, peer) => ours.arrived >= times * of(peer)?.arrived,
            // Of every round, not of a median.
            Bar::Counts => self.deliveries(scenario, contender).all(|it| {
                let Delivery { sent, delivered, lost } = it;
                sent == delivered + lost
            }),
            Bar::LosesNothing => self
                .deliveries(scenario, contender)
                .all(|it| it.lost == 0 && it.delivered == it.sent),
            Bar::Megabytes(most) => ours.peak_bytes <= most * 1_000_000,
        })
    }

    fn deliveries(
        &self,
        scenario: Scenario,
        contender: Contender,
    ) -> impl Iterator<Item = Delivery> {
        let rounds = self.0.get(&(scenario, contender)).into_iter().flatten();
        rounds.map(|round| round.delivery)
    }

    fn rows(&self) -> impl Iterator<Item = [String; COLUMNS]> {
        self.0.keys().filter_map(|&(scenario, contender)| self.row(scenario, contender))
    }

    fn row(&self, scenario: Scenario, contender: Contender) -> Option<[String; COLUMNS]> {
        let figures = self.median(scenario, contender)?;
        let first = scenario.contenders()[0];
        // The other policy of ours is held against the peers as well, in its own bars.
        let ratio = self.median(scenario, first).filter(|_| !contender.is_ours());
        let rate = |per_second: f64| format!("{:.2} M/s", per_second / 1e6);
        let Delivery { sent, delivered, lost } = figures.delivery;
        let percent = |count| format!("{:.1} %", share(count, sent) * 100.0);
        let is_flood = scenario.unit() == Unit::Rate;
        let (value, delivered, lost) = match scenario.unit() {
            Unit::Rate => {
                let arrived = format!("{}, {}", percent(delivered), rate(figures.arrived));
                (rate(figures.value), arrived, percent(lost))
            }
            _ if scenario.operation().is_off() => {
                (format!("{:.1} ns", figures.value), String::new(), String::new())
            }
            Unit::Nanos | Unit::CpuNanos => {
                (format!("{:.1} ns", figures.value), percent(delivered), percent(lost))
            }
        };
        let peak = format!("{:.0} MB", figures.peak_bytes as f64 / 1e6);
        let bars = scenario.bars(contender).iter().map(|bar| {
            let met = match self.is_met(*bar, scenario, contender) {
                Some(true) => "met",
                Some(false) => "MISSED",
                None => "not measured",
            };
            format!("{bar}: {met}")
        });
        Some([
            if contender == first { scenario.title() } else { String::new() },
            contender.name().to_owned(),
            value,
            ratio.map_or_else(String::new, |ours| format!("{:.2}", ours.value / figures.value)),
            delivered,
            lost,
            if is_flood { peak } else { String::new() },
            bars.collect::<Vec<_>>().join("; "),
        ])
    }
}

const COLUMNS: usize = 8;

const TITLES: [&str; COLUMNS] =
    ["scenario", "contender", "time or rate", "ours ÷", "delivered", "lost", "peak memory", "bar"];

/// Figures stand right.
const IS_FIGURE: [bool; COLUMNS] = [false, false, true, true, true, true, true, false];

/// As Markdown that can be read as it is.
impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<[String; COLUMNS]> =
            iter::once(TITLES.map(str::to_owned)).chain(self.rows()).collect();
        let width = |column: usize| {
            rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(3)
        };
        let widths: [usize; COLUMNS] = std::array::from_fn(width);
        for (number, row) in rows.iter().enumerate() {
            for ((cell, width), is_figure) in row.iter().zip(widths).zip(IS_FIGURE) {
                match is_figure {
                    true => write!(f, "| {cell:>width$} ")?,
                    false => write!(f, "| {cell:<width$} ")?,
                }
            }
            writeln!(f, "|")?;
            if number == 0 {
                for (width, is_figure) in widths.into_iter().zip(IS_FIGURE) {
                    let line = "-".repeat(width);
                    write!(f, "| {line}{}", if is_figure { ":" } else { " " })?;
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}

fn median<T: Copy>(
    rounds: &[Figures],
    of: impl Fn(&Figures) -> T,
    order: impl Fn(&T, &T) -> std::cmp::Ordering,
) -> T {
    let mut values: Vec<T> = rounds.iter().map(of).collect();
    values.sort_by(order);
    values[values.len() / 2]
}

fn share(count: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { count as f64 / of as f64 }
}
