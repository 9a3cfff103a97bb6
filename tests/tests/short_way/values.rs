//! Values of all types.

use std::cell::Cell;
use std::fmt;
use std::num::NonZero;
use std::rc::Rc;

use onelogger::{Attributes, Event, FullPolicy, Record, SpanBuilder, Value, event, span};

use crate::job::{PATIENCE, Run, taken, twice};

#[test]
fn a_value_is_formatted_once_whichever_way_it_goes() {
    twice(|| {
        struct Counted<'a>(&'a Cell<u32>, usize);
        impl fmt::Display for Counted<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.set(self.0.get() + 1);
                f.write_str(&"x".repeat(self.1))
            }
        }
        let times = Cell::new(0);
        for policy in [FullPolicy::DropNewest, FullPolicy::Block(PATIENCE)] {
            let run = Run::with(|it| it.lane_bytes(1024).lane_policy(policy));
            // What can never fit is among them.
            for size in [1, 2_000] {
                let counted = || times.replace(0);
                let mut span = span!("span", shown = %Counted(&times, size));
                assert_eq!(counted(), 1);
                event!("event", shown = %Counted(&times, size));
                assert_eq!(counted(), 1);
                span.record("late", onelogger::Argument::display(&Counted(&times, size)));
                // What is lost with its span need not be made.
                assert!(counted() == 1 || !span.is_recording());
            }
            drop(run);
        }
    });
}

#[test]
fn a_value_is_what_an_explicit_call_makes_of_it_whatever_its_type() {
    let run = Run::begin();
    let mut keys = 0;
    macro_rules! check {
        ($($value:expr => $expected:expr;)*) => { $(
            twice(|| {
                let value = $value;
                {
                    let mut span = span!("span", value = value, last = 1);
                    event!("event", value = value, last = 1);
                    span.set("value", &value);
                }
                run.flush();
                let by_macro = taken(&run.records);
                let expected: Option<Value> = $expected;
                let given = expected.into_iter().fold(Attributes::new(), |it, value| it.with("value", value));
                let with_last = given.clone().with("last", 1);
                let span = SpanBuilder::new("span").attributes(with_last.clone());
                let span = run.recorder.start(span).unwrap();
                let event = Event { attributes: with_last, ..Event::new("event") };
                run.recorder.event(&span, event).unwrap();
                run.recorder.set_attributes(&span, given).unwrap();
                run.recorder.stop(&span).unwrap();
                run.flush();
                let by_hand = taken(&run.records);
                let told = |records: &[Record]| -> Vec<_> {
                    let attributes = records.iter().map(|record| match record {
                        Record::Event(event) => vec![event.attributes.clone()],
                        Record::Start(span) | Record::Stop(span) | Record::Attributes(span) => {
                            vec![span.attributes.clone(), span.event_attributes.clone()]
                        }
                        other => panic!("{other:?}"),
                    });
                    attributes.collect()
                };
                assert_eq!(told(&by_macro), told(&by_hand), stringify!($value));
            });
            keys += 1;
        )* };
    }
    fn text(text: &str) -> Option<Value> {
        Some(Value::from(text))
    }
    fn number(number: i64) -> Option<Value> {
        Some(Value::I64(number))
    }
    let texts: Vec<String> = (0..40).map(|length| "é".repeat(length)).collect();
    for length in 0..=17 {
        let ascii = &"abcdefghijklmnopq"[..length];
        check! { ascii => text(ascii); }
    }
    for long in &texts {
        check! { long.as_str() => text(long); }
    }
    check! {
        true => Some(Value::Bool(true));
        false => Some(Value::Bool(false));
        i8::MIN => number(i8::MIN.into());
        u8::MAX => number(u8::MAX.into());
        i16::MIN => number(i16::MIN.into());
        u16::MAX => number(u16::MAX.into());
        i32::MIN => number(i32::MIN.into());
        u32::MAX => number(u32::MAX.into());
        i64::MIN => number(i64::MIN);
        isize::MAX => number(isize::MAX as i64);
        7_usize => number(7);
        i64::MAX as u64 => number(i64::MAX);
        i64::MAX as u64 + 1 => text("9223372036854775808");
        u64::MAX => text("18446744073709551615");
        usize::MAX => text("18446744073709551615");
        7_u128 => number(7);
        u128::MAX => text("340282366920938463463374607431768211455");
        -7_i128 => number(-7);
        i128::MIN => text("-170141183460469231731687303715884105728");
        i128::MAX => text("170141183460469231731687303715884105727");
        1.5_f32 => Some(Value::F64(1.5));
        f64::MIN_POSITIVE => Some(Value::F64(f64::MIN_POSITIVE));
        -0.0_f64 => Some(Value::F64(-0.0));
        f64::INFINITY => Some(Value::F64(f64::INFINITY));
        'ß' => text("ß");
        NonZero::<u8>::MAX => number(255);
        NonZero::<u64>::MAX => text("18446744073709551615");
        NonZero::<i64>::MIN => number(i64::MIN);
        Some(3) => number(3);
        Some("some") => text("some");
        None::<i64> => None;
        None::<&str> => None;
        Some(u64::MAX) => text("18446744073709551615");
        Rc::new(String::from("shared")) => text("shared");
        Box::<str>::from("boxed") => text("boxed");
        std::borrow::Cow::Borrowed("borrowed") => text("borrowed");
        Value::from("made") => text("made");
        Value::I64List(vec![1, 2]) => Some(Value::I64List(vec![1, 2]));
        [1_u8, 255] => Some(Value::I64List(vec![1, 255]));
        [i64::MIN, 0, i64::MAX] => Some(Value::I64List(vec![i64::MIN, 0, i64::MAX]));
        [1_u64, 2] => Some(Value::I64List(vec![1, 2]));
        [1, u64::MAX] => Some(Value::from(["1", "18446744073709551615"]));
        [u128::MAX, 0] => Some(Value::from(["340282366920938463463374607431768211455", "0"]));
        [-1_i128, 1] => Some(Value::I64List(vec![-1, 1]));
        [true, false] => Some(Value::BoolList(vec![true, false]));
        [0.5_f32, 1.5] => Some(Value::F64List(vec![0.5, 1.5]));
        vec![f64::MAX; 3] => Some(Value::F64List(vec![f64::MAX; 3]));
        Vec::<i64>::new() => Some(Value::I64List(Vec::new()));
        Vec::<u64>::new() => Some(Value::I64List(Vec::new()));
        Vec::<bool>::new() => Some(Value::BoolList(Vec::new()));
        Vec::<f32>::new() => Some(Value::F64List(Vec::new()));
        Vec::<String>::new() => Some(Value::StringList(Vec::new()));
        ["", "a", "exactly8", "nine char", "é"] => {
            Some(Value::from(["", "a", "exactly8", "nine char", "é"]))
        };
        texts.clone() => Some(Value::StringList(texts.clone()));
        Some(vec![1, 2]) => Some(Value::I64List(vec![1, 2]));
    }
    assert!(keys > 50);
    run.end();
}
