//! Random futures, polled in random order on several threads.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use futures::FutureExt as _;
use onelogger::context::{self, FutureExt as _};
use onelogger::recorder::RecordError;
use onelogger::{Counts, Record, RecorderHandle, Span, SpanRecord, event, span, timed_span};
use onelogger_tests::polls::yield_once;

use crate::job::{Run, assert_both_ways, described, starts, stops, twice};
use crate::random::Random;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Explicit spans, all of which are known in the end.
#[derive(Clone)]
struct Explicit {
    recorder: RecorderHandle,
    started: Arc<Mutex<Vec<Span>>>,
}

impl Explicit {
    fn start(&self) -> Span {
        let span = self.recorder.start("explicit").unwrap();
        self.started.lock().unwrap().push(span.clone());
        span
    }

    fn stop(&self, span: &Span) {
        self.recorder.stop(span).unwrap();
    }

    fn stop_all(self) {
        let started = self.started.lock().unwrap();
        started.iter().filter(|span| !span.is_stopped()).for_each(|span| self.stop(span));
    }
}

#[timed_span(name = "root", attrs(seed = seed as i64), root)]
async fn root(seed: u64, explicit: Explicit) {
    steps(Random(seed), explicit, 3).await;
}

#[timed_span(name = "task")]
async fn task(seed: u64, explicit: Explicit) -> Result<(), RecordError> {
    // What is refused and what fails is no matter here, and the same on both ways.
    steps(Random(seed), explicit, 3).await;
    if seed.is_multiple_of(3) { Err(RecordError::Closed) } else { Ok(()) }
}

#[timed_span(name = "child", attrs(depth))]
async fn child(seed: u64, explicit: Explicit, depth: u32) -> Result<u64, String> {
    steps(Random(seed), explicit, depth).await;
    if seed.is_multiple_of(5) { Err(format!("{depth} is too deep")) } else { Ok(seed) }
}

/// Boxed, because a future that awaits its like has no size.
fn boxed_child(random: &mut Random, explicit: &Explicit, depth: u32) -> Task {
    let child = child(random.next(), explicit.clone(), depth - 1);
    Box::pin(async { drop(child.await) })
}

async fn steps(mut random: Random, explicit: Explicit, depth: u32) {
    let mut open: Vec<Span> = Vec::new();
    for n in 0..random.below(6) {
        match random.below(if depth > 0 { 16 } else { 9 }) {
            0 => span!("sync", n; { event!("in sync") }),
            1 => event!("event", n),
            2 => drop(context::current_span()),
            3 => open.push(explicit.start()),
            4 if !open.is_empty() => explicit.stop(&open.remove(random.below(open.len()))),
            5 => {
                let current = context::current_span().unwrap_or_default();
                event!(in &current, "in current", n);
            }
            6 => span!(async "block", n; { yield_once().await }).await,
            7 | 8 => yield_once().await,
            9..=11 => boxed_child(&mut random, &explicit, depth).await,
            12 => {
                let [one, other] = [(); 2].map(|()| boxed_child(&mut random, &explicit, depth));
                futures::join!(one, other);
            }
            13 => {
                // Dropped before it is ready, unless one poll is enough.
                let mut child = boxed_child(&mut random, &explicit, depth);
                let _ = poll_fn(|cx| Poll::Ready(child.as_mut().poll(cx))).await;
                if random.below(2) == 0 {
                    yield_once().await;
                }
                drop(child);
            }
            14 => {
                let child = boxed_child(&mut random, &explicit, depth);
                let unwinding = span!(async "unwound", n; {
                    yield_once().await;
                    child.await;
                    resume_unwind(Box::new(n));
                });
                let _: Result<(), _> = AssertUnwindSafe(unwinding).catch_unwind().await;
            }
            15 => boxed_child(&mut random, &explicit, depth).with_current_context().await,
            _ => {}
        }
        if random.below(2) == 0 {
            yield_once().await;
        }
    }
    // Some are left open, for whoever has polled.
    if random.below(3) > 0 {
        open.iter().for_each(|span| explicit.stop(span));
    }
}

/// A thread that polls what it is sent.
struct Worker {
    tasks: Sender<(Task, bool)>,
    polled: Receiver<Option<Task>>,
    thread: thread::JoinHandle<()>,
}

impl Worker {
    fn begin(run: &Run) -> Worker {
        let (tasks, to_poll) = channel::<(Task, bool)>();
        let (done, polled) = channel();
        let provider = run.provider.clone();
        let thread = thread::spawn(move || {
            let _attached = provider.attach();
            for (mut task, is_within) in to_poll {
                let around = is_within.then(|| span!("around"));
                let mut cx = Context::from_waker(Waker::noop());
                let is_pending = task.as_mut().poll(&mut cx).is_pending();
                drop(around);
                done.send(is_pending.then_some(task)).unwrap();
            }
        });
        Worker { tasks, polled, thread }
    }

    fn poll(&self, task: Task, is_within: bool) -> Option<Task> {
        self.tasks.send((task, is_within)).unwrap();
        self.polled.recv().unwrap()
    }
}

fn play(seed: u64, is_short: bool, is_small: bool) -> (Vec<Record>, Counts) {
    let run = Run::with(|it| {
        let it = if is_small { it.lane_bytes(80 * 8) } else { it };
        if is_short { it } else { it.synchronous() }
    });
    let mut random = Random(seed);
    let workers: Vec<_> = (0..3).map(|_| Worker::begin(&run)).collect();
    let mut tasks: Vec<Task> = Vec::new();
    let explicit = Explicit { recorder: run.recorder.clone(), started: Arc::default() };
    let outer = span!("outer");
    for n in 0..12 {
        let explicit = explicit.clone();
        tasks.push(match n % 3 {
            0 => Box::pin(root(random.next(), explicit)),
            1 => Box::pin(async move { drop(task(n, explicit).await) }),
            _ => {
                let task = task(random.next(), explicit).with_current_context();
                Box::pin(async { drop(task.await) })
            }
        });
    }
    // Some are dropped before they are ready, here.
    for _ in 0..120 {
        if tasks.is_empty() {
            break;
        }
        let task = tasks.swap_remove(random.below(tasks.len()));
        let worker = &workers[random.below(workers.len())];
        tasks.extend(worker.poll(task, random.below(4) == 0));
        run.clock.advance(Duration::from_micros(1));
        if is_small {
            run.flush();
        }
    }
    drop(tasks);
    drop(outer);
    // The close would stop those of them that are not lost, and count these.
    explicit.stop_all();
    for Worker { tasks, thread, .. } in workers {
        drop(tasks);
        thread.join().unwrap();
    }
    run.end()
}

#[test]
fn whoever_polls_futures_both_ways_record_the_same() {
    for seed in seeds() {
        let ((long, expected), (short, counts)) =
            (play(seed, false, false), play(seed, true, false));
        let (long, short) = (described(&long), described(&short));
        for (place, (long, short)) in long.iter().zip(&short).enumerate() {
            assert_eq!(short, long, "record {place} of seed {seed}");
        }
        assert_eq!(short.len(), long.len(), "seed {seed}");
        let of = |counts: &Counts| (counts.recorded, counts.delivered, counts.lost_total());
        assert_eq!(of(&counts), of(&expected), "seed {seed}");
        assert_eq!(counts.lost_total(), 0);
    }
}

/// A lane is full after some records of a poll, which a synchronous recorder knows nothing of.
#[test]
fn where_there_is_little_room_no_future_stays_without_its_stop() {
    let lost = seeds().map(|seed| {
        let ((_, expected), (records, counts)) = (play(seed, false, true), play(seed, true, true));
        assert_eq!(counts.recorded, expected.recorded, "seed {seed}");
        let ids = |spans: Vec<&SpanRecord>| -> BTreeSet<_> {
            spans.into_iter().map(|span| span.span_id).collect()
        };
        assert_eq!(ids(starts(&records)), ids(stops(&records)), "seed {seed}");
        counts.lost_total()
    });
    assert!(lost.sum::<u64>() > 100);
}

/// Its span ends where it was started; what is recorded within goes to whichever provider is in force.
#[test]
fn a_future_that_is_polled_under_another_provider_ends_where_it_began() {
    #[timed_span(name = "travelling")]
    async fn travelling() {
        yield_once().await;
        event!("on the way");
        drop(span!("within"));
        yield_once().await;
    }
    let record = |is_short: bool| {
        let run = || Run::with(|it| if is_short { it } else { it.synchronous() });
        let own = run();
        let (mut done, mut under_way) = (pin!(travelling()), Box::pin(travelling()));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(done.as_mut().poll(&mut cx).is_pending());
        assert!(under_way.as_mut().poll(&mut cx).is_pending());
        let other = run();
        drop(span!("of the other"));
        while done.as_mut().poll(&mut cx).is_pending() {}
        drop(under_way);
        let [(other, _), (own, _)] = [other.end(), own.end()];
        [described(&own), described(&other)]
    };
    twice(|| assert_eq!(record(true), record(false)));
}

/// What a future leaves open is no matter of what its thread does next.
#[test]
fn what_a_future_leaves_open_is_not_left_to_the_thread() {
    #[timed_span(name = "careless")]
    async fn careless(recorder: &RecorderHandle) {
        yield_once().await;
        recorder.start("left open").unwrap();
    }
    assert_both_ways(
        |it| it,
        |run| {
            let mut future = pin!(careless(&run.recorder));
            let mut cx = Context::from_waker(Waker::noop());
            while future.as_mut().poll(&mut cx).is_pending() {}
            drop(span!("next"));
        },
    );
}

/// What looks at the result of a future may be the application's own.
#[test]
fn where_the_look_at_a_result_panics_the_span_has_one_stop() {
    #[timed_span(name = "looked at", ret(value = |_: &u8| -> u8 { resume_unwind(Box::new(0_u8)) }))]
    async fn looked_at(polls: usize) -> u8 {
        for _ in 1..polls {
            yield_once().await;
        }
        1
    }
    for polls in 1..4 {
        assert_both_ways(
            |it| it,
            |_| {
                let mut future = Box::pin(AssertUnwindSafe(looked_at(polls)).catch_unwind());
                let mut cx = Context::from_waker(Waker::noop());
                let polled = std::iter::from_fn(|| match future.as_mut().poll(&mut cx) {
                    Poll::Pending => Some(()),
                    Poll::Ready(result) => {
                        assert!(result.is_err());
                        None
                    }
                });
                assert_eq!(polled.count(), polls - 1);
                drop(span!("next"));
            },
        );
    }
}

/// Room for a stop is kept where the span began, and given back wherever it ends.
#[test]
fn a_future_that_is_shown_elsewhere_keeps_no_room_when_it_is_over() {
    #[timed_span(name = "moved")]
    async fn moved() {
        yield_once().await;
        drop(context::current_span());
        yield_once().await;
    }
    const WORDS: usize = 1024;
    twice(|| {
        let run = Run::with(|it| it.lane_bytes(WORDS * 8));
        let elsewhere = Worker::begin(&run);
        for _ in 0..WORDS / 2 {
            let mut future: Task = Box::pin(moved());
            let mut cx = Context::from_waker(Waker::noop());
            assert!(future.as_mut().poll(&mut cx).is_pending());
            let mut future = elsewhere.poll(future, false).unwrap();
            assert!(future.as_mut().poll(&mut cx).is_ready());
            run.flush();
        }
        // Fits if less than a third of the lane is kept for anything.
        event!("large", text = "x".repeat(WORDS * 8 * 2 / 3));
        let Worker { tasks, thread, .. } = elsewhere;
        drop(tasks);
        thread.join().unwrap();
        let (_, counts) = run.end();
        assert_eq!((counts.recorded, counts.lost_total()), (WORDS as u64 + 1, 0));
    });
}

fn seeds() -> impl Iterator<Item = u64> {
    (1..200_u64).map(|seed| seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
