//! What was found once is not found again: all input that is kept goes through its target.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use onelogger_fuzz::{BEHIND_DOORS, TARGETS, check};

fn entries(path: &str) -> Vec<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    // There need not be crashes.
    let Ok(entries) = path.read_dir() else { return Vec::new() };
    let mut entries: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

#[test]
fn all_input_that_is_kept_passes() {
    let mut failed = Vec::new();
    for (target, _) in TARGETS {
        let corpus = entries(&format!("corpus/{target}"));
        assert!(!corpus.is_empty(), "`{target}` has no corpus");
        for path in corpus.into_iter().chain(entries(&format!("crashes/{target}"))) {
            let data = fs::read(&path).unwrap();
            if catch_unwind(AssertUnwindSafe(|| check(target, &data))).is_err() {
                failed.push(path);
            }
        }
    }
    assert!(failed.is_empty(), "see above for why: {failed:#?}");
}

#[test]
fn every_directory_and_every_program_is_that_of_a_target() {
    let mut targets: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    targets.extend(BEHIND_DOORS);
    targets.sort_unstable();
    let names = |path: &str| -> Vec<String> {
        let stem = |path: &PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
        entries(path).iter().map(stem).collect()
    };
    assert_eq!(names("targets"), targets);
    assert_eq!(names("corpus"), targets);
    assert!(names("crashes").iter().all(|name| targets.contains(&name.as_str())));
}
