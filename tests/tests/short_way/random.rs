//! Random calls.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;
use std::time::Duration;

use onelogger::context::{self, Attached, Context};
use onelogger::{Counts, Outcome, Span, SpanGuard, event, span};

use crate::job::{Run, described};
use crate::{LARGE_OF_OTHERS, LARGE_OF_START, LARGE_OF_UPDATE, annotated};

/// Random numbers that are the same in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() >> 11) as usize % end
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Formatted while a span is made, and records an event itself.
struct Telling(usize);

impl fmt::Display for Telling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        event!("told", n = self.0);
        write!(f, "<{}>", self.0)
    }
}

/// What is there while random calls are made.
#[derive(Default)]
struct Played {
    guards: Vec<SpanGuard>,
    explicit: Vec<Span>,
    contexts: Vec<Context>,
    attached: Vec<Attached>,
}

impl Played {
    /// Makes a random call, and says which.
    fn step(&mut self, random: &mut Random, run: &Run, n: usize, is_small: bool) -> &'static str {
        let is_large = is_small && random.below(3) == 0;
        let text = |size: usize| "x".repeat(if is_large { size } else { 8 });
        let last = self.guards.len();
        match random.below(26) {
            0..=2 => {
                self.guards.push(span!("plain"));
                "plain"
            }
            3 => {
                self.guards.push(span!("numbered", n));
                "numbered"
            }
            4 => {
                let text = text(LARGE_OF_START);
                self.guards.push(span!("text", text));
                "text"
            }
            5 => {
                self.guards.push(span!("told", told = %Telling(n)));
                "told"
            }
            6 if last > 0 => {
                drop(self.guards.remove(random.below(last)));
                "drop any"
            }
            7..=10 => {
                drop(self.guards.pop());
                "drop"
            }
            11 => {
                event!("event", n);
                "event"
            }
            12 => {
                let text = text(LARGE_OF_OTHERS);
                event!("text event", text);
                "text event"
            }
            13 => {
                event!("told event", told = %Telling(n), list = [n, 2]);
                "told event"
            }
            14 if last > 0 => {
                let text = text(LARGE_OF_UPDATE);
                self.guards[random.below(last)].set("late", text);
                "set"
            }
            15 if last > 0 => {
                self.guards[random.below(last)].set_outcome(Outcome::Cancelled);
                "outcome"
            }
            16 if last > 0 => {
                let place = random.below(last);
                let of = &self.guards[place];
                event!(in of, "event of", n);
                "event of"
            }
            17 if last > 0 => {
                let place = random.below(last);
                let parent = &self.guards[place];
                let child = span!(parent: parent, "child", n);
                self.guards.push(child);
                "child"
            }
            18 => {
                self.contexts.push(Context::capture());
                "capture"
            }
            19 if !self.contexts.is_empty() => {
                let context = self.contexts[random.below(self.contexts.len())].clone();
                self.attached.push(context.attach());
                "attach"
            }
            20 => {
                drop(self.attached.pop());
                "detach"
            }
            21 => {
                self.explicit.push(run.recorder.start("explicit").unwrap());
                "explicit"
            }
            22 if !self.explicit.is_empty() => {
                let span = self.explicit.remove(random.below(self.explicit.len()));
                run.recorder.stop(&span).unwrap();
                "explicit stop"
            }
            // Nobody empties the lane within a step.
            23 if !is_small => {
                let _ = annotated(n);
                "annotated"
            }
            24 => {
                thread::spawn(context::wrap(move || {
                    let _span = span!("on a thread", n);
                    event!("on a thread");
                }))
                .join()
                .unwrap();
                "thread"
            }
            25 if !is_small => {
                let unwound = catch_unwind(AssertUnwindSafe(|| {
                    let _outer = span!("unwound", n);
                    let _inner = span!("unwound");
                    resume_unwind(Box::new(n));
                }));
                unwound.unwrap_err();
                "unwind"
            }
            _ => {
                run.clock.advance(Duration::from_nanos(n as u64 + 1));
                "advance"
            }
        }
    }
}

/// What random calls record, and the counts.
fn play(seed: u64, is_short: bool, is_small: bool) -> (Vec<String>, Vec<&'static str>, Counts) {
    let run = Run::with(|it| {
        let it = if is_small { it.lane_bytes(80 * 8) } else { it };
        if is_short { it } else { it.synchronous() }
    });
    let mut random = Random(seed);
    let mut played = Played::default();
    let mut steps = Vec::new();
    if is_small {
        // What is open in another context keeps a part of the lane for its stops.
        let _elsewhere = run.provider.attach();
        for _ in 0..random.below(8) {
            played.guards.push(span!("held"));
            run.flush();
        }
    }
    // A root that finds no room takes more of it on the short way, for two traces.
    let outer = is_small.then(|| span!("outer"));
    run.flush();
    for n in 0..60 {
        steps.push(played.step(&mut random, &run, n, is_small));
        if is_small {
            run.flush();
        }
    }
    while played.attached.pop().is_some() {}
    // Some are forgotten: the close stops them.
    while let Some(guard) = played.guards.pop() {
        if random.below(6) == 0 {
            std::mem::forget(guard);
        } else {
            drop(guard);
        }
        if is_small {
            run.flush();
        }
    }
    drop((played, outer));
    let (records, counts) = run.end();
    (described(&records), steps, counts)
}

fn assert_both_ways_record_the_same(seed: u64, is_small: bool) -> u64 {
    let (long, steps, expected) = play(seed, false, is_small);
    let (short, _, counts) = play(seed, true, is_small);
    for (place, (long, short)) in long.iter().zip(&short).enumerate() {
        assert_eq!(short, long, "record {place} of seed {seed}: {steps:?}");
    }
    assert_eq!(short.len(), long.len(), "seed {seed}: {steps:?}");
    let of = |counts: &Counts| (counts.recorded, counts.delivered, counts.lost_total());
    assert_eq!(of(&counts), of(&expected), "seed {seed}: {steps:?}");
    counts.lost_total()
}

#[test]
fn whatever_is_done_both_ways_record_the_same() {
    for seed in 1..300_u64 {
        assert_eq!(
            assert_both_ways_record_the_same(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15), false),
            0
        );
    }
}

#[test]
fn where_there_is_little_room_both_ways_lose_the_same() {
    let lost = (1..300).map(|seed: u64| {
        assert_both_ways_record_the_same(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15), true)
    });
    assert!(lost.sum::<u64>() > 100);
}
