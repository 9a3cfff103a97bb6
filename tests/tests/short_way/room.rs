//! Where there is little room.

use std::collections::{HashMap, HashSet};

use onelogger::context::{self, Context};
use onelogger::{Attributes, FullPolicy, Record, SpanGuard, SpanId, event, span};

use crate::LARGE_OF_START;
use crate::job::{PATIENCE, Run, starts, stops, twice};

#[test]
fn open_spans_never_use_up_a_lane() {
    twice(|| {
        const WORDS: usize = 1024;
        let run = Run::with(|it| it.lane_bytes(WORDS * 8));
        // Twice as many as there is room for with all that they keep free.
        let guards: Vec<SpanGuard> = (0..WORDS / 2)
            .map(|n| {
                if n % 16 == 0 {
                    run.flush();
                }
                span!("open")
            })
            .collect();
        run.flush();
        event!("of the innermost");
        guards.into_iter().rev().for_each(drop);
        let (_, counts) = run.end();
        assert_eq!((counts.recorded, counts.lost_total()), (WORDS as u64 + 1, 0));
    });
}

#[test]
fn what_is_below_a_root_that_is_lost_is_one_trace() {
    twice(|| {
        fn record(is_short: bool) -> Vec<(String, usize)> {
            let run = Run::with(|it| {
                let it = it.lane_bytes(80 * 8);
                if is_short { it } else { it.synchronous() }
            });
            let held: Vec<_> = {
                let _elsewhere = run.provider.attach();
                let held = (0..8).map(|_| {
                    let held = span!("held");
                    run.flush();
                    held
                });
                held.collect()
            };
            let mut lost = span!("lost", text = "x".repeat(LARGE_OF_START));
            for _ in 0..2 {
                let _below = span!("below");
                drop(span!("further below"));
                run.flush();
            }
            lost.set("late", 1);
            event!("lost with it");
            let context = Context::capture();
            drop(lost);
            context.run(|| drop(span!("later")));
            drop(held);
            let (records, counts) = run.end();
            assert_eq!(counts.lost_total(), 4, "start, attribute, event, stop");
            let mut traces = Vec::new();
            let below = starts(&records).into_iter().filter(|span| span.name != "held");
            let below = below.map(|span| {
                let known = traces.iter().position(|trace| *trace == span.trace_id);
                let place = known.unwrap_or_else(|| {
                    traces.push(span.trace_id);
                    traces.len() - 1
                });
                (span.name.to_string(), place)
            });
            below.collect()
        }
        assert_eq!(record(true), record(false));
    });
}

/// What threads record where hardly anything finds room.
#[test]
fn in_a_full_lane_each_record_is_counted_and_hangs_where_it_belongs() {
    twice(|| {
        const ROUNDS: usize = 300;
        const DEPTH: usize = 12;
        /// Of a span: its records, an event and an addition of attributes.
        fn dive(path: &mut Vec<i64>, all: &mut HashMap<i64, Vec<i64>>, next: &mut i64) {
            *next += 1;
            let number = *next;
            all.insert(number, path.clone());
            let mut span = span!("dive", number, text = "some text that takes a little room");
            event!("event", number, list = [1, 2, 3]);
            span.set("late", number);
            event!("formatted", number = %number);
            path.push(number);
            if path.len() < DEPTH {
                dive(path, all, next);
                if path.len() == DEPTH / 2 {
                    // Whoever looks at the context has no influence on where things go.
                    context::wrap(|| dive(path, all, next))();
                }
            }
            path.pop();
        }
        let run = Run::with(|it| it.lane_bytes(16 * 5 * 8).queue_bytes(1 << 30));
        let (mut all, mut next) = (HashMap::new(), 0);
        for _ in 0..ROUNDS {
            dive(&mut Vec::new(), &mut all, &mut next);
        }
        let (records, counts) = run.end();
        assert_eq!(counts.recorded, 5 * next as u64);
        assert!(counts.lost_total() > 0 && counts.withheld == 0, "{counts:?}");
        let number = |attributes: &Attributes| attributes.get_i64("number").unwrap().unwrap();
        let ids: HashMap<SpanId, i64> =
            starts(&records).iter().map(|span| (span.span_id, number(&span.attributes))).collect();
        let delivered: HashSet<i64> = ids.values().copied().collect();
        for span in starts(&records) {
            let above = &all[&number(&span.attributes)];
            let nearest = above.iter().rev().find(|above| delivered.contains(above));
            assert_eq!(span.parent.map(|parent| ids[&parent.span_id]).as_ref(), nearest);
        }
        assert_eq!(starts(&records).len(), stops(&records).len());
        for record in &records {
            if let Record::Event(event) = record
                && event.name == "event"
            {
                assert_eq!(ids[&event.span_id], number(&event.attributes));
            }
        }
    });
}

#[test]
fn where_threads_wait_for_room_nothing_is_lost() {
    twice(|| {
        let policy = FullPolicy::Block(PATIENCE);
        let run = Run::with(|it| it.lane_bytes(1024).lane_policy(policy).queue_bytes(1 << 30));
        let mut expected = 0;
        for n in 0..500 {
            let mut outer = span!("outer", n, shown = %n);
            let _inner = span!("inner");
            event!("event", text = "some text that takes a little room", shown = ?n);
            outer.set("late", n);
            expected += 6;
        }
        let (records, counts) = run.end();
        assert_eq!((counts.recorded, counts.lost_total()), (expected, 0));
        assert_eq!(records.len() as u64, expected);
    });
}
