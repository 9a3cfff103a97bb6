//! What macros write into the lane themselves is sampled, placed and counted as what explicit calls
//! record.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::task::{Poll, Waker};
use std::thread;

use onelogger::context::{self, Context, TraceState};
use onelogger::{
    Record, Sampler, Span, SpanContext, SpanFilter, SpanId, TraceFlags, TraceId, error, event,
    span, timed_span,
};

use crate::job::Job;

#[timed_span(name = "annotated", attrs(number), start_attrs(at = "start"))]
fn annotated(number: u32) -> Result<u32, String> {
    event!("in annotated", number);
    if number == 0 { Err("zero".to_owned()) } else { Ok(number) }
}

#[timed_span(name = "asynchronous", attrs(number))]
async fn asynchronous(number: u32) -> Result<u32, String> {
    yield_once().await;
    span!(async "awaited"; { annotated(number) }).await
}

async fn yield_once() {
    let mut has_yielded = false;
    std::future::poll_fn(|_| {
        if std::mem::replace(&mut has_yielded, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// What [`everything`] records: six spans, an addition of attributes, three events, an error by itself
/// and one of each of the two annotated functions that fail.
const EVERYTHING: u64 = 2 * 6 + 1 + 3 + 3;

/// Each kind of record, by each macro, in six spans of one trace. Gives the outermost.
fn everything() -> SpanContext {
    let mut outer = span!("outer", text = "a", shown = ?[1, 2], none = None::<i64>);
    outer.set("later", 1);
    event!("in outer", id = %outer.context().span_id);
    span!("inner"; { error!("an error", code = 7) });
    assert_eq!(annotated(1), Ok(1));
    {
        let mut future = pin!(asynchronous(0));
        let mut cx = std::task::Context::from_waker(Waker::noop());
        assert!(future.as_mut().poll(&mut cx).is_pending());
        assert!(matches!(future.as_mut().poll(&mut cx), Poll::Ready(Err(_))));
    }
    outer.context()
}

/// Names of the spans that started, with the ids of their parents and whether these are remote.
fn parents(records: &[Record]) -> Vec<(&str, Option<(SpanId, bool)>)> {
    let starts = records.iter().filter_map(|record| match record {
        Record::Start(span) => {
            Some((span.name.as_str(), span.parent.map(|parent| (parent.span_id, parent.is_remote))))
        }
        _ => None,
    });
    starts.collect()
}

/// The `traceparent` that other processes get now.
fn traceparent() -> Option<String> {
    let mut headers = HashMap::new();
    context::inject(&mut headers);
    headers.remove("traceparent")
}

fn written(span: SpanContext, flags: &str) -> Option<String> {
    Some(format!("00-{}-{}-{flags}", span.trace_id, span.span_id))
}

const REMOTE: SpanContext =
    SpanContext::remote(TraceId::from_u128(1 << 100 | 1), SpanId::from_u64(2));

#[test]
fn what_is_not_sampled_is_withheld_whichever_macro_records_it() {
    let samplers = [
        (Sampler::AlwaysOn, true),
        (Sampler::AlwaysOff, false),
        (Sampler::TraceIdRatioBased(1.0), true),
        (Sampler::TraceIdRatioBased(0.0), false),
        (Sampler::parent_based(Sampler::AlwaysOff), false),
    ];
    // Baggage that is asked for is looked up for each span that starts.
    let settings = [&[][..], &["tenant"]];
    for (sampler, is_sampled) in samplers {
        for baggage in settings {
            let name = format!("{sampler:?} with {baggage:?}");
            let job = Job::new(|it| {
                it.sampler(sampler.clone()).baggage_attributes(baggage.iter().copied())
            });
            let attached = job.provider.attach();
            let outermost = everything();
            // In no span: not a sampler's affair.
            event!("alone");
            drop(attached);
            let (records, counts) = job.close();
            let (delivered, withheld) = if is_sampled { (EVERYTHING, 0) } else { (0, EVERYTHING) };
            assert_eq!((counts.delivered, counts.withheld), (delivered + 1, withheld), "{name}");
            assert_eq!(outermost.trace_flags.is_sampled(), is_sampled, "{name}");
            assert!(
                matches!(records.last(), Some(Record::Event(event)) if event.name == "alone"),
                "{name}"
            );
        }
    }
}

#[test]
fn a_span_that_is_not_sampled_is_not_recording_and_says_so_to_others() {
    let job = Job::new(|it| it.sampler(Sampler::AlwaysOff));
    let attached = job.provider.attach();
    let outer = span!("outer");
    assert!(!outer.is_recording() && !outer.span().is_disabled());
    assert_eq!(traceparent(), written(outer.context(), "00"));
    let inner = span!("inner");
    assert_eq!(inner.context().trace_id, outer.context().trace_id);
    assert_eq!(traceparent(), written(inner.context(), "00"));
    drop((inner, outer, attached));
    assert_eq!(job.close().1.withheld, 4);

    // What a filter holds back is another matter: others hang under what is exported.
    let job = Job::new(|it| it.filter(SpanFilter::except(["hidden"])));
    let attached = job.provider.attach();
    let outer = span!("outer");
    let hidden = span!("hidden");
    assert!(!hidden.is_recording());
    assert_eq!(traceparent(), written(outer.context(), "01"));
    drop((hidden, outer, attached));
    assert_eq!(job.close().1.withheld, 2);
}

#[test]
fn a_sampler_by_parent_asks_a_remote_parent() {
    for (root, flags, is_sampled) in [
        (Sampler::AlwaysOff, TraceFlags::SAMPLED, true),
        (Sampler::AlwaysOn, TraceFlags::RANDOM, false),
        (Sampler::TraceIdRatioBased(1.0), TraceFlags::NONE, false),
    ] {
        let name = format!("{root:?} under {flags}");
        let job = Job::new(|it| it.sampler(Sampler::parent_based(root)));
        let parent = SpanContext { trace_flags: flags, ..REMOTE };
        let attached = job.provider.attach();
        let context = Context::capture().with_remote_parent(parent, TraceState::new());
        assert_eq!(context.run(everything).trace_flags, flags, "{name}");
        // The same of an explicit one.
        let explicit = span!(parent: parent, "explicit");
        assert_eq!(explicit.is_recording(), is_sampled, "{name}");
        drop((explicit, attached));
        let (records, counts) = job.close();
        let all = EVERYTHING + 2;
        assert_eq!(counts.delivered, if is_sampled { all } else { 0 }, "{name}");
        assert_eq!(counts.recorded, all, "{name}");
        for (span, found) in parents(&records) {
            let is_outermost = matches!(span, "outer" | "explicit");
            let remote = found.filter(|(_, is_remote)| *is_remote);
            assert_eq!(remote, is_outermost.then_some((parent.span_id, true)), "{name}: {span}");
        }
    }
}

#[test]
fn a_trace_is_sampled_as_a_whole_on_all_threads() {
    let (threads, each) = (4, 300);
    for sampler in
        [Sampler::TraceIdRatioBased(0.25), Sampler::parent_based(Sampler::TraceIdRatioBased(0.25))]
    {
        let job = Job::new(|it| it.sampler(sampler));
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let _attached = job.provider.attach();
                    for _ in 0..each {
                        everything();
                    }
                });
            }
        });
        let (records, counts) = job.close();
        assert_eq!(counts.recorded, EVERYTHING * threads * each);
        let mut traces: HashMap<TraceId, u64> = HashMap::new();
        for record in &records {
            *traces.entry(trace_of(record)).or_default() += 1;
        }
        let of_trace: HashSet<u64> = traces.values().copied().collect();
        assert_eq!(of_trace, HashSet::from([EVERYTHING]), "a trace in parts");
        assert_eq!(counts.withheld, EVERYTHING * (threads * each - traces.len() as u64));
        // 300 are expected; the standard deviation is 15.
        assert!((150..450).contains(&traces.len()), "{}", traces.len());
    }
}

fn trace_of(record: &Record) -> TraceId {
    match record {
        Record::Start(span) | Record::Stop(span) => span.trace_id,
        Record::Event(event) => event.trace_id,
        Record::Error(error) => error.trace_id,
        Record::Attributes(span) => span.trace_id,
        other => panic!("{other:?}"),
    }
}

/// Ids alone are a current span like another one: for spans, events and errors.
#[test]
fn ids_alone_are_what_macros_record_under() {
    let job = Job::new(|it| it);
    let attached = job.provider.attach();
    let ours = span!("ours");
    let of_ours = ours.context();
    for known in [REMOTE, of_ours] {
        Context::capture().with_span(&Span::from_context(known)).run(|| {
            assert_eq!(traceparent(), written(known, "01"));
            drop(span!("child"));
            event!("event");
            error!("error");
        });
        event!(in Span::from_context(known), "event");
        drop(span!(parent: &Span::from_context(known), "child"));
    }
    drop((ours, attached));
    let (records, counts) = job.close();
    assert_eq!((counts.withheld, counts.lost_total()), (0, 0));
    let children: Vec<_> =
        parents(&records).into_iter().filter(|(name, _)| *name == "child").collect();
    let expected = [REMOTE, REMOTE, of_ours, of_ours];
    let expected = expected.map(|it| ("child", Some((it.span_id, it.is_remote))));
    assert_eq!(children, expected);
    let said: Vec<_> = records
        .iter()
        .filter_map(|record| match record {
            Record::Event(event) | Record::Error(event) if event.name != "onelogger.open" => {
                Some((event.trace_id, event.span_id))
            }
            _ => None,
        })
        .collect();
    let expected =
        [REMOTE, REMOTE, REMOTE, of_ours, of_ours, of_ours].map(|it| (it.trace_id, it.span_id));
    assert_eq!(said, expected);
}

/// What is known of a span that is held back says so, and what is recorded of it is held back too.
#[test]
fn what_is_recorded_of_the_ids_of_a_span_that_is_held_back_is_withheld() {
    let job = Job::new(|it| it.filter(SpanFilter::except(["hidden"])));
    let attached = job.provider.attach();
    let hidden = span!("hidden");
    let known = hidden.span().propagated().expect("ids");
    Context::capture().with_span(&Span::from_context(known)).run(|| {
        event!("event");
        error!("error");
        drop(span!("child"));
    });
    drop((hidden, attached));
    let (records, counts) = job.close();
    // The two of the span, the event, the error.
    assert_eq!((counts.withheld, counts.delivered), (4, 2));
    assert_eq!(parents(&records), [("child", None)]);
}

#[test]
fn baggage_that_is_asked_for_is_on_the_spans_and_they_hang_where_they_did() {
    for is_asked_for in [false, true] {
        let job = Job::new(|it| if is_asked_for { it.baggage_attributes(["tenant"]) } else { it });
        let attached = job.provider.attach();
        let baggage = context::Baggage::new().with("tenant", "a").expect("an entry");
        Context::capture().with_baggage(baggage).run(everything);
        drop(attached);
        let (records, counts) = job.close();
        assert_eq!(counts.delivered, EVERYTHING);
        let mut names = HashMap::new();
        for record in &records {
            if let Record::Start(span) = record {
                let tenant = span.attributes.get_str("tenant");
                assert_eq!(tenant, Ok(is_asked_for.then_some("a")), "{}", span.name);
                names.insert(span.span_id, span.name.as_str());
            }
        }
        let tree = parents(&records).into_iter().map(|(name, parent)| {
            (name, parent.map_or("", |(id, _)| names.get(&id).copied().unwrap_or("unknown")))
        });
        let expected = [
            ("outer", ""),
            ("inner", "outer"),
            ("annotated", "outer"),
            ("asynchronous", "outer"),
            ("awaited", "asynchronous"),
            ("annotated", "awaited"),
        ];
        assert_eq!(tree.collect::<Vec<_>>(), expected);
    }
}
