//! The path of a run's file: placeholders, and a name that is not taken.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Replaces `{rank}`, `{pid}` and a leading `~`. A brace that should stand is doubled.
pub(crate) fn expand(template: &Path, rank: Option<u32>) -> io::Result<PathBuf> {
    let invalid = |message: String| io::Error::new(ErrorKind::InvalidInput, message);
    let Some(text) = template.to_str() else {
        return Ok(template.to_owned());
    };
    let mut expanded = String::new();
    let mut rest = text;
    if let Some(below) = text.strip_prefix('~').filter(|t| t.is_empty() || t.starts_with('/')) {
        let home = std::env::home_dir()
            .ok_or_else(|| invalid("the path begins with `~` and there is no home".into()))?;
        expanded.push_str(&home.to_string_lossy());
        rest = below;
    }
    while let Some(at) = rest.find(['{', '}']) {
        expanded.push_str(&rest[..at]);
        let (brace, after) = rest[at..].split_at(1);
        if let Some(after) = after.strip_prefix(brace) {
            expanded.push_str(brace);
            rest = after;
            continue;
        }
        let name = if brace == "{" { after.split_once('}') } else { None };
        match name {
            Some(("rank", _)) => expanded.push_str(&rank.unwrap_or(0).to_string()),
            Some(("pid", _)) => expanded.push_str(&std::process::id().to_string()),
            _ => {
                let known = "expected `{rank}`, `{pid}`, or a doubled brace";
                return Err(invalid(format!("`{}` in the path: {known}", &rest[at..])));
            }
        }
        rest = name.map_or("", |(_, after)| after);
    }
    expanded.push_str(rest);
    Ok(expanded.into())
}

/// Opens a file that no run has written before: `path` itself, else `run.1.jsonl` for `run.jsonl`,
/// and so on from the number given. Returns the number after the one used.
///
/// What is no regular file (a pipe, a terminal, `/dev/null`) is opened as it is.
pub(super) fn open_new(path: &Path, from: u64) -> io::Result<(File, PathBuf, u64)> {
    make_parents(path)?;
    if let Ok(metadata) = path.metadata() {
        if metadata.is_dir() {
            let message = format!("{} is a directory", path.display());
            return Err(io::Error::new(ErrorKind::IsADirectory, message));
        }
        if !metadata.is_file() {
            return Ok((OpenOptions::new().append(true).open(path)?, path.to_owned(), from));
        }
    }
    for number in from.. {
        let name = numbered(path, number);
        match OpenOptions::new().append(true).create_new(true).open(&name) {
            Ok(file) => return Ok((file, name, number + 1)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(at_path(&name, &error)),
        }
    }
    Err(io::Error::new(ErrorKind::AlreadyExists, "every name is taken"))
}

/// Opens a file to append to; makes it where there is none.
pub(super) fn open_append(path: &Path) -> io::Result<File> {
    make_parents(path)?;
    let open = OpenOptions::new().append(true).read(true).create(true).open(path);
    open.map_err(|error| at_path(path, &error))
}

fn make_parents(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => std::fs::create_dir_all(parent).map_err(|error| at_path(parent, &error)),
        None => Ok(()),
    }
}

fn at_path(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn numbered(path: &Path, number: u64) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(match path.extension() {
        Some(extension) => format!("{stem}.{number}.{}", extension.to_string_lossy()),
        None => format!("{stem}.{number}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_replaced_and_others_refused() {
        let check = |template: &str| {
            expand(Path::new(template), Some(3)).map(|path| path.to_string_lossy().into_owned())
        };
        assert_eq!(check("a/run-{rank}.jsonl").unwrap(), "a/run-3.jsonl");
        assert_eq!(check("{{x}}-{pid}").unwrap(), format!("{{x}}-{}", std::process::id()));
        assert_eq!(check("a~b/~").unwrap(), "a~b/~");
        assert!(!check("~/x").unwrap().starts_with('~'));
        for wrong in ["{ranks}", "a{", "}b", "{rank", "{é}"] {
            assert!(check(wrong).unwrap_err().to_string().contains("{rank}"), "{wrong}");
        }
    }

    #[test]
    fn a_number_stands_before_the_extension() {
        assert_eq!(numbered(Path::new("a/run.jsonl"), 2), Path::new("a/run.2.jsonl"));
        assert_eq!(numbered(Path::new("run"), 1), Path::new("run.1"));
    }
}
