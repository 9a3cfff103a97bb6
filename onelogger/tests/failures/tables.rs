//! The tables of the docs, as data: a walk takes their rows and no others.

use std::collections::BTreeSet;

pub(crate) type Row = [&'static str; 3];

/// Those of `ExporterState`.
pub(crate) const EXPORTER_ROWS: [Row; 7] = [
    ["NotOpened", "`open` succeeds", "Ready"],
    ["NotOpened", "`open` fails", "BackingOff; Disabled, if the rule counts the total"],
    ["Ready", "as many failures as the rule says", "BackingOff; Disabled, if it counts the total"],
    [
        "BackingOff",
        "the time is over, and `open` succeeds or a call gets something through",
        "Ready",
    ],
    [
        "BackingOff",
        "the time is over, and a call fails",
        "BackingOff, for twice as long; Disabled, if the rule counts the total",
    ],
    ["NotOpened, Ready, BackingOff", "a panic within the exporter", "Disabled"],
    ["Ready, BackingOff, Disabled", "close", "Closed"],
];

/// Those of `OneLoggerProvider`.
pub(crate) const PROVIDER_ROWS: [Row; 3] = [
    [
        "unconfigured, closed",
        "`configure` with a new recorder",
        "enabled; silent, if the configuration disables this rank; off, after \
         `force_disable_logging`",
    ],
    [
        "enabled",
        "misuse under `DisableQuietlyAndReportMetricError`, `force_disable_logging`",
        "off",
    ],
    ["enabled, off, silent", "`close`, the guard's end", "closed"],
];

/// Which transitions were taken: row, from, to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taken(BTreeSet<(usize, String, String)>);

impl Taken {
    pub(crate) fn note(&mut self, rows: &[Row], row: usize, from: &str, to: &str) {
        let allows = |cell: &str, state: &str| cell.split([',', ';']).any(|it| it.trim() == state);
        let [froms, by, tos] = rows[row];
        assert!(allows(froms, from) && allows(tos, to), "{from} by {by} to {to}");
        self.0.insert((row, from.to_owned(), to.to_owned()));
    }

    pub(crate) fn merge(&mut self, other: Taken) {
        self.0.extend(other.0);
    }

    /// Each row was taken, from each state and to each that it names.
    pub(crate) fn check_all(&self, rows: &[Row], states: &[&str]) {
        for (place, [froms, _, tos]) in rows.iter().enumerate() {
            let named = |cell: &str| -> Vec<String> {
                let words = cell.split([',', ';']).map(str::trim);
                words.filter(|word| states.contains(word)).map(str::to_owned).collect()
            };
            for from in named(froms) {
                let is_taken = |it: &(usize, String, String)| it.0 == place && it.1 == from;
                assert!(self.0.iter().any(is_taken), "row {place} never left {from}: {self:?}");
            }
            for to in named(tos) {
                let is_taken = |it: &(usize, String, String)| it.0 == place && it.2 == to;
                assert!(self.0.iter().any(is_taken), "row {place} never led to {to}: {self:?}");
            }
        }
    }
}

/// The rows of the first table in the docs before this line.
fn table_before(source: &str, line: &str) -> Vec<[String; 3]> {
    let docs = source.split_once(line).expect("the type").0;
    let lines = docs.lines().rev().skip_while(|line| !line.starts_with("/// |"));
    let lines = lines.take_while(|line| line.starts_with("/// |"));
    let mut rows: Vec<[String; 3]> = lines
        .map(|line| {
            let cells = line.trim_start_matches("/// |").trim_end_matches('|').split(" | ");
            let cells: Vec<String> = cells.map(|cell| cell.trim().to_owned()).collect();
            cells.try_into().expect("three columns")
        })
        .collect();
    rows.reverse();
    // The heading, and the line below it.
    rows.split_off(2)
}

fn check(source: &str, line: &str, expected: &[Row]) {
    let shown = |rows: Vec<[String; 3]>| rows.iter().map(|row| row.join(" | ")).collect::<Vec<_>>();
    let written = shown(table_before(source, line));
    let states = ["NotOpened", "Ready", "BackingOff", "Disabled", "Closed"];
    let quoted = |text: &str| {
        states
            .iter()
            .fold(text.to_owned(), |text, state| text.replace(state, &format!("`{state}`")))
    };
    let expected: Vec<_> = expected.iter().map(|row| row.map(str::to_owned)).collect();
    let expected = shown(expected).into_iter().map(|row| match line.contains("enum") {
        true => quoted(&row),
        false => row,
    });
    assert_eq!(written, expected.collect::<Vec<_>>());
}

#[test]
fn the_tables_in_the_docs_are_those_that_are_walked() {
    let exporters = include_str!("../../src/pipeline/health.rs");
    check(exporters, "pub enum ExporterState", &EXPORTER_ROWS);
    let provider = include_str!("../../src/setup/provider.rs");
    check(provider, "pub struct OneLoggerProvider", &PROVIDER_ROWS);
}
