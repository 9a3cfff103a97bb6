//! Configuration files.

use onelogger::config::{Explanation, Format, Loader, Problem};

/// What a variable holds that is a secret.
const SECRET: &str = "S3CR3T";
const ENVIRONMENT: [(&str, &str); 4] =
    [("HUB_TOKEN", SECRET), ("MAYBE", "perhaps"), ("RANK", "3"), ("HOME", "/home")];

/// Whatever stands in a document: it is loaded or refused with reasons, each of which has its place, and
/// no secret is shown.
pub(super) fn document(text: &str, format: Format) {
    if text.contains(SECRET) {
        return;
    }
    let loader = || Loader::new().environment(ENVIRONMENT).document(format, text);
    let explanation = loader().explain();
    for problem in explanation.problems.iter().chain(&explanation.warnings) {
        check_place(problem, text);
    }
    check_secrets(&explanation, text);
    match loader().load() {
        Ok(loaded) => assert_eq!(*loaded.explain(), explanation),
        Err(error) => {
            assert!(!error.problems.is_empty());
            assert_eq!(error.problems, explanation.problems);
        }
    }
    assert_eq!(loader().explain(), explanation);
}

/// A place in the document is one that it has.
fn check_place(problem: &Problem, text: &str) {
    assert!(!problem.message.is_empty());
    let Some(place) = problem.place.strip_prefix("document:") else {
        // That a field is missing, or that the document as a whole is none.
        assert!(["", "document"].contains(&&*problem.place), "{problem}");
        return;
    };
    let (line, column) = place.split_once(':').unwrap();
    let (line, column): (usize, usize) = (line.parse().unwrap(), column.parse().unwrap());
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let there = text.split('\n').nth(line - 1);
    let length = there.unwrap_or_else(|| panic!("there is no line: {problem}")).chars().count();
    assert!((1..=length + 1).contains(&column), "there is no column: {problem}");
}

fn check_secrets(explanation: &Explanation, text: &str) {
    let said = format!("{explanation}{explanation:?}");
    assert!(!said.contains(SECRET), "{said}");
    if text.contains('.') {
        // A name with a point in it cannot be told from a table and its field.
        return;
    }
    for value in &explanation.values {
        let is_secret = value.field.split('.').any(|name| ["api_key", "headers"].contains(&name));
        assert!(!is_secret || value.value == "<redacted>", "{value:?}");
    }
}
