//! Whose code has made a record: its instrumentation scope.

use onelogger::testing::capture;
use onelogger::{
    ErrorEvent, Event, InstrumentationScope, Record, SpanBuilder, error, event, recorder, span,
};

/// What each record is, its name and its scope.
fn scopes(records: &[Record]) -> Vec<(&'static str, String, Option<InstrumentationScope>)> {
    let scope = |record: &Record| match record.clone() {
        Record::Start(span) => ("start", span.name.to_string(), span.scope),
        Record::Stop(span) => ("stop", span.name.to_string(), span.scope),
        Record::Attributes(span) => ("attributes", span.name.to_string(), span.scope),
        Record::Event(event) => ("event", event.name.to_string(), event.scope),
        Record::Error(event) => ("error", event.name.to_string(), event.scope),
        Record::TelemetryDataError(event) => ("report", event.name.to_string(), event.scope),
    };
    records.iter().map(scope).collect()
}

fn ours() -> Option<InstrumentationScope> {
    let version = Some(env!("CARGO_PKG_VERSION"));
    Some(InstrumentationScope::from_static("onelogger-tests", version))
}

#[test]
fn what_a_macro_records_belongs_to_the_crate_that_it_stands_in() {
    let capture = capture();
    {
        let mut job = span!("job");
        job.set("rows", 3);
        event!("progress");
        error!("failed");
    }
    let records = capture.finish();
    let expected = ["start job", "attributes job", "event progress", "error error", "stop job"];
    let found = scopes(&records);
    let names: Vec<_> = found.iter().map(|(kind, name, _)| format!("{kind} {name}")).collect();
    assert_eq!(names, expected);
    assert!(found.iter().all(|(.., scope)| *scope == ours()), "{found:?}");
}

#[test]
fn an_explicit_call_names_its_scope_or_has_none() -> Result<(), Box<dyn std::error::Error>> {
    let capture = capture();
    let scope = InstrumentationScope::new("loader").with_version("1.2.0");
    let bare = InstrumentationScope::new("loader");
    let recorder = recorder();
    let named = recorder.start(SpanBuilder::new("named").scope(scope.clone()))?;
    recorder.event(&named, Event::new("e").scope(bare.clone()))?;
    recorder.error(&named, ErrorEvent::new("e").scope(bare.clone()))?;
    recorder.set_attributes(&named, [("rows", 3)])?;
    recorder.stop(&named)?;
    let unnamed = recorder.start("unnamed")?;
    recorder.event(&unnamed, "e")?;
    recorder.stop(&unnamed)?;
    let found: Vec<_> =
        scopes(&capture.finish()).into_iter().map(|(kind, _, scope)| (kind, scope)).collect();
    let (scope, bare) = (Some(scope), Some(bare));
    let expected = [
        ("start", scope.clone()),
        ("event", bare.clone()),
        ("error", bare),
        ("attributes", scope.clone()),
        ("stop", scope),
        ("start", None),
        ("event", None),
        ("stop", None),
    ];
    assert_eq!(found, expected);
    Ok(())
}
