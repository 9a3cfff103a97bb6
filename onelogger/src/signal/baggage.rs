//! Baggage that becomes attributes.

use crate::context;
use crate::recorder::{Configured, SpanBuilder};

/// Gives a span that is about to start the entries of the current baggage that its recorder asks for.
pub(super) fn add_baggage(configured: &Configured, span: &mut SpanBuilder) {
    let wanted = configured.baggage_attributes();
    if wanted.is_empty() {
        return;
    }
    let baggage = context::baggage();
    for name in wanted {
        if let Some(value) = baggage.get(name.as_str())
            && span.attributes.get(name.as_str()).is_none()
        {
            span.attributes.set(name, value);
        }
    }
}
