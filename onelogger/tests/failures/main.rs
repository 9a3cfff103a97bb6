//! What happens when exporters fail, the library is misused and providers come and go: random
//! sequences of all that, compared with a model that knows the tables of the docs.
//!
//! `ONELOGGER_FULL=1` walks 100,000 sequences in synchronous mode.

mod backend;
mod model;
mod steps;
mod tables;
mod walk;

use std::cell::RefCell;

use proptest::test_runner::{Config, TestRunner};

use crate::steps::steps;
use crate::tables::{EXPORTER_ROWS, PROVIDER_ROWS, Taken};
use crate::walk::Walk;

fn walk(cases: u32, is_synchronous: bool) -> [Taken; 2] {
    let taken = RefCell::<[Taken; 2]>::default();
    let config = Config { cases, ..Config::with_source_file(file!()) };
    let result = TestRunner::new(config).run(&steps(), |steps| {
        let mut walk = Walk::new(is_synchronous);
        for step in &steps {
            walk.step(step);
        }
        walk.end();
        let mut taken = taken.borrow_mut();
        taken[0].merge(walk.taken_by_provider);
        taken[1].merge(walk.taken_by_exporters);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    taken.into_inner()
}

#[test]
fn every_sequence_of_calls_failures_and_recoveries_is_as_the_model_says() {
    let is_full = std::env::var_os("ONELOGGER_FULL").is_some();
    let cases = if is_full { 100_000 } else { 1_500 };
    let [by_provider, by_exporters] = walk(cases, true);
    by_provider.check_all(&PROVIDER_ROWS, &["unconfigured", "enabled", "silent", "off", "closed"]);
    let states = ["NotOpened", "Ready", "BackingOff", "Disabled", "Closed"];
    by_exporters.check_all(&EXPORTER_ROWS, &states);
}

#[test]
fn the_counts_are_as_exact_where_exporters_have_threads() {
    walk(if std::env::var_os("ONELOGGER_FULL").is_some() { 5_000 } else { 200 }, false);
}
