//! What other processes send: `traceparent`, `tracestate` and `baggage`.

use std::collections::HashSet;

use onelogger::context::{Baggage, Context, TraceState};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// What the standard allows is taken, and nothing else; what is taken goes on as version `00`.
pub(super) fn traceparent(text: &str) {
    let context = Context::extract(&[("traceparent", text)]);
    let sent = injected(&context);
    let Some(span) = context.remote_parent() else {
        assert!(!is_traceparent(text), "a valid one is refused");
        assert_eq!(sent, []);
        return;
    };
    assert!(is_traceparent(text), "an invalid one is taken");
    assert!(span.is_valid() && span.is_remote);
    let [(name, value)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((name.as_str(), value.len()), ("traceparent", PARENT.len()));
    let ids = &blanks_trimmed(text)[2..52];
    assert!(value.starts_with(&format!("00{ids}-0")), "{value}");
    assert_eq!(Context::extract(&sent).remote_parent(), Some(span));
}

/// The rules of the standard, in another way than the library has them.
fn is_traceparent(text: &str) -> bool {
    let parts: Vec<&str> = blanks_trimmed(text).split('-').collect();
    let [version, trace, span, flags, more @ ..] = &parts[..] else { return false };
    let is_hex = |part: &str, digits| {
        part.len() == digits && part.bytes().all(|byte| b"0123456789abcdef".contains(&byte))
    };
    let is_id = |part: &str, digits| is_hex(part, digits) && part.bytes().any(|byte| byte != b'0');
    let has_end = more.is_empty() || *version != "00";
    is_hex(version, 2)
        && *version != "ff"
        && is_id(trace, 32)
        && is_id(span, 16)
        && is_hex(flags, 2)
        && has_end
}

/// What is taken is within the limits and goes on as it came; several fields, one a line, are one list.
pub(super) fn tracestate(text: &str) {
    if let Ok(state) = text.parse::<TraceState>() {
        assert!(state.len() <= 32);
        for (key, value) in state.iter() {
            assert!((1..=256).contains(&key.len()) && (1..=256).contains(&value.len()));
            assert!(state.get(key).is_some() && text.contains(&format!("{key}={value}")));
        }
        assert_eq!(state.is_empty(), state.iter().next().is_none());
        assert_eq!(state.to_string().parse(), Ok(state.clone()));
        let sent = injected(&Context::extract(&[("traceparent", PARENT), ("tracestate", text)]));
        let value = sent.get(1).map_or("", |(_, value)| value);
        assert_eq!(value, state.to_string());
        assert_eq!(Context::extract(&sent).trace_state(), state);
    }
    let received = |fields: &[&str]| {
        let fields = fields.iter().map(|field| ("tracestate", *field));
        let carrier: Vec<_> = [("traceparent", PARENT)].into_iter().chain(fields).collect();
        Context::extract(&carrier).trace_state()
    };
    let fields: Vec<&str> = text.split('\n').collect();
    assert_eq!(received(&fields), received(&[&fields.join(",")]));
}

/// What is taken is within the limits and goes on with the same meaning; several fields, one a line, are
/// one list.
pub(super) fn baggage(text: &str) {
    if let Ok(baggage) = text.parse::<Baggage>() {
        let written = baggage.to_string();
        assert!(baggage.len() <= 64 && written.len() <= 8192 && written.is_ascii());
        let keys: HashSet<&str> = baggage.iter().map(|(key, _)| key).collect();
        assert_eq!(keys.len(), baggage.len());
        assert_eq!(written.parse(), Ok(baggage.clone()));
        let sent = injected(&Context::extract(&[("baggage", text)]));
        assert_eq!(sent.first().map_or("", |(_, value)| value), written);
        // By hand it can be made as well, in whatever order, and taken apart again.
        let mut made = Baggage::new();
        for (key, value) in baggage.iter() {
            match baggage.metadata(key) {
                Some(metadata) => made.set_with_metadata(key, value, metadata).unwrap(),
                None => made.set(key, value).unwrap(),
            }
        }
        assert_eq!(made, baggage);
        for (key, value) in baggage.iter() {
            assert_eq!(made.remove(key).as_deref(), Some(value));
        }
        assert_eq!(made, Baggage::new());
    }
    let received = |fields: &[&str]| {
        let carrier: Vec<_> = fields.iter().map(|field| ("baggage", *field)).collect();
        Context::extract(&carrier).baggage()
    };
    let fields: Vec<&str> = text.split('\n').collect();
    assert_eq!(received(&fields), received(&[&fields.join(",")]));
}

fn injected(context: &Context) -> Vec<(String, String)> {
    let mut carrier = Vec::new();
    context.inject(&mut carrier);
    carrier
}

fn blanks_trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}
