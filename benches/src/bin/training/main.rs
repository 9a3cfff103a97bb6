//! What telemetry adds to a training step of about a millisecond, the one of `examples/train`:
//! `cargo run --release --manifest-path benches/Cargo.toml --bin training`.
//!
//! The same steps are taken without any telemetry in the code, with telemetry that is off, that is on and does
//! not export single steps, and that exports all; each time in a process of its own. Every variant is
//! compared with the bare steps in pairs, one right after the other. `--pairs N` and `--steps N` change the
//! load; `--only-instructions` leaves the pairs out, for a machine that is not idle.

#[path = "../../../../examples/train/network.rs"]
#[allow(dead_code, reason = "the example saves networks, too")]
mod network;
#[path = "../../../../examples/train/step.rs"]
mod step;
#[path = "../../../../examples/train/wines.rs"]
mod wines;

mod instructions;
mod job;
mod pairs;

use std::env;

use job::{Outcome, Variant};
use pairs::Difference;

struct Settings {
    pairs: usize,
    steps: usize,
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["run", variant, steps] => {
            println!("{}", job::run(variant.parse()?, steps.parse()?)?.to_line());
            Ok(())
        }
        ref options => compare(&Settings::read(options)?),
    }
}

impl Settings {
    fn read(options: &[&str]) -> Outcome<Settings> {
        let mut settings = Settings { pairs: 30, steps: 500 };
        let mut options = options.iter();
        while let Some(option) = options.next() {
            let mut number = || options.next().ok_or("a number is missing");
            match *option {
                "--pairs" => settings.pairs = number()?.parse()?,
                "--steps" => settings.steps = number()?.parse()?,
                "--only-instructions" => settings.pairs = 0,
                _ => {
                    return Err(
                        "usage: training [--pairs N] [--steps N] [--only-instructions]".into()
                    );
                }
            }
        }
        Ok(settings)
    }
}

fn compare(settings: &Settings) -> Outcome<()> {
    let Settings { pairs, steps } = *settings;
    let measured = pairs::measure(pairs, steps)?;
    let counted = instructions::count()?;
    let bare = counted.as_ref().map(|counted| counted.of(Variant::Bare));
    println!("{pairs} pairs of {steps} steps; a step without telemetry takes {}", measured.bare());
    println!(
        "{:<24} {:>22} {:>14} {:>9} {:>7}",
        "", "CPU of the process", "instructions", "more", "bar"
    );
    let mut missed = Vec::new();
    for variant in Variant::ALL {
        let count = counted.as_ref().map(|counted| counted.of(variant));
        let more = count.zip(bare).map(|(count, bare)| (count as f64 / bare as f64 - 1.0) * 100.0);
        let difference = measured.of(variant).as_ref().map(Difference::to_string);
        let (more_text, bar) = match variant.bar_percent() {
            None => (None, None),
            Some(bar) => {
                if more.is_some_and(|more| more > bar) {
                    missed.push(variant.title());
                }
                (more.map(|more| format!("{more:+.3} %")), Some(format!("{bar} %")))
            }
        };
        let shown = |text: Option<String>| text.unwrap_or_default();
        println!(
            "{:<24} {:>22} {:>14} {:>9} {:>7}",
            variant.title(),
            shown(difference),
            shown(count.map(|count| count.to_string())),
            shown(more_text),
            shown(bar)
        );
    }
    if counted.is_none() {
        println!("there is no valgrind: no instructions were counted");
    }
    match &missed[..] {
        [] => Ok(()),
        missed => Err(format!("more instructions than the bar: {}", missed.join("; ")).into()),
    }
}
