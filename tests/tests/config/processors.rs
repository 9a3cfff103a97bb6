//! Processors that a file names: for all exporters, and for one.

use onelogger::config::Loader;
use onelogger::{OneLoggerProvider, event, read, span};

const FILE: &str = r#"
application_name: trainer
world_size: 1
session_tag: run
recorder:
  processors:
    - type: secret_keys
      and: [license]
    - type: filter
      except: kind = event and level > info
    - type: attributes
      rename: {host: host.name}
      drop: [dump]
      hash: [user]
      redact: [query]
      set: {deployment: blue, rows: 3}
      when: kind = event and name = request
    - type: rate_limit
      per_second: 1
      burst: 2
    - type: event_statistics
      event: request
      attribute: took
      every_events: 2
      every: 1h
      windowed: true
exporters:
  all:
    type: file
    path: all.jsonl
  failed:
    type: file
    path: failed.jsonl
    processors:
      - type: sample
        ratio: 1
      - type: filter
        only: kind != event
      - type: keep_if
        error: true
        longer_than: 1h
        matches: name = "kept"
        memory: 1 MiB
"#;

#[test]
fn processors_of_a_file_work_for_all_exporters_and_for_one() {
    let folder = std::env::temp_dir().join(format!("onelogger-processors-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = FILE.replace("path: ", &format!("path: {}/", folder.display()));
    let format = onelogger::config::Format::Yaml;
    let loaded = Loader::new().environment([("", ""); 0]).document(format, file).load().unwrap();
    let (config, recorder) = loaded.into_parts();
    let provider = OneLoggerProvider::new();
    {
        let _guard = provider.configure(config, recorder).unwrap();
        let _attached = provider.attach();
        for name in ["kept", "other"] {
            let _span = match name {
                "kept" => span!("kept", license = "s3cret"),
                _ => span!("other", license = "s3cret"),
            };
            event!(
                "request",
                host = "a",
                dump = "0xff",
                user = "ada",
                query = "select",
                took = 2.5
            );
        }
        // One too many.
        event!("request", host = "b");
        event!(level: debug, "detail");
    }
    let read = |name: &str| read::file(folder.join(name)).unwrap();
    let all = read("all.jsonl");
    let run = &all.runs()[0];
    assert!(run.completeness().is_complete(), "{}", run.completeness());
    let events: Vec<_> = run.events().map(|event| event.name.to_string()).collect();
    assert_eq!(events, ["request", "request", "onelogger.statistics"]);
    let request = &run.events().next().unwrap().attributes;
    assert_eq!(request.get_str("host.name").unwrap(), Some("a"));
    assert_eq!(request.get_str("query").unwrap(), Some("<redacted>"));
    assert_eq!(request.get_str("deployment").unwrap(), Some("blue"));
    assert_eq!(request.get_i64("rows").unwrap(), Some(3));
    assert!(request.get("dump").is_none() && request.get_str("user").unwrap() != Some("ada"));
    let failed = read("failed.jsonl");
    let run = &failed.runs()[0];
    assert!(run.completeness().is_complete(), "{}", run.completeness());
    let spans: Vec<_> = run.spans().iter().map(|span| span.name().to_string()).collect();
    assert_eq!((spans, run.events().count()), (vec!["kept".to_owned()], 0));
    for name in ["all.jsonl", "failed.jsonl"] {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        assert!(!text.contains("s3cret") && text.contains("<redacted>"), "{name}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
