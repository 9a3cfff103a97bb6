//! Where the file is.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::document::{Format, MAX_BYTES, Node, Origin, parse};
use super::problem::Report;
use super::variables::Variables;

/// The variable that names the file.
const VARIABLE: &str = "ONE_LOGGER_EXPORTER_CONFIG_PATH";

/// What is looked for in the working directory, in this order: our own names, then the Python library's.
const NAMES: &[&str] = &[
    "onelogger.yaml",
    "onelogger.yml",
    "onelogger.toml",
    "onelogger.json",
    "one_logger_exporters_config.yaml",
    "one_logger_exporters_config.yml",
    "one_logger_exporters_config.json",
];

/// A file, and who has named it.
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// In words, for whoever asks why this file is read.
    pub(super) by: &'static str,
    /// The place of a problem with the path itself.
    origin: Origin,
}

/// The file to read: the one that is named, else the variable's, else one in the directory.
pub(super) fn find(
    named: Option<&Path>,
    directory: &Path,
    variables: &Variables,
    report: &mut Report,
) -> Option<Found> {
    if let Some(path) = named {
        let origin = Origin::Code;
        return Some(Found { path: path.to_owned(), by: "named in code", origin });
    }
    if let Some(path) = variables.get(VARIABLE) {
        let origin = Origin::Variable(VARIABLE.to_owned());
        return Some(Found { path: path.into(), by: "named by the environment", origin });
    }
    let mut there = NAMES.iter().filter(|name| directory.join(name).exists());
    let first = there.next()?;
    let others: Vec<&str> = there.copied().collect();
    if !others.is_empty() {
        let message = format!("{first} is read, and not {}", others.join(" or "));
        report.warning(&Origin::Nowhere, "", message);
    }
    // Without the working directory before it, which nobody has named.
    let (path, by) = match directory == Path::new("") {
        true => (first.into(), "found in the working directory"),
        false => (directory.join(first), "found in the directory that is named in code"),
    };
    Some(Found { path, by, origin: Origin::Nowhere })
}

/// Reads the file; `None` if nothing of it can be used, which is a problem then.
pub(super) fn read(found: &Found, variables: &Variables, report: &mut Report) -> Option<Node> {
    let shown = found.path.display();
    let mut refuse = |message: String| {
        report.problem(found.origin.clone(), "", message);
        None
    };
    let path = match expanded(&found.path, variables) {
        Ok(path) => path,
        Err(error) => return refuse(format!("the configuration {shown}: {error}")),
    };
    let Some(format) = Format::of(&path) else {
        return refuse(format!(
            "the configuration {shown} has an unknown ending; expected .yaml, .yml, .toml or .json"
        ));
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(&path);
    // One byte more than is allowed, so that more is noticed.
    let read = file.and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        return refuse(format!("the configuration {shown} cannot be read: {error}"));
    }
    let name: Arc<str> = shown.to_string().into();
    match String::from_utf8(bytes) {
        Ok(text) => parse(&name, format, &text, report),
        Err(_) => refuse(format!("the configuration {shown} is no text in UTF-8")),
    }
}

/// The path with a leading `~` and `{rank}` replaced.
fn expanded(path: &Path, variables: &Variables) -> std::io::Result<PathBuf> {
    crate::exporter::expand(path, variables.rank())
}
