//! Shows what a file says: the tree of its spans, statistics, and whether anything is missing.
//!
//! ```text
//! cargo run -q -p onelogger-examples --example show -- FILE...
//! ```
//!
//! It reads JSON Lines files of this library and of the Python library nv-one-logger, whole or
//! damaged. `--help` lists the options.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::ffi::OsString;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use onelogger::read::{self, Entry, LineKind, Log, Node, Run, Statistics, Tree, text};
use onelogger::{Attributes, Outcome, RecordId, names};

const HELP: &str = "\
usage: show [OPTION]... FILE...

Shows the spans, events and errors of JSON Lines files as a tree, statistics of each name, and
whether anything is missing. Several files are read as one: the parts of a rotated file (the oldest
first), or files of several processes. FILE `-` is the standard input. The Python library's files
name no parents: their spans stand side by side.

  --depth N        only N levels of spans
  --name NAME      only spans of this name, with all below them
  --errors         only errors, and the spans in which they happened
  --all            do not fold siblings of the same name
  --no-statistics  no table
  --check          only whether anything is missing; fails unless every run is known to be complete
  --help           this text
";

/// So many siblings of the same name are shown before the others are folded.
const MOST_ALIKE: usize = 3;
/// So many damaged lines are listed: a file of another format has nothing else.
const MOST_DAMAGE: usize = 10;
/// What is deeper is indented no further, or the text would grow with the square of the depth.
const DEEPEST_INDENT: usize = 40;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    let Err(error) = show(std::env::args_os().skip(1), &mut out) else { return ExitCode::SUCCESS };
    match error.downcast_ref::<io::Error>() {
        // The reader of a pipe has seen enough.
        Some(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        _ => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// All that the program does; the workspace's tests call it.
pub(crate) fn show(arguments: impl Iterator<Item = OsString>, out: &mut impl Write) -> Result {
    let Some(options) = Options::parse(arguments)? else {
        out.write_all(HELP.as_bytes())?;
        return Ok(out.flush()?);
    };
    let is_stdin = |file: &PathBuf| file.as_os_str() == "-";
    let log = match &options.files[..] {
        [file] if is_stdin(file) => read::from_reader(io::stdin().lock())?,
        files if files.iter().any(is_stdin) => return Err("`-` stands alone".into()),
        files => read::files(files)?,
    };
    for (place, run) in log.runs().iter().enumerate() {
        let gap = if place > 0 { "\n" } else { "" };
        writeln!(out, "{gap}run {} of {}{}", place + 1, log.runs().len(), owner(run))?;
        match options.only_checks {
            true => writeln!(out, "{}", run.completeness())?,
            false => put_run(run, &options, out)?,
        }
    }
    put_damage(&log, out)?;
    out.flush()?;
    if log.runs().is_empty() {
        let paths: Vec<_> = log.paths().iter().map(|path| path.display().to_string()).collect();
        let paths = if paths.is_empty() { "the standard input".into() } else { paths.join(", ") };
        return Err(format!("no records in {paths}").into());
    }
    let incomplete = log.runs().iter().filter(|run| !run.completeness().is_complete()).count();
    if options.only_checks && incomplete > 0 {
        let all = log.runs().len();
        return Err(format!("runs that are not known to be complete: {incomplete} of {all}").into());
    }
    Ok(())
}

#[derive(Default)]
struct Options {
    files: Vec<PathBuf>,
    depth: Option<usize>,
    name: Option<String>,
    only_errors: bool,
    show_all: bool,
    no_statistics: bool,
    only_checks: bool,
}

impl Options {
    /// `None` if help is asked for, or nothing.
    fn parse(mut arguments: impl Iterator<Item = OsString>) -> Result<Option<Options>> {
        let mut options = Options::default();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().and_then(|value| value.into_string().ok());
            match argument.to_str() {
                Some("--help" | "-h") => return Ok(None),
                Some("--depth") => {
                    let depth = value().and_then(|value| value.parse().ok());
                    let depth = depth.filter(|depth| *depth > 0);
                    options.depth = Some(depth.ok_or("`--depth` needs a number from 1 on")?);
                }
                Some("--name") => {
                    options.name = Some(value().ok_or("`--name` needs the name of a span")?);
                }
                Some("--errors") => options.only_errors = true,
                Some("--all") => options.show_all = true,
                Some("--no-statistics") => options.no_statistics = true,
                Some("--check") => options.only_checks = true,
                Some(option) if option.starts_with('-') && option != "-" => {
                    return Err(format!("unknown option `{option}`; see `--help`").into());
                }
                _ => options.files.push(argument.into()),
            }
        }
        Ok((!options.files.is_empty()).then_some(options))
    }
}

/// Whose run it is.
fn owner(run: &Run) -> String {
    let mut owner = run.pid().map_or_else(String::new, |pid| format!(", process {pid}"));
    for (name, value) in run.opening().into_iter().flat_map(Attributes::iter) {
        // Versions are for programs.
        if !name.as_str().ends_with("version") {
            let (name, value) = (text::shown(name.as_str()), text::shown(&value.to_string()));
            owner += &format!(", {name}={value}");
        }
    }
    owner
}

fn put_run(run: &Run, options: &Options, out: &mut impl Write) -> io::Result<()> {
    let tree = run.tree();
    let top = match &options.name {
        Some(name) => named(&tree, name),
        None => tree.entries(),
    };
    let spans = top.iter().filter_map(span).flat_map(|node| node.walk());
    let statistics = Statistics::of(spans.map(|node| node.span()));
    put_tree(top, &failed(&tree), options, out)?;
    let has_table = !options.no_statistics && !options.only_errors;
    if has_table && statistics.iter().next().is_some() {
        write!(out, "\n{statistics}\n")?;
    }
    writeln!(out, "{}", run.completeness())
}

/// Without recursion: a file may be deeper than any stack.
fn put_tree(
    top: Vec<Entry<'_>>,
    failed: &HashSet<RecordId>,
    options: &Options,
    out: &mut impl Write,
) -> io::Result<()> {
    let rows = |depth: usize, entries| {
        rows(entries, failed, options).into_iter().rev().map(move |row| (depth, row))
    };
    let is_empty = top.is_empty();
    let mut ahead: Vec<_> = rows(0, top).collect();
    match ahead.is_empty() {
        true if is_empty && options.name.is_some() => writeln!(out, "no span has this name")?,
        true if options.only_errors => writeln!(out, "no errors")?,
        _ => {}
    }
    while let Some((depth, row)) = ahead.pop() {
        write!(out, "{:1$}", "", 2 * depth.min(DEEPEST_INDENT))?;
        match row[..] {
            [Entry::Span(node)] if options.depth.is_none_or(|most| depth + 1 < most) => {
                writeln!(out, "{node}")?;
                ahead.extend(rows(depth + 1, node.entries()));
            }
            [Entry::Span(node)] => writeln!(out, "{node}{}", below(node))?,
            [entry] => writeln!(out, "{entry}")?,
            _ => writeln!(out, "{}", folded(&row))?,
        }
    }
    Ok(())
}

/// What stands on a line each: an entry, or several that are folded.
fn rows<'t>(
    entries: Vec<Entry<'t>>,
    failed: &HashSet<RecordId>,
    options: &Options,
) -> Vec<Vec<Entry<'t>>> {
    let mut rows: Vec<Vec<Entry<'t>>> = Vec::new();
    // How many there were of a kind, and the row to which more are added.
    let mut kinds = HashMap::new();
    for entry in entries {
        // What failed or did not end is not folded with what did.
        let (kind, name, is_smooth, has_failed) = match &entry {
            Entry::Span(node) => {
                let span = node.span();
                let has_failed = failed.contains(&span.id());
                let has_ended = span.outcome() == Some(Outcome::Ok) && !span.is_truncated();
                (None, Some(span.name().as_str()), has_ended && !has_failed, has_failed)
            }
            Entry::Record { line, .. } if line.kind == LineKind::Event => {
                (Some(line.kind), Some(line.name.as_str()), true, false)
            }
            Entry::Record { line, .. } => {
                let message = line.attributes.get_str(names::attribute::ERROR_MESSAGE);
                (Some(line.kind), message.ok().flatten(), false, true)
            }
            _ => continue,
        };
        if options.only_errors && !has_failed {
            continue;
        }
        let (seen, place) = kinds.entry((kind, name, is_smooth)).or_insert((0, 0));
        *seen += 1;
        if *seen > MOST_ALIKE + 1 && !options.show_all {
            rows[*place].push(entry);
        } else {
            *place = rows.len();
            rows.push(vec![entry]);
        }
    }
    rows
}

fn folded(row: &[Entry<'_>]) -> String {
    // They are all of one kind, and of one name.
    if let [Entry::Record { line, .. }, ..] = row {
        return format!("… and {} more {}", row.len(), text::shown(line.name.as_str()));
    }
    let statistics = Statistics::of(row.iter().filter_map(span).map(|node| node.span()));
    let Some(names) = statistics.iter().next() else { return String::new() };
    let mut line = format!("… and {} more {}", names.count, text::shown(names.name.as_str()));
    if let Some(durations) = names.durations {
        let times = [durations.total, durations.mean, durations.max].map(text::duration);
        line += &format!(": total {}, mean {}, max {}", times[0], times[1], times[2]);
    }
    let marks = [(names.errors, "failed"), (names.open, "open"), (names.truncated, "truncated")];
    let marks = marks.iter().filter(|(count, _)| *count > 0);
    line + &marks.map(|(count, mark)| format!(", {count} {mark}")).collect::<String>()
}

/// What is not shown because it is too deep.
fn below(node: Node<'_>) -> String {
    let spans = node.walk().count() - 1;
    let records: usize = node.walk().map(|node| node.span().records().len()).sum();
    let text = format!("  … spans below: {spans}, events and errors: {records}");
    if spans + records > 0 { text } else { String::new() }
}

fn span<'t>(entry: &Entry<'t>) -> Option<Node<'t>> {
    match entry {
        Entry::Span(node) => Some(*node),
        _ => None,
    }
}

/// The spans of this name that hang under no other of this name.
fn named<'t>(tree: &'t Tree<'_>, name: &str) -> Vec<Entry<'t>> {
    let mut above: Option<usize> = None;
    let is_top = |node: &Node<'_>| {
        let is_below = above.is_some_and(|depth| node.depth() > depth);
        if !is_below {
            above = (*node.span().name() == *name).then_some(node.depth());
        }
        !is_below && above.is_some()
    };
    tree.walk().filter(is_top).map(Entry::Span).collect()
}

/// The spans that failed, and those above them.
fn failed(tree: &Tree<'_>) -> HashSet<RecordId> {
    let (mut failed, mut path) = (HashSet::new(), Vec::new());
    for node in tree.walk() {
        let span = node.span();
        path.truncate(node.depth());
        path.push(span.id());
        if span.has_failed() || span.records().iter().any(|line| line.kind != LineKind::Event) {
            // Where one is known, so are those above it.
            path.iter().rev().take_while(|id| failed.insert(**id)).for_each(drop);
        }
    }
    failed
}

fn put_damage(log: &Log, out: &mut impl Write) -> io::Result<()> {
    for damage in log.damage().iter().take(MOST_DAMAGE) {
        let path = log.paths().get(damage.file).map(|path| format!("{}: ", path.display()));
        writeln!(out, "{}{damage}", path.unwrap_or_default())?;
    }
    match log.damage().len().saturating_sub(MOST_DAMAGE) {
        0 => Ok(()),
        more => writeln!(out, "… and {more} more damaged lines"),
    }
}
