//! The floor: everything that is `unsafe` or atomic, and nothing else.
//!
//! Each structure states its protocol at the top of its file (who writes, who reads, which store
//! pairs with which load) and has a loom model beside its unit tests; what lives in statics
//! (`process.rs`, `chain.rs`, `termination.rs`) cannot have one. The models run with `cargo xtask loom`.

mod chain;
mod flag;
mod lane;
mod primitive;
mod process;
mod stack;
#[cfg(target_os = "linux")]
mod termination;
mod ticks;
pub(crate) mod words;
mod wrapped;

pub(crate) use chain::{Byte, Chain, Link, Linked, Number};
pub(crate) use flag::{Counter, Flag, Tally};
pub(crate) use lane::{Claim, Consumer, Producer, PushError, lane};
pub(crate) use process::{ForkLocal, at_exit, begin_epoch, epoch, generation, generation_since};
pub(crate) use stack::Stack;
#[cfg(target_os = "linux")]
pub(crate) use termination::{end_by_sigterm, is_sigterm_unhandled, write_at_sigterm};
pub(crate) use ticks::{are_invariant, ticks, ticks_between};
pub(crate) use wrapped::{Around, AroundPoll, Wrapped};
