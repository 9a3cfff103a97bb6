//! Where things are, and how cargo is called.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Result, process};

/// The workspace's directory.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a directory of the workspace")
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    let configured = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    root().join(configured)
}

/// A file's path from the root on, with `/` on every system.
pub(crate) fn relative(path: &Path) -> String {
    let path = path.strip_prefix(root()).unwrap_or(path);
    path.to_string_lossy().replace('\\', "/")
}

/// The cargo that runs us.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.args(args).current_dir(root()).env("CARGO_TARGET_DIR", target());
    command
}

/// Builds a package's programs and examples, and returns them in order of their names.
///
/// They are built in the `test` profile: `cargo test` has built their dependencies in it already.
pub(crate) fn build_programs(package: &str, targets: &[&str]) -> Result<Vec<PathBuf>> {
    let mut command = cargo(&["build", "--profile=test", "--package", package]);
    command.args(targets);
    programs_of(&mut command)
}

/// Runs a build, and returns the programs it has made in order of their names.
pub(crate) fn programs_of(build: &mut Command) -> Result<Vec<PathBuf>> {
    build.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
    let messages = process::output(build)?;
    let mut programs: Vec<PathBuf> = messages.lines().filter_map(executable).collect();
    programs.sort();
    Ok(programs)
}

/// The program that one of cargo's messages tells of. A scan for one key, because a JSON parser
/// would be the only dependency of this crate.
fn executable(message: &str) -> Option<PathBuf> {
    let (_, value) = message.split_once(r#""executable":""#)?;
    let mut path = String::new();
    let mut chars = value.chars();
    loop {
        match chars.next()? {
            '"' => return Some(path.into()),
            '\\' => path.push(chars.next()?),
            char => path.push(char),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_executable_is_found_in_a_message_of_cargo() {
        let check = |message: &str, expected: Option<&str>| {
            assert_eq!(executable(message), expected.map(PathBuf::from));
        };
        check(r#"{"a":1,"executable":"/target/play","fresh":true}"#, Some("/target/play"));
        check(r#"{"executable":"C:\\t\\a \"b\".exe"}"#, Some(r#"C:\t\a "b".exe"#));
        check(r#"{"a":1,"executable":null}"#, None);
        check(r#"{"reason":"build-finished"}"#, None);
    }
}
