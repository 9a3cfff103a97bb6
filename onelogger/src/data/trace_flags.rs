use std::fmt;

use serde::{Deserialize, Serialize};

/// What is said of a span's trace beside its id: eight bits, as in W3C Trace Context.
///
/// Two of them have a meaning, and only these go to other processes.
///
/// ```
/// use onelogger::TraceFlags;
/// assert!(TraceFlags::default().is_sampled());
/// assert_eq!(TraceFlags::from_u8(0b10), TraceFlags::RANDOM);
/// assert!(TraceFlags::RANDOM.is_random() && TraceFlags::NONE.to_u8() == 0);
/// assert_eq!(TraceFlags::SAMPLED.with(TraceFlags::RANDOM).to_string(), "03");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TraceFlags(u8);

impl TraceFlags {
    /// None is set: whoever named the span has not recorded it.
    pub const NONE: TraceFlags = TraceFlags(0);
    /// Whoever named the span may have recorded it.
    pub const SAMPLED: TraceFlags = TraceFlags(1);
    /// The last seven bytes of the trace id are random.
    pub const RANDOM: TraceFlags = TraceFlags(2);

    /// No record tells of the span, nor of one above it: what hangs under it is the root of its
    /// trace. Known within this process only, and in no standard.
    pub(crate) const UNRECORDED: TraceFlags = TraceFlags(1 << 7);

    /// The flags with these bits.
    pub const fn from_u8(bits: u8) -> TraceFlags {
        TraceFlags(bits)
    }

    /// The bits.
    pub const fn to_u8(self) -> u8 {
        self.0
    }

    /// Whether the span may have been recorded.
    pub const fn is_sampled(self) -> bool {
        self.0 & TraceFlags::SAMPLED.0 != 0
    }

    /// Whether the last seven bytes of the trace id are random.
    pub const fn is_random(self) -> bool {
        self.0 & TraceFlags::RANDOM.0 != 0
    }

    /// These flags and those.
    #[must_use]
    pub const fn with(self, others: TraceFlags) -> TraceFlags {
        TraceFlags(self.0 | others.0)
    }

    /// Those that have a meaning; the standard wants all others to be zero.
    pub(crate) const fn known(self) -> TraceFlags {
        TraceFlags(self.0 & (TraceFlags::SAMPLED.0 | TraceFlags::RANDOM.0))
    }

    /// Those of a span that is recorded here, and hangs under one with these: how the trace id was
    /// made is for the one who made it to say.
    pub(crate) const fn of_child(self) -> TraceFlags {
        TraceFlags(self.0 & TraceFlags::RANDOM.0 | TraceFlags::SAMPLED.0)
    }

    /// Those of the same span if it is not recorded.
    pub(crate) const fn not_sampled(self) -> TraceFlags {
        TraceFlags(self.0 & !TraceFlags::SAMPLED.0)
    }

    pub(crate) fn is_default(&self) -> bool {
        *self == TraceFlags::default()
    }
}

/// Those of a span that begins a trace here.
///
/// The standard has the random bit for ids that are drawn. Ours come from a keyed count, so it is not
/// claimed for them.
impl Default for TraceFlags {
    fn default() -> TraceFlags {
        TraceFlags::SAMPLED
    }
}

/// Two hexadecimal digits.
impl fmt::Display for TraceFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use crate::data::{SpanContext, SpanId, TraceFlags, TraceId};

    #[test]
    fn flags_are_written_where_they_say_something() {
        let sampled = SpanContext::remote(TraceId::from_u128(1), SpanId::from_u64(2));
        let text = serde_json::to_string(&sampled).unwrap();
        assert!(!text.contains("flags"), "{text}");
        assert_eq!(serde_json::from_str::<SpanContext>(&text).unwrap(), sampled);
        let random = SpanContext { trace_flags: TraceFlags::RANDOM, ..sampled };
        let text = serde_json::to_string(&random).unwrap();
        assert!(text.ends_with(r#""trace_flags":2}"#), "{text}");
        assert_eq!(serde_json::from_str::<SpanContext>(&text).unwrap(), random);
    }
}
