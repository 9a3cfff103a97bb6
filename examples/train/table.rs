//! What was measured, as the files tell it: a line for each run of each rank.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use onelogger::read::{self, Line, Run};
use onelogger_training::names::{attribute, event, span};

const HEADER: [&str; 10] = [
    "rank", "steps", "step ms", "wait ms", "fwd ms", "bwd ms", "wines/s", "loss", "safe",
    "saves ms",
];

/// Prints the runs of all files of records in a directory.
pub(crate) fn print(directory: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            files.push(path);
        }
    }
    files.sort();
    let log = read::files(&files)?;
    HEADER.iter().for_each(|title| print!("{title:>10}"));
    println!();
    for run in log.runs() {
        cells(run).iter().for_each(|cell| print!("{cell:>10}"));
        let completeness = run.completeness().to_string();
        println!("  {}", completeness.lines().next().unwrap_or_default());
    }
    println!("records: {}", directory.join("run-*.jsonl").display());
    Ok(())
}

fn cells(run: &Run) -> [String; 10] {
    let metrics = last(run, &[event::TRAINING_METRICS, event::FINAL_TRAINING_METRICS]);
    let saved = last(run, &[event::SAVE_CHECKPOINT_SUCCESS]);
    let millis = |line: Option<&Line>, name: &str| number(line, name).map(|sec| sec * 1e3);
    let start = number(metrics, attribute::TRAIN_ITERATIONS_START);
    let end =
        start.zip(number(metrics, attribute::NUM_ITERATIONS)).map(|(start, done)| start + done);
    let steps = start.zip(end).map(|(start, end)| format!("{start}-{end}"));
    let rate = format!("{}wines", attribute::WORK_RATE_PREFIX);
    [
        cell(run_rank(run), 0),
        steps.unwrap_or_default(),
        cell(millis(metrics, attribute::AVG_ITERATION_TIME_SEC), 3),
        cell(millis(metrics, attribute::AVG_DATALOADER_TIME_SEC), 3),
        cell(millis(metrics, attribute::AVG_FORWARD_TIME_SEC), 3),
        cell(millis(metrics, attribute::AVG_BACKWARD_TIME_SEC), 3),
        cell(number(metrics, &rate), 0),
        cell(number(metrics, attribute::LATEST_LOSS), 3),
        cell(number(saved, attribute::PRODUCTIVE_TRAIN_ITERATIONS), 0),
        cell(waited_for_saves(run).map(|waited| waited.as_secs_f64() * 1e3), 2),
    ]
}

/// How long training has waited for saves, of both strategies; `None` if there was none.
fn waited_for_saves(run: &Run) -> Option<Duration> {
    let statistics = run.statistics();
    let strategies = [span::CHECKPOINT_SAVE_SYNC, span::CHECKPOINT_SAVE_ASYNC].into_iter();
    let waits = strategies.filter_map(|name| statistics.get(name)?.durations.as_ref());
    waits.map(|durations| durations.total).reduce(|all, total| all + total)
}

fn run_rank(run: &Run) -> Option<f64> {
    number(last(run, &[event::INITIALIZATION]), attribute::RANK)
}

fn last<'a>(run: &'a Run, names: &[&str]) -> Option<&'a Line> {
    run.events().filter(|line| names.contains(&line.name.as_str())).last()
}

fn number(line: Option<&Line>, name: &str) -> Option<f64> {
    line?.attributes.get_f64(name).ok().flatten()
}

fn cell(number: Option<f64>, digits: usize) -> String {
    number.map(|number| format!("{number:.digits$}")).unwrap_or_default()
}
