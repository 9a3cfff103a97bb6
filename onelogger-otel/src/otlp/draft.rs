//! A request while it grows.
//!
//! An item (a span, a log record) is written once, in the form in which it goes over the wire,
//! beside the others of its instrumentation scope. The size of a request is known at any time, and
//! sending it again copies nothing.

use onelogger::{Attributes, SpanId};

use super::attributes::all_attributes;
use super::scopes::Scopes;
use super::signal::Signal;
use super::stake::Stakes;
use super::wire;

/// An item that no record has made; if it is lost it comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extra {
    /// Says whose telemetry it is.
    Opening,
    /// Says that this span is open.
    OpenSpan(SpanId),
}

/// Items of one signal that go out in one request.
pub(super) struct Draft {
    pub(super) signal: Signal,
    pub(super) extras: Vec<Extra>,
    pub(super) stakes: Stakes,
    /// By the number of the scope.
    items: Vec<Vec<u8>>,
    bytes: usize,
}

/// `ScopeSpans { 1: scope, 2: span…, 3: schema }`, and log records likewise.
mod of_scope {
    pub(super) const SCOPE: u32 = 1;
    pub(super) const ITEM: u32 = 2;
    pub(super) const SCHEMA_URL: u32 = 3;
}

/// `ResourceSpans { 1: resource, 2: of a scope…, 3: schema }`, and log records likewise.
mod of_resource {
    pub(super) const RESOURCE: u32 = 1;
    pub(super) const OF_SCOPE: u32 = 2;
    pub(super) const SCHEMA_URL: u32 = 3;
}

/// `ExportTraceServiceRequest { 1: of a resource… }`, and that of log records likewise.
const OF_RESOURCE: u32 = 1;

/// A scope stands in a request once, with a few bytes around it.
const AROUND_SCOPE: usize = 128;

/// Memory for so many scopes stays with a draft that is used again.
const SCOPES_KEPT: usize = 32;

impl Draft {
    pub(super) fn new(signal: Signal) -> Draft {
        let (extras, stakes) = (Vec::new(), Stakes::default());
        Draft { signal, extras, stakes, items: Vec::new(), bytes: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// How long the request is, but for what it says of the resource.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Writes an item down. Returns where it begins among those of its scope, and how long it is.
    #[inline]
    pub(super) fn write(
        &mut self,
        scope: usize,
        item: impl FnOnce(&mut Vec<u8>),
    ) -> (usize, usize) {
        if scope >= self.items.len() {
            self.items.resize_with(scope + 1, Vec::new);
        }
        let items = &mut self.items[scope];
        let start = items.len();
        wire::nested::<2>(items, of_scope::ITEM, item);
        let length = items.len() - start;
        self.bytes += length + if start == 0 { AROUND_SCOPE } else { 0 };
        (start, length)
    }

    /// Takes the last item out again, into a draft if there is one.
    pub(super) fn take_last(&mut self, scope: usize, start: usize, into: Option<&mut Draft>) {
        let Some(items) = self.items.get_mut(scope) else {
            return;
        };
        if let Some(other) = into {
            if scope >= other.items.len() {
                other.items.resize_with(scope + 1, Vec::new);
            }
            other.items[scope].extend_from_slice(&items[start..]);
            other.bytes += items.len() - start + AROUND_SCOPE;
        }
        self.bytes -= items.len() - start + if start == 0 { AROUND_SCOPE } else { 0 };
        items.truncate(start);
    }

    /// Makes it ready for other items; the memory stays.
    pub(super) fn clear(&mut self) {
        self.extras.clear();
        self.stakes.clear();
        self.items.truncate(SCOPES_KEPT);
        self.items.iter_mut().for_each(Vec::clear);
        self.bytes = 0;
    }
}

/// What stands around the items.
pub(super) struct Envelope {
    /// The field with the resource.
    resource: Vec<u8>,
    schema_url: &'static str,
}

impl Envelope {
    pub(super) fn new(schema_url: &'static str, resource: &Attributes) -> Envelope {
        /// `Resource { 1: attribute… }`.
        const ATTRIBUTES: u32 = 1;
        let mut field = Vec::new();
        wire::message(&mut field, of_resource::RESOURCE, |out| {
            all_attributes(out, ATTRIBUTES, resource);
        });
        Envelope { resource: field, schema_url }
    }

    /// Writes the body of a request.
    pub(super) fn seal(&self, draft: &Draft, scopes: &Scopes, body: &mut Vec<u8>) {
        body.reserve(draft.bytes + self.resource.len() + AROUND_SCOPE);
        wire::nested::<4>(body, OF_RESOURCE, |body| {
            body.extend_from_slice(&self.resource);
            for (number, items) in draft.items.iter().enumerate() {
                if !items.is_empty() {
                    self.put_scope(body, scopes.encoded(number), items);
                }
            }
            wire::text(body, of_resource::SCHEMA_URL, &[self.schema_url]);
        });
    }

    fn put_scope(&self, body: &mut Vec<u8>, scope: &[u8], items: &[u8]) {
        wire::nested::<4>(body, of_resource::OF_SCOPE, |body| {
            wire::bytes(body, of_scope::SCOPE, scope);
            body.extend_from_slice(items);
            wire::text(body, of_scope::SCHEMA_URL, &[self.schema_url]);
        });
    }
}
