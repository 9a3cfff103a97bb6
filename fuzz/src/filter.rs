//! What the application and its environment say of what is recorded.

use onelogger::SpanFilter;
use onelogger::callsite::Filter;

/// A filter that is taken is written as one that says the same.
pub(super) fn filter(text: &str) {
    let Ok(filter) = text.parse::<Filter>() else { return };
    let written = filter.to_string();
    assert_eq!(written.parse(), Ok(filter), "{written}");
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
