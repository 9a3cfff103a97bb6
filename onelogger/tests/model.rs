//! The recorder against a simple model: random calls, the same records, in both modes.

use std::collections::HashMap;
use std::time::Duration;

use onelogger::recorder::RecordError;
use onelogger::{
    Attributes, Counts, DefaultRecorder, ErrorEvent, ErrorHandlingStrategy, Event, ManualClock,
    MemoryExporter, OneLoggerConfig, OneLoggerProvider, Outcome, Record, RecorderHandle, Span,
    SpanBuilder, SpanFilter, SpanStop, TelemetryDataError, Timestamp, Value,
};
use proptest::prelude::*;

const EPOCH: u64 = 1_700_000_000_000_000_000;
const PATIENCE: Duration = Duration::from_secs(60);
const NAMES: [&str; 4] = ["load", "step", "hidden", "hidden_too"];
const KEYS: [&str; 3] = ["value", "k1", "k2"];

/// A call. Spans are named by their place among all that were started, modulo their number; calls
/// that name a span while there is none do nothing.
#[derive(Clone, Debug)]
enum Call {
    Start { name: usize, parent: ParentChoice, back_nanos: Option<u32>, value: i64 },
    Stop { span: usize, outcome: Outcome, rows: Option<i64> },
    Event { span: usize, value: i64 },
    EventOfCurrent { value: i64 },
    Error { span: usize },
    Update { span: usize, key: usize, value: i64 },
    DataError,
    Advance { nanos: u32 },
}

#[derive(Clone, Copy, Debug)]
enum ParentChoice {
    Current,
    Root,
    Span(usize),
}

fn call() -> impl Strategy<Value = Call> {
    let parent = prop_oneof![
        4 => Just(ParentChoice::Current),
        1 => Just(ParentChoice::Root),
        1 => any::<usize>().prop_map(ParentChoice::Span),
    ];
    let start = (0..NAMES.len(), parent, prop::option::weighted(0.2, 0..2_000_u32), any::<i64>());
    let outcome = prop_oneof![Just(Outcome::Ok), Just(Outcome::Error), Just(Outcome::Cancelled)];
    let stop = (any::<usize>(), outcome, prop::option::of(any::<i64>()));
    prop_oneof![
        4 => start.prop_map(|(name, parent, back_nanos, value)| {
            Call::Start { name, parent, back_nanos, value }
        }),
        4 => stop.prop_map(|(span, outcome, rows)| Call::Stop { span, outcome, rows }),
        3 => any::<(usize, i64)>().prop_map(|(span, value)| Call::Event { span, value }),
        1 => any::<i64>().prop_map(|value| Call::EventOfCurrent { value }),
        1 => any::<usize>().prop_map(|span| Call::Error { span }),
        2 => (any::<usize>(), 0..KEYS.len(), any::<i64>())
            .prop_map(|(span, key, value)| Call::Update { span, key, value }),
        1 => Just(Call::DataError),
        3 => (0..5_000_u32).prop_map(|nanos| Call::Advance { nanos }),
    ]
}

impl Call {
    /// The same call with places that exist; `None` if it names a span and there is none.
    fn among(&self, count: usize) -> Option<Call> {
        let mut call = self.clone();
        match &mut call {
            Call::Start { parent, .. } => match parent {
                ParentChoice::Span(_) if count == 0 => *parent = ParentChoice::Root,
                ParentChoice::Span(span) => *span %= count,
                _ => {}
            },
            Call::Stop { span, .. }
            | Call::Event { span, .. }
            | Call::Error { span }
            | Call::Update { span, .. } => *span = span.checked_rem(count)?,
            Call::EventOfCurrent { .. } | Call::DataError | Call::Advance { .. } => {}
        }
        Some(call)
    }
}

/// What a record should say. Spans are named by their place among those that are exported.
#[derive(Clone, Debug, PartialEq)]
enum Expected {
    Start { span: usize, parent: Option<usize>, time: u64, attributes: Attributes },
    Stop(Stopped),
    Update { span: usize, value: i64 },
    Event { span: Option<usize>, time: u64, value: i64 },
    Error { span: usize },
    DataError,
}

#[derive(Clone, Debug, PartialEq)]
struct Stopped {
    span: usize,
    time: u64,
    duration: u64,
    outcome: Outcome,
    attributes: Attributes,
    rows: Option<i64>,
}

struct ModelSpan {
    is_open: bool,
    /// Its place among the exported spans; `None` if the filter hides it.
    place: Option<usize>,
    /// What children hang under: its own place, or that of the nearest exported ancestor.
    anchor: Option<usize>,
    start: u64,
    attributes: Attributes,
}

/// What the library should do, without threads, lanes or tables.
#[derive(Default)]
struct Model {
    spans: Vec<ModelSpan>,
    exported: usize,
    now: u64,
    has_data_error: bool,
    records: Vec<Expected>,
    withheld: u64,
    refused: u64,
}

impl Model {
    /// Adds a record of a span, unless the filter hides the span.
    fn emit(&mut self, place: Option<usize>, record: impl FnOnce(usize) -> Expected) {
        match place {
            Some(place) => self.records.push(record(place)),
            None => self.withheld += 1,
        }
    }

    /// All spans were started on one thread: the current one is the open one that started last.
    fn current(&self) -> Option<&ModelSpan> {
        self.spans.iter().rev().find(|span| span.is_open)
    }

    /// Does the call; `false` if it is to be refused.
    fn call(&mut self, call: &Call) -> bool {
        let time = EPOCH + self.now;
        match *call {
            Call::Advance { nanos } => self.now += u64::from(nanos),
            Call::Start { name, parent, back_nanos, value } => {
                let parent = match parent {
                    ParentChoice::Current => self.current().and_then(|span| span.anchor),
                    ParentChoice::Root => None,
                    ParentChoice::Span(span) => self.spans[span].anchor,
                };
                let place = (!NAMES[name].starts_with("hidden")).then_some(self.exported);
                self.exported += place.iter().count();
                let attributes = Attributes::new().with("value", value);
                let time = time - u64::from(back_nanos.unwrap_or(0));
                self.spans.push(ModelSpan {
                    is_open: true,
                    place,
                    anchor: place.or(parent),
                    start: time,
                    attributes: attributes.clone(),
                });
                self.emit(place, |span| Expected::Start { span, parent, time, attributes });
            }
            Call::EventOfCurrent { value } => match self.current().map(|span| span.place) {
                Some(place) => {
                    self.emit(place, |span| Expected::Event { span: Some(span), time, value });
                }
                None => self.records.push(Expected::Event { span: None, time, value }),
            },
            Call::DataError => self.data_error(),
            Call::Stop { span, .. }
            | Call::Event { span, .. }
            | Call::Error { span }
            | Call::Update { span, .. }
                if !self.spans[span].is_open =>
            {
                return false;
            }
            Call::Stop { span, outcome, rows } => self.stop(span, outcome, rows),
            Call::Event { span, value } => {
                let place = self.spans[span].place;
                self.emit(place, |span| Expected::Event { span: Some(span), time, value });
            }
            Call::Error { span } => {
                self.emit(self.spans[span].place, |span| Expected::Error { span });
            }
            Call::Update { span, key, value } => {
                self.spans[span].attributes.set(KEYS[key], value);
                self.emit(self.spans[span].place, |span| Expected::Update { span, value });
            }
        }
        true
    }

    fn data_error(&mut self) {
        if std::mem::replace(&mut self.has_data_error, true) {
            self.withheld += 1;
        } else {
            self.records.push(Expected::DataError);
        }
    }

    /// The library reports a misuse, if that is the first report that the exporter gets.
    fn refuse(&mut self) {
        self.refused += 1;
        if !std::mem::replace(&mut self.has_data_error, true) {
            self.records.push(Expected::DataError);
        }
    }

    fn stop(&mut self, span: usize, outcome: Outcome, rows: Option<i64>) {
        let time = EPOCH + self.now;
        let open = &mut self.spans[span];
        open.is_open = false;
        let (duration, attributes) = (time - open.start, open.attributes.clone());
        self.emit(self.spans[span].place, |span| {
            Expected::Stop(Stopped { span, time, duration, outcome, attributes, rows })
        });
    }

    /// Stops what is open and was exported, the last first.
    fn close(&mut self) {
        for span in (0..self.spans.len()).rev() {
            if self.spans[span].is_open && self.spans[span].place.is_some() {
                self.spans[span].attributes.set("onelogger.truncated", true);
                self.stop(span, Outcome::Ok, None);
            }
        }
    }
}

/// Makes the call, of places that exist.
fn make(
    call: &Call,
    recorder: &RecorderHandle,
    clock: &ManualClock,
    spans: &mut Vec<Span>,
) -> Result<(), RecordError> {
    match *call {
        Call::Advance { nanos } => clock.advance(Duration::from_nanos(u64::from(nanos))),
        Call::Start { name, parent, back_nanos, value } => {
            let mut span = SpanBuilder::new(NAMES[name]).with("value", value);
            span = match parent {
                ParentChoice::Current => span,
                ParentChoice::Root => span.root(),
                ParentChoice::Span(parent) => span.parent(&spans[parent]),
            };
            let back = |back| Timestamp::from_unix_nanos(clock.unix_nanos() - u64::from(back));
            span.start_time = back_nanos.map(back);
            spans.push(recorder.start(span)?);
        }
        Call::Stop { span, outcome, rows } => {
            let mut stop = SpanStop::new().outcome(outcome);
            stop = rows.into_iter().fold(stop, |stop, rows| stop.with("rows", rows));
            recorder.stop_with(&spans[span], stop)?;
        }
        Call::Event { span, value } => {
            recorder.event(&spans[span], Event::new("e").with("value", value))?;
        }
        Call::EventOfCurrent { value } => {
            recorder.event(None, Event::new("e").with("value", value))?;
        }
        Call::Error { span } => recorder.error(&spans[span], ErrorEvent::new("went wrong"))?,
        Call::Update { span, key, value } => {
            recorder.set_attributes(&spans[span], Attributes::new().with(KEYS[key], value))?;
        }
        Call::DataError => recorder.telemetry_data_error(TelemetryDataError::new("bad sensor"))?,
    }
    Ok(())
}

/// Makes the calls; returns what the model says, what was exported, and the counts.
fn play(calls: &[Call], is_synchronous: bool) -> (Model, Vec<Record>, Counts) {
    let clock = ManualClock::new(EPOCH);
    let (exporter, records) = MemoryExporter::new();
    let mut builder = DefaultRecorder::builder()
        .exporter(exporter)
        .manual_clock(clock.clone())
        .filter(SpanFilter::except_matching(["hidden*"]));
    if is_synchronous {
        builder = builder.synchronous();
    }
    let config = OneLoggerConfig::builder("model")
        .world_size(1)
        .session_tag("")
        .error_handling_strategy(ErrorHandlingStrategy::PropagateExceptions)
        .build()
        .unwrap();
    let provider = OneLoggerProvider::new();
    let guard = provider.configure(config, builder.build().unwrap()).unwrap();
    let attached = provider.attach();
    let recorder = provider.recorder();
    let (mut model, mut spans) = (Model::default(), Vec::new());
    for call in calls {
        let Some(call) = call.among(spans.len()) else { continue };
        let is_accepted = model.call(&call);
        match make(&call, &recorder, &clock, &mut spans) {
            Ok(()) => assert!(is_accepted, "{call:?} was accepted"),
            Err(RecordError::SpanStopped { .. }) if !is_accepted => model.refuse(),
            Err(error) => panic!("{call:?}: {error}"),
        }
    }
    assert_eq!(recorder.refused_calls(), model.refused);
    model.close();
    drop(attached);
    drop(guard.close_timeout(PATIENCE));
    (model, records.take(), recorder.health().exporters[0].counts)
}

/// What the records say, with places for ids.
fn seen(records: &[Record]) -> Vec<Expected> {
    let mut places = HashMap::new();
    let mut all = Vec::new();
    for record in records {
        all.push(match record {
            Record::Start(span) => {
                let place = places.len();
                places.insert(span.span_id, place);
                Expected::Start {
                    span: place,
                    parent: span.parent.map(|parent| places[&parent.span_id]),
                    time: span.time_unix_nanos,
                    attributes: span.attributes.clone(),
                }
            }
            Record::Stop(span) => Expected::Stop(Stopped {
                span: places[&span.span_id],
                time: span.time_unix_nanos,
                duration: span.duration_nanos,
                outcome: span.outcome,
                attributes: span.attributes.clone(),
                rows: span.event_attributes.get_i64("rows").unwrap(),
            }),
            Record::Attributes(span) => {
                let (_, value) = span.event_attributes.iter().next().unwrap();
                let Value::I64(value) = *value else { panic!("{span:?}") };
                Expected::Update { span: places[&span.span_id], value }
            }
            Record::Event(event) if event.name == "onelogger.close" => continue,
            Record::Event(event) => Expected::Event {
                span: places.get(&event.span_id).copied(),
                time: event.time_unix_nanos,
                value: event.attributes.get_i64("value").unwrap().unwrap(),
            },
            Record::Error(event) => Expected::Error { span: places[&event.span_id] },
            Record::TelemetryDataError(_) => Expected::DataError,
        });
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn the_recorder_does_what_the_model_does(calls in prop::collection::vec(call(), 0..120)) {
        for is_synchronous in [true, false] {
            let (model, records, counts) = play(&calls, is_synchronous);
            prop_assert_eq!(seen(&records), model.records);
            prop_assert!(counts.is_balanced(), "{:?}", counts);
            prop_assert_eq!((counts.lost_total(), counts.withheld), (0, model.withheld));
        }
    }
}
