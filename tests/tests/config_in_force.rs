//! A configuration puts the provider of the process in force, and the callsite filter with it.

use std::fs;

use onelogger::callsite::{self, Filter};
use onelogger::config::{Format, Loader};
use onelogger::{OneLoggerProvider, event, read};

fn loader(enabled: bool, path: &str) -> Loader {
    let text = format!(
        "application_name: trainer\nworld_size: 8\nsession_tag: run-42\nfilter: warn\n\
         enable_for_current_rank: {enabled}\nexporters: {{run: {{type: file, path: {path:?}}}}}\n"
    );
    let none: [(&str, &str); 0] = [];
    Loader::new().environment(none).document(Format::Yaml, text)
}

#[test]
fn what_is_loaded_is_what_records() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.jsonl");
    let path = path.to_str().unwrap();
    let before = callsite::filter();

    let guard = loader(false, path).load().unwrap().configure().unwrap();
    assert_eq!(callsite::filter(), before, "a rank that is disabled changes nothing");
    drop(guard);
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);

    let guard = loader(true, path).load().unwrap().configure().unwrap();
    assert_eq!(callsite::filter(), "warn".parse::<Filter>().unwrap());
    event!("held back");
    event!(level: warn, "told");
    let config = OneLoggerProvider::instance().config().unwrap();
    assert_eq!((config.application_name(), config.world_size()), ("trainer", 8));
    drop(guard);
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains("\"told\"") && !text.contains("held back"), "{text}");
    assert_eq!(read::file(path).unwrap().runs().len(), 1);
}
