use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What all spans of one trace share: 128 bits, as in OpenTelemetry and W3C Trace Context.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(u128);

/// The identity of a span within its trace: 64 bits, as in OpenTelemetry and W3C Trace Context.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(u64);

/// The identity of a span in a file: a UUID.
///
/// Ours is of version 8: the upper half is random and the same for a whole process, the lower half
/// is the [`SpanId`]. The Python library's are of version 4.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId(u128);

/// A text is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {kind}")]
pub struct ParseIdError {
    kind: &'static str,
    text: String,
}

impl TraceId {
    /// No trace.
    pub const INVALID: TraceId = TraceId(0);

    /// The id with this number.
    pub const fn from_u128(id: u128) -> TraceId {
        TraceId(id)
    }

    /// The number of the id.
    pub const fn to_u128(self) -> u128 {
        self.0
    }

    /// Whether the id names a trace: whether it is not zero.
    pub const fn is_valid(self) -> bool {
        self.0 != 0
    }
}

impl SpanId {
    /// No span.
    pub const INVALID: SpanId = SpanId(0);

    /// The id with this number.
    pub const fn from_u64(id: u64) -> SpanId {
        SpanId(id)
    }

    /// The number of the id.
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// Whether the id names a span: whether it is not zero.
    pub const fn is_valid(self) -> bool {
        self.0 != 0
    }
}

impl RecordId {
    /// The id of a span of the process whose ids have this upper half.
    pub(crate) const fn new(upper: u64, span: SpanId) -> RecordId {
        RecordId(((upper as u128) << 64) | span.0 as u128)
    }

    /// The id with this number.
    pub const fn from_u128(id: u128) -> RecordId {
        RecordId(id)
    }

    /// The number of the id.
    pub const fn to_u128(self) -> u128 {
        self.0
    }

    /// The lower half.
    pub const fn span_id(self) -> SpanId {
        SpanId(self.0 as u64)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (a, b, c) = (self.0 >> 96, (self.0 >> 80) & 0xffff, (self.0 >> 64) & 0xffff);
        let (d, e) = ((self.0 >> 48) & 0xffff, self.0 & 0xffff_ffff_ffff);
        write!(f, "{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}")
    }
}

fn hex(kind: &'static str, text: &str, digits: usize) -> Result<u128, ParseIdError> {
    let fail = || ParseIdError { kind, text: text.to_owned() };
    if text.len() != digits || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(fail());
    }
    u128::from_str_radix(text, 16).map_err(|_| fail())
}

impl FromStr for TraceId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<TraceId, ParseIdError> {
        hex("trace id", text, 32).map(TraceId)
    }
}

impl FromStr for SpanId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<SpanId, ParseIdError> {
        hex("span id", text, 16).map(|id| SpanId(id as u64))
    }
}

impl FromStr for RecordId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<RecordId, ParseIdError> {
        let fail = || ParseIdError { kind: "record id", text: text.to_owned() };
        let dashes =
            text.len() == 36 && [8, 13, 18, 23].iter().all(|&i| text.as_bytes()[i] == b'-');
        if !dashes {
            return Err(fail());
        }
        let digits: String = text.chars().filter(|&c| c != '-').collect();
        hex("record id", &digits, 32).map(RecordId).map_err(|_| fail())
    }
}

macro_rules! as_text {
    ($($id:ty),*) => { $(
        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl Serialize for $id {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $id {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$id, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )* };
}

as_text!(TraceId, SpanId, RecordId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p19_ids_are_text_and_come_back_equal() {
        let id: RecordId = "00000000-0000-8000-8000-00000000002a".parse().unwrap();
        assert_eq!(id.to_string(), "00000000-0000-8000-8000-00000000002a");
        assert_eq!(id.span_id().to_string(), "800000000000002a");
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<RecordId>(&json).unwrap(), id);
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in ["", "1", "+0000000000000000000000000000001", &"g".repeat(32), &"é".repeat(16)]
        {
            assert!(text.parse::<TraceId>().is_err(), "{text}");
        }
        assert!("00000000-0000-8000-8000-0000000000-a".parse::<RecordId>().is_err());
        assert!("é0000000-0000-8000-8000-0000000002a".parse::<RecordId>().is_err());
    }
}
