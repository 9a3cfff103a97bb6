//! The `log` crate: events alone, as text, to a logger that writes to nowhere.

use std::io::{Write, sink};

use log::{LevelFilter, Metadata, Record};

use super::tally::Tally;
use super::{Delivery, Loop, Ready, repeated};
use crate::Outcome;
use crate::operation::{LOSS, Load, Operation};

pub(super) struct Log(());

static DELIVERED: Tally = Tally::new();

struct Null;

impl log::Log for Null {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let _ = write!(sink(), "{}", record.args());
        DELIVERED.add(1);
    }

    fn flush(&self) {}
}

impl Log {
    pub(super) fn set_up() -> Outcome<Log> {
        log::set_logger(&Null).map_err(|error| error.to_string())?;
        log::set_max_level(LevelFilter::Info);
        Ok(Log(()))
    }
}

impl Ready for Log {
    fn parent(&self) -> Load {
        Load::default()
    }

    fn within_parent(&self, body: impl FnOnce()) {
        body();
    }

    fn operate<L: Loop>(&self, operation: Operation, run: L) -> Option<L::Output> {
        Some(match operation {
            Operation::Event => run.run(repeated(event)),
            Operation::EventOff => run.run(repeated(event_off)),
            Operation::Error => run.run(repeated(error)),
            _ => return None,
        })
    }

    fn flush(&self) {}

    fn delivery(&self, load: Load) -> Delivery {
        Delivery::counted(load, DELIVERED.total())
    }
}

#[inline(always)]
fn event(i: u32) {
    log::info!("event, index={}, loss={LOSS}", i64::from(i));
}

#[inline(always)]
fn event_off(i: u32) {
    log::debug!("event, index={}, loss={LOSS}", i64::from(i));
}

#[inline(always)]
fn error(_: u32) {
    log::error!("the batch is damaged");
}
