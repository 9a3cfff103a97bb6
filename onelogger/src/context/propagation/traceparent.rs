//! The field `traceparent`: `00-<trace id>-<span id>-<flags>`.
//!
//! Version `00` is written. Later versions are read as far as the standard promises that they begin
//! in the same way.

use super::{Extractor, TRACEPARENT, trimmed};
use crate::data::{SpanContext, SpanId, TraceFlags, TraceId};

/// The length of version `00`, and the least that a later one has.
const LENGTH: usize = 55;
const FORBIDDEN_VERSION: u8 = 0xff;

/// The span that the carrier names. None if it names several: nobody can tell which one to believe.
pub(super) fn read<C: Extractor + ?Sized>(carrier: &C) -> Option<SpanContext> {
    let (mut count, mut span) = (0_usize, None);
    carrier.for_each_value(TRACEPARENT, &mut |value| {
        count += 1;
        span = parse(value);
    });
    span.filter(|_| count == 1)
}

pub(super) fn text(span: &SpanContext) -> String {
    format!("00-{}-{}-{}", span.trace_id, span.span_id, span.trace_flags.known())
}

fn parse(value: &str) -> Option<SpanContext> {
    let (head, rest) = trimmed(value).as_bytes().split_at_checked(LENGTH)?;
    if [2, 35, 52].iter().any(|&at| head[at] != b'-') {
        return None;
    }
    let version = hex(&head[..2])?;
    let is_whole = rest.is_empty() || (version != 0 && rest[0] == b'-');
    if version == FORBIDDEN_VERSION.into() || !is_whole {
        return None;
    }
    let flags = TraceFlags::from_u8(hex(&head[53..])? as u8);
    let span = SpanContext {
        trace_id: TraceId::from_u128(hex(&head[3..35])?),
        span_id: SpanId::from_u64(hex(&head[36..52])? as u64),
        is_remote: true,
        trace_flags: flags.known(),
    };
    span.is_valid().then_some(span)
}

/// The number of these digits. The standard wants lower case.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REST: &str = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";

    #[test]
    fn the_examples_of_the_standard() {
        let span = parse(&format!("00-{REST}-01")).unwrap();
        assert_eq!(span.trace_id.to_string(), REST[..32]);
        assert_eq!(span.span_id.to_string(), REST[33..]);
        assert!(span.is_remote && span.trace_flags == TraceFlags::SAMPLED);
        assert_eq!(parse(&format!("00-{REST}-00")).unwrap().trace_flags, TraceFlags::NONE);
        let random = parse(&format!("00-{REST}-03")).unwrap().trace_flags;
        assert!(random.is_sampled() && random.is_random());
    }

    #[test]
    fn flags_without_a_meaning_do_not_get_through() {
        let span = parse(&format!("00-{REST}-fc")).unwrap();
        assert_eq!(span.trace_flags, TraceFlags::NONE);
        let span = SpanContext { trace_flags: TraceFlags::from_u8(0xff), ..span };
        assert_eq!(text(&span), format!("00-{REST}-03"));
    }

    #[test]
    fn later_versions_are_read_as_far_as_they_are_known() {
        let span = parse(&format!("00-{REST}-01"));
        for value in [
            format!("cc-{REST}-01"),
            format!("cc-{REST}-01-"),
            format!("cc-{REST}-01-what-the-future-will-be-like-ü"),
            format!("01-{REST}-f5-{}", "x".repeat(100_000)),
        ] {
            assert_eq!(parse(&value), span, "{value}");
        }
        for value in
            [format!("cc-{REST}-01."), format!("cc-{REST}-01.what"), format!("cc-{REST}-011")]
        {
            assert_eq!(parse(&value), None, "{value}");
        }
        assert_eq!(text(&parse(&format!("cc-{REST}-01-more")).unwrap()), format!("00-{REST}-01"));
    }

    #[test]
    fn spaces_and_tabs_around_it_are_no_part_of_it() {
        for (before, after) in [(" ", ""), ("\t", ""), ("", " "), ("", "\t"), ("\t ", " \t")] {
            assert!(parse(&format!("{before}00-{REST}-01{after}")).is_some());
        }
        for other in ["\n", "\r", "\u{a0}", "\0"] {
            assert!(parse(&format!("{other}00-{REST}-01")).is_none());
            assert!(parse(&format!("00-{REST}-01{other}")).is_none());
        }
    }

    #[test]
    fn what_the_standard_does_not_allow_is_nothing() {
        let (trace, span) = REST.split_once('-').unwrap();
        let (zero_trace, zero_span) = ("0".repeat(32), "0".repeat(16));
        let upper = REST.to_uppercase();
        for value in [
            String::new(),
            "-".repeat(55),
            format!("ff-{REST}-01"),
            format!("ff-{REST}-01-more"),
            format!("FE-{REST}-01"),
            format!(".0-{REST}-01"),
            format!("0.-{REST}-01"),
            format!("000-{REST}-01"),
            format!("0-{REST}-01"),
            format!("00-{upper}-01"),
            format!("cc-{upper}-01"),
            format!("00-{zero_trace}-{span}-01"),
            format!("00-{trace}-{zero_span}-01"),
            format!("00-.{}-{span}-01", &trace[1..]),
            format!("00-{trace}-{}.-01", &span[1..]),
            format!("00-{}-{span}-01", &trace[1..]),
            format!("00-{trace}1-{span}-01"),
            format!("00-{trace}-{span}1-01"),
            format!("00-{trace}-{}-01", &span[1..]),
            format!("00-{REST}-.0"),
            format!("00-{REST}-0A"),
            format!("00-{REST}-1"),
            format!("00-{REST}-001"),
            format!("00-{REST}-01."),
            format!("00-{REST}-01-"),
            format!("00-{REST}-01-what-the-future-will-be-like"),
            format!("00 {REST} 01"),
            format!("00_{REST}-01"),
            format!("00-+{}-01", &REST[1..]),
            format!("00-é{}-01", &REST[2..]),
            format!("00-{REST}-01,00-{REST}-01"),
        ] {
            assert_eq!(parse(&value), None, "{value}");
        }
    }

    #[test]
    fn of_several_none_is_believed() {
        let one = format!("00-{REST}-01");
        assert!(read(&[("TraceParent", &one)]).is_some());
        assert!(read(&[("trace-parent", &one)]).is_none());
        assert!(read(&[("traceparent", &one), ("TRACEPARENT", &one)]).is_none());
        assert!(read(&[("traceparent", one.as_str()), ("traceparent", "")]).is_none());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(trace in 1..=u128::MAX, span in 1..=u64::MAX, flags in 0..4_u8) {
            let mut context = SpanContext::remote(TraceId::from_u128(trace), SpanId::from_u64(span));
            context.trace_flags = TraceFlags::from_u8(flags);
            prop_assert_eq!(parse(&text(&context)), Some(context));
        }

        #[test]
        fn nothing_panics(value in ".{0,80}", at in 0..60_usize, byte: char) {
            let _ = parse(&value);
            let mut nearly: Vec<char> = format!("01-{REST}-01-x").chars().collect();
            if let Some(place) = nearly.get_mut(at) {
                *place = byte;
            }
            if let Some(span) = parse(&nearly.into_iter().collect::<String>()) {
                prop_assert!(span.is_valid());
            }
        }
    }
}
