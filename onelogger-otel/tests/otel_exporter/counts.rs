//! Whatever the SDK's exporter answers, each record is delivered or lost, and counted so.

use onelogger::Attributes;
use onelogger::exporter::{Exporter, Run};
use onelogger_otel::OTelExporter;
use opentelemetry::{Key, Value};

use crate::backend::{Backend, Reply};
use crate::support::Job;

#[test]
fn what_is_accepted_is_delivered_and_the_exporter_is_flushed_and_shut_down() {
    let backend = Backend::default();
    let exporter = OTelExporter::new(backend.clone());
    let job = Job::with(exporter.resource("deployment.environment.name", "production"));
    job.spans(2);
    job.events(3);
    job.flush();
    assert_eq!(backend.names(), ["span 0", "span 1", "event", "event", "event"]);
    assert!(backend.state().flushes > 0);
    let resource = backend.state().resource.clone().unwrap();
    let of = |name: &'static str| resource.get(&Key::from_static_str(name));
    assert_eq!(of("service.name"), Some(Value::from("job")));
    assert_eq!(of("onelogger.session_tag"), Some(Value::from("test")));
    assert_eq!(of("onelogger.world_size"), Some(Value::from(1)));
    assert_eq!(of("deployment.environment.name"), Some(Value::from("production")));
    assert_eq!(of("telemetry.sdk.name"), Some(Value::from("onelogger")));
    assert!(resource.schema_url().is_some_and(|url| url.starts_with("https://opentelemetry.io/")));

    let counts = job.close();
    assert_eq!((counts.delivered, counts.lost_total()), (7, 0));
    let state = backend.state();
    assert_eq!(state.shutdowns, 1);
    let opening = &state.spans[0];
    assert_eq!(opening.name, "onelogger.open");
    assert!(opening.attributes.iter().any(|one| one.key.as_str() == "session_tag"));
    let closing = state.spans.last().unwrap();
    assert_eq!(closing.name, "onelogger.close");
    let total = |name: &str| {
        let found = closing.attributes.iter().find(|one| one.key.as_str() == name);
        found.map(|one| one.value.clone())
    };
    assert_eq!(total("onelogger.recorded"), Some(Value::I64(7)));
    assert_eq!(total("onelogger.delivered"), Some(Value::I64(7)));
}

#[test]
fn what_is_refused_is_lost_and_told() {
    let backend = Backend::replying([Reply::Refuse]);
    let job = Job::with(OTelExporter::new(backend.clone()));
    job.spans(2);
    job.events(3);
    job.flush();
    assert!(job.last_error().ends_with("no such tenant"), "{}", job.last_error());
    job.events(1);
    let counts = job.close();
    assert_eq!((counts.recorded, counts.delivered, counts.lost_total()), (8, 1, 7));
    let names = backend.names();
    assert!(names.contains(&"span_for_telemetry_data_error".to_owned()), "{names:?}");
    // What opens the run comes again until it has arrived, and no more.
    let state = backend.state();
    assert_eq!(state.spans.iter().filter(|span| span.name == "onelogger.open").count(), 1);
}

#[test]
fn exports_are_cut_and_each_stands_for_itself() {
    let backend = Backend::replying([Reply::Accept, Reply::Refuse]);
    let job = Job::with(OTelExporter::new(backend.clone()).max_export_batch_size(2));
    job.spans(1);
    job.events(4);
    job.flush();
    // The first with what opens the run; the second is lost, and reported; the third.
    assert_eq!(backend.state().batches[..2], [3, 2]);
    let names = backend.names();
    assert_eq!(names.iter().filter(|name| *name == "event").count(), 2);
    let counts = job.close();
    assert_eq!((counts.delivered, counts.lost_total()), (4, 2));
}

#[test]
fn long_exports_are_cut_by_their_length() {
    let backend = Backend::default();
    let job = Job::with(OTelExporter::new(backend.clone()));
    for _ in 0..3 {
        // More than one lane holds, in several batches.
        for _ in 0..3 {
            let event = onelogger::Event::new("large").with("text", "x".repeat(300 << 10));
            job.recorder.event(None, event).unwrap();
        }
        job.flush();
    }
    assert_eq!(job.close().delivered, 9);
    assert!(backend.state().batches.iter().all(|spans| *spans <= 8), "{:?}", backend.state());
}

#[test]
fn a_start_is_lost_with_its_span_also_when_it_was_accepted_long_before() {
    let backend = Backend::default();
    let job = Job::with(OTelExporter::new(backend.clone()));
    let span = job.recorder.start("long").unwrap();
    job.recorder.set_attributes(&span, Attributes::from([("a", 1)])).unwrap();
    job.recorder.event(&span, "progress").unwrap();
    job.recorder.error(&span, "bad").unwrap();
    job.flush();
    assert_eq!((job.counts().delivered, job.counts().lost_total()), (4, 0));
    assert_eq!(job.counts().delivered_updates, 1);
    backend.reply([Reply::Refuse]);
    job.recorder.stop(&span).unwrap();
    job.flush();
    assert_eq!((job.counts().delivered, job.counts().lost_total()), (0, 5));
    assert_eq!(job.counts().delivered_updates, 0);
    job.close();
}

#[test]
fn an_exporter_that_cannot_be_made_is_made_later() {
    let backend = Backend::default();
    let mut times = 0;
    let made = backend.clone();
    let mut exporter = OTelExporter::from_fn(move || {
        times += 1;
        // What needs a runtime as soon as it is made finds one.
        tokio::runtime::Handle::current().spawn(async {});
        if times < 3 { Err("no configuration") } else { Ok(made.clone()) }
    });
    let run = Run::new("by hand", 1);
    for _ in 0..2 {
        let error = exporter.open(&run).unwrap_err();
        assert_eq!(error.to_string(), "no exporter: no configuration");
    }
    exporter.open(&run).unwrap();
    exporter.flush().unwrap();
    exporter.close().unwrap();
    exporter.close().unwrap();
    let state = backend.state();
    assert_eq!((state.flushes, state.shutdowns), (1, 1));
}
