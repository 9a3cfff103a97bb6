//! What the application and its environment say of what is recorded.

use onelogger::callsite::Filter;
use onelogger::exporter::Batch;
use onelogger::processor::Condition;
use onelogger::{Attributes, EventRecord, Outcome, Record, SpanFilter, SpanRecord};

/// A filter that is taken is written as one that says the same.
pub(super) fn filter(text: &str) {
    let Ok(filter) = text.parse::<Filter>() else { return };
    let written = filter.to_string();
    assert_eq!(written.parse(), Ok(filter), "{written}");
}

/// A condition that is taken is written as one that says the same; `not` turns it around, whatever the
/// record; and what is wrong is said of a place in the text.
pub(super) fn condition(text: &str) {
    let condition = match text.parse::<Condition>() {
        Ok(condition) => condition,
        Err(error) => {
            assert!((1..=text.chars().count() + 1).contains(&error.at), "{error}");
            return;
        }
    };
    let written = condition.to_string();
    assert_eq!(written.parse().as_ref(), Ok(&condition), "{written}");
    // One level deeper may be one too many.
    let opposite = format!("not ({written})").parse::<Condition>().ok();
    for record in records().records().iter() {
        let is_met = condition.matches(record);
        if let Some(opposite) = &opposite {
            assert_eq!(opposite.matches(record), !is_met, "{written}");
        }
    }
}

fn records() -> Batch {
    let attributes = Attributes::new()
        .with("a", 3)
        .with("b", "text")
        .with("c", 0.5)
        .with("d", true)
        .with("e", vec!["x", "y"])
        .with("f", f64::NAN);
    let span = SpanRecord {
        name: "load".into(),
        group: Some("io".into()),
        attributes: attributes.clone(),
        duration_nanos: 1_500_000,
        outcome: Outcome::Error,
        ..SpanRecord::default()
    };
    let event = EventRecord { name: "said".into(), attributes, ..EventRecord::default() };
    [
        Record::Start(span.clone()),
        Record::Stop(span),
        Record::Event(event.clone()),
        Record::Error(event),
    ]
    .into_iter()
    .collect()
}

/// A pattern, and below it names: each is matched as a matcher matches it that tries everything.
pub(super) fn span_filter(text: &str) {
    let mut lines = text.split('\n');
    let pattern = lines.next().unwrap_or_default();
    let (only, except) =
        (SpanFilter::only_matching([pattern]), SpanFilter::except_matching([pattern]));
    for name in lines {
        let expected = matches(pattern, name);
        assert_eq!(only.accepts(name), expected, "{pattern:?} {name:?}");
        assert_eq!(except.accepts(name), !expected, "{pattern:?} {name:?}");
        assert_eq!(SpanFilter::only([pattern]).accepts(name), pattern == name);
    }
}

/// Keeps all places of the pattern that what was read so far may have led to.
fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    // A star may stand for nothing.
    let passed = |reached: &mut Vec<bool>| {
        for (place, sign) in pattern.iter().enumerate() {
            reached[place + 1] |= reached[place] && *sign == '*';
        }
    };
    let mut reached = vec![false; pattern.len() + 1];
    reached[0] = true;
    passed(&mut reached);
    for character in name.chars() {
        let mut next = vec![false; pattern.len() + 1];
        for (place, sign) in pattern.iter().enumerate().filter(|(place, _)| reached[*place]) {
            let stays = *sign == '*';
            next[place] |= stays;
            next[place + 1] |= stays || *sign == '?' || *sign == character;
        }
        reached = next;
        passed(&mut reached);
    }
    reached[pattern.len()]
}
