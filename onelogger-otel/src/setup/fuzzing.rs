//! A door for the fuzzer to what cannot be reached from outside: the environment as it is read. Open to
//! the tests, which replay the corpus, and under `cfg(fuzzing)`, which `cargo fuzz` sets.

use super::environment::Environment;
use crate::otlp::Signal;

/// Stands wherever a secret may stand.
const SECRET: &str = "S3CR3T";

/// Whatever the variables say: they are read in the same way each time, what is wrong with them is said,
/// and of what is secret nothing is.
///
/// The bytes are lines of `NAME=value`. The variables that name files are not read: files are the
/// system's.
///
/// # Panics
/// If that does not hold.
pub fn environment(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if text.contains(SECRET) {
        return;
    }
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let pairs =
        pairs.filter(|(name, _)| !name.ends_with("_CERTIFICATE") && !name.ends_with("_KEY"));
    let variables: Vec<_> = pairs.map(|(name, value)| (name, with_secrets(name, value))).collect();
    let lookup = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.clone())
    };
    let environment = Environment::read(&lookup);
    let mut said = format!("{:?}{:?}", environment.understood, environment.problems);
    for (connection, signal) in [
        (&environment.traces_connection, Signal::Traces),
        (&environment.logs_connection, Signal::Logs),
        (&environment.metrics_connection, Signal::Metrics),
    ] {
        said += &match connection.route(signal) {
            Ok(route) => route.address(),
            Err(error) => error.to_string(),
        };
        said += &format!("{connection:?}");
    }
    assert!(!said.contains(SECRET), "{said}");
    for (name, _) in &environment.understood {
        assert!(variables.iter().any(|(known, _)| known == name), "`{name}` is not set");
    }
    for problem in &environment.problems {
        assert!(problem.contains(": "), "{problem}");
    }
    let again = Environment::read(&lookup);
    assert_eq!(again.understood, environment.understood);
    assert_eq!(again.problems, environment.problems);
    assert_eq!(again.resource, environment.resource);
}

/// The value of a header, what stands before the `@` of an address, and what it asks.
fn with_secrets(name: &str, value: &str) -> String {
    if name.ends_with("_HEADERS") {
        return value.replace('=', &format!("={SECRET}"));
    }
    if name.ends_with("_ENDPOINT") {
        return value.replace('@', &format!("{SECRET}@")).replace('?', &format!("?{SECRET}"));
    }
    value.to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn all_environments_that_are_kept_pass() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        let corpus = fuzz.join("corpus/environment").read_dir().unwrap();
        let crashes = fuzz.join("crashes/environment").read_dir().unwrap();
        for entry in corpus.chain(crashes) {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            super::environment(&std::fs::read(path).unwrap());
        }
    }
}
