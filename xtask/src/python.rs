//! Python, for what is only there as a Python package.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::{Result, process};

/// Registries and the way to them fail now and then.
const INSTALL_ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(5);

/// The interpreter of the system, if there is one.
pub(crate) fn python() -> Option<PathBuf> {
    let mut command = Command::new("python3");
    command.arg("--version").stdout(Stdio::null());
    let status = command.stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success()).then(|| "python3".into())
}

/// The interpreter of a virtual environment that holds these packages, each with its version.
/// Installed once: it is made anew when the packages are others.
pub(crate) fn environment(python: &Path, directory: &Path, packages: &[&str]) -> Result<PathBuf> {
    let (inside, stamp) = (directory.join("bin/python"), directory.join("packages.txt"));
    let wanted = packages.join("\n");
    // Written last, so an installation that was interrupted is begun anew.
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(inside);
    }
    println!("installing {} under `{}`", packages.join(", "), directory.display());
    process::fresh_directory(directory)?;
    process::run(Command::new(python).args(["-m", "venv"]).arg(directory))?;
    install(&inside, packages)?;
    fs::write(&stamp, wanted)
        .map_err(|error| format!("cannot write `{}`: {error}", stamp.display()))?;
    Ok(inside)
}

fn install(python: &Path, packages: &[&str]) -> Result {
    let mut attempt = 1;
    loop {
        let mut install = Command::new(python);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        match process::run(install.args(packages)) {
            Err(error) if attempt < INSTALL_ATTEMPTS => {
                println!("{error}; attempt {attempt} of {INSTALL_ATTEMPTS}, trying again");
                thread::sleep(PAUSE);
                attempt += 1;
            }
            Err(error) => {
                return Err(format!(
                    "{error}, {attempt} times; pip says why above: is PyPI reachable, and is there \
                     a wheel of each package for this system?"
                ));
            }
            Ok(()) => return Ok(()),
        }
    }
}
