//! A provider that is configured and closed over and over: descriptors, threads and memory stay what they
//! are. A process of its own, because they are the whole process's.
//!
//! `ONELOGGER_FULL=1` goes round 10,000 times.

#![cfg(target_os = "linux")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use onelogger::exporter::MemoryExporter;
use onelogger::{
    DefaultRecorder, Event, FileExporter, OneLoggerConfig, OneLoggerProvider, event, span,
    timed_span,
};
use onelogger_tests::Null;

/// Counts the bytes that are in use.
struct Counting;

static IN_USE: AtomicI64 = AtomicI64::new(0);

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller's contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        IN_USE.fetch_add(size as i64 - layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller's contract.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller's contract.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[timed_span]
fn work(cycle: usize) {
    let _inner = span!("inner", cycle);
    event!("event", cycle);
}

/// A run of the process's provider, with two exporters' threads or with none.
fn cycle(file: &Path, number: usize) {
    let mut recorder = DefaultRecorder::builder()
        .exporter(FileExporter::new(file))
        .exporter(MemoryExporter::new().0);
    if number.is_multiple_of(4) {
        recorder = recorder.synchronous();
    }
    let config = OneLoggerConfig::builder("cycles").session_tag("").world_size(1).build().unwrap();
    let provider = OneLoggerProvider::instance();
    let guard = provider.configure(config, recorder.build().unwrap()).unwrap();
    work(number);
    let recorder = onelogger::recorder();
    let open = recorder.start("left open").unwrap();
    drop(guard);
    recorder.stop(&open).unwrap();
    assert!(recorder.health().exporters.iter().all(|exporter| exporter.counts.is_balanced()));
    std::fs::remove_file(file).unwrap();
}

#[derive(Clone, Copy, Debug)]
struct Used {
    descriptors: usize,
    /// Of the library.
    threads: usize,
    heap_bytes: i64,
    resident_bytes: usize,
}

/// The library's threads have names. Others belong to the test harness.
fn threads() -> usize {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let names =
        threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("onelogger")).count()
}

fn used() -> Used {
    let count = |directory| std::fs::read_dir(directory).unwrap().count();
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages = pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap();
    Used {
        descriptors: count("/proc/self/fd"),
        threads: threads(),
        heap_bytes: IN_USE.load(Ordering::Relaxed),
        resident_bytes: pages * 4096,
    }
}

/// What is used when the threads that were told to end have ended.
fn used_at_rest() -> Used {
    let deadline = Instant::now() + Duration::from_secs(60);
    while threads() > 0 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
    used()
}

/// Memory belongs to the process: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn p32_a_span_keeps_nothing_of_its_events() {
    let _alone = alone();
    let recorder = DefaultRecorder::builder().exporter(Null).synchronous().build().unwrap();
    let config = OneLoggerConfig::builder("long").session_tag("").world_size(1).build().unwrap();
    let guard = OneLoggerProvider::instance().configure(config, recorder).unwrap();
    let recorder = onelogger::recorder();
    let span = recorder.start("application").unwrap();
    let events = |count: usize| {
        for number in 0..count {
            recorder.event(&span, Event::new("event").with("number", number as u64)).unwrap();
        }
        IN_USE.load(Ordering::Relaxed)
    };
    let before = events(100);
    let grown = events(20_000) - before;
    // The harness has threads too, and the thread of another test may end meanwhile and free its lane. One
    // byte of each event would be seen.
    assert!(grown < 10_000, "{grown} bytes");
    drop(guard);
}

#[test]
fn descriptors_threads_and_memory_stay_constant() {
    let _alone = alone();
    let is_full = std::env::var_os("ONELOGGER_FULL").is_some();
    let (warm_up, cycles) = if is_full { (1_000, 10_000) } else { (50, 250) };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("run.jsonl");
    (0..warm_up).for_each(|number| cycle(&file, number));
    let before = used_at_rest();
    (0..cycles).for_each(|number| cycle(&file, number));
    let after = used_at_rest();
    println!("after {warm_up} cycles: {before:?}; after {cycles} more: {after:?}");
    assert_eq!((after.descriptors, after.threads), (before.descriptors, 0));
    // A few bytes more or less that happen to be held by a thread that is ending; a hundred bytes a
    // cycle would be seen.
    let grown = after.heap_bytes - before.heap_bytes;
    assert!(grown < 20_000, "{grown} bytes: {before:?}, {after:?}");
    // Within what the system's allocator does with what was given back.
    assert!(after.resident_bytes < before.resident_bytes + (8 << 20), "{before:?}, {after:?}");
}
