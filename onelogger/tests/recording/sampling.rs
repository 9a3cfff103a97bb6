//! Which spans are recorded, and what others hear of those that are not.

use std::collections::{HashMap, HashSet};
use std::thread;

use onelogger::context::{self, Context, TraceState};
use onelogger::{
    Attributes, DefaultRecorder, Record, Sampler, SpanBuilder, SpanContext, SpanFilter, SpanId,
    SpanParent, TraceFlags, TraceId,
};

use crate::job::Job;

/// The `traceparent` that other processes get now.
fn traceparent() -> String {
    let mut headers = HashMap::new();
    context::inject(&mut headers);
    headers.remove("traceparent").expect("a current span")
}

fn written(span: SpanContext, flags: &str) -> String {
    format!("00-{}-{}-{flags}", span.trace_id, span.span_id)
}

#[test]
fn a_span_that_is_not_sampled_is_withheld_with_all_that_concerns_it() {
    let job = Job::new(|it| it.sampler(Sampler::AlwaysOff));
    let recorder = &job.recorder;
    let span = recorder.start("span").unwrap();
    assert!(!span.is_recording() && !span.is_stopped() && !span.is_disabled());
    recorder.event(&span, "event").unwrap();
    recorder.event(None, "of the current one").unwrap();
    recorder.error(&span, "error").unwrap();
    recorder.set_attributes(&span, Attributes::from([("a", 1)])).unwrap();
    let child = recorder.start("child").unwrap();
    recorder.stop(&child).unwrap();
    recorder.stop(&span).unwrap();
    // In no span: not a sampler's affair.
    recorder.event(None, "alone").unwrap();
    let (records, counts) = job.close();
    assert_eq!((counts.withheld, counts.delivered), (8, 1));
    assert!(matches!(&records[..], [Record::Event(event)] if event.name == "alone"));
}

#[test]
fn others_get_the_ids_of_a_span_that_is_not_sampled_and_that_it_is_not() {
    let job = Job::new(|it| it.sampler(Sampler::parent_based(Sampler::AlwaysOff)));
    let root = job.recorder.start("root").unwrap();
    let child = job.recorder.start("child").unwrap();
    assert_eq!(child.context().trace_id, root.context().trace_id);
    assert_ne!(child.context().span_id, root.context().span_id);
    assert_eq!(traceparent(), written(child.context(), "00"));
    job.recorder.stop(&child).unwrap();
    assert_eq!(traceparent(), written(root.context(), "00"));
    assert!(job.close().0.is_empty());

    // What a filter holds back is another matter: others hang under what is exported.
    let filter = SpanFilter::except(["hidden"]);
    let job = Job::new(|it| it.sampler(Sampler::AlwaysOn).filter(filter));
    let root = job.recorder.start("root").unwrap();
    let _hidden = job.recorder.start("hidden").unwrap();
    assert_eq!(traceparent(), written(root.context(), "01"));
    job.close();
}

#[test]
fn a_span_follows_its_parent_in_another_process() {
    let remote = |flags| SpanContext {
        trace_flags: flags,
        ..SpanContext::remote(TraceId::from_u128(1 << 100 | 1), SpanId::from_u64(2))
    };
    let cases = [
        (Sampler::AlwaysOff, TraceFlags::SAMPLED, true),
        (Sampler::AlwaysOn, TraceFlags::RANDOM, false),
        (Sampler::TraceIdRatioBased(0.0), TraceFlags::SAMPLED.with(TraceFlags::RANDOM), true),
        (Sampler::TraceIdRatioBased(1.0), TraceFlags::NONE, false),
    ];
    for (root, flags, is_sampled) in cases {
        let name = format!("{root:?} under {flags}");
        let job = Job::new(|it| it.sampler(Sampler::parent_based(root.clone())));
        let span = job.recorder.start(SpanBuilder::new("a").remote_parent(remote(flags))).unwrap();
        assert_eq!(span.is_recording(), is_sampled, "{name}");
        // How the trace id was made is handed on.
        assert_eq!(span.context().trace_flags, flags, "{name}");
        // The same with the parent from the context, and a span further down.
        let context = Context::empty().with_remote_parent(remote(flags), TraceState::new());
        context.run(|| {
            let span = job.recorder.start("b").unwrap();
            let child = job.recorder.start("c").unwrap();
            assert_eq!((span.is_recording(), child.is_recording()), (is_sampled, is_sampled));
        });
        // A parent that is not valid is none.
        let begins = SpanBuilder::new("d").remote_parent(SpanContext::default());
        let begins = job.recorder.start(begins).unwrap();
        let is_root_sampled = matches!(root, Sampler::AlwaysOn)
            || matches!(root, Sampler::TraceIdRatioBased(ratio) if ratio > 0.5);
        assert_eq!(begins.is_recording(), is_root_sampled, "{name}");
        job.close();
    }
}

#[test]
fn a_trace_is_sampled_as_a_whole() {
    let (threads, each) = (4, 500);
    for sampler in
        [Sampler::TraceIdRatioBased(0.25), Sampler::parent_based(Sampler::TraceIdRatioBased(0.25))]
    {
        let job = Job::new(|it| it.sampler(sampler));
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    for _ in 0..each {
                        let root =
                            SpanBuilder { parent: SpanParent::Root, ..SpanBuilder::new("root") };
                        let root = job.recorder.start(root).unwrap();
                        let child = job.recorder.start(SpanBuilder::new("child").parent(&root));
                        let child = child.unwrap();
                        job.recorder.event(&child, "event").unwrap();
                        job.recorder.stop(&child).unwrap();
                        job.recorder.stop(&root).unwrap();
                    }
                });
            }
        });
        let (records, counts) = job.close();
        assert_eq!(counts.recorded, 5 * threads * each);
        let mut traces: HashMap<TraceId, u64> = HashMap::new();
        let mut spans = HashSet::new();
        for record in &records {
            let trace = match record {
                Record::Start(span) | Record::Stop(span) => {
                    spans.insert(span.span_id);
                    span.trace_id
                }
                Record::Event(event) => event.trace_id,
                other => panic!("{other:?}"),
            };
            *traces.entry(trace).or_default() += 1;
        }
        assert!(traces.values().all(|&records| records == 5), "a trace in parts");
        assert_eq!(spans.len(), 2 * traces.len());
        assert_eq!(counts.withheld, 5 * (threads * each - traces.len() as u64));
        // 500 are expected; the standard deviation is 19.
        assert!((300..700).contains(&traces.len()), "{}", traces.len());
    }
}

#[test]
fn a_sampler_that_makes_no_sense_is_refused_with_what_would() {
    let sampler = Sampler::parent_based(Sampler::TraceIdRatioBased(1.5));
    let error = DefaultRecorder::builder().sampler(sampler).build().err().expect("refused");
    assert!(error.to_string().contains("1.5 of all traces; give it 0 to 1"), "{error}");
}
