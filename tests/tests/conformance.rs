//! The same job, the same records: every case against what the Python library wrote.

use std::path::{Path, PathBuf};
use std::process::Command;

use onelogger_tests::compare;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance")
}

#[test]
fn every_case_agrees_in_both_modes() {
    let out = tempfile::tempdir().unwrap();
    let has_python = Command::new("python3").arg("--version").output().is_ok();
    let (mut played, mut failures) = (0, Vec::new());
    for entry in directory().join("cases").read_dir().unwrap() {
        let case = entry.unwrap().path();
        let name = case.file_stem().unwrap().to_string_lossy().into_owned();
        let (expected, actual) = (
            directory().join("expected").join(&name).with_extension("jsonl"),
            out.path().join(&name).with_extension("jsonl"),
        );
        // A process of its own: some set environment variables.
        let player = Command::new(env!("CARGO_BIN_EXE_play")).args([&case, &actual]).output();
        let player = player.unwrap();
        if !player.status.success() {
            failures.push(format!("{name}: {}", String::from_utf8_lossy(&player.stderr)));
            continue;
        }
        let differences = compare::files(&expected, &actual).unwrap();
        failures.extend(differences.iter().map(|difference| format!("{name}: {difference}")));
        if has_python {
            let output = Command::new("python3")
                .arg("-B")
                .arg(directory().join("compare.py"))
                .args([&expected, &actual])
                .output()
                .unwrap();
            if !output.status.success() {
                failures.push(format!("{name}: {}", String::from_utf8_lossy(&output.stdout)));
            }
        }
        played += 1;
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(played >= 26, "only {played} cases were found");
}
