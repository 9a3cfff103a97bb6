//! `OTEL_*_LIMIT`: how much of a span and of a log record is sent.

use super::variables::Variables;
use crate::otlp::{LogLimits, SpanLimits};

/// Variables for spans come before those for everything.
pub(super) fn of_spans(variables: &mut Variables<'_>) -> SpanLimits {
    let default = SpanLimits::default();
    let mut count = |names: &[&str], default| first(variables, names).unwrap_or(default);
    let attribute_count =
        count(&["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", ATTRIBUTE_COUNT], default.attribute_count);
    let event_count = count(&["OTEL_SPAN_EVENT_COUNT_LIMIT"], default.event_count);
    let link_count = count(&["OTEL_SPAN_LINK_COUNT_LIMIT"], default.link_count);
    let attributes_per_event =
        count(&["OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", ATTRIBUTE_COUNT], default.attributes_per_event);
    let attributes_per_link =
        count(&["OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", ATTRIBUTE_COUNT], default.attributes_per_link);
    let length = ["OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", VALUE_LENGTH];
    SpanLimits {
        attribute_count,
        attribute_value_length: first(variables, &length),
        event_count,
        link_count,
        attributes_per_event,
        attributes_per_link,
    }
}

/// Variables for log records come before those for everything.
pub(super) fn of_log_records(variables: &mut Variables<'_>) -> LogLimits {
    let default = LogLimits::default();
    let counts = ["OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", ATTRIBUTE_COUNT];
    let lengths = ["OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", VALUE_LENGTH];
    LogLimits {
        attribute_count: first(variables, &counts).unwrap_or(default.attribute_count),
        attribute_value_length: first(variables, &lengths),
    }
}

const ATTRIBUTE_COUNT: &str = "OTEL_ATTRIBUTE_COUNT_LIMIT";
const VALUE_LENGTH: &str = "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT";

/// The first of these variables that is set and understood.
fn first(variables: &mut Variables<'_>, names: &[&str]) -> Option<usize> {
    names.iter().find_map(|name| variables.number(name, "whole number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_concerns_a_signal_comes_before_what_concerns_all() {
        let set = [
            ("OTEL_ATTRIBUTE_COUNT_LIMIT", "7"),
            ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "5"),
            ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "100"),
            ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "200"),
            ("OTEL_SPAN_EVENT_COUNT_LIMIT", "many"),
            ("OTEL_SPAN_LINK_COUNT_LIMIT", "0"),
        ];
        let lookup = |name: &str| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let mut variables = Variables::new(&lookup);
        let (spans, logs) = (of_spans(&mut variables), of_log_records(&mut variables));
        assert_eq!((spans.attribute_count, spans.attributes_per_event), (5, 7));
        assert_eq!((spans.event_count, spans.link_count), (128, 0));
        assert_eq!(spans.attribute_value_length, Some(100));
        assert_eq!((logs.attribute_count, logs.attribute_value_length), (7, Some(200)));
        assert_eq!(variables.problems, ["OTEL_SPAN_EVENT_COUNT_LIMIT: `many` is no whole number"]);
    }
}
