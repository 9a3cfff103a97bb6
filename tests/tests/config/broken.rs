//! Broken files, each with the whole message that it gives.
//!
//! The messages stand beside the files. `ONELOGGER_BROKEN=overwrite` writes them anew; read the
//! difference before you commit it.

use std::fs;
use std::path::{Path, PathBuf};

use onelogger::config::Loader;

const FOLDER: &str = "tests/config/broken";

/// What the files take from the environment.
const ENVIRONMENT: [(&str, &str); 2] = [("MAYBE", "perhaps"), ("HUB_TOKEN", "s3cret")];

/// The files, by name.
fn files() -> Vec<PathBuf> {
    let entries = fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path());
    let is_message = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "txt");
    let mut files: Vec<PathBuf> = entries.filter(|path| !is_message(path)).collect();
    files.sort();
    files
}

fn message_file(file: &Path) -> PathBuf {
    let name = file.file_name().unwrap().to_str().unwrap();
    file.with_file_name(format!("{}.txt", name.replace('.', "_")))
}

#[test]
fn each_broken_file_says_all_that_is_wrong_and_where() {
    let is_written_anew =
        std::env::var_os("ONELOGGER_BROKEN").is_some_and(|how| how == "overwrite");
    let files = files();
    assert!(files.len() >= 40, "{} files", files.len());
    for file in files {
        let error = Loader::new().environment(ENVIRONMENT).file(&file).load();
        let found = format!("{}\n", error.err().unwrap_or_else(|| panic!("{}", file.display())));
        let message = message_file(&file);
        if is_written_anew {
            fs::write(&message, &found).unwrap();
        }
        let expected = fs::read_to_string(&message).unwrap_or_default();
        assert_eq!(found, expected, "{}", file.display());
        assert!(!found.contains("s3cret"), "{found}");
    }
}

#[test]
fn each_message_has_its_file() {
    let messages: Vec<PathBuf> = files().iter().map(|file| message_file(file)).collect();
    for entry in fs::read_dir(FOLDER).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "txt") {
            assert!(messages.contains(&path), "{}", path.display());
        }
    }
}
