//! How much of a span or of a log record is sent.

/// How much a span may hold; OpenTelemetry's span limits, with its defaults.
///
/// What is beyond is left out, and the span says of how much: `dropped_attributes_count`,
/// `dropped_events_count`, `dropped_links_count`. The first attributes and links are kept. Attributes
/// that the exporter itself adds (`error.type`, `onelogger.outcome`) come on top.
///
/// Events that a span has no place for, with [`EventMode::SpanEvents`](crate::EventMode::SpanEvents),
/// are log records: nothing is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanLimits {
    /// Attributes of a span. 128 by default.
    pub attribute_count: usize,
    /// Characters of a text, also within a list, in any attribute of a span, an event or a link.
    /// Longer ones are cut. Unlimited by default.
    pub attribute_value_length: Option<usize>,
    /// Events of a span. 128 by default.
    pub event_count: usize,
    /// Links of a span. 128 by default.
    pub link_count: usize,
    /// Attributes of each event. 128 by default.
    pub attributes_per_event: usize,
    /// Attributes of each link. 128 by default.
    pub attributes_per_link: usize,
}

/// How much a log record may hold; OpenTelemetry's log record limits, with its defaults.
///
/// What is beyond is left out, and `dropped_attributes_count` of the log record says of how much. The
/// library's own records, and its reports of faulty telemetry, are always whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLimits {
    /// Attributes of a log record. 128 by default.
    pub attribute_count: usize,
    /// Characters of a text, also within a list. Longer ones are cut. Unlimited by default.
    pub attribute_value_length: Option<usize>,
}

const COUNT: usize = 128;

impl Default for SpanLimits {
    fn default() -> SpanLimits {
        SpanLimits {
            attribute_count: COUNT,
            attribute_value_length: None,
            event_count: COUNT,
            link_count: COUNT,
            attributes_per_event: COUNT,
            attributes_per_link: COUNT,
        }
    }
}

impl Default for LogLimits {
    fn default() -> LogLimits {
        LogLimits { attribute_count: COUNT, attribute_value_length: None }
    }
}

/// How much a list of attributes may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct AttributeLimits {
    pub(super) count: usize,
    pub(super) value_length: Option<usize>,
}

impl AttributeLimits {
    pub(super) const NONE: AttributeLimits =
        AttributeLimits { count: usize::MAX, value_length: None };
}

impl SpanLimits {
    pub(super) fn of_span(&self) -> AttributeLimits {
        self.of(self.attribute_count)
    }

    pub(super) fn of_event(&self) -> AttributeLimits {
        self.of(self.attributes_per_event)
    }

    pub(super) fn of_link(&self) -> AttributeLimits {
        self.of(self.attributes_per_link)
    }

    fn of(&self, count: usize) -> AttributeLimits {
        AttributeLimits { count, value_length: self.attribute_value_length }
    }
}

impl LogLimits {
    pub(super) fn of_log(&self) -> AttributeLimits {
        AttributeLimits { count: self.attribute_count, value_length: self.attribute_value_length }
    }
}
