//! Builds crates, and says what a build took and made.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::source::Annotation;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What one build of a crate took, and what it made.
pub(crate) struct Cost {
    /// User CPU of `cargo check`.
    pub(crate) check: Duration,
    /// User CPU of a release build.
    pub(crate) release: Duration,
    /// Bytes of code.
    pub(crate) text: u64,
    /// Bytes of what else is loaded: constants, statics, tables for unwinding.
    pub(crate) data: u64,
}

/// A package for each set of dependencies, with a target directory of their own.
pub(crate) struct Workspace(PathBuf);

/// The packages, and the lines of their dependencies as in `benches/Cargo.toml`.
const PACKAGES: [(Annotation, &str); 4] = [
    (Annotation::None, ""),
    (Annotation::OneLogger, "onelogger = { path = \"../../../../onelogger\" }"),
    (Annotation::Tracing, "tracing = \"0.1\""),
    (Annotation::Fastrace, "fastrace = { version = \"0.7\", features = [\"enable\"] }"),
];

impl Workspace {
    /// Writes the packages, and builds what they depend on.
    pub(crate) fn create() -> Result<Workspace> {
        let benches = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = benches.join("target/compile-cost");
        fs::create_dir_all(&root)?;
        let members = PACKAGES.map(|(annotation, _)| format!("\"{}\"", annotation.package()));
        let manifest =
            format!("[workspace]\nresolver = \"3\"\nmembers = [{}]\n", members.join(", "));
        fs::write(root.join("Cargo.toml"), manifest)?;
        fs::copy(benches.join("Cargo.lock"), root.join("Cargo.lock"))?;
        let workspace = Workspace(root);
        for (annotation, dependency) in PACKAGES {
            let package = annotation.package();
            let directory = workspace.0.join(package);
            fs::create_dir_all(directory.join("src"))?;
            let manifest = format!(
                "[package]\nname = \"{package}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
                 \n[dependencies]\n{dependency}\n"
            );
            fs::write(directory.join("Cargo.toml"), manifest)?;
            fs::write(directory.join("src/lib.rs"), "")?;
        }
        for (annotation, _) in PACKAGES {
            workspace.build(annotation, "")?;
        }
        Ok(workspace)
    }

    /// Builds a crate of this source, whose dependencies are built.
    pub(crate) fn build(&self, annotation: Annotation, source: &str) -> Result<Cost> {
        let package = annotation.package();
        fs::write(self.0.join(package).join("src/lib.rs"), source)?;
        let check = self.cargo(&["check", "--package", package])?;
        let release = self.cargo(&["build", "--release", "--package", package])?;
        let library = self.0.join(format!("target/release/lib{package}.rlib"));
        let (text, data) = sections(&library)?;
        Ok(Cost { check, release, text, data })
    }

    /// Runs cargo, and gives the user CPU of it and of all that it has started.
    fn cargo(&self, arguments: &[&str]) -> Result<Duration> {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(arguments).args(["--offline", "--quiet"]).current_dir(&self.0);
        cargo
            .env("CARGO_INCREMENTAL", "0")
            .env_remove("RUSTFLAGS")
            .env("CARGO_TARGET_DIR", "target");
        cargo.stdin(Stdio::null());
        let before = user_time_of_children();
        let status = cargo.status()?;
        let taken = user_time_of_children() - before;
        if !status.success() {
            return Err(format!("`cargo {}` failed: {status}", arguments.join(" ")).into());
        }
        Ok(taken)
    }
}

/// The user CPU of all children that were waited for, and of theirs.
fn user_time_of_children() -> Duration {
    // SAFETY: zeros are a valid value of a structure of numbers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is a place for the answer that lives through the call.
    unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage) };
    let libc::timeval { tv_sec, tv_usec } = usage.ru_utime;
    Duration::from_secs(tv_sec as u64) + Duration::from_micros(tv_usec as u64)
}

/// The sizes of a library's sections: `.text`, and what else is loaded.
fn sections(library: &Path) -> Result<(u64, u64)> {
    let output = Command::new("size").args(["-A", "-d"]).arg(library).output();
    let output = output.map_err(|error| format!("cannot run `size`, of binutils: {error}"))?;
    if !output.status.success() {
        return Err(format!("`size` failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let (mut text, mut data) = (0, 0);
    for line in String::from_utf8(output.stdout)?.lines() {
        let mut words = line.split_whitespace();
        let (Some(section), Some(size)) = (words.next(), words.next()) else { continue };
        let size = size.parse().unwrap_or(0);
        let is_one_of = |names: &[&str]| names.iter().any(|name| section.starts_with(name));
        if section.starts_with(".text") {
            text += size;
        } else if is_one_of(&[".rodata", ".data", ".bss", ".eh_frame", ".gcc_except_table"]) {
            data += size;
        }
    }
    Ok((text, data))
}
