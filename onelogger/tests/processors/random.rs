//! Random trees of spans through random processors: what is left is whole, and everything is counted.

use std::collections::HashMap;

use onelogger::exporter::RecordKind;
use onelogger::processor::{Draft, Processor, Verdict};
use onelogger::{
    Attributes, ErrorEvent, Event, EventRecord, LossReason, Record, Span, SpanBuilder,
};
use proptest::prelude::*;

use crate::support::{Job, Mode, Under, boxed, does};

#[derive(Clone, Debug)]
enum Call {
    Start { parent: Option<usize> },
    Stop(usize),
    Event(Option<usize>),
    Error(usize),
    Update(usize),
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        3 => prop::option::of(0..100_usize).prop_map(|parent| Call::Start { parent }),
        3 => (0..100_usize).prop_map(Call::Stop),
        2 => prop::option::of(0..100_usize).prop_map(Call::Event),
        1 => (0..100_usize).prop_map(Call::Error),
        1 => (0..100_usize).prop_map(Call::Update),
    ]
}

/// What a processor says of the records that come by, in turn.
#[derive(Clone, Copy, Debug)]
enum Say {
    Keep,
    Withhold,
    Hold,
    Change,
    Add,
    AddInSpan,
    Panic,
}

fn say() -> impl Strategy<Value = Say> {
    prop_oneof![
        6 => Just(Say::Keep),
        2 => Just(Say::Withhold),
        2 => Just(Say::Hold),
        1 => Just(Say::Change),
        1 => Just(Say::Add),
        1 => Just(Say::AddInSpan),
        1 => Just(Say::Panic),
    ]
}

fn processor(says: Vec<Say>, memory_bytes: usize) -> Box<dyn Processor> {
    struct Says(Box<dyn Processor>, usize);
    impl Processor for Says {
        fn name(&self) -> &str {
            "says"
        }
        fn process(&mut self, draft: &mut Draft<'_>) -> Verdict {
            self.0.process(draft)
        }
        fn memory_bytes(&self) -> usize {
            self.1
        }
    }
    let mut turn = 0;
    boxed(Says(
        does(move |draft| {
            let say = says[turn % says.len()];
            turn += 1;
            match say {
                Say::Keep => Verdict::Keep,
                Say::Withhold => Verdict::Withhold,
                Say::Hold => Verdict::Hold,
                Say::Change => {
                    draft.attributes_mut().set("changed", true);
                    Verdict::Keep
                }
                Say::Add => {
                    draft.add_event(EventRecord { name: "added".into(), ..EventRecord::default() });
                    Verdict::Keep
                }
                Say::AddInSpan => {
                    let (trace_id, span_id) = (draft.record().trace_id(), draft.record().span_id());
                    let name = "added".into();
                    let event = EventRecord { name, trace_id, span_id, ..EventRecord::default() };
                    draft.add_event(event);
                    Verdict::Hold
                }
                // A stop that is lost would leave its start alone, which is another test's.
                Say::Panic if draft.record().kind() != RecordKind::Stop => {
                    std::panic::resume_unwind(Box::new("a processor's fault"))
                }
                Say::Panic => Verdict::Keep,
            }
        }),
        memory_bytes,
    ))
}

fn play(job: &Job, calls: &[Call]) {
    let recorder = &job.recorder;
    let mut spans: Vec<(Span, bool)> = Vec::new();
    for call in calls {
        let open = |place: usize, spans: &[(Span, bool)]| {
            let open: Vec<_> = spans.iter().filter(|(_, is_open)| *is_open).collect();
            (!open.is_empty()).then(|| open[place % open.len()].0.clone())
        };
        match call {
            Call::Start { parent } => {
                let parent = parent.and_then(|parent| open(parent, &spans));
                let span = SpanBuilder::new(format!("s{}", spans.len())).under(parent.as_ref());
                spans.push((recorder.start(span).unwrap(), true));
            }
            Call::Stop(place) => {
                if let Some(span) = open(*place, &spans) {
                    recorder.stop(&span).unwrap();
                    let place = spans.iter().position(|(it, _)| it.context() == span.context());
                    spans[place.unwrap()].1 = false;
                }
            }
            Call::Event(place) => {
                let span = place.and_then(|place| open(place, &spans));
                recorder.event(span.as_ref(), Event::new("event")).unwrap();
            }
            Call::Error(place) => {
                if let Some(span) = open(*place, &spans) {
                    recorder.error(&span, ErrorEvent::new("error")).unwrap();
                }
            }
            Call::Update(place) => {
                if let Some(span) = open(*place, &spans) {
                    recorder.set_attributes(&span, Attributes::from([("later", 1)])).unwrap();
                }
            }
        }
    }
}

/// The parents of all spans.
fn parents(records: &[Record]) -> HashMap<onelogger::SpanId, Option<onelogger::SpanId>> {
    let parent = |record: &Record| match record {
        Record::Start(span) => Some((span.span_id, span.parent.map(|parent| parent.span_id))),
        _ => None,
    };
    records.iter().filter_map(parent).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 1_000 } else { 20_000 }))]

    #[test]
    fn what_is_left_is_whole_and_counted(
        calls in prop::collection::vec(call(), 1..40),
        says in prop::collection::vec(prop::collection::vec(say(), 1..12), 1..4),
        memory_bytes in prop_oneof![Just(0_usize), Just(700), Just(1 << 20)],
        is_synchronous in any::<bool>(),
    ) {
        let mode = if is_synchronous { Mode::Synchronous } else { Mode::One };
        let processors = says.into_iter().map(|says| processor(says, memory_bytes)).collect();
        let job = Job::new(mode, processors);
        play(&job, &calls);
        // Balanced while spans wait as well.
        job.so_far();
        // `finish` checks the balance, what was delivered, and that spans are whole.
        let left = job.finish();
        let [all, processed] = left.counts;
        prop_assert_eq!((all.added, all.withheld, all.lost_total()), (0, 0, 0));
        prop_assert_eq!(processed.lost_total(), processed.lost(LossReason::ProcessorFailed));
        // A span hangs under its nearest ancestor that was let through, as far as that was open; what was
        // judged only later may be missing.
        let (before, after) = (parents(&left.all), parents(&left.processed));
        for (span, parent) in &after {
            let mut above = before[span];
            while above != *parent {
                let Some(id) = above else { panic!("{span} hangs under a stranger") };
                prop_assert!(!after.contains_key(&id), "an ancestor that is there was passed over");
                above = before[&id];
            }
        }
    }
}
