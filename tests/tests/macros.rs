//! `span!`, `event!` and `error!`: their forms, and what is evaluated when.

use onelogger::testing::capture;
use onelogger::{
    Level, Outcome, Record, SpanContext, SpanId, TraceId, callsite, error, event, span,
};
use onelogger_tests::tree::assert_tree;

#[test]
fn a_guard_is_the_span_of_what_happens_while_it_lives() {
    let capture = capture();
    {
        let mut outer = span!("outer", index = 1);
        event!("inside");
        let inner = span!("inner");
        event!(in outer, "of the outer one", n = 2);
        drop(inner);
        outer.set("rows", 128);
        outer.set_outcome(Outcome::Error);
    }
    event!("outside");
    assert_tree(
        &capture.finish(),
        "
        outer index=1 rows=128 -> error
          · inside
          inner
          · of the outer one n=2
        · outside
        ",
    );
}

#[test]
fn a_block_gives_its_value_and_is_left_as_any_other() {
    fn half(text: &str) -> Option<u32> {
        for round in 0..3 {
            let number: u32 = span!("round", round; {
                if text == "break" {
                    break;
                }
                if text == "return" {
                    return Some(0);
                }
                text.parse().ok()?
            });
            if number > 0 {
                return Some(number / 2);
            }
        }
        None
    }
    let capture = capture();
    assert_eq!(half("8"), Some(4));
    assert_eq!(half("x"), None);
    assert_eq!(half("break"), None);
    assert_eq!(half("return"), Some(0));
    let round = "round round=0\n".repeat(4);
    assert_tree(&capture.finish(), &round);
}

#[test]
fn an_error_has_a_message_a_value_or_both() {
    let capture = capture();
    let (tries, loss) = (3, 0.123);
    let problem = "x".parse::<u32>().unwrap_err();
    let boxed: Box<dyn std::error::Error + Send + Sync> = "boxed".into();
    {
        let outer = span!("outer");
        let _inner = span!("inner");
        error!("plain");
        error!("failed after {tries} tries, at {loss:.1}", tries, where_ = "here");
        error!(problem);
        error!(problem, "bad count", line = 7);
        error!(&boxed, "as a pointer");
        error!(String::from("a text"), "as a text");
        error!(in outer, problem, "outside, {tries} times");
    }
    assert_tree(
        &capture.finish(),
        "
        outer
          inner
            ! plain
            ! failed after 3 tries, at 0.1 tries=3 where_=here
            ! invalid digit found in string [ParseIntError]
            ! bad count [ParseIntError] line=7
            ! as a pointer [Box<dyn Error + Send + Sync>]
            ! as a text [String]
          ! outside, 3 times [ParseIntError]
        ",
    );
}

#[test]
fn options_stand_before_the_name() {
    let capture = capture();
    let remote = SpanContext::remote(TraceId::from_u128(7), SpanId::from_u64(9));
    let _outer = span!("outer");
    drop(
        span!(kind: client, parent: remote, links: [remote], level: warn, group: "io", "call", n = 1),
    );
    drop(span!(root: true, "root"));
    event!(level: warn, group: "io", "event");
    drop(_outer);
    let records = capture.finish();
    assert_tree(&records, "outer\n  · event\ncall n=1 <- remote\nroot");
    let Record::Start(call) = &records[1] else { panic!("{records:?}") };
    assert_eq!((call.level, call.group.as_ref().unwrap().as_str()), (Level::Warn, "io"));
    assert_eq!((call.kind.as_str(), call.links.len()), ("client", 1));
    let event = records.iter().find_map(|record| match record {
        Record::Event(event) => Some(event),
        _ => None,
    });
    assert_eq!(event.unwrap().level, Level::Warn);
}

/// The group is this test's own: the filter belongs to the process, and tests run side by side.
#[test]
fn groups_are_switched_while_the_program_runs() {
    let mut evaluated = 0;
    let mut step = |number: u32| {
        let _step =
            span!(group: "macros_test_per_step", "step", number = { evaluated += 1; number });
        event!("in step", number);
    };
    let capture = capture();
    step(1);
    callsite::set_level("macros_test_per_step", None);
    step(2);
    callsite::set_level("macros_test_per_step", Level::Debug);
    step(3);
    assert_eq!(evaluated, 2);
    assert_tree(
        &capture.finish(),
        "
        step number=1
          · in step number=1
        · in step number=2
        step number=3
          · in step number=3
        ",
    );
}

#[test]
fn details_are_off_until_they_are_asked_for() {
    let record = || {
        let _span = span!(level: debug, group: "macros_test_details", "detail");
        event!(level: trace, group: "macros_test_details", "more");
    };
    let capture = capture();
    record();
    callsite::set_level("macros_test_details", Level::Debug);
    record();
    callsite::set_level("macros_test_details", Level::Trace);
    record();
    assert_tree(&capture.finish(), "detail\ndetail\n  · more");
}

#[test]
fn every_callsite_that_was_met_is_in_the_catalogue() {
    let capture = capture();
    let line = line!() + 1;
    drop(span!(level: warn, group: "catalogued", kind: server, "in the catalogue", a = 1, b.c = 2));
    drop(capture);
    let site = callsite::all().find(|site| site.name() == "in the catalogue").unwrap();
    let catalogue = site.catalogue();
    assert_eq!((catalogue.file, catalogue.line, catalogue.module), (file!(), line, module_path!()));
    assert_eq!((catalogue.level, catalogue.group), (Level::Warn, Some("catalogued")));
    assert_eq!(catalogue.keys, ["a", "b.c"]);
    assert_eq!(catalogue.version, Some(env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_guard_knows_its_span() {
    let capture = capture();
    let span = span!("x");
    assert!(span.is_recording());
    assert_eq!(Some(span.context()), onelogger::context::current());
    drop(span);
    assert_eq!(onelogger::context::current(), None);
    drop(capture);
    let span = span!("x");
    assert!(!span.is_recording() && !span.context().is_valid());
}

/// Recording from within what is being recorded: `Debug` implementations may call the macros.
#[test]
fn a_debug_implementation_may_record() {
    struct Chatty;
    impl std::fmt::Debug for Chatty {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            let _span = span!("chat", again = ?"x");
            event!("within", value = %1);
            f.write_str("chatty")
        }
    }
    let capture = capture();
    drop(span!("outer", who = ?Chatty));
    assert_tree(&capture.finish(), "chat again=\"x\"\n  · within value=1\nouter who=chatty");
}

#[test]
fn misuse_panics_at_the_call_where_that_is_asked_for_and_never_in_a_drop() {
    let capture = capture();
    let guard = span!("x");
    onelogger::recorder().stop(guard.span()).unwrap();
    let caught = std::panic::catch_unwind(|| event!(in guard, "too late"));
    let message = *caught.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(message, "onelogger: event was refused: span `x` is already stopped");
    drop(guard);
    drop(capture);
}
