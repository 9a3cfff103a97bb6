//! Whatever many threads do at once: each record is in each exporter's output, or counted as lost.
//!
//! Every test counts the calls that succeeded and compares that number with the recorder's own, for
//! each exporter, and with the file. `ONELOGGER_FULL=1` runs the large ones at full size.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Condvar, Mutex, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use onelogger::exporter::{ExportError, Exporter, FilePath, RecordKind, Records, Run};
use onelogger::recorder::{DefaultRecorderBuilder, FlushError, RecordError};
use onelogger::{
    Counts, DefaultRecorder, DisableRule, ErrorHandlingStrategy, Event, ExporterState,
    FileExporter, FullPolicy, Health, LossReason, OneLoggerConfig, OneLoggerProvider, RecordId,
    Recorder, RecorderHandle, Span, SpanBuilder, SpanFilter, SpanStop,
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// So long that it is only reached if something hangs.
const PATIENCE: Duration = Duration::from_secs(600);
const WAIT: FullPolicy = FullPolicy::Block(PATIENCE);
/// The smallest lane that there is: a handful of records.
const TINY_LANE: usize = 640;

/// How many of `full` are done: all with `ONELOGGER_FULL=1`.
fn size(full: usize, normally: usize) -> usize {
    if std::env::var_os("ONELOGGER_FULL").is_some() { full } else { normally }
}

/// A provider that writes a file, and what its threads say they have recorded.
struct Trial {
    directory: PathBuf,
    path: FilePath,
    provider: OneLoggerProvider,
    recorder: RecorderHandle,
    starts: AtomicU64,
    stops: AtomicU64,
    events: AtomicU64,
}

/// What a trial left behind.
struct Outcome {
    contents: Contents,
    health: Health,
    recorded: u64,
}

impl Trial {
    /// A provider with a file exporter and whatever `settings` adds.
    fn new(
        name: &str,
        settings: impl FnOnce(DefaultRecorderBuilder) -> DefaultRecorderBuilder,
    ) -> Trial {
        Trial::configure(OneLoggerProvider::new(), name, settings)
    }

    /// The same with a provider that is there already. A refused call is an error.
    fn configure(
        provider: OneLoggerProvider,
        name: &str,
        settings: impl FnOnce(DefaultRecorderBuilder) -> DefaultRecorderBuilder,
    ) -> Trial {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("threads-{}-{name}", std::process::id()));
        let file = FileExporter::new(directory.join("run.jsonl"));
        let path = file.path();
        let builder = DefaultRecorder::builder().exporter(file);
        let config = OneLoggerConfig::builder("threads")
            .world_size(1)
            .session_tag("test")
            .error_handling_strategy(ErrorHandlingStrategy::PropagateExceptions)
            .build()
            .unwrap();
        let guard = provider.configure(config, settings(builder).build().unwrap()).unwrap();
        // The tests close the provider themselves, to see whether that succeeds.
        std::mem::forget(guard);
        let recorder = provider.recorder();
        let (starts, stops, events) = Default::default();
        Trial { directory, path, provider, recorder, starts, stops, events }
    }

    fn start(&self, span: impl Into<SpanBuilder>) -> Result<Span, RecordError> {
        let span = self.recorder.start(span)?;
        self.starts.fetch_add(1, Ordering::Relaxed);
        Ok(span)
    }

    fn stop(&self, span: &Span) -> Result<(), RecordError> {
        self.recorder.stop(span)?;
        self.stops.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn event(&self, span: &Span, event: Event) -> Result<(), RecordError> {
        self.recorder.event(span, event)?;
        self.events.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// A span with an event, both with the number.
    fn span_with_event(&self, thread: usize, number: usize) -> Result<(), RecordError> {
        let span = SpanBuilder::new("work").with("thread", thread).with("number", number);
        let span = self.start(span)?;
        self.event(&span, Event::new("tick").with("number", number))?;
        self.stop(&span)
    }

    /// Closes the provider, and checks what holds always.
    fn finish(self) -> Outcome {
        self.provider.close(PATIENCE).unwrap();
        let health = self.recorder.health();
        let contents = Contents::read(&self.path.get().unwrap());
        let [starts, stops, events] =
            [&self.starts, &self.stops, &self.events].map(|count| count.load(Ordering::Relaxed));
        // The close stops what is open, and that is a record like any other. A span that was lost
        // or withheld has no stop that the application did not make.
        let recorded = starts + stops + events + contents.truncated;
        assert!(stops + contents.truncated <= starts, "{stops} stops of {starts} spans");
        for exporter in &health.exporters {
            let counts = exporter.counts;
            assert!(counts.is_balanced(), "{}: {counts:?}", exporter.name);
            assert_eq!(counts.recorded, recorded, "{}: {counts:?}", exporter.name);
            assert_eq!(counts.added, 0, "{}", exporter.name);
        }
        let file = health.exporters[0].counts;
        assert_eq!(contents.records, file.delivered, "{file:?}");
        assert_eq!(contents.closing, closing(&file));
        contents.check_wholeness();
        std::fs::remove_dir_all(&self.directory).unwrap();
        Outcome { contents, health, recorded }
    }
}

impl Outcome {
    fn lost(&self, exporter: usize, reason: LossReason) -> u64 {
        self.health.exporters[exporter].counts.lost(reason)
    }

    /// Every record is in the file.
    fn check_complete(&self) {
        assert_eq!(self.contents.records, self.recorded);
        assert_eq!(self.contents.reports, 0);
    }

    fn print(&self, test: &str) {
        for exporter in &self.health.exporters {
            println!("{test}: {}: {:?}", exporter.name, exporter.counts);
        }
    }
}

/// The attributes that the closing record has for these counts.
fn closing(counts: &Counts) -> Map<String, Value> {
    let mut attributes = Map::new();
    attributes.insert("onelogger.recorded".into(), counts.recorded.into());
    attributes.insert("onelogger.added".into(), counts.added.into());
    attributes.insert("onelogger.delivered".into(), counts.delivered.into());
    attributes.insert("onelogger.delivered.updates".into(), counts.delivered_updates.into());
    attributes.insert("onelogger.withheld".into(), counts.withheld.into());
    for reason in LossReason::ALL.into_iter().filter(|&reason| counts.lost(reason) > 0) {
        attributes.insert(format!("onelogger.lost.{reason}"), counts.lost(reason).into());
    }
    attributes
}

/// What stands in a file.
#[derive(Default)]
struct Contents {
    spans: HashMap<RecordId, SpanSeen>,
    /// Each event: its span and its number.
    events: Vec<(RecordId, Option<u64>)>,
    /// Records of the application; a `complete` line is two.
    records: u64,
    /// Spans that the close has stopped.
    truncated: u64,
    /// Reports of losses and failures.
    reports: u64,
    /// The closing record.
    closing: Map<String, Value>,
}

#[derive(Clone, Debug, Default)]
struct SpanSeen {
    name: String,
    parent: Option<RecordId>,
    thread: Option<u64>,
    number: Option<u64>,
    starts: u32,
    stops: u32,
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    id: Option<RecordId>,
    span_id: Option<RecordId>,
    parent_id: Option<RecordId>,
    name: Option<String>,
    #[serde(default)]
    attributes: Map<String, Value>,
    event: Option<EventSeen>,
    count: u64,
}

#[derive(Deserialize)]
struct EventSeen {
    name: String,
    attributes: Map<String, Value>,
}

impl Contents {
    /// Reads a file of which every line must be whole, in its place and of a known kind.
    fn read(path: &Path) -> Contents {
        let mut contents = Contents::default();
        let file = BufReader::with_capacity(1 << 20, File::open(path).unwrap());
        for (place, line) in file.lines().enumerate() {
            let line = line.unwrap();
            let record: Line =
                serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            // The first record of a run has the number 1, and nothing failed to be written.
            assert_eq!(record.count, place as u64 + 1, "{line}");
            assert!(contents.closing.is_empty(), "after the closing record: {line}");
            contents.add(record, &line);
        }
        assert!(!contents.closing.is_empty(), "the closing record is missing");
        contents
    }

    fn add(&mut self, record: Line, line: &str) {
        match record.kind.as_str() {
            "start" | "stop" | "complete" => {
                let (starts, stops) = (record.kind != "stop", record.kind != "start");
                let number = |name| record.attributes.get(name).and_then(Value::as_u64);
                let span = self.spans.entry(record.id.unwrap()).or_insert_with(|| SpanSeen {
                    name: record.name.clone().unwrap(),
                    parent: record.parent_id,
                    thread: number("thread"),
                    number: number("number"),
                    ..SpanSeen::default()
                });
                assert_eq!((&span.name, span.parent), (&record.name.unwrap(), record.parent_id));
                span.starts += u32::from(starts);
                span.stops += u32::from(stops);
                self.records += u64::from(starts) + u64::from(stops);
                self.truncated += u64::from(record.attributes.contains_key("onelogger.truncated"));
            }
            "event" => {
                let mut event = record.event.unwrap();
                match event.name.as_str() {
                    "onelogger.open" => {}
                    "onelogger.close" => {
                        event.attributes.remove("timestamp_msec");
                        self.closing = event.attributes;
                    }
                    _ => {
                        let number = event.attributes.get("number").and_then(Value::as_u64);
                        self.events.push((record.span_id.unwrap(), number));
                        self.records += 1;
                    }
                }
            }
            // Only the library's own: the tests here report none.
            "telemetry_data_error" => self.reports += 1,
            _ => panic!("an unknown kind of line: {line}"),
        }
    }

    /// Spans are there as a whole or not at all, and events are those of spans that are there.
    fn check_wholeness(&self) {
        for (id, span) in &self.spans {
            assert_eq!((span.starts, span.stops), (1, 1), "{id}: {span:?}");
        }
        for (span, number) in &self.events {
            assert!(self.spans.contains_key(span), "event {number:?} of {span}, which is missing");
        }
    }

    /// Each thread has a root; under it hang `each` spans, every number once, each with its event.
    fn check_trees(&self, threads: usize, each: usize) {
        let roots: HashMap<_, _> = self
            .spans
            .iter()
            .filter(|(_, span)| span.name == "root")
            .map(|(id, span)| (*id, span))
            .collect();
        assert_eq!(roots.len(), threads);
        assert!(roots.values().all(|root| root.parent.is_none()));
        let mut seen = vec![vec![0_u32; each]; threads];
        for span in self.spans.values().filter(|span| span.name == "work") {
            let (thread, number) = (span.thread.unwrap() as usize, span.number.unwrap() as usize);
            assert_eq!(roots[&span.parent.unwrap()].thread, span.thread, "{span:?}");
            seen[thread][number] += 1;
        }
        assert!(seen.iter().flatten().all(|&times| times == 1));
        for (span, number) in &self.events {
            assert_eq!(self.spans[span].number, *number);
            let span = &self.spans[span];
            seen[span.thread.unwrap() as usize][span.number.unwrap() as usize] += 1;
        }
        assert!(seen.iter().flatten().all(|&times| times == 2));
    }
}

/// An exporter that holds every call until it is let go, counts what it accepted, and fails as it
/// is told.
#[derive(Clone)]
struct Probe(Arc<ProbeState>);

struct ProbeState {
    name: &'static str,
    behavior: Behavior,
    is_free: Mutex<bool>,
    freed: Condvar,
    /// Records of the application that were accepted and not revoked.
    accepted: AtomicU64,
    calls: AtomicU64,
}

enum Behavior {
    /// Accepts everything.
    Accept,
    /// Takes its time for every batch.
    Slow(Duration),
    /// Refuses each record whose place is a multiple of this.
    RefuseEvery(u64),
    /// Refuses the first record of every call.
    RefuseAll,
    /// Takes everything over, and loses one of what the last call had accepted with each flush.
    LoseOnFlush,
    /// Panics with this call of `export_batch`.
    PanicOnCall(u64),
}

impl Probe {
    fn new(name: &'static str, behavior: Behavior) -> Probe {
        let (is_free, freed) = (Mutex::new(true), Condvar::new());
        let (accepted, calls) = Default::default();
        Probe(Arc::new(ProbeState { name, behavior, is_free, freed, accepted, calls }))
    }

    /// From here on calls wait.
    fn hold(&self) {
        *self.0.is_free.lock().unwrap() = false;
    }

    fn let_go(&self) {
        *self.0.is_free.lock().unwrap() = true;
        self.0.freed.notify_all();
    }

    fn accepted(&self) -> u64 {
        self.0.accepted.load(Ordering::Relaxed)
    }

    /// Accepts so many of the records.
    fn accept(&self, records: Records<'_>, first: usize) {
        let own = |name: &str| name.starts_with("onelogger.");
        let counted = records.iter().take(first).filter(|record| {
            record.kind() != RecordKind::TelemetryDataError && !own(record.name())
        });
        self.0.accepted.fetch_add(counted.count() as u64, Ordering::Relaxed);
    }
}

impl Exporter for Probe {
    fn name(&self) -> &str {
        self.0.name
    }

    fn export_batch(&mut self, records: Records<'_>) -> Result<(), ExportError> {
        let call = self.0.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let mut is_free = self.0.is_free.lock().unwrap();
        while !*is_free {
            is_free = self.0.freed.wait(is_free).unwrap();
        }
        drop(is_free);
        match self.0.behavior {
            Behavior::Slow(pause) => thread::sleep(pause),
            Behavior::RefuseEvery(multiple) => {
                let room = multiple as usize - 1;
                if records.len() > room {
                    self.accept(records, room);
                    return Err(ExportError::new("refused").with_accepted(room));
                }
            }
            Behavior::RefuseAll => return Err(ExportError::new("refused")),
            Behavior::PanicOnCall(at) if call == at => panic!("as the test wants"),
            Behavior::PanicOnCall(at) => assert!(call < at, "used after its panic"),
            Behavior::Accept | Behavior::LoseOnFlush => {}
        }
        self.accept(records, records.len());
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        if matches!(self.0.behavior, Behavior::LoseOnFlush) && self.accepted() > 0 {
            self.0.accepted.fetch_sub(1, Ordering::Relaxed);
            return Err(ExportError::new("lost").with_refused(0).with_revoked(1));
        }
        Ok(())
    }
}

/// Runs `work` on so many threads, with the trial's provider in force.
fn on_threads(trial: &Trial, threads: usize, work: impl Fn(usize) + Sync) {
    thread::scope(|scope| {
        for thread in 0..threads {
            let work = &work;
            scope.spawn(move || {
                let _attached = trial.provider.attach();
                work(thread);
            });
        }
    });
}

/// A root span, and `each` spans with an event under it; under the current span or an explicit one.
fn grow_tree(trial: &Trial, thread: usize, each: usize) {
    let root = trial.start(SpanBuilder::new("root").with("thread", thread)).unwrap();
    for number in 0..each {
        let mut span = SpanBuilder::new("work").with("thread", thread).with("number", number);
        if number % 2 == 0 {
            span = span.parent(&root);
        }
        let span = trial.start(span).unwrap();
        trial.event(&span, Event::new("tick").with("number", number)).unwrap();
        trial.stop(&span).unwrap();
    }
    trial.stop(&root).unwrap();
}

#[test]
fn with_blocking_policies_eight_threads_lose_nothing() {
    let (threads, each) = (8, size(100_000, 5_000));
    let trial = Trial::new("blocking", |builder| builder.lane_policy(WAIT).queue_policy(WAIT));
    on_threads(&trial, threads, |thread| grow_tree(&trial, thread, each));
    let outcome = trial.finish();
    outcome.print("blocking");
    outcome.check_complete();
    assert_eq!(outcome.recorded, (threads * (3 * each + 2)) as u64);
    outcome.contents.check_trees(threads, each);
}

#[test]
fn a_full_lane_drops_whole_spans_and_counts_them() {
    let (threads, each) = (8, size(100_000, 5_000));
    // The pipeline waits for the probe, and the lanes fill up for certain.
    let probe = Probe::new("probe", Behavior::Accept);
    probe.hold();
    let trial = Trial::new("tiny-lane", |builder| {
        builder.lane_bytes(1 << 12).queue_policy(WAIT).queue_bytes(1).exporter(probe.clone())
    });
    let half = Barrier::new(threads + 1);
    thread::scope(|scope| {
        let opener = scope.spawn(|| {
            half.wait();
            probe.let_go();
        });
        on_threads(&trial, threads, |thread| {
            for number in 0..each {
                if number == each / 2 {
                    half.wait();
                }
                trial.span_with_event(thread, number).unwrap();
            }
        });
        opener.join().unwrap();
    });
    let outcome = trial.finish();
    outcome.print("tiny lane");
    assert_eq!(outcome.recorded, (threads * 3 * each) as u64);
    let lost = outcome.lost(0, LossReason::LaneFull);
    assert!(lost > 0 && outcome.contents.reports > 0);
    assert_eq!(outcome.contents.records + lost, outcome.recorded);
    assert_eq!(probe.accepted(), outcome.health.exporters[1].counts.delivered);
    assert_eq!(probe.accepted(), outcome.contents.records);
}

#[test]
fn a_full_queue_drops_whole_spans_and_counts_them() {
    let (threads, each) = (8, size(50_000, 4_000));
    let probe = Probe::new("probe", Behavior::Slow(Duration::from_millis(1)));
    probe.hold();
    let trial = Trial::new("tiny-queue", |builder| {
        // Lanes that make the pipeline take many batches.
        let builder = builder.lane_policy(WAIT).lane_bytes(1 << 14);
        builder.queue_bytes(1 << 12).exporter(probe.clone())
    });
    // The probe's queue is full for certain before the half: one batch is with the probe, one in
    // the queue, and more than two batches' worth has gone through the lanes.
    let half = Barrier::new(threads + 1);
    thread::scope(|scope| {
        let opener = scope.spawn(|| {
            half.wait();
            probe.let_go();
        });
        on_threads(&trial, threads, |thread| {
            for number in 0..each {
                if number == each / 2 {
                    half.wait();
                }
                trial.span_with_event(thread, number).unwrap();
            }
        });
        opener.join().unwrap();
    });
    let outcome = trial.finish();
    outcome.print("tiny queue");
    assert_eq!(outcome.recorded, (threads * 3 * each) as u64);
    assert!(outcome.lost(1, LossReason::QueueFull) > 0);
    for exporter in &outcome.health.exporters {
        let lost = exporter.counts.lost(LossReason::QueueFull);
        assert_eq!(exporter.counts.delivered + lost, outcome.recorded, "{}", exporter.name);
    }
    assert_eq!(outcome.contents.reports > 0, outcome.lost(0, LossReason::QueueFull) > 0);
    assert_eq!(probe.accepted(), outcome.health.exporters[1].counts.delivered);
}

#[test]
fn thousands_of_short_threads_leave_nothing_behind_unrecorded() {
    let (at_a_time, rounds) = (8, size(1_000, 250));
    let trial = Trial::new("short", |builder| builder.lane_policy(WAIT).queue_policy(WAIT));
    for round in 0..rounds {
        on_threads(&trial, at_a_time, |thread| {
            trial.span_with_event(thread, round).unwrap();
        });
    }
    let outcome = trial.finish();
    outcome.print("short threads");
    outcome.check_complete();
    assert_eq!(outcome.recorded, (3 * at_a_time * rounds) as u64);
    assert_eq!(outcome.contents.spans.len(), at_a_time * rounds);
}

#[test]
fn a_span_may_be_stopped_on_another_thread_than_it_was_started_on() {
    let (starters, each) = (4, size(100_000, 5_000));
    let trial = Trial::new("handover", |builder| builder.lane_policy(WAIT).queue_policy(WAIT));
    thread::scope(|scope| {
        let trial = &trial;
        for thread in 0..starters {
            let (sender, receiver) = mpsc::channel::<Span>();
            scope.spawn(move || {
                for number in 0..each {
                    let span = SpanBuilder::new("work").with("thread", thread);
                    let span = trial.start(span.with("number", number)).unwrap();
                    sender.send(span).unwrap();
                }
            });
            scope.spawn(move || {
                for (number, span) in receiver.iter().enumerate() {
                    trial.event(&span, Event::new("tick").with("number", number)).unwrap();
                    trial.stop(&span).unwrap();
                }
            });
        }
    });
    let outcome = trial.finish();
    outcome.print("handover");
    outcome.check_complete();
    assert_eq!(outcome.recorded, (3 * starters * each) as u64);
    let right =
        |(span, number): &(RecordId, Option<u64>)| outcome.contents.spans[span].number == *number;
    assert!(outcome.contents.events.iter().all(right));
}

#[test]
fn a_stop_gets_through_though_the_lane_of_its_thread_is_full() {
    let each = 200;
    let trial = Trial::new("full-lane", |builder| builder.lane_bytes(TINY_LANE));
    let (sender, receiver) = mpsc::channel::<Vec<Span>>();
    thread::scope(|scope| {
        let trial = &trial;
        scope.spawn(move || {
            // Many more than the other thread's lane has room for; each flush empties this one.
            let mut spans = Vec::new();
            for number in 0..each {
                let span = trial.start(SpanBuilder::new("work").with("number", number)).unwrap();
                trial.recorder.force_flush(PATIENCE).unwrap();
                if spans.len() == 8 {
                    sender.send(std::mem::take(&mut spans)).unwrap();
                }
                spans.push(span);
            }
            sender.send(spans).unwrap();
        });
        scope.spawn(move || {
            // Open spans keep room for their stops, until nothing else finds any.
            let mut open = Vec::new();
            while open.last().is_none_or(Span::is_recording) {
                open.push(trial.start("open").unwrap());
                trial.recorder.force_flush(PATIENCE).unwrap();
            }
            for span in receiver.iter().flatten().filter(Span::is_recording) {
                trial.stop(&span).unwrap();
            }
            for span in open {
                trial.stop(&span).unwrap();
            }
        });
    });
    // Stops of spans that were lost are records as well, and the second thread makes none for them.
    let outcome = trial.finish();
    outcome.print("full lane");
    assert_eq!(outcome.contents.truncated, 0);
    assert_eq!(outcome.contents.records + outcome.lost(0, LossReason::LaneFull), outcome.recorded);
    let works = outcome.contents.spans.values().filter(|span| span.name == "work").count();
    // The reservations that the first thread's lane gets back are what lets it go on.
    assert!(works > 16, "{works} spans");
}

#[test]
fn stops_that_find_no_room_in_their_lane_take_another_way() {
    let probe = Probe::new("probe", Behavior::Accept);
    let trial = Trial::new("overflow", |builder| {
        let builder = builder.lane_bytes(TINY_LANE).queue_policy(WAIT).queue_bytes(1);
        builder.exporter(probe.clone())
    });
    let spans: Vec<_> = (0..8)
        .map(|number| {
            let span = trial.start(SpanBuilder::new("work").with("number", number)).unwrap();
            trial.recorder.force_flush(PATIENCE).unwrap();
            span
        })
        .collect();
    // The pipeline stands still after three batches, and each is a handful of events.
    probe.hold();
    on_threads(&trial, 1, |_| {
        (0..500).for_each(|_| trial.event(&spans[0], Event::new("fills the lane")).unwrap());
        spans.iter().for_each(|span| trial.stop(span).unwrap());
        probe.let_go();
    });
    let outcome = trial.finish();
    outcome.print("overflow");
    assert_eq!((outcome.recorded, outcome.contents.truncated), (516, 0));
    assert!(outcome.lost(0, LossReason::LaneFull) > 0);
    assert_eq!(outcome.contents.spans.len(), 8);
}

/// Records until the recorder refuses; whether nothing else went wrong.
fn record_until_closed(trial: &Trial, thread: usize, progress: &AtomicUsize) {
    let refusal = loop {
        let root = match trial.start(SpanBuilder::new("root").with("thread", thread)) {
            Ok(root) => root,
            Err(error) => break error,
        };
        let round = (0..3).try_for_each(|number| trial.span_with_event(thread, number));
        // One span in a few stays open, for the close to stop.
        let stopped = round.and_then(|()| {
            if progress.load(Ordering::Relaxed).is_multiple_of(7) {
                Ok(())
            } else {
                trial.stop(&root)
            }
        });
        progress.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = stopped {
            break error;
        }
    };
    assert_eq!(refusal, RecordError::Closed);
}

/// Closes while threads record, many times over.
fn check_close_under_load(
    name: &str,
    settings: impl Fn(DefaultRecorderBuilder) -> DefaultRecorderBuilder,
) {
    let (mut recorded, mut truncated, mut lost) = (0, 0, 0);
    for round in 0..size(200, 20) {
        // What a queue drops is not in the file, also the stops that the close adds: then nobody
        // could say from outside how many there were.
        let trial =
            Trial::new(&format!("{name}-{round}"), |builder| settings(builder.queue_policy(WAIT)));
        let progress = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                on_threads(&trial, 8, |thread| record_until_closed(&trial, thread, &progress));
            });
            while progress.load(Ordering::Relaxed) < 100 + 10 * round {
                thread::yield_now();
            }
            trial.provider.close(PATIENCE).unwrap();
        });
        // A stop that came too late is none: the close had stopped that span.
        let late = trial.recorder.health().stopped_after_close;
        let outcome = trial.finish();
        assert!(late <= outcome.contents.truncated + outcome.recorded);
        let counts = outcome.health.exporters[0].counts;
        (recorded, truncated) =
            (recorded + outcome.recorded, truncated + outcome.contents.truncated);
        lost += counts.lost_total() + counts.withheld;
    }
    println!("{name}: {recorded} recorded, {truncated} truncated, {lost} lost or withheld");
    assert!(truncated > 0);
}

#[test]
fn whatever_was_accepted_before_a_close_is_accounted_for() {
    check_close_under_load("close", |builder| builder);
}

#[test]
fn whatever_was_accepted_before_a_close_is_accounted_for_in_synchronous_mode() {
    check_close_under_load("close-synchronous", DefaultRecorderBuilder::synchronous);
}

#[test]
fn what_full_lanes_lose_while_closing_is_counted() {
    check_close_under_load("close-tiny-lane", |builder| builder.lane_bytes(TINY_LANE));
}

#[test]
fn what_the_filter_holds_back_while_closing_is_counted() {
    let filter = SpanFilter::except(["work"]);
    check_close_under_load("close-filter", |builder| builder.filter(filter.clone()));
}

#[test]
fn a_thread_that_waits_for_room_is_not_held_by_a_close() {
    let probe = Probe::new("probe", Behavior::Accept);
    probe.hold();
    let trial = Trial::new("close-waiting", |builder| {
        let builder = builder.lane_bytes(TINY_LANE).lane_policy(WAIT);
        builder.queue_policy(WAIT).queue_bytes(1).exporter(probe.clone())
    });
    let progress = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            on_threads(&trial, 4, |thread| record_until_closed(&trial, thread, &progress));
        });
        // The pipeline stands still with the probe, and so do the threads in the end. (If they do
        // not yet, this test shows less, and does not fail.)
        let count =
            || [&trial.starts, &trial.stops, &trial.events].map(|all| all.load(Ordering::Relaxed));
        let mut before = [0; 3];
        while before == [0; 3] || before != count() {
            before = count();
            (0..1_000).for_each(|_| thread::yield_now());
        }
        // The close asks the pipeline to go on, and times out.
        assert!(trial.provider.close(Duration::ZERO).is_err());
        probe.let_go();
    });
    // A second close does not wait for the first, so the closing record is waited for.
    while trial.recorder.health().exporters.iter().any(|one| one.state != ExporterState::Closed) {
        thread::yield_now();
    }
    let outcome = trial.finish();
    outcome.print("close while waiting");
    outcome.check_complete();
    assert!(outcome.recorded > 0);
}

#[test]
fn what_was_recorded_before_a_flush_is_in_the_file_after_it() {
    let (threads, flushes) = (4, size(500, 50));
    // Small lanes and queues: else each flush waits for megabytes that stand before it.
    let trial = Trial::new("flush", |builder| {
        let builder = builder.lane_policy(WAIT).lane_bytes(1 << 12);
        builder.queue_policy(WAIT).queue_bytes(1 << 16)
    });
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            on_threads(&trial, threads, |thread| {
                let mut number = 0;
                while !is_over.load(Ordering::Relaxed) {
                    trial.span_with_event(thread, number).unwrap();
                    number += 1;
                }
            });
        });
        let path = trial.path.get().unwrap();
        let _attached = trial.provider.attach();
        let mut file = BufReader::new(File::open(path).unwrap());
        for flush in 0..flushes {
            let span = trial.start(SpanBuilder::new(format!("before flush {flush}."))).unwrap();
            trial.stop(&span).unwrap();
            trial.recorder.force_flush(PATIENCE).unwrap();
            // What an earlier flush has left unread comes first.
            let wanted = format!("\"name\":\"before flush {flush}.\"");
            let (mut line, mut is_there) = (String::new(), false);
            while !is_there && file.read_line(&mut line).unwrap() > 0 {
                is_there = line.contains(&wanted);
                line.clear();
            }
            assert!(is_there, "flush {flush}");
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let outcome = trial.finish();
    outcome.print("flush");
    outcome.check_complete();
}

#[test]
fn slow_and_failing_exporters_cost_the_file_nothing() {
    let (threads, each) = (8, size(20_000, 2_000));
    let probes = [
        Probe::new("slow", Behavior::Slow(Duration::from_millis(2))),
        Probe::new("refuses some", Behavior::RefuseEvery(1_000)),
        Probe::new("refuses all", Behavior::RefuseAll),
        Probe::new("loses", Behavior::LoseOnFlush),
        Probe::new("panics", Behavior::PanicOnCall(3)),
    ];
    let trial = Trial::new("failing", |builder| {
        let builder = builder.lane_policy(WAIT).queue_policy(WAIT);
        probes.iter().fold(builder, |builder, probe| builder.exporter(probe.clone()))
    });
    // A flush for each part: the exporter that panics gets three batches, the one that loses gets
    // as many opportunities.
    for part in 0..4 {
        on_threads(&trial, threads, |thread| {
            for number in 0..each / 4 {
                trial.span_with_event(thread, part * each / 4 + number).unwrap();
            }
        });
        trial.recorder.force_flush(PATIENCE).unwrap();
    }
    let outcome = trial.finish();
    outcome.print("beside failing ones");
    outcome.check_complete();
    assert_eq!(outcome.recorded, (3 * threads * each) as u64);
    for (probe, health) in probes.iter().zip(&outcome.health.exporters[1..]) {
        assert_eq!(probe.accepted(), health.counts.delivered, "{}: {health:?}", health.name);
    }
    let lost: Vec<_> = outcome.health.exporters.iter().map(|one| one.counts.lost_total()).collect();
    assert_eq!(lost[..2], [0, 0]);
    assert!(lost[2..].iter().all(|&lost| lost > 0), "{lost:?}");
    assert_eq!(lost[3], outcome.recorded);
}

#[test]
fn an_exporter_that_panicked_is_not_used_again() {
    let probe = Probe::new("panics", Behavior::PanicOnCall(1));
    let trial = Trial::new("panic", |builder| builder.exporter(probe.clone()));
    for number in 0..3 {
        trial.span_with_event(0, number).unwrap();
        trial.recorder.force_flush(PATIENCE).unwrap();
        let health = trial.recorder.health();
        assert_eq!(health.exporters[1].state, ExporterState::Disabled);
    }
    let outcome = trial.finish();
    outcome.check_complete();
    assert_eq!(probe.0.calls.load(Ordering::Relaxed), 1);
    let counts = outcome.health.exporters[1].counts;
    // The first three records, or those of them that came in the first batch, were in that call.
    let [failed, disabled] =
        [LossReason::ExportFailed, LossReason::ExporterDisabled].map(|reason| counts.lost(reason));
    assert!((1..=3).contains(&failed));
    assert_eq!((failed + disabled, counts.delivered), (9, 0));
}

/// An exporter that records with the recorder that it exports for, and stops a span of it.
struct Recording {
    recorder: Arc<OnceLock<RecorderHandle>>,
    span: Arc<Mutex<Option<Span>>>,
    delivered: Arc<AtomicU64>,
}

impl Exporter for Recording {
    fn name(&self) -> &str {
        "records"
    }

    fn export_batch(&mut self, records: Records<'_>) -> Result<(), ExportError> {
        let Some(recorder) = self.recorder.get() else {
            return Ok(());
        };
        let own = |name: &str| name.starts_with("onelogger.");
        let counted = records.iter().filter(|record| !own(record.name()));
        self.delivered.fetch_add(counted.count() as u64, Ordering::Relaxed);
        // The last records come while the recorder is being closed, and then it refuses.
        let Ok(span) = recorder.start("of the exporter") else {
            return Ok(());
        };
        let is_accepted = |result| matches!(result, Ok(()) | Err(RecordError::Closed));
        assert!(is_accepted(recorder.event(&span, "of the exporter")));
        assert!(is_accepted(recorder.event(None, "of the exporter")));
        assert!(is_accepted(recorder.stop(&span)));
        if let Some(span) = self.span.lock().unwrap().take() {
            recorder.stop(&span).unwrap();
        }
        // An exporter that waited for itself would do so for ten minutes.
        let _ = recorder.force_flush(PATIENCE);
        Ok(())
    }
}

fn check_recording_exporter(
    name: &str,
    settings: impl FnOnce(DefaultRecorderBuilder) -> DefaultRecorderBuilder,
) {
    let exporter =
        Recording { recorder: Arc::default(), span: Arc::default(), delivered: Arc::default() };
    let (recorder, span) = (Arc::clone(&exporter.recorder), Arc::clone(&exporter.span));
    let delivered = Arc::clone(&exporter.delivered);
    let trial = Trial::new(name, |builder| settings(builder).exporter(exporter));
    let open = trial.start("stopped by the exporter").unwrap();
    recorder.set(trial.recorder.clone()).unwrap();
    for number in 0..100 {
        trial.span_with_event(0, number).unwrap();
    }
    trial.recorder.force_flush(PATIENCE).unwrap();
    *span.lock().unwrap() = Some(open.clone());
    trial.span_with_event(0, 100).unwrap();
    trial.recorder.force_flush(PATIENCE).unwrap();
    assert!(open.is_stopped());
    // The stop that the exporter made.
    trial.stops.fetch_add(1, Ordering::Relaxed);
    let outcome = trial.finish();
    outcome.check_complete();
    assert_eq!(outcome.recorded, 305);
    assert_eq!(outcome.contents.truncated, 0);
    // In synchronous mode the first start came before the exporter knew the recorder.
    let early = 305 - delivered.load(Ordering::Relaxed);
    assert!(early <= 1, "{early} records are missing");
}

#[test]
fn an_exporter_that_records_does_not_feed_itself() {
    check_recording_exporter("recording", |builder| builder);
}

#[test]
fn an_exporter_that_records_does_not_feed_itself_in_synchronous_mode() {
    check_recording_exporter("recording-synchronous", DefaultRecorderBuilder::synchronous);
}

/// Records when the thread ends.
struct Farewell {
    trial: Arc<Trial>,
    thread: usize,
}

impl Drop for Farewell {
    fn drop(&mut self) {
        self.trial.span_with_event(self.thread, 1).unwrap();
    }
}

thread_local! {
    static FAREWELL: Mutex<Option<Farewell>> = const { Mutex::new(None) };
}

#[test]
fn a_thread_may_record_while_its_thread_local_state_is_destroyed() {
    let trial = Arc::new(Trial::new("destructor", |builder| builder.lane_policy(WAIT)));
    let threads = size(2_000, 200);
    for thread in 0..threads {
        let trial = Arc::clone(&trial);
        let bid = move || {
            let farewell = Farewell { trial: Arc::clone(&trial), thread };
            // Destructors run in the reverse order of first use: with odd numbers that of the
            // library's own state comes first, with even ones ours.
            if thread % 2 == 0 {
                trial.span_with_event(thread, 0).unwrap();
            }
            FAREWELL.with(|place| *place.lock().unwrap() = Some(farewell));
            if thread % 2 != 0 {
                trial.span_with_event(thread, 0).unwrap();
            }
        };
        thread::spawn(bid).join().unwrap();
    }
    let outcome = Arc::into_inner(trial).unwrap().finish();
    outcome.check_complete();
    assert_eq!(outcome.recorded, (6 * threads) as u64);
}

#[test]
fn a_recorder_that_nobody_closed_delivers_what_it_has_and_ends() {
    let probe = Probe::new("probe", Behavior::Accept);
    let recorder = DefaultRecorder::builder().exporter(probe.clone()).build().unwrap();
    recorder.open(&Run::new("dropped", 1)).unwrap();
    let span = recorder.start("open".into()).unwrap();
    recorder.event(Some(&span), "tick".into()).unwrap();
    drop(recorder);
    // The exporter's thread owns the other probe until it ends.
    while Arc::strong_count(&probe.0) > 1 {
        thread::yield_now();
    }
    // The third record is the stop, which is the library's.
    assert_eq!(probe.accepted(), 3);
    // The handle outlives its recorder, and does no harm.
    assert_eq!((span.name(), span.is_recording()), ("open", false));
}

#[test]
fn a_recorder_that_was_never_opened_refuses_and_may_be_dropped() {
    let recorder = DefaultRecorder::builder().build().unwrap();
    assert_eq!(recorder.start("span".into()).unwrap_err(), RecordError::NotConfigured);
    assert_eq!(recorder.event(None, "event".into()), Err(RecordError::NotConfigured));
}

#[test]
fn a_second_close_does_nothing() {
    let trial = Trial::new("twice", |builder| builder);
    let span = trial.start("open").unwrap();
    trial.provider.close(PATIENCE).unwrap();
    let before = trial.recorder.health();
    assert_eq!(trial.stop(&span), Err(RecordError::Closed));
    assert_eq!(trial.start("late").unwrap_err(), RecordError::Closed);
    assert!(trial.recorder.force_flush(PATIENCE).is_err());
    trial.provider.close(PATIENCE).unwrap();
    let after = trial.recorder.health();
    assert_eq!(before.exporters[0].counts, after.exporters[0].counts);
    assert_eq!((before.stopped_after_close, after.stopped_after_close), (0, 1));
    let outcome = trial.finish();
    assert_eq!((outcome.recorded, outcome.contents.truncated), (2, 1));
}

#[test]
fn a_provider_that_was_closed_may_be_configured_again() {
    let first = Trial::new("again-1", |builder| builder);
    let provider = first.provider.clone();
    let open = first.start("of the first").unwrap();
    let outcome = first.finish();
    assert_eq!(outcome.recorded, 2);

    let second = Trial::configure(provider, "again-2", |builder| builder);
    let span = second.start(SpanBuilder::new("of the second").root()).unwrap();
    second.stop(&span).unwrap();
    // A span of the closed recorder is not this one's.
    let refused = second.recorder.event(&open, "late");
    assert!(matches!(refused, Err(RecordError::ForeignSpan { .. })), "{refused:?}");
    let outcome = second.finish();
    assert_eq!((outcome.recorded, outcome.contents.truncated), (2, 0));
    // The refusal was reported.
    assert_eq!(outcome.contents.reports, 1);
}

#[test]
fn a_report_of_the_library_that_finds_no_room_is_not_counted() {
    let trial = Trial::new("own-report", |builder| builder.lane_bytes(TINY_LANE));
    // Open spans keep room for their stops, until nothing else finds any.
    let mut open = Vec::new();
    while open.last().is_none_or(Span::is_recording) {
        open.push(trial.start("open").unwrap());
        trial.recorder.force_flush(PATIENCE).unwrap();
    }
    let lost = open.pop().unwrap();
    trial.stop(&lost).unwrap();
    // A misuse, of which the library tells the exporters in a record of its own.
    assert!(matches!(trial.stop(&lost), Err(RecordError::SpanStopped { .. })));
    for span in open {
        trial.stop(&span).unwrap();
    }
    trial.finish();
}

#[test]
fn a_flush_that_races_with_a_close_is_done_or_refused() {
    // What is looked for is rare: a request that comes after the pipeline has looked for the last
    // time. Many threads make it likely that one of them is held up between check and request.
    let flushers = 16;
    for round in 0..size(3_000, 300) {
        let trial = Trial::new(&format!("flush-close-{round}"), |builder| builder);
        trial.span_with_event(0, round).unwrap();
        let begin = Barrier::new(flushers + 1);
        thread::scope(|scope| {
            for _ in 0..flushers {
                scope.spawn(|| {
                    begin.wait();
                    let error = loop {
                        // Nothing here takes so long, unless nobody looks at the request.
                        if let Err(error) = trial.recorder.force_flush(Duration::from_secs(60)) {
                            break error;
                        }
                    };
                    assert_eq!(error, FlushError::NotOpen, "round {round}");
                });
            }
            begin.wait();
            for _ in 0..round % 50 {
                thread::yield_now();
            }
            trial.provider.close(PATIENCE).unwrap();
        });
        trial.finish();
    }
}

#[test]
fn an_exporter_that_was_switched_off_by_the_rule_stays_off_and_is_counted() {
    let probe = Probe::new("refuses all", Behavior::RefuseAll);
    let trial = Trial::new("rule", |builder| {
        builder.disable_rule(DisableRule::AfterTotal(3)).exporter(probe.clone())
    });
    on_threads(&trial, 4, |thread| {
        (0..500).for_each(|number| trial.span_with_event(thread, number).unwrap());
    });
    trial.recorder.force_flush(PATIENCE).unwrap();
    assert_eq!(trial.recorder.health().exporters[1].state, ExporterState::Disabled);
    let outcome = trial.finish();
    outcome.print("rule");
    outcome.check_complete();
    let disabled = &outcome.health.exporters[1].counts;
    let lost =
        [LossReason::ExportFailed, LossReason::ExporterDisabled].map(|why| disabled.lost(why));
    assert_eq!(lost, [3, outcome.recorded - 3]);
}

#[test]
fn attributes_that_are_added_by_many_threads_are_all_there() {
    let (threads, each) = (8, size(2_000, 300));
    let trial = Trial::new("attributes", |builder| builder.lane_policy(WAIT).queue_policy(WAIT));
    let span = trial.start("shared").unwrap();
    on_threads(&trial, threads, |thread| {
        for number in 0..each {
            let attributes = [(format!("{thread}.{}", number % 10), number)];
            trial.recorder.set_attributes(&span, attributes).unwrap();
        }
    });
    trial.recorder.stop_with(&span, SpanStop::new()).unwrap();
    trial.provider.close(PATIENCE).unwrap();
    let counts = trial.recorder.health().exporters[0].counts;
    assert!(counts.is_balanced());
    let updates = (threads * each) as u64;
    assert_eq!(
        (counts.recorded, counts.delivered, counts.delivered_updates),
        (updates + 2, updates + 2, updates)
    );
    let text = std::fs::read_to_string(trial.path.get().unwrap()).unwrap();
    let mut stop = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let stop = stop.find(|line| line["type"] != "event" && line["type"] != "start").unwrap();
    for thread in 0..threads {
        for number in 0..10 {
            assert_eq!(stop["attributes"][format!("{thread}.{number}")], each - 10 + number);
        }
    }
    std::fs::remove_dir_all(&trial.directory).unwrap();
}
