//! The README's program does what the README says, for somebody who has nothing but the README.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The first block of a kind in the README.
fn block(kind: &str) -> String {
    let readme = include_str!("../../README.md");
    let (_, after) = readme.split_once(&format!("```{kind}\n")).expect("there is such a block");
    after.split_once("```").expect("it ends").0.to_owned()
}

/// The lines without the column of times and without the process id, which differ from run to run.
fn what_stays(text: &str) -> Vec<String> {
    const TIMES: usize = 13;
    let line = |line: &str| {
        let line: String = line.chars().skip(TIMES).collect();
        line.split_once("pid ").map_or(line.clone(), |(before, _)| before.to_owned())
    };
    text.lines().map(line).collect()
}

#[test]
fn the_program_of_the_readme_gives_the_output_of_the_readme() {
    let directory = tempfile::tempdir().unwrap();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let project = directory.path().join("trainer");
    fs::create_dir_all(project.join("src")).unwrap();
    let dependencies = block("toml");
    assert!(dependencies.contains("../onelogger/onelogger"), "{dependencies}");
    let clone = workspace.join("onelogger").display().to_string();
    let dependencies = dependencies.replace("../onelogger/onelogger", &clone);
    let manifest =
        "[package]\nname = \"trainer\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n";
    fs::write(project.join("Cargo.toml"), format!("{manifest}{dependencies}")).unwrap();
    fs::write(project.join("src/main.rs"), block("rust")).unwrap();
    // The versions that are here already, so that nothing has to be fetched.
    fs::copy(workspace.join("Cargo.lock"), project.join("Cargo.lock")).unwrap();

    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--offline"]).current_dir(&project);
    cargo.env("CARGO_TARGET_DIR", directory.path().join("target")).env_remove("RANK");
    // What cargo says of this test's own package is nothing to that one.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG") {
            cargo.env_remove(name);
        }
    }
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found = String::from_utf8(output.stdout).unwrap();
    assert_eq!(what_stays(&found), what_stays(&block("text")), "found:\n{found}");
}
