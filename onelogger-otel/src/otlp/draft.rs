//! A request while it grows.
//!
//! An item (a span, a log record) is written once, in the form in which it goes over the wire,
//! beside the others of its instrumentation scope. The size of a request is known at any time, and
//! sending it again copies nothing.

use bytes::Bytes;
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
    /// By the number of the scope; before the first item of each is room for what stands around it.
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

/// Room for what stands before the items of a request with one scope: the resource, for the most part.
/// Then the items need not be copied to where they are sent from.
const HEADROOM: usize = 4096;

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
        if items.is_empty() {
            items.resize(HEADROOM, 0);
        }
        let start = items.len();
        wire::nested::<2>(items, of_scope::ITEM, item);
        let length = items.len() - start;
        self.bytes += length + if start == HEADROOM { AROUND_SCOPE } else { 0 };
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
            let others = &mut other.items[scope];
            others.resize(others.len().max(HEADROOM), 0);
            others.extend_from_slice(&items[start..]);
            other.bytes += items.len() - start + AROUND_SCOPE;
        }
        self.bytes -= items.len() - start + if start == HEADROOM { AROUND_SCOPE } else { 0 };
        items.truncate(start);
    }

    /// The items of each scope that has some, by its number.
    fn of_scopes(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let all = self.items.iter().map(|items| items.get(HEADROOM..).unwrap_or_default());
        all.enumerate().filter(|(_, items)| !items.is_empty())
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

    /// The body of a request. All lengths are known before, so that nothing of it moves. It takes the
    /// items' memory where they are of one scope, else the spare one, to which they are copied.
    pub(super) fn seal(&self, draft: &mut Draft, scopes: &Scopes, spare: &mut Vec<u8>) -> Body {
        let [of_resource_schema, of_scope_schema] = &self.schema_url;
        let size = |(number, items): (usize, &[u8])| {
            wire::size(
                of_resource::OF_SCOPE,
                self.scope_length(scopes.encoded(number), items.len()),
            )
        };
        let length = self.resource.len() + draft.of_scopes().map(size).sum::<usize>();
        let length = length + of_resource_schema.len();
        let mut head = Vec::new();
        wire::head(&mut head, OF_RESOURCE, length);
        head.extend_from_slice(&self.resource);
        let mut used = draft.of_scopes();
        if let (Some((number, items)), None) = (used.next(), used.next())
            && let (scope, items) = (scopes.encoded(number), items.len())
            && head.len() + self.scope_head_length(scope, items) <= HEADROOM
        {
            drop(used);
            self.put_scope_head(&mut head, scope, items);
            let start = HEADROOM - head.len();
            let mut memory = std::mem::take(&mut draft.items[number]);
            memory[start..HEADROOM].copy_from_slice(&head);
            memory.extend_from_slice(of_scope_schema);
            memory.extend_from_slice(of_resource_schema);
            return Body { memory: memory.into(), start, owner: Some(number) };
        }
        let mut memory = std::mem::take(spare);
        memory.reserve(wire::size(OF_RESOURCE, length));
        memory.extend_from_slice(&head);
        for (number, items) in draft.of_scopes() {
            self.put_scope_head(&mut memory, scopes.encoded(number), items.len());
            memory.extend_from_slice(items);
            memory.extend_from_slice(of_scope_schema);
        }
        memory.extend_from_slice(of_resource_schema);
        Body { memory: memory.into(), start: 0, owner: None }
    }

    /// How long the message of a scope is that has so many bytes of items.
    fn scope_length(&self, scope: &[u8], items: usize) -> usize {
        wire::size(of_scope::SCOPE, scope.len()) + items + self.schema_url[1].len()
    }

    /// How much stands before these items.
    fn scope_head_length(&self, scope: &[u8], items: usize) -> usize {
        let length = self.scope_length(scope, items);
        wire::size(of_resource::OF_SCOPE, length) - items - self.schema_url[1].len()
    }

    fn put_scope_head(&self, out: &mut Vec<u8>, scope: &[u8], items: usize) {
        wire::head(out, of_resource::OF_SCOPE, self.scope_length(scope, items));
        wire::head(out, of_scope::SCOPE, scope.len());
        out.extend_from_slice(scope);
    }
}

/// A request as it is sent.
pub(super) struct Body {
    memory: Bytes,
    /// Where it begins in its memory.
    start: usize,
    /// The scope whose items lie in the memory, unless they were copied.
    owner: Option<usize>,
}

impl Body {
    pub(super) fn bytes(&self) -> Bytes {
        self.memory.slice(self.start..)
    }

    /// Gives the memory back to where it came from, if nobody else holds it: a connection that broke
    /// may.
    pub(super) fn give_back(self, draft: &mut Draft, spare: &mut Vec<u8>) {
        let Ok(mut memory) = self.memory.try_into_mut() else {
            return;
        };
        memory.clear();
        match self.owner.and_then(|number| draft.items.get_mut(number)) {
            Some(items) => *items = memory.into(),
            None => *spare = memory.into(),
        }
    }
}
