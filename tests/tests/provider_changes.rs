//! What macros do while the provider of the process is closed and configured anew, and where threads
//! end. In a process of its own, because of that provider.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use onelogger::exporter::{MemoryExporter, MemoryRecords};
use onelogger::{
    Counts, DefaultRecorder, ErrorHandlingStrategy, FullPolicy, OneLoggerConfig, OneLoggerGuard,
    OneLoggerProvider, Record, RecorderHandle, context, event, recorder, span,
};

const WAIT: FullPolicy = FullPolicy::Block(Duration::from_secs(60));

/// The tests share the provider of the process.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A run in which nothing may be lost, and a misuse is a panic.
struct Run {
    guard: OneLoggerGuard,
    recorder: RecorderHandle,
    records: MemoryRecords,
}

impl Run {
    fn begin() -> Run {
        let (exporter, records) = MemoryExporter::new();
        let builder = DefaultRecorder::builder().exporter(exporter);
        let built = builder.lane_policy(WAIT).queue_policy(WAIT).build().expect("a recorder");
        let config = OneLoggerConfig::builder("changes")
            .session_tag("")
            .world_size(1)
            .error_handling_strategy(ErrorHandlingStrategy::PropagateExceptions)
            .build();
        let guard = OneLoggerProvider::instance().configure(config.expect("a config"), built);
        let guard = guard.expect("a provider").close_timeout(Duration::from_secs(60));
        Run { guard, recorder: recorder(), records }
    }

    /// Closes it, and gives what was recorded, which is whole.
    fn end(self) -> Vec<Record> {
        drop(self.guard);
        let counts: Counts = self.recorder.health().exporters[0].counts;
        assert!(counts.is_balanced(), "{counts:?}");
        assert_eq!((counts.lost_total(), counts.withheld), (0, 0), "{counts:?}");
        let mut records = self.records.take();
        let closing = records.pop();
        assert!(matches!(closing, Some(Record::Event(last)) if last.name == "onelogger.close"));
        assert_eq!(records.len() as u64, counts.delivered);
        let count = |is: fn(&&Record) -> bool| records.iter().filter(is).count();
        let starts = count(|record| matches!(record, Record::Start(_)));
        assert_eq!(starts, count(|record| matches!(record, Record::Stop(_))));
        records
    }
}

/// The numbers of the events of each thread, in the order of the records.
fn numbers(records: &[Record]) -> HashMap<i64, Vec<i64>> {
    let mut numbers: HashMap<i64, Vec<i64>> = HashMap::new();
    for record in records {
        if let Record::Event(event) = record {
            let [thread, number] = ["thread", "number"]
                .map(|key| event.attributes.get_i64(key).expect("a number").expect("a number"));
            numbers.entry(thread).or_default().push(number);
        }
    }
    numbers
}

#[test]
fn what_is_recorded_before_a_close_is_there_and_what_comes_later_is_nowhere() {
    let _alone = alone();
    let (threads, rounds) = (4, 20);
    let (progress, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for thread in 0..threads {
            let (progress, is_over) = (&progress, &is_over);
            scope.spawn(move || {
                let mut number = 0;
                while !is_over.load(Ordering::Relaxed) {
                    // Now and then a span outlives the run that it was opened in.
                    let _outer = span!("outer", thread);
                    for _ in 0..5 {
                        let _inner = span!("inner", thread, number);
                        event!("tick", thread, number);
                        number += 1;
                    }
                    progress.fetch_add(1, Ordering::Relaxed);
                }
                assert_eq!(context::current(), None);
            });
        }
        let mut seen = 0;
        for round in 0..rounds {
            let run = Run::begin();
            let before = progress.load(Ordering::Relaxed);
            while progress.load(Ordering::Relaxed) < before + 50 * threads {
                thread::yield_now();
            }
            for (thread, numbers) in numbers(&run.end()) {
                // Without a gap: what is missing came before the run or after its close.
                let all: Vec<i64> = (numbers[0]..).take(numbers.len()).collect();
                assert_eq!(numbers, all, "round {round}, thread {thread}");
                seen += numbers.len();
            }
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(seen > 0);
    });
}

/// Does something when it is shown.
struct Shown<F>(F);

impl<F: Fn()> std::fmt::Debug for Shown<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0();
        f.write_str("shown")
    }
}

#[test]
fn a_debug_implementation_may_record_and_even_change_the_provider() {
    let _alone = alone();
    let first = Run::begin();
    let run = RefCell::new(Some(first));
    let recorded = RefCell::new(Vec::new());
    let records_itself = Shown(|| {
        let _within = span!("within", shown = ?Shown(|| event!("deep")));
        event!("said within");
    });
    let changes = Shown(|| {
        recorded.borrow_mut().push(run.take().map(Run::end));
        run.replace(Some(Run::begin()));
        event!("in the next run");
    });
    {
        let _outer = span!("outer", shown = ?records_itself);
        event!("event", shown = ?records_itself);
        // It was begun in a run that is over by the time it would be recorded.
        let late = span!("late", shown = ?changes);
        assert!(!late.is_recording());
        event!("late as well", shown = ?changes);
        drop(span!("last"));
    }
    recorded.borrow_mut().push(run.take().map(Run::end));
    let names: Vec<Vec<String>> = recorded
        .take()
        .into_iter()
        .map(|records| {
            let name = |record: Record| match record {
                Record::Start(span) => format!("+{}", span.name),
                Record::Stop(span) => format!("-{}", span.name),
                Record::Event(event) => event.name.to_string(),
                other => panic!("{other:?}"),
            };
            records.expect("a run").into_iter().map(name).collect()
        })
        .collect();
    // The innermost value is formatted before the span that it belongs to starts.
    let within = &["deep", "+within", "said within", "-within"][..];
    assert_eq!(names[0], [within, &["+outer"], within, &["event", "-outer"]].concat());
    assert_eq!(names[1], ["in the next run"]);
    assert_eq!(names[2], ["in the next run", "+last", "-last"]);
}

#[test]
fn an_attribute_that_panics_leaves_nothing_behind() {
    let _alone = alone();
    fn broken() -> i64 {
        panic!("as it must")
    }
    let run = Run::begin();
    {
        let outer = span!("outer");
        let here = context::current();
        assert_eq!(here, Some(outer.context()));
        for attempt in 0..3 {
            let caught = catch_unwind(AssertUnwindSafe(|| match attempt {
                0 => drop(span!("never", fine = 1, wrong = broken())),
                1 => event!("never", wrong = broken()),
                _ => span!("never", wrong = broken(); { event!("never") }),
            }));
            assert!(caught.is_err());
            assert_eq!(context::current(), here);
        }
        event!("still there");
    }
    let records = run.end();
    let of_outer = records.iter().all(|record| match record {
        Record::Start(span) | Record::Stop(span) => span.name == "outer",
        Record::Event(event) => event.name == "still there" && event.span_id.is_valid(),
        _ => false,
    });
    assert!(of_outer && records.len() == 3, "{records:?}");
}

/// Records when the thread ends.
struct Farewell(u64);

impl Drop for Farewell {
    fn drop(&mut self) {
        let (thread, number) = (self.0, 1);
        let _span = span!("farewell", thread, %number);
        event!("tick", thread, number);
    }
}

thread_local! {
    static FAREWELL: RefCell<Option<Farewell>> = const { RefCell::new(None) };
}

#[test]
fn macros_record_while_the_thread_local_state_of_their_thread_is_destroyed() {
    let _alone = alone();
    let run = Run::begin();
    let threads = 100;
    for thread in 0..threads {
        // Destructors run in the reverse order of first use: with odd numbers that of the library's
        // own state comes first, with even ones ours.
        let work = move || {
            let place = || FAREWELL.set(Some(Farewell(thread)));
            if thread % 2 == 0 {
                place();
            }
            event!("tick", thread, number = 0);
            if thread % 2 != 0 {
                place();
            }
        };
        thread::spawn(work).join().expect("a thread that ends");
    }
    let records = run.end();
    assert_eq!(records.len() as u64, 4 * threads);
    let numbers = numbers(&records);
    assert_eq!(numbers.len() as u64, threads);
    assert!(numbers.values().all(|numbers| numbers == &[0, 1]));
}
