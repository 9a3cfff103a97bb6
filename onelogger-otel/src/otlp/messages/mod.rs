//! Records as the messages of the protocol, written without a detour.
//!
//! Each function writes the fields of one message behind what is in a buffer. The numbers of the
//! fields are those of `opentelemetry/proto/{trace,logs,common}/v1`. Their order within a message is
//! free, and follows from what is known when: a name that an attribute changes comes after the
//! attributes.

mod log;
mod span;

use onelogger::{SpanId, TraceId};

use super::wire;

pub(super) use log::{
    data_error_log, error_log, event_log, is_log_record, lone_log, open_span_log, opening_log,
    stop_event_log, unremembered_log,
};
pub(super) use span::{
    Remembered, data_error_span, exception_event, lone_span, new_name, span, span_event,
    zero_length, zero_length_error,
};

/// The flags of W3C Trace Context: the trace is sampled.
const SAMPLED: u32 = 0x01;

/// An id that is not valid is left out, as the protocol wants it.
#[inline]
fn trace_id(out: &mut Vec<u8>, field: u32, id: TraceId) {
    if id.is_valid() {
        wire::array(out, field, id.to_u128().to_be_bytes());
    }
}

#[inline]
fn span_id(out: &mut Vec<u8>, field: u32, id: SpanId) {
    if id.is_valid() {
        wire::array(out, field, id.to_u64().to_be_bytes());
    }
}

#[cfg(test)]
mod tests;
