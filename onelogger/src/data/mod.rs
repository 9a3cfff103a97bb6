//! Plain values: what is recorded, how it is named, and how it is laid out in memory.
//!
//! Nothing here does I/O, reads a clock or starts a thread. [`codec`] is the one file that knows
//! how a record lies in the words of a lane.

mod argument;
mod attributes;
mod callsite;
pub(crate) mod codec;
mod event;
mod id;
mod list;
mod name;
pub mod names;
mod record;
mod scope;
mod secret;
pub(crate) mod shown;
mod span;
mod time;
mod trace_flags;
mod value;
pub(crate) mod view;

pub use argument::{Argument, ToValue};
pub(crate) use argument::{formatted, is_formatting};
pub use attributes::{AttributeTypeError, Attributes};
pub(crate) use callsite::{CALLSITES, CallsiteTable};
pub use callsite::{Callsite, CallsiteKind, CallsiteName, Catalogue};
pub(crate) use event::short_type_name;
pub use event::{ErrorEvent, Event, TelemetryDataErrorType};
pub use id::{ParseIdError, RecordId, SpanId, TraceId};
pub use name::Name;
pub use record::{EventRecord, Record, SpanRecord};
pub use scope::{InstrumentationScope, ScopeRef};
pub(crate) use secret::{REDACTED, Shown, is_secret_key, without_credentials};
pub use span::{ApplicationType, Level, Link, Outcome, Parent, SpanContext, SpanKind};
pub use time::{TimeWindow, TimeWindowError, Timestamp};
pub use trace_flags::TraceFlags;
pub use value::Value;
pub(crate) use value::non_finite_word;
pub use view::{AttributesRef, LinksRef, ListRef, ValueRef};
