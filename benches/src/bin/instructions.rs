//! One operation, many times, for callgrind to count: `cargo xtask instructions` runs this.
//!
//! `instructions <contender> <operation>` does the operation in [`counted_operations`], and nothing
//! else does anything in there. `instructions` alone says who and what there is, and how often.

use std::env;

use onelogger_benches::contender::{Contender, Driver, Loop, Ready, Setting};
use onelogger_benches::operation::Operation;
use onelogger_benches::{Outcome, Unknown};

/// What is recorded so often fits into every buffer, so that nobody waits and no thread is woken.
const TIMES: u32 = 1_000;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match &arguments[..] {
        [] => {
            println!("times {TIMES}");
            let contenders = Contender::ALL.iter().filter(|it| **it != Contender::OursBlocking);
            contenders.for_each(|contender| println!("contender {}", contender.name()));
            operations().for_each(|operation| println!("operation {}", operation.name()));
            Ok(())
        }
        [contender, operation] => {
            let contender: Contender = contender.parse()?;
            let operation = operations()
                .find(|known| known.name() == operation)
                .ok_or_else(|| Unknown(operation.clone()))?;
            let setting = Setting { operation, is_quiet: true };
            if contender.drive(setting, Count(operation))?.is_none() {
                println!("none");
            }
            Ok(())
        }
        _ => Err("expected a contender and an operation".into()),
    }
}

/// Those that are no more than others, several times.
fn operations() -> impl Iterator<Item = Operation> {
    Operation::ALL.into_iter().filter(|operation| operation.load().total() <= 1)
}

struct Count(Operation);

impl Driver for Count {
    type Output = Option<()>;

    fn drive(self, contender: &impl Ready) -> Option<()> {
        let counted = contender.operate(self.0, Counted { contender });
        contender.flush();
        counted
    }
}

struct Counted<'a, C> {
    contender: &'a C,
}

impl<C: Ready> Loop for Counted<'_, C> {
    type Output = ();

    fn run(self, repeat: impl Fn(u32) + Sync) {
        // Afterwards callsites, lanes, threads and the memory they use are there.
        self.contender.within_parent(|| repeat(TIMES));
        self.contender.flush();
        self.contender.within_parent(|| repeat(TIMES));
        self.contender.flush();
        self.contender.within_parent(|| counted_operations(&repeat));
    }
}

/// Callgrind counts while it is in here: `cargo xtask instructions` knows the name.
#[inline(never)]
fn counted_operations(repeat: &impl Fn(u32)) {
    repeat(TIMES);
}
