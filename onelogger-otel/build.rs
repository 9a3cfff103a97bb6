//! Finds out which compiler it is, for the resource attribute `process.runtime.version`.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let Ok(said) = Command::new(compiler).arg("--version").output() else {
        return;
    };
    // `rustc 1.95.0 (…)`, or with `-nightly` and the like behind the numbers.
    let said = String::from_utf8_lossy(&said.stdout);
    if let Some(version) = said.split_whitespace().nth(1) {
        println!("cargo::rustc-env=ONELOGGER_RUSTC_VERSION={version}");
    }
}
