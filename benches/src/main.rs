//! All that ours is held against, in one run and one table:
//! `cargo run --release --manifest-path benches/Cargo.toml`.
//!
//! Each contender is measured in each scenario in a process of its own, which is this program again:
//! so nobody's threads and memory are in the way of another. The rounds are interleaved, and the table
//! has medians.
//!
//! | option | |
//! | --- | --- |
//! | `--save` | writes the table into `benches/results` as well |
//! | `--quick` | little of everything, to see that it works; such figures are not to be told |
//! | `--rounds N` | how often each is measured: 5 if nothing is said |
//! | `--only NAME` | this scenario alone; may be given several times |

mod machine;
mod measure;
mod scenario;
mod table;

use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

use machine::Machine;
use measure::{Figures, Size};
use onelogger_benches::Outcome;
use onelogger_benches::contender::Contender;
use scenario::Scenario;
use table::Results;

/// The argument that makes this the process of one contender.
const MEASURE: &str = "measure";

struct Settings {
    is_quick: bool,
    is_saved: bool,
    rounds: usize,
    scenarios: Vec<Scenario>,
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [MEASURE, contender, scenario, size] => {
            let size = if size == QUICK { Size::QUICK } else { Size::FULL };
            if let Some(figures) = measure::run(contender.parse()?, scenario.parse()?, size)? {
                println!("{figures}");
            }
            Ok(())
        }
        ref options => compare(&Settings::read(options)?),
    }
}

const QUICK: &str = "--quick";

impl Settings {
    fn read(options: &[&str]) -> Outcome<Settings> {
        let mut settings =
            Settings { is_quick: false, is_saved: false, rounds: 5, scenarios: Vec::new() };
        let mut options = options.iter();
        while let Some(&option) = options.next() {
            let mut value = || options.next().ok_or(format!("`{option}` needs a value"));
            match option {
                QUICK => (settings.is_quick, settings.rounds) = (true, 1),
                "--save" => settings.is_saved = true,
                "--rounds" => settings.rounds = value()?.parse()?,
                "--only" => settings.scenarios.push(value()?.parse()?),
                _ => {
                    let names = Scenario::ALL.map(|scenario| scenario.to_string()).join(", ");
                    return Err(format!(
                        "unknown option `{option}`; there are --save, --quick, --rounds N and \
                         --only NAME, with the names {names}"
                    )
                    .into());
                }
            }
        }
        if settings.rounds == 0 {
            return Err("nothing to measure in no round".into());
        }
        if settings.scenarios.is_empty() {
            settings.scenarios = Scenario::ALL.to_vec();
        }
        Ok(settings)
    }
}

fn compare(settings: &Settings) -> Outcome<()> {
    let machine = Machine::look()?;
    let mut results = Results::default();
    for round in 1..=settings.rounds {
        eprintln!("round {round} of {}", settings.rounds);
        for &scenario in &settings.scenarios {
            for contender in scenario.contenders() {
                let figures = measure_apart(contender, scenario, settings.is_quick)?;
                results.add(scenario, contender, figures);
            }
        }
    }
    let (bars, met) = results.verdict();
    let quick = if settings.is_quick { "Quick: not to be told.\n\n" } else { "" };
    let text = format!(
        "{}; medians of {} rounds.\n\n{quick}{results}\n{met} of {bars} bars met.\n",
        machine.title(),
        settings.rounds
    );
    print!("{text}");
    if settings.is_saved {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
        fs::create_dir_all(&directory)?;
        let file = directory.join(format!("{}-{}.md", machine.date, machine.commit));
        fs::write(&file, text)?;
        println!("\nsaved as {}", file.display());
    }
    Ok(())
}

/// Runs this program again, for one contender.
fn measure_apart(contender: Contender, scenario: Scenario, is_quick: bool) -> Outcome<Figures> {
    let output = Command::new(env::current_exe()?)
        .args([MEASURE, contender.name(), &scenario.to_string()])
        .arg(if is_quick { QUICK } else { "--full" })
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(
            format!("{} in `{scenario}` failed: {}", contender.name(), output.status).into()
        );
    }
    String::from_utf8(output.stdout)?
        .parse()
        .map_err(|_| format!("{} in `{scenario}` has said nothing", contender.name()).into())
}
