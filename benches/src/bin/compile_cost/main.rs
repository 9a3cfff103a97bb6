//! What an annotated function costs whoever builds it, beside the peers' attributes:
//!
//! ```text
//! cargo run --release --manifest-path benches/Cargo.toml --bin compile_cost
//! … -- --runs 3 --variant tiny        (7 runs and all variants if nothing is said)
//! ```
//!
//! Crates of 200 and of 400 functions are written below `benches/target/compile-cost` and built with
//! the versions of `benches/Cargo.lock`, their dependencies beforehand. What is shown is the marginal
//! cost of one function, (400 − 200) / 200, as the median of the runs: user CPU of `cargo check`, of a
//! release build, and the bytes of `.text` and of all other sections that are loaded. In `own` the
//! function itself is subtracted: what it costs without an annotation.
//!
//! `tracing` captures all arguments if nothing else is said; `skip_all` is the equal work. Our
//! attribute reports an `Err` by itself, so that of `tracing` is told to (`err`) where it is equal
//! work; that of `fastrace` cannot.

mod build;
mod source;

use std::collections::BTreeMap;
use std::error::Error;

use build::{Cost, Workspace};
use source::{Annotation, VARIANTS, Variant};

const FEW: u32 = 200;
const MANY: u32 = 400;

/// What one tiny function may cost: milliseconds of `cargo check`, of a release build, bytes of text.
const BARS: [f64; 3] = [0.4, 1.6, 160.0];

fn main() -> Result<(), Box<dyn Error>> {
    let (runs, variants) = arguments()?;
    let workspace = Workspace::create()?;
    for variant in variants {
        let mut costs = BTreeMap::<(Annotation, u32), Vec<Cost>>::new();
        // One round after the other, so that what else the machine does hits all alike.
        for run in 0..runs {
            for annotation in Annotation::ALL {
                for functions in [FEW, MANY] {
                    let text = source::of(variant, annotation, functions, run);
                    let cost = workspace.build(annotation, &text)?;
                    costs.entry((annotation, functions)).or_default().push(cost);
                }
            }
            eprint!(".");
        }
        eprintln!();
        show(variant, &costs);
    }
    Ok(())
}

fn arguments() -> Result<(u32, Vec<Variant>), Box<dyn Error>> {
    let mut runs = 7;
    let mut variants = VARIANTS.to_vec();
    let mut arguments = std::env::args().skip(1);
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("`{option}` takes a value"))?;
        match option.as_str() {
            "--runs" => runs = value.parse::<u32>()?.max(1),
            "--variant" => variants.retain(|variant| variant.name() == value),
            _ => {
                return Err(
                    format!("unknown option `{option}`; see the source's first lines").into()
                );
            }
        }
    }
    Ok((runs, variants))
}

/// A cost for each of the columns.
type Row = [f64; 4];

fn marginal(costs: &BTreeMap<(Annotation, u32), Vec<Cost>>, annotation: Annotation) -> Row {
    let median = |functions: u32, column: fn(&Cost) -> f64| {
        let mut values: Vec<f64> = costs[&(annotation, functions)].iter().map(column).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let columns: [fn(&Cost) -> f64; 4] = [
        |cost| cost.check.as_secs_f64() * 1e3,
        |cost| cost.release.as_secs_f64() * 1e3,
        |cost| cost.text as f64,
        |cost| cost.data as f64,
    ];
    columns.map(|column| (median(MANY, column) - median(FEW, column)) / f64::from(MANY - FEW))
}

fn show(variant: Variant, costs: &BTreeMap<(Annotation, u32), Vec<Cost>>) {
    let plain = marginal(costs, Annotation::None);
    println!("{variant}, marginal cost of a function");
    println!(
        "{:<28} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "", "check ms", "own", "rel. ms", "own", "text B", "own", "data B", "own"
    );
    for annotation in Annotation::ALL {
        let row = marginal(costs, annotation);
        let own: Vec<f64> = row.iter().zip(&plain).map(|(all, plain)| all - plain).collect();
        println!(
            "{:<28} {:>8.3} {:>8.3} {:>8.3} {:>8.3} {:>8.0} {:>8.0} {:>8.0} {:>8.0}",
            annotation.to_string(),
            row[0],
            own[0],
            row[1],
            own[1],
            row[2],
            own[2],
            row[3],
            own[3],
        );
    }
    if variant == Variant::Tiny {
        let ours = marginal(costs, Annotation::OneLogger);
        for (index, bar) in BARS.into_iter().enumerate() {
            let column = ["check ms", "rel. ms", "text B"][index];
            let verdict = if ours[index] <= bar { "met" } else { "missed" };
            println!("bar {column} ≤ {bar}: {verdict}");
        }
    }
    println!();
}
