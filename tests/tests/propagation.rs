//! A trace goes on in other processes, and comes from them.

use std::collections::{BTreeMap, HashMap};
use std::process::Command;
use std::thread;

use onelogger::context::{self, Baggage, Context, FutureExt as _, TraceState, extractor};
use onelogger::read::{self, ParentId};
use onelogger::testing::capture;
use onelogger::{
    DefaultRecorder, MemoryExporter, OneLoggerConfig, OneLoggerGuard, OneLoggerProvider, Record,
    SpanContext, SpanFilter, SpanId, SpanParent, SpanRecord, TraceFlags, TraceId, event, recorder,
    span, timed_span,
};
use onelogger_tests::tree::assert_tree;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
const TRACEPARENT: (&str, &str) =
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
const TRACESTATE: (&str, &str) = ("tracestate", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
const BAGGAGE: (&str, &str) = ("baggage", "userId=Am%C3%A9lie;private,serverNode=DF%2028");
const HEADERS: [(&str, &str); 3] = [TRACEPARENT, TRACESTATE, BAGGAGE];

#[timed_span(name = "work", attrs(n))]
fn work(n: u32) {
    event!("done");
}

#[timed_span(name = "fetch")]
async fn fetch() -> HashMap<String, String> {
    tokio::task::yield_now().await;
    injected()
}

fn injected() -> HashMap<String, String> {
    let mut carrier = HashMap::new();
    context::inject(&mut carrier);
    carrier
}

fn starts(records: &[Record]) -> Vec<&SpanRecord> {
    let starts = records.iter().filter_map(|record| match record {
        Record::Start(span) => Some(span),
        _ => None,
    });
    starts.collect()
}

#[track_caller]
fn assert_hangs_under_the_remote_span(span: &SpanRecord) {
    let parent = span.parent.unwrap();
    assert_eq!(span.trace_id.to_string(), TRACE);
    assert!(parent.is_remote && parent.span_id.to_string() == PARENT, "{parent:?}");
}

#[test]
fn what_is_started_in_an_extracted_context_hangs_under_the_remote_span() {
    let capture = capture();
    let context = Context::extract(&HEADERS);
    assert!(context::current().is_none());
    context.run(|| {
        let current = context::current().unwrap();
        assert!(current.is_remote && current.span_id.to_string() == PARENT);
        assert_eq!(context::current_span(), None);
        event!("in no span of ours");
        let _outer = span!("macro");
        work(1);
    });
    context.run(|| {
        let span = recorder().start("explicit").unwrap();
        recorder().stop(&span).unwrap();
        drop(span!(parent: SpanParent::Root, "root"));
    });
    assert!(context::current().is_none());
    let records = capture.finish();
    let expected = "
        · in no span of ours
        macro <- remote
          work n=1
            · done
        explicit <- remote
        root
        ";
    assert_tree(&records, expected);
    for span in
        starts(&records).iter().filter(|span| ["macro", "explicit"].contains(&span.name.as_str()))
    {
        assert_hangs_under_the_remote_span(span);
    }
}

#[test]
fn without_a_span_of_its_own_a_process_hands_on_what_it_got() {
    let received = BTreeMap::from(HEADERS.map(|(name, value)| (name.into(), value.into())));
    let mut sent = BTreeMap::new();
    Context::extract(&received).inject(&mut sent);
    assert_eq!(sent, received);

    Context::extract(&[(
        "traceparent",
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff-x",
    )])
    .inject(&mut sent);
    assert_eq!(sent["traceparent"], format!("00-{TRACE}-{PARENT}-03"));

    let mut sent = Vec::new();
    Context::empty().inject(&mut sent);
    assert_eq!(sent, []);
    // What comes without a traceparent is no tracestate; baggage stands for itself.
    Context::extract(&[TRACESTATE, ("traceparent", "00-x"), BAGGAGE]).inject(&mut sent);
    assert_eq!(sent, [("baggage".to_owned(), BAGGAGE.1.to_owned())]);
}

#[test]
fn children_say_that_they_are_recorded_and_what_their_trace_id_is_made_of() {
    let capture = capture();
    let flags_of_child = |flags: &str| {
        let parent = format!("00-{TRACE}-{PARENT}-{flags}");
        let attached = Context::extract(&[("traceparent", &parent)]).attach();
        let child = span!("child");
        let inner = span!("inner");
        let flags = inner.context().trace_flags;
        let sent = injected()["traceparent"].clone();
        assert_eq!(sent, format!("00-{TRACE}-{}-{flags}", inner.context().span_id));
        drop((inner, child));
        drop(attached);
        flags
    };
    assert_eq!(flags_of_child("00"), TraceFlags::SAMPLED);
    assert_eq!(flags_of_child("01"), TraceFlags::SAMPLED);
    assert_eq!(flags_of_child("02"), TraceFlags::SAMPLED.with(TraceFlags::RANDOM));
    let root = span!("root");
    assert_eq!(root.context().trace_flags, TraceFlags::SAMPLED);
    assert!(injected()["traceparent"].ends_with("-01"));
    drop(root);
    drop(capture);
}

#[test]
fn a_tracestate_goes_with_its_trace_only() {
    let capture = capture();
    let attached = Context::extract(&HEADERS).attach();
    let server = span!(kind: server, "answer");
    assert_eq!(injected()["tracestate"], TRACESTATE.1);
    let root = span!(parent: SpanParent::Root, "background");
    let sent = injected();
    assert!(!sent.contains_key("tracestate") && !sent["traceparent"].contains(TRACE));
    assert_eq!(sent["baggage"], BAGGAGE.1);
    drop((root, server));
    drop(attached);
    drop(capture);
}

/// A provider with ids of its own, unlike those of two captures.
fn provider() -> (OneLoggerProvider, OneLoggerGuard, onelogger::exporter::MemoryRecords) {
    let (exporter, records) = MemoryExporter::new();
    let recorder = DefaultRecorder::builder()
        .exporter(exporter)
        .synchronous()
        .filter(SpanFilter::except(["hidden"]))
        .build()
        .unwrap();
    let config = OneLoggerConfig::builder("one").world_size(1).session_tag("").build().unwrap();
    let provider = OneLoggerProvider::new();
    let guard = provider.configure(config, recorder).unwrap();
    (provider, guard, records)
}

#[test]
fn injected_here_and_extracted_elsewhere_is_one_trace() {
    let (client, client_guard, client_records) = provider();
    let (server, server_guard, server_records) = provider();
    let attached = client.attach();
    let call = span!(kind: client, "call");
    let headers = injected();
    thread::scope(|scope| {
        scope.spawn(|| {
            let _attached = server.attach();
            Context::extract(&headers).run(|| work(1));
        });
    });
    drop(call);
    drop(attached);
    drop((client_guard, server_guard));
    let (client, server) = (client_records.take(), server_records.take());
    let (call, work) = (starts(&client)[0], starts(&server)[0]);
    assert_eq!((call.name.as_str(), work.name.as_str()), ("call", "work"));
    assert_eq!(work.trace_id, call.trace_id);
    assert_eq!(work.parent.map(|parent| parent.span_id), Some(call.span_id));
    assert!(work.parent.unwrap().is_remote);
}

/// The other process would look for its parent in vain.
#[test]
fn a_span_that_is_held_back_is_nobody_s_parent_elsewhere_either() {
    let (provider, guard, _records) = provider();
    let attached = provider.attach();
    let outer = span!("outer");
    let expected = injected();
    let hidden = span!("hidden");
    assert_eq!(injected(), expected);
    drop((hidden, outer));
    Context::extract(&HEADERS).run(|| {
        let _hidden = span!("hidden");
        assert_eq!(injected()["traceparent"], TRACEPARENT.1);
    });
    let hidden = span!("hidden");
    let sent = injected()["traceparent"].clone();
    assert!(sent.contains(&hidden.context().trace_id.to_string()));
    drop(hidden);
    drop(attached);
    drop(guard);
}

#[test]
fn to_threads_and_tasks_it_goes_with_the_context() {
    let capture = capture();
    let attached = Context::extract(&HEADERS).attach();
    let check = |sent: HashMap<String, String>| {
        assert_eq!(sent["tracestate"], TRACESTATE.1);
        assert_eq!(sent["baggage"], BAGGAGE.1);
        assert!(sent["traceparent"].contains(TRACE));
        sent["traceparent"].clone()
    };
    let sent = thread::spawn(context::wrap(injected)).join().unwrap();
    assert_eq!(check(sent), TRACEPARENT.1);
    thread::spawn(context::wrap(|| work(1))).join().unwrap();

    let answer = span!(kind: server, "answer");
    let own = check(injected());
    assert_ne!(own, TRACEPARENT.1);
    let sent = thread::spawn(context::wrap(injected)).join().unwrap();
    assert_eq!(check(sent), own);

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let context = Context::capture();
    let tasks = [fetch().with_current_context(), fetch().with_context(context)]
        .map(|task| runtime.spawn(task));
    // Over by the time that the tasks look: what they send still hangs under it.
    drop(answer);
    for task in tasks {
        assert_ne!(check(runtime.block_on(task).unwrap()), own);
    }
    drop(attached);
    let records = capture.finish();
    let starts = starts(&records);
    assert_hangs_under_the_remote_span(starts[0]);
    assert_hangs_under_the_remote_span(starts[1]);
    let answer = starts[1].span_id;
    assert_eq!(starts.len(), 4);
    assert!(starts[2..].iter().all(|span| span.parent.unwrap().span_id == answer));
}

#[test]
fn an_annotated_future_is_polled_under_the_remote_span() {
    let capture = capture();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let sent = runtime.block_on(fetch().with_context(Context::extract(&HEADERS)));
    assert_eq!(sent["tracestate"], TRACESTATE.1);
    let records = capture.finish();
    assert_hangs_under_the_remote_span(starts(&records)[0]);
    assert!(sent["traceparent"].contains(&starts(&records)[0].span_id.to_string()));
}

#[test]
fn what_is_valid_takes_the_place_of_what_was_there() {
    let capture = capture();
    let outer = span!("outer");
    let before = Context::capture().with_baggage(Baggage::new().with("tenant", "a").unwrap());
    let after = before.clone().with_extracted(&HEADERS);
    assert_eq!(after.baggage().to_string(), BAGGAGE.1);
    after.run(|| work(1));
    // Only what is there: the span stays, or the baggage does.
    let with_baggage = before.clone().with_extracted(&[BAGGAGE]);
    with_baggage.run(|| assert_eq!(context::current(), Some(outer.context())));
    let with_parent = before.with_extracted(&[TRACEPARENT]);
    assert_eq!(with_parent.baggage().get("tenant"), Some("a"));
    assert!(with_parent.trace_state().is_empty());
    // Another parent does not take the former tracestate over.
    assert!(after.with_extracted(&[TRACEPARENT]).trace_state().is_empty());
    drop(outer);
    let records = capture.finish();
    assert_tree(&records, "outer\nwork n=1 <- remote\n  · done");
}

#[test]
fn a_parent_may_come_in_another_form() {
    let capture = capture();
    let parent = SpanContext::remote(TraceId::from_u128(7), SpanId::from_u64(9));
    let state: TraceState = "a=1".parse().unwrap();
    let context = Context::capture().with_remote_parent(parent, state);
    context.run(|| work(1));
    let unchanged = context.with_remote_parent(SpanContext::default(), TraceState::new());
    assert_eq!((unchanged.remote_parent(), unchanged.trace_state().len()), (Some(parent), 1));
    assert_eq!(starts(&capture.finish())[0].trace_id, parent.trace_id);
}

#[test]
fn a_carrier_may_look_at_the_context() {
    let _attached = Context::extract(&HEADERS).attach();
    let look = extractor(|name| {
        assert!(context::current().is_some());
        (name == "baggage").then_some("a=1")
    });
    assert_eq!(Context::extract(&look).baggage().get("a"), Some("1"));
    let mut seen = 0;
    context::inject(&mut context::injector(|_, _| seen += context::baggage().len()));
    assert_eq!(seen, 6);
}

#[test]
fn two_processes_make_one_trace_through_the_environment() {
    let directory = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| directory.path().join(name));
    let mut job = Command::new(env!("CARGO_BIN_EXE_calling_job"));
    job.args([&first, &second]);
    job.envs(Context::extract(&[TRACEPARENT, ("baggage", "tenant=a%20b;p")]).to_environment());
    let output = job.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let logs = [first, second].map(|file| read::file(file).unwrap());
    let [first, second] = logs.each_ref().map(|log| log.runs()[0].spans());
    let named = |spans: &read::Spans<'_>, name: &str| {
        let span = spans.iter().find(|span| span.name() == name).unwrap();
        (span.trace_id().unwrap().to_string(), span.parent(), span.id().span_id())
    };
    let (trace, parent, work) = named(&first, "work");
    assert_eq!((trace.as_str(), parent), (TRACE, Some(ParentId::Remote(PARENT.parse().unwrap()))));
    let (_, parent, call) = named(&first, "call");
    assert!(matches!(parent, Some(ParentId::Local(id)) if id.span_id() == work));
    let (trace, parent, _) = named(&second, "work");
    assert_eq!((trace.as_str(), parent), (TRACE, Some(ParentId::Remote(call))));

    let baggage = |log: &read::Log| {
        log.runs()[0].lines()[..]
            .iter()
            .find_map(|line| line.attributes.get("baggage").map(ToString::to_string))
    };
    assert_eq!(baggage(&logs[0]).as_deref(), Some("tenant=a%20b;p"));
    assert_eq!(baggage(&logs[1]).as_deref(), Some("tenant=a%20b;p,caller=the%20first"));
}
