//! Spans that another tracing library holds active, among ours: which of them is the inner one.

use std::cell::RefCell;
use std::pin::pin;
use std::task::Poll;

use onelogger::context::{self, Baggage, Context, ForeignContext, FutureExt, TraceState};
use onelogger::testing::capture;
use onelogger::{
    Event, Outcome, Record, Span, SpanBuilder, SpanContext, SpanId, SpanParent, TraceFlags,
    TraceId, event, span, timed_span,
};

thread_local! {
    /// The stack of a library that knows nothing of ours.
    static ACTIVE: RefCell<Vec<SpanContext>> = const { RefCell::new(Vec::new()) };
}

fn install() {
    context::set_foreign(ForeignContext {
        span: || ACTIVE.with_borrow(|active| active.last().copied()),
        trace_state: || "there=1".parse().unwrap_or_default(),
        baggage: || {
            let is_active = ACTIVE.with_borrow(|active| !active.is_empty());
            if is_active {
                "who=there,where=there".parse().unwrap_or_default()
            } else {
                Baggage::new()
            }
        },
    });
}

const TRACE: TraceId = TraceId::from_u128(0xabc);

fn foreign(id: u64) -> SpanContext {
    let (span_id, trace_flags) = (SpanId::from_u64(1 << 63 | 0xf000 | id), TraceFlags::SAMPLED);
    SpanContext { trace_id: TRACE, span_id, is_remote: false, trace_flags }
}

struct Active(SpanContext);

fn activate(id: u64) -> Active {
    ACTIVE.with_borrow_mut(|active| active.push(foreign(id)));
    Active(foreign(id))
}

impl Drop for Active {
    fn drop(&mut self) {
        ACTIVE.with_borrow_mut(|active| {
            let place = active.iter().rposition(|span| *span == self.0);
            place.map(|place| active.remove(place))
        });
    }
}

/// Names of the spans that started, and the ids of their parents.
fn parents(records: &[Record]) -> Vec<(String, Option<SpanId>)> {
    let starts = records.iter().filter_map(|record| match record {
        Record::Start(span) => Some((span.name.to_string(), span.parent.map(|it| it.span_id))),
        _ => None,
    });
    starts.collect()
}

fn events(records: &[Record]) -> Vec<(String, TraceId, SpanId)> {
    let events = records.iter().filter_map(|record| match record {
        Record::Event(event) if event.name != "onelogger.open" => {
            Some((event.name.to_string(), event.trace_id, event.span_id))
        }
        _ => None,
    });
    events.collect()
}

#[test]
fn the_inner_span_is_the_parent_in_any_nesting() {
    install();
    let capture = capture();
    {
        let _x = activate(1);
        let outer = span!("under x");
        assert_eq!(context::current(), Some(outer.context()));
        {
            let _y = activate(2);
            assert_eq!(context::current(), Some(foreign(2)));
            event!("in y");
            let _inner = span!("under y");
            let _innermost = span!("under inner");
            event!("in innermost");
        }
        let _second = span!("under outer");
        drop(outer);
        event!("in second");
    }
    let _root = span!("root");
    let records = capture.finish();
    let id = |name: &str| {
        let found = records.iter().find_map(|record| match record {
            Record::Start(span) if span.name == name => Some(span.span_id),
            _ => None,
        });
        found.unwrap()
    };
    let expected = [
        ("under x", Some(foreign(1).span_id)),
        ("under y", Some(foreign(2).span_id)),
        ("under inner", Some(id("under y"))),
        ("under outer", Some(id("under x"))),
        ("root", None),
    ];
    let expected = expected.map(|(name, parent)| (name.to_owned(), parent));
    assert_eq!(parents(&records), expected);
    let expected = [
        ("in y", TRACE, foreign(2).span_id),
        ("in innermost", TRACE, id("under inner")),
        ("in second", TRACE, id("under outer")),
    ];
    assert_eq!(
        events(&records),
        expected.map(|(name, trace, span)| (name.to_owned(), trace, span))
    );
}

/// A local parent of which only the ids are known is no remote one; an id of another form is kept as
/// it is as well.
#[test]
fn ids_alone_are_a_parent_and_the_span_of_events() {
    let capture = capture();
    let recorder = onelogger::recorder();
    let other = SpanContext { span_id: SpanId::from_u64(5), ..foreign(0) };
    let remote = SpanContext { is_remote: true, ..foreign(3) };
    for parent in [foreign(3), other, remote] {
        let span = recorder.start(SpanBuilder::new("child").remote_parent(parent)).unwrap();
        recorder.stop(&span).unwrap();
        let known = Span::from_context(parent);
        let mut below = SpanBuilder::new("child");
        below.parent = SpanParent::from(&known);
        let below = recorder.start_detached(below).unwrap();
        recorder.event(&known, Event::new("event")).unwrap();
        recorder.error(&known, "error").unwrap();
        // Whoever holds the span does this.
        recorder.set_attributes(&known, onelogger::Attributes::new().with("a", 1)).unwrap();
        recorder.stop(&known).unwrap();
        recorder.stop(&below).unwrap();
    }
    let health = recorder.health();
    let mut found = Vec::new();
    for record in capture.finish() {
        match record {
            Record::Start(span) => {
                assert_eq!((span.trace_id, &*span.name.to_string()), (TRACE, "child"));
                found.push((span.parent.unwrap().span_id, span.parent.unwrap().is_remote));
            }
            Record::Stop(span) => assert_eq!(span.outcome, Outcome::Ok),
            Record::Event(event) if event.name == "event" => {
                assert_eq!((event.trace_id, event.span_id), (TRACE, found.last().unwrap().0));
            }
            Record::Error(error) => {
                assert_eq!((error.trace_id, error.span_id), (TRACE, found.last().unwrap().0));
            }
            Record::Event(_) => {}
            other => panic!("{other:?}"),
        }
    }
    let (own, five) = (foreign(3).span_id, SpanId::from_u64(5));
    let expected =
        [(own, false), (own, false), (five, true), (five, true), (own, true), (own, true)];
    assert_eq!(found, expected);
    assert_eq!(health.exporters[0].counts.recorded, 3 * 6);
}

#[test]
fn what_is_attached_is_further_in_than_what_was_active() {
    install();
    let capture = capture();
    let ours = span!("ours");
    let captured = Context::capture();
    drop(ours);
    let _x = activate(1);
    captured.run(|| {
        let _under_ours = span!("under ours");
        let _y = activate(2);
        let _under_y = span!("under y");
    });
    let of_x = Context::capture();
    drop(_x);
    of_x.run(|| drop(span!("under x")));
    std::thread::scope(|scope| {
        let _x = activate(1);
        scope.spawn(context::wrap(|| drop(span!("under x elsewhere"))));
    });
    let records = capture.finish();
    let parents = parents(&records);
    let ours = records.iter().find_map(|record| match record {
        Record::Start(span) => Some(span.span_id),
        _ => None,
    });
    assert_eq!(parents[1], ("under ours".to_owned(), ours));
    let expected = [
        ("under y", Some(foreign(2).span_id)),
        ("under x", Some(foreign(1).span_id)),
        ("under x elsewhere", Some(foreign(1).span_id)),
    ];
    assert_eq!(parents[2..], expected.map(|(name, parent)| (name.to_owned(), parent)));
}

/// A task is polled under whatever is active on the thread of the executor; that is further out.
#[test]
fn a_future_keeps_its_span_wherever_it_is_polled() {
    install();
    #[timed_span(name = "task")]
    async fn task() {
        event!("first");
        yield_once().await;
        event!("second");
        yield_once().await;
        let _y = activate(7);
        event!("in y");
    }
    async fn yield_once() {
        let mut is_first = true;
        std::future::poll_fn(|_| match std::mem::take(&mut is_first) {
            true => Poll::Pending,
            false => Poll::Ready(()),
        })
        .await;
    }
    let capture = capture();
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let mut future = pin!(task());
    let mut in_context = {
        let _x = activate(5);
        pin!(task().with_current_context())
    };
    for id in [1, 2, 3] {
        let _x = activate(id);
        let _ = future.as_mut().poll(&mut cx);
        event!("outside");
        let _ = in_context.as_mut().poll(&mut cx);
    }
    let records = capture.finish();
    let ids: Vec<SpanId> = records
        .iter()
        .filter_map(|record| match record {
            Record::Start(span) => Some(span.span_id),
            _ => None,
        })
        .collect();
    let expected = [Some(foreign(1).span_id), Some(foreign(5).span_id)];
    assert_eq!(parents(&records), expected.map(|parent| ("task".to_owned(), parent)));
    let seven = foreign(7).span_id;
    let polls = [
        [("first", ids[0]), ("outside", foreign(1).span_id), ("first", ids[1])],
        [("second", ids[0]), ("outside", foreign(2).span_id), ("second", ids[1])],
        [("in y", seven), ("outside", foreign(3).span_id), ("in y", seven)],
    ];
    let expected: Vec<_> =
        polls.iter().flatten().map(|&(name, id)| (name.to_owned(), TRACE, id)).collect();
    assert_eq!(events(&records), expected);
}

#[test]
fn baggage_and_trace_state_of_both_go_out() {
    install();
    let capture = capture();
    let baggage: Baggage = "who=here".parse().unwrap();
    let attached = Context::capture().with_baggage(baggage).attach();
    let _x = activate(1);
    let span = span!("ours");
    let mut headers = Vec::new();
    context::inject(&mut headers);
    let expected = [
        ("traceparent", format!("00-{TRACE}-{}-01", span.context().span_id)),
        ("tracestate", "there=1".to_owned()),
        ("baggage", "who=here,where=there".to_owned()),
    ];
    assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value)));
    assert_eq!(context::trace_state().get("there"), Some("1"));
    drop(_x);
    assert_eq!(context::baggage().to_string(), "who=here");

    // A trace of its own has nothing of the other's state.
    drop(span);
    let mut headers = Vec::new();
    let recorder = onelogger::recorder();
    let root = recorder.start(SpanBuilder::new("root").root()).unwrap();
    context::inject(&mut headers);
    assert_eq!(headers.len(), 2, "{headers:?}");
    recorder.stop(&root).unwrap();
    drop(attached);
    drop(capture);
    assert_eq!(TraceState::new(), context::trace_state());
}

/// A filter holds back the root of a trace: whoever hears of it by its ids hangs nothing under it.
#[test]
fn below_a_root_that_is_held_back_there_are_roots_of_its_trace() {
    use onelogger::{
        DefaultRecorder, MemoryExporter, OneLoggerConfig, OneLoggerProvider, SpanFilter,
    };
    let (exporter, records) = MemoryExporter::new();
    let recorder = DefaultRecorder::builder()
        .exporter(exporter)
        .filter(SpanFilter::except(["held back"]))
        .build()
        .unwrap();
    let config = OneLoggerConfig::builder("foreign").world_size(1).session_tag("").build().unwrap();
    let provider = OneLoggerProvider::new();
    let guard = provider.configure(config, recorder).unwrap();
    let recorder = provider.recorder();
    let root = recorder.start_detached("held back").unwrap();
    let known = Span::from_context(root.propagated().unwrap());
    let mut child = SpanBuilder::new("child");
    child.parent = SpanParent::from(&known);
    let child = recorder.start_detached(child).unwrap();
    recorder.event(&known, Event::new("held back as well")).unwrap();
    recorder.stop(&child).unwrap();
    recorder.stop(&root).unwrap();
    assert_eq!(child.context().trace_id, root.context().trace_id);
    assert_eq!(child.context().trace_flags, TraceFlags::SAMPLED);
    drop(guard);
    let records = records.take();
    assert_eq!(parents(&records), [("child".to_owned(), None)]);
    let closing = records.iter().find_map(|record| match record {
        Record::Event(event) if event.name == "onelogger.close" => Some(event.attributes.clone()),
        _ => None,
    });
    assert_eq!(closing.unwrap().get_i64("onelogger.withheld"), Ok(Some(3)));
}
