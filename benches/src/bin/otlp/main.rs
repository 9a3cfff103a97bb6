//! Spans over OTLP/HTTP beside the OpenTelemetry SDK, in one run:
//! `cargo run --release --manifest-path benches/Cargo.toml --bin otlp`.
//!
//! Each contender makes spans with three attributes (i64, f64, a text of 8 bytes) below a root span
//! at a steady pace, in a process of its own. All of them send to one receiver, another process, which
//! counts spans and drops them. A contender's cost is the CPU time of its process, all threads and the
//! system's share included, beyond that of a process which keeps the same pace and makes nothing.
//!
//! The rounds are interleaved; what is printed are medians. `--rounds N`, `--seconds N` and
//! `--rate SPANS` change the load.

mod contenders;
mod cpu;
mod receiver;

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::{env, fmt};

use contenders::Contender;
use cpu::{Cost, Thread};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// How many spans are made, and how fast.
#[derive(Clone, Copy)]
struct Load {
    per_second: u64,
    seconds: u64,
}

struct Settings {
    rounds: usize,
    load: Load,
}

/// What became of the spans of one contender in one round.
struct Measured {
    cost: Cost,
    lost: u64,
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["receive"] => receiver::run(),
        ["contend", name, address, per_second, seconds] => {
            let load = Load { per_second: per_second.parse()?, seconds: seconds.parse()? };
            contenders::run(name.parse()?, address, load)
        }
        ref options => compare(&Settings::read(options)?),
    }
}

impl Settings {
    fn read(options: &[&str]) -> Outcome<Settings> {
        let load = Load { per_second: 200_000, seconds: 3 };
        let mut settings = Settings { rounds: 5, load };
        for option in options.chunks(2) {
            match *option {
                ["--rounds", number] => settings.rounds = number.parse()?,
                ["--seconds", number] => settings.load.seconds = number.parse()?,
                ["--rate", number] => settings.load.per_second = number.parse()?,
                _ => {
                    return Err(
                        format!("expected --rounds, --seconds or --rate: {option:?}").into()
                    );
                }
            }
        }
        if settings.rounds == 0 || settings.load.seconds == 0 {
            return Err("nothing to measure in no round, or in no time".into());
        }
        Ok(settings)
    }
}

impl Load {
    fn spans(self) -> u64 {
        self.per_second * self.seconds
    }
}

fn compare(settings: &Settings) -> Outcome<()> {
    let receiver = Receiver::start()?;
    let mut all: Vec<Vec<Measured>> = Contender::ALL.iter().map(|_| Vec::new()).collect();
    for _ in 0..settings.rounds {
        for (contender, rounds) in Contender::ALL.into_iter().zip(&mut all) {
            rounds.push(receiver.measure(contender, settings.load)?);
        }
    }
    show(settings.load, &all);
    Ok(())
}

/// The receiver's process. Killed when this is dropped.
struct Receiver {
    process: Child,
    address: String,
}

impl Receiver {
    fn start() -> Outcome<Receiver> {
        let mut process =
            Command::new(env::current_exe()?).arg("receive").stdout(Stdio::piped()).spawn()?;
        let output = process.stdout.take().ok_or("the receiver has no output")?;
        let mut address = String::new();
        let read = BufReader::new(output).read_line(&mut address);
        let receiver = Receiver { process, address: address.trim().to_owned() };
        read?;
        Ok(receiver)
    }

    fn measure(&self, contender: Contender, load: Load) -> Outcome<Measured> {
        let before = receiver::spans_received(&self.address)?;
        let output = Command::new(env::current_exe()?)
            .args(["contend", &contender.to_string(), &self.address])
            .args([load.per_second.to_string(), load.seconds.to_string()])
            .stderr(Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err(format!("{contender} has failed: {}", output.status).into());
        }
        let cost = Cost::parse(&String::from_utf8(output.stdout)?)?;
        let received = receiver::spans_received(&self.address)? - before;
        let expected = if contender == Contender::Idle { 0 } else { load.spans() };
        // The root span comes on top.
        Ok(Measured { cost, lost: expected.saturating_sub(received) })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn show(load: Load, all: &[Vec<Measured>]) {
    let spans = load.spans() as f64;
    let nanos = |rounds: &[Measured], of: &dyn Fn(&Cost) -> u64| {
        median(rounds.iter().map(|round| of(&round.cost))) as f64 / spans
    };
    let total = |rounds: &[Measured]| nanos(rounds, &|cost| cost.total_nanos);
    let contenders = || Contender::ALL.into_iter().zip(all);
    let cost_of = |wanted| {
        let found = contenders().find(|(contender, _)| *contender == wanted);
        found.map_or(f64::NAN, |(_, rounds)| total(rounds))
    };
    let idle = cost_of(Contender::Idle);
    let ours = cost_of(Contender::Ours) - idle;
    println!("{} spans/s for {} s, {} rounds", load.per_second, load.seconds, all[0].len());
    println!("{:<34} {:>12} {:>10} {:>10}", "CPU of the client", "ns per span", "ours / ×", "lost");
    println!("{:<34} {idle:>12.0}", Contender::Idle.title());
    for (contender, rounds) in contenders().filter(|(one, _)| *one != Contender::Idle) {
        let cost = total(rounds) - if contender.is_paced() { idle } else { 0.0 };
        let lost = median(rounds.iter().map(|round| round.lost)) as f64 * 100.0 / spans;
        let title = contender.title();
        println!("{title:<34} {cost:>12.0} {:>10.2} {lost:>8.2} %", ours / cost);
    }
    println!();
    println!("of ours, by thread");
    for (_, rounds) in contenders().filter(|(one, _)| *one == Contender::Ours) {
        for thread in Thread::ALL {
            let pace = if thread == Thread::Producer { idle } else { 0.0 };
            let cost = nanos(rounds, &|cost| cost.of(thread)) - pace;
            println!("{:<34} {cost:>12.0}", thread.title());
        }
    }
}

fn median(values: impl Iterator<Item = u64>) -> u64 {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

/// An argument that names nothing.
#[derive(Debug)]
struct Unknown(String);

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is unknown", self.0)
    }
}

impl Error for Unknown {}
