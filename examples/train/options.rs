//! The command line.

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::process::id;
use std::str::FromStr;

use onelogger_training::RecordingRanks;

pub(crate) const HELP: &str = "\
usage: train [OPTION]...

Trains a network on the wines that come with the program, and records that. Started again with the same
directory it goes on from the last checkpoint.

  --directory DIR  where checkpoints and records are kept; else below that for temporary files
  --steps N        how far to train; 400 by default
  --save-every N   a checkpoint each N steps; 100 by default
  --fail-at STEP   the process dies in this step, as if it were killed
  --ranks N        N processes, each with its share of the wines and a network of its own
  --record WHICH   which of them record: all (default), first, last, node, or a number of them
  --export-steps   single steps and their parts are exported, too
  --help           this text";

#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) directory: PathBuf,
    pub(crate) steps: usize,
    pub(crate) save_every: usize,
    pub(crate) fail_at: Option<usize>,
    /// `None` for the one process, and for each that another one has started.
    pub(crate) ranks: Option<u32>,
    pub(crate) record: RecordingRanks,
    pub(crate) exports_steps: bool,
}

impl Options {
    /// `None` if help is asked for.
    pub(crate) fn parse(
        mut arguments: impl Iterator<Item = String>,
    ) -> Result<Option<Options>, Box<dyn Error>> {
        let mut options = Options {
            directory: env::temp_dir().join(format!("onelogger-train-{}", id())),
            steps: 400,
            save_every: 100,
            fail_at: None,
            ranks: None,
            record: RecordingRanks::All,
            exports_steps: false,
        };
        while let Some(option) = arguments.next() {
            match option.as_str() {
                "--help" => return Ok(None),
                "--export-steps" => {
                    options.exports_steps = true;
                    continue;
                }
                _ => {}
            }
            let value = arguments.next().unwrap_or_default();
            match option.as_str() {
                "--directory" if value.is_empty() => {
                    return Err("`--directory` needs a directory".into());
                }
                "--directory" => options.directory = value.into(),
                "--steps" => options.steps = number(&option, &value)?,
                "--save-every" => options.save_every = number(&option, &value)?,
                "--fail-at" => options.fail_at = Some(number(&option, &value)?),
                "--ranks" => options.ranks = Some(number(&option, &value)?),
                "--record" => options.record = recording(&value)?,
                _ => return Err(format!("unknown option `{option}`; see --help").into()),
            }
        }
        Ok(Some(options))
    }
}

fn number<N: FromStr + PartialOrd + From<u8>>(option: &str, value: &str) -> Result<N, String> {
    let number = value.parse().ok().filter(|number| *number >= N::from(1));
    number.ok_or_else(|| format!("`{option}` needs a number from 1 on, and not `{value}`"))
}

fn recording(which: &str) -> Result<RecordingRanks, Box<dyn Error>> {
    Ok(match which {
        "all" => RecordingRanks::All,
        "first" => RecordingRanks::First,
        "last" => RecordingRanks::Last,
        "node" => RecordingRanks::FirstOfNode,
        number => match number.parse() {
            Ok(count) => RecordingRanks::Sample(count),
            Err(_) => return Err(format!("`--record {number}` names no ranks; see --help").into()),
        },
    })
}
