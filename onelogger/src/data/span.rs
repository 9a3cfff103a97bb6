use serde::{Deserialize, Serialize};

use super::{Attributes, SpanId, TraceFlags, TraceId};

/// The part a span plays in a trace, as in OpenTelemetry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum SpanKind {
    /// An operation within the application.
    #[default]
    Internal = 0,
    /// The handling of a remote request.
    Server = 1,
    /// A request to a remote service.
    Client = 2,
    /// The sending of a message.
    Producer = 3,
    /// The handling of a message.
    Consumer = 4,
}

impl SpanKind {
    pub(crate) const fn from_code(code: u8) -> SpanKind {
        match code {
            1 => SpanKind::Server,
            2 => SpanKind::Client,
            3 => SpanKind::Producer,
            4 => SpanKind::Consumer,
            _ => SpanKind::Internal,
        }
    }

    /// The word that stands for it in the output.
    pub const fn as_str(self) -> &'static str {
        match self {
            SpanKind::Internal => "internal",
            SpanKind::Server => "server",
            SpanKind::Client => "client",
            SpanKind::Producer => "producer",
            SpanKind::Consumer => "consumer",
        }
    }
}

/// How a span ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Outcome {
    /// Without anything special to say.
    #[default]
    Ok = 0,
    /// With an error.
    Error = 1,
    /// By a panic.
    Panic = 2,
    /// Because its future was dropped before it was ready.
    Cancelled = 3,
}

impl Outcome {
    pub(crate) const fn from_code(code: u8) -> Outcome {
        match code {
            1 => Outcome::Error,
            2 => Outcome::Panic,
            3 => Outcome::Cancelled,
            _ => Outcome::Ok,
        }
    }

    /// The word that stands for it in the output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Error => "error",
            Outcome::Panic => "panic",
            Outcome::Cancelled => "cancelled",
        }
    }
}

/// How much detail a span or an event is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Level {
    /// Needs attention.
    Error = 1,
    /// May need attention.
    Warn = 2,
    /// What one wants to see of every run.
    #[default]
    Info = 3,
    /// What helps to find a fault.
    Debug = 4,
    /// Everything.
    Trace = 5,
}

impl Level {
    pub(crate) const fn from_code(code: u8) -> Level {
        match code {
            1 => Level::Error,
            2 => Level::Warn,
            4 => Level::Debug,
            5 => Level::Trace,
            _ => Level::Info,
        }
    }

    /// The word that stands for it in the output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        }
    }
}

/// What identifies a span to others, also in another process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SpanContext {
    /// The trace that the span belongs to.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// Whether the span lives in another process.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_remote: bool,
    /// What else is said of the trace.
    #[serde(default, skip_serializing_if = "TraceFlags::is_default")]
    pub trace_flags: TraceFlags,
}

impl SpanContext {
    /// A span of another process, as its trace context names it. It counts as sampled.
    pub const fn remote(trace_id: TraceId, span_id: SpanId) -> SpanContext {
        SpanContext { trace_id, span_id, is_remote: true, trace_flags: TraceFlags::SAMPLED }
    }

    /// Whether it is a span of this process that no record tells of, nor of one above it.
    pub(crate) const fn is_unrecorded(&self) -> bool {
        let mark = TraceFlags::UNRECORDED.to_u8();
        !self.is_remote && self.trace_flags.to_u8() & mark != 0
    }

    /// Whether both ids are valid.
    pub const fn is_valid(&self) -> bool {
        self.trace_id.is_valid() && self.span_id.is_valid()
    }
}

/// The span that a span hangs under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Parent {
    /// Its id.
    pub span_id: SpanId,
    /// Whether it lives in another process, so that no record of it is to be expected here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_remote: bool,
}

/// A relation to a span that is no parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The span that is linked to.
    pub context: SpanContext,
    /// What there is to say of the relation.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
}

impl From<SpanContext> for Link {
    fn from(context: SpanContext) -> Link {
        Link { context, attributes: Attributes::new() }
    }
}

impl From<(SpanContext, Attributes)> for Link {
    fn from((context, attributes): (SpanContext, Attributes)) -> Link {
        Link { context, attributes }
    }
}

/// What kind of job an application is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationType {
    /// Training of a model.
    Training,
    /// Validation of a model.
    Validation,
    /// Inference over a data set.
    BatchInference,
    /// Inference on request.
    OnlineInference,
    /// Anything that turns data into data.
    DataProcessing,
}

impl ApplicationType {
    /// The word that stands for it in the output.
    pub const fn as_str(self) -> &'static str {
        match self {
            ApplicationType::Training => "training",
            ApplicationType::Validation => "validation",
            ApplicationType::BatchInference => "batch_inference",
            ApplicationType::OnlineInference => "online_inference",
            ApplicationType::DataProcessing => "data_processing",
        }
    }
}
