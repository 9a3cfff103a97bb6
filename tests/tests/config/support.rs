//! What the tests of configuration have in common.

use onelogger::config::Loader;
use tempfile::TempDir;

/// The required fields, as YAML.
pub(crate) const REQUIRED: &str = "application_name: trainer\nworld_size: 8\nsession_tag: run-42\n";

/// A loader that knows these variables, and nothing of the process.
pub(crate) fn loader<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Loader {
    Loader::new().environment(variables)
}

/// The required fields, set in code.
pub(crate) fn minimal() -> Loader {
    let none: [(&str, &str); 0] = [];
    loader(none)
        .without_file()
        .set("application_name", "trainer")
        .set("world_size", 8)
        .set("session_tag", "run-42")
}

/// What the configuration is refused for.
pub(crate) fn problems(loader: Loader) -> Vec<String> {
    let error = loader.load().expect_err("the configuration is refused");
    error.problems.iter().map(ToString::to_string).collect()
}

/// Writes a file, and returns its path.
pub(crate) fn write(directory: &TempDir, name: &str, text: &str) -> String {
    let path = directory.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}
