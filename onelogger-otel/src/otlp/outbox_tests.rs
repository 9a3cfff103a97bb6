use onelogger::{Attributes, InstrumentationScope};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use super::*;
use crate::otlp::draft::Envelope;

const SCHEMA: &str = "https://example.org/schema";

fn named(name: &str) -> impl FnOnce(&mut Vec<u8>) {
    let span = Span { name: name.to_owned(), ..Span::default() };
    move |out| out.extend(span.encode_to_vec())
}

fn logged(name: &str) -> impl FnOnce(&mut Vec<u8>) {
    let log = LogRecord { event_name: name.to_owned(), ..LogRecord::default() };
    move |out| out.extend(log.encode_to_vec())
}

fn scope(name: &'static str) -> Option<ScopeRef<'static>> {
    Some(ScopeRef { name, version: Some("2") })
}

fn request(outbox: &Outbox, draft: &mut Draft) -> ExportTraceServiceRequest {
    request_of("s", outbox, draft)
}

fn request_of(service: &str, outbox: &Outbox, draft: &mut Draft) -> ExportTraceServiceRequest {
    let attributes = Attributes::from([("service.name", service)]);
    let envelope = Envelope::new(SCHEMA, &attributes);
    let body = envelope.seal(draft, &outbox.scopes, &mut Vec::new());
    ExportTraceServiceRequest::decode(body.bytes()).unwrap()
}

/// The names of the spans of a request by scope.
fn names(outbox: &Outbox, draft: &mut Draft) -> Vec<(String, Vec<String>)> {
    names_of(request(outbox, draft))
}

fn names_of(mut request: ExportTraceServiceRequest) -> Vec<(String, Vec<String>)> {
    let of_resource = request.resource_spans.pop().unwrap();
    let of_scope = of_resource.scope_spans.into_iter();
    let spans = |spans: Vec<Span>| spans.into_iter().map(|span| span.name).collect();
    of_scope.map(|of| (of.scope.unwrap().name, spans(of.spans))).collect()
}

fn group(scope: &str, names: &[&str]) -> (String, Vec<String>) {
    (scope.to_owned(), names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn a_request_says_who_sends_it_and_groups_its_items_by_scope() {
    let mut outbox = Outbox::new(Limits::default(), true);
    outbox.span(scope("loader"), Stake::OWN, named("a"));
    outbox.span(None, Stake::OWN, named("b"));
    outbox.span(scope("loader"), Stake::OWN, named("c"));
    let mut draft = outbox.take_any().unwrap();
    assert!(outbox.take_any().is_none());
    let expected = [group("onelogger", &["b"]), group("loader", &["a", "c"])];
    let request = request(&outbox, &mut draft);
    assert_eq!(names_of(request.clone()), expected);
    let of_resource = &request.resource_spans[0];
    assert_eq!(of_resource.schema_url, SCHEMA);
    assert_eq!(of_resource.resource.as_ref().unwrap().attributes[0].key, "service.name");
    let loader = &of_resource.scope_spans[1];
    assert_eq!(
        (loader.schema_url.as_str(), &*loader.scope.as_ref().unwrap().version),
        (SCHEMA, "2")
    );
}

#[test]
fn requests_are_cut_between_items_and_keep_their_order() {
    // Each of the two scopes counts as 128 bytes.
    let mut outbox = Outbox::new(Limits { request: 300, item: 1000, ..Limits::default() }, true);
    let long = "x".repeat(900);
    let mut drafts = Vec::new();
    for (scope, name) in
        [(None, "a"), (scope("loader"), "b"), (None, &long), (None, "c"), (None, "d")]
    {
        outbox.span(scope, Stake { own: 1, waiting: 1, updates: 0 }, named(name));
        drafts.extend(outbox.take_full());
    }
    outbox.span(None, Stake { own: 1, waiting: 2, updates: 0 }, named(&"y".repeat(1001)));
    assert!(outbox.take_full().is_none());
    assert_eq!(outbox.oversized, Stake { own: 1, waiting: 2, updates: 0 });
    drafts.extend(outbox.take_any());
    let sent: Vec<_> = drafts.iter_mut().map(|draft| names(&outbox, draft)).collect();
    let first = vec![group("onelogger", &["a"]), group("loader", &["b"])];
    let rest = vec![group("onelogger", &["c", "d"])];
    assert_eq!(sent, [first, vec![group("onelogger", &[&long])], rest]);
    assert_eq!(drafts[0].stakes.total(), Stake { own: 2, waiting: 2, updates: 0 });
    assert_eq!(drafts[1].stakes.total(), Stake { own: 1, waiting: 1, updates: 0 });
    assert_eq!(drafts[2].stakes.items(), 2);
}

#[test]
fn memory_that_is_used_again_holds_nothing_of_before() {
    let mut outbox = Outbox::new(Limits::default(), true);
    outbox.span(scope("loader"), Stake::OWN, named("a"));
    outbox.extra(Extra::Opening, logged("b"));
    while let Some(draft) = outbox.take_any() {
        outbox.put_back(draft);
    }
    outbox.begin_call();
    outbox.log(None, Stake::NONE, logged("c"));
    let mut logs = outbox.take_any().unwrap();
    assert_eq!(logs.signal, Signal::Logs);
    assert!(logs.extras.is_empty());
    assert_eq!(logs.stakes.items(), 1);
    let envelope = Envelope::new(SCHEMA, &Attributes::new());
    let body = envelope.seal(&mut logs, &outbox.scopes, &mut Vec::new());
    let request = ExportLogsServiceRequest::decode(body.bytes()).unwrap();
    let logs = request.resource_logs[0].scope_logs.iter().flat_map(|of| &of.log_records);
    assert_eq!(logs.map(|log| log.event_name.as_str()).collect::<Vec<_>>(), ["c"]);
    assert!(outbox.take_any().is_none());
}

#[test]
fn an_empty_item_is_an_item() {
    let mut outbox = Outbox::new(Limits::default(), true);
    outbox.span(None, Stake::OWN, |_| {});
    let mut draft = outbox.take_any().unwrap();
    assert_eq!(names(&outbox, &mut draft), [group("onelogger", &[""])]);
}

#[test]
fn a_scope_without_a_version_is_another_one() {
    let mut outbox = Outbox::new(Limits::default(), true);
    let bare = InstrumentationScope::new("loader");
    outbox.span(scope("loader"), Stake::OWN, named("a"));
    outbox.span(Some(bare.as_scope()), Stake::OWN, named("b"));
    let mut draft = outbox.take_any().unwrap();
    assert_eq!(names(&outbox, &mut draft), [group("loader", &["a"]), group("loader", &["b"])]);
}

#[test]
fn a_request_has_no_more_items_than_it_may() {
    let mut outbox = Outbox::new(Limits { items: 2, ..Limits::default() }, true);
    for _ in 0..5 {
        outbox.span(None, Stake::OWN, |out| out.push(0));
    }
    let drafts = std::iter::from_fn(|| outbox.take_any());
    let items: Vec<usize> = drafts.map(|draft| draft.stakes.items()).collect();
    assert_eq!(items, [2, 2, 1]);
}

#[test]
fn a_resource_of_any_length_stands_before_the_items() {
    // At 4 KiB the room before the items ends.
    for length in [0, 1, 100, 3900, 3990, 4000, 4010, 4020, 4030, 4096, 5000, 100_000] {
        let mut outbox = Outbox::new(Limits::default(), true);
        outbox.span(scope("loader"), Stake::OWN, named("a"));
        outbox.span(scope("loader"), Stake::OWN, named("b"));
        let mut draft = outbox.take_any().unwrap();
        let service = "x".repeat(length);
        let request = request_of(&service, &outbox, &mut draft);
        let text = request.resource_spans[0].resource.as_ref().unwrap().attributes[0].clone();
        assert!(format!("{text:?}").contains(&service));
        assert_eq!(names_of(request), [group("loader", &["a", "b"])], "{length}");
    }
}

#[test]
fn memory_that_was_sent_is_used_again() {
    let mut outbox = Outbox::new(Limits::default(), true);
    let envelope = Envelope::new(SCHEMA, &Attributes::new());
    let mut spare = Vec::new();
    let mut places = Vec::new();
    for _ in 0..3 {
        outbox.begin_call();
        outbox.span(None, Stake::OWN, named(&"x".repeat(1000)));
        let mut draft = outbox.take_any().unwrap();
        let body = envelope.seal(&mut draft, &outbox.scopes, &mut spare);
        places.push(body.bytes().as_ptr());
        body.give_back(&mut draft, &mut spare);
        outbox.put_back(draft);
    }
    // Two drafts of the signal take turns.
    assert!(places[2] == places[0] || places[2] == places[1], "{places:?}");
}
