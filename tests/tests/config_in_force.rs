//! A configuration puts the provider of the process in force, and the callsite filter with it.

use std::fs;
use std::sync::Mutex;

use onelogger::callsite::{self, Filter};
use onelogger::config::{Format, LoadError, Loader};
use onelogger::{OneLoggerProvider, event, read};

/// There is one provider.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn loader(enabled: bool, path: &str) -> Loader {
    let text = format!(
        "application_name: trainer\nworld_size: 8\nsession_tag: run-42\nfilter: warn\n\
         enable_for_current_rank: {enabled}\nexporters: {{run: {{type: file, path: {path:?}}}}}\n"
    );
    let none: [(&str, &str); 0] = [];
    Loader::new().environment(none).document(Format::Yaml, text)
}

#[test]
fn warnings_are_said_where_the_configuration_wants_them() {
    let directory = tempfile::tempdir().unwrap();
    let _alone = ONE_AT_A_TIME.lock();
    let messages = directory.path().join("messages");
    let configure = |enabled: bool| {
        let loader = Loader::new().environment([("ONELOGGER_SESION_TAG", "x")]).without_file();
        let loader = loader.set("application_name", "trainer").set("world_size", 8);
        let loader = loader.set("session_tag", "run-42").set("enable_for_current_rank", enabled);
        let path = messages.to_str().unwrap();
        drop(loader.set("logger_config.log_file_path_for_info", path).load()?.configure());
        Ok::<(), LoadError>(())
    };
    configure(false).unwrap();
    assert!(!messages.exists());
    configure(true).unwrap();
    let said = fs::read_to_string(messages).unwrap();
    assert!(said.contains("did you mean `ONELOGGER_SESSION_TAG`?"), "{said}");
}

#[test]
fn what_is_loaded_is_what_records() {
    let directory = tempfile::tempdir().unwrap();
    let _alone = ONE_AT_A_TIME.lock();
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
