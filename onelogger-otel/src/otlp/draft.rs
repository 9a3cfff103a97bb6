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
    /// The field with the schema, of a resource and of a scope.
    schema_url: [Vec<u8>; 2],
}

impl Envelope {
    pub(super) fn new(schema_url: &'static str, resource: &Attributes) -> Envelope {
        /// `Resource { 1: attribute… }`.
        const ATTRIBUTES: u32 = 1;
        let mut field = Vec::new();
        wire::message(&mut field, of_resource::RESOURCE, |out| {
            all_attributes(out, ATTRIBUTES, resource);
        });
        let schema_url = [of_resource::SCHEMA_URL, of_scope::SCHEMA_URL].map(|number| {
            let mut field = Vec::new();
            wire::text(&mut field, number, &[schema_url]);
            field
        });
        Envelope { resource: field, schema_url }
    }

    /// Writes the body of a request. All lengths are known before, so that nothing of it moves.
    pub(super) fn seal(&self, draft: &Draft, scopes: &Scopes, body: &mut Vec<u8>) {
        let [of_resource_schema, of_scope_schema] = &self.schema_url;
        let parts = || {
            let used = draft.items.iter().enumerate().filter(|(_, items)| !items.is_empty());
            used.map(|(number, items)| {
                let scope = scopes.encoded(number);
                let around = wire::size(of_scope::SCOPE, scope.len()) + of_scope_schema.len();
                (scope, items, around + items.len())
            })
        };
        let size = |(_, _, length)| wire::size(of_resource::OF_SCOPE, length);
        let length = self.resource.len() + parts().map(size).sum::<usize>();
        let length = length + of_resource_schema.len();
        body.reserve(wire::size(OF_RESOURCE, length));
        wire::head(body, OF_RESOURCE, length);
        body.extend_from_slice(&self.resource);
        for (scope, items, length) in parts() {
            wire::head(body, of_resource::OF_SCOPE, length);
            wire::head(body, of_scope::SCOPE, scope.len());
            body.extend_from_slice(scope);
            body.extend_from_slice(items);
            body.extend_from_slice(of_scope_schema);
        }
        body.extend_from_slice(of_resource_schema);
    }
}
