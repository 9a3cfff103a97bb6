//! `onelogger` fits into any program: it brings nothing of OpenTelemetry, no async runtime, and few
//! crates altogether.

use std::collections::BTreeSet;
use std::process::Command;

/// What `onelogger` names in its manifest, for this system. Each has its reason there.
const DIRECT: usize = if cfg!(unix) { 7 } else { 6 };

/// What comes with these, themselves included. A change is no mistake, but it is a decision: every
/// program that uses `onelogger` builds one crate more.
const IN_ALL: usize = if cfg!(unix) { 17 } else { 16 };

/// What comes with the formats of configuration files, for programs that ask for them.
const WITH_FORMATS: usize = IN_ALL + 7;

/// A program has one of these, and it is not ours to choose which.
const RUNTIMES: [&str; 10] = [
    "async-executor",
    "async-global-executor",
    "async-io",
    "async-std",
    "embassy-executor",
    "futures-executor",
    "glommio",
    "monoio",
    "smol",
    "tokio",
];

#[test]
fn nothing_of_opentelemetry_and_no_async_runtime_is_brought_along() {
    let is_refused = |name: &str| {
        let is_runtime = RUNTIMES.iter().any(|runtime| {
            // `tokio-util` is as good as `tokio`, but `smol_str` is no `smol`.
            let after = name.strip_prefix(runtime);
            after.is_some_and(|after| after.is_empty() || after.starts_with('-'))
        });
        is_runtime || name.contains("opentelemetry")
    };
    let crates = dependencies(&["--all-features"]);
    let refused: Vec<&String> = crates.iter().filter(|krate| is_refused(krate)).collect();
    assert!(refused.is_empty(), "{refused:?} must not be among the dependencies: {crates:#?}");
}

#[test]
fn a_new_dependency_is_a_decision() {
    for (kind, options, expected) in [
        ("direct", &["--depth", "1"][..], DIRECT),
        ("in all", &[], IN_ALL),
        ("with formats", &["--all-features"], WITH_FORMATS),
    ] {
        let crates = dependencies(options);
        assert_eq!(
            crates.len(),
            expected,
            "if the change is meant, say why in Cargo.toml and change the number here; {kind}: \
             {crates:#?}"
        );
    }
}

/// The crates that a program gets with `onelogger`, each as name and version, without `onelogger`
/// itself. Read from the lock file: what cargo has built this test with is all it takes.
fn dependencies(options: &[&str]) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["tree", "--offline", "--package=onelogger"])
        .args(["--edges=normal", "--prefix=none"])
        .args(options)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        // `--cfg onelogger_loom` would add loom, which no user gets.
        .env_remove("RUSTFLAGS")
        .output()
        .expect("cargo runs, as it runs this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("names of crates are ASCII");
    // A line is `serde_derive v1.0.229 (proc-macro)`; crates that occur again come again.
    let crates = lines.lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some(format!("{} {}", words.next()?, words.next()?))
    });
    crates.filter(|krate| !krate.starts_with("onelogger ")).collect()
}
