//! Requests while they grow.
//!
//! An item (a span, a log record) is written down as soon as it is made, in the form in which it
//! goes over the wire, and the message it was made of is gone: a request is one piece of memory,
//! its size is known at any time, and sending it again copies nothing.

use bytes::Bytes;
use onelogger::SpanId;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use prost::encoding::encode_varint;

use super::signal::Signal;

/// What an item stands for in the exporter's counts: the records that are lost with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stake {
    /// Records of the call that made the item.
    pub(super) own: usize,
    /// Records that were accepted before, and wait for the item to be seen.
    pub(super) waiting: usize,
}

impl Stake {
    /// What shows no record, or shows it a second time.
    pub(super) const NONE: Stake = Stake { own: 0, waiting: 0 };
    /// One record, which nothing else shows.
    pub(super) const OWN: Stake = Stake { own: 1, waiting: 0 };

    fn total(self) -> usize {
        self.own + self.waiting
    }
}

impl std::iter::Sum for Stake {
    fn sum<I: Iterator<Item = Stake>>(stakes: I) -> Stake {
        stakes.fold(Stake::NONE, |sum, stake| Stake {
            own: sum.own + stake.own,
            waiting: sum.waiting + stake.waiting,
        })
    }
}

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
    items: Vec<u8>,
    stakes: Vec<Stake>,
}

impl Draft {
    fn new(signal: Signal) -> Draft {
        Draft { signal, extras: Vec::new(), items: Vec::new(), stakes: Vec::new() }
    }

    /// How many items there are.
    pub(super) fn items(&self) -> usize {
        self.stakes.len()
    }

    /// What is lost if the request is.
    pub(super) fn stake(&self) -> Stake {
        self.stakes.iter().copied().sum()
    }

    /// What is lost if so many items are. Which ones the protocol does not tell; those that stand
    /// for most records are assumed, so that none counts as delivered that is not.
    pub(super) fn stake_of_rejected(&self, items: usize) -> Stake {
        let mut stakes = self.stakes.clone();
        stakes.sort_unstable_by_key(|stake| std::cmp::Reverse(stake.total()));
        stakes.into_iter().take(items).sum()
    }
}

/// All requests that a call leads to.
pub(super) struct Outbox {
    drafts: Vec<Draft>,
    traces: Draft,
    logs: Draft,
    limits: Limits,
    pub(super) oversized: Stake,
}

/// How much goes into a request, in bytes before compression.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// A request that has grown beyond is closed.
    pub(super) request: usize,
    /// An item that is longer is refused: it would be by collectors too, which take 4 MiB a request
    /// over gRPC unless told otherwise.
    pub(super) item: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { request: 2 << 20, item: (4 << 20) - (64 << 10) }
    }
}

impl Outbox {
    pub(super) fn new(limits: Limits) -> Outbox {
        Outbox {
            drafts: Vec::new(),
            traces: Draft::new(Signal::Traces),
            logs: Draft::new(Signal::Logs),
            limits,
            oversized: Stake::NONE,
        }
    }

    /// Writes an item down.
    pub(super) fn put(&mut self, signal: Signal, item: &impl Message, stake: Stake) {
        let length = item.encoded_len();
        if length > self.limits.item {
            self.oversized = [self.oversized, stake].into_iter().sum();
            return;
        }
        let draft = match signal {
            Signal::Traces => &mut self.traces,
            Signal::Logs | Signal::Metrics => &mut self.logs,
        };
        if !draft.items.is_empty() && draft.items.len() + length > self.limits.request {
            self.drafts.push(std::mem::replace(draft, Draft::new(signal)));
        }
        draft.items.push(ITEM);
        encode_varint(length as u64, &mut draft.items);
        item.encode_raw(&mut draft.items);
        draft.stakes.push(stake);
    }

    /// Writes a log record down that no record has made.
    pub(super) fn put_extra(&mut self, log: &LogRecord, extra: Extra) {
        self.put(Signal::Logs, log, Stake::NONE);
        self.logs.extras.push(extra);
    }

    /// The requests in the order in which they are to be sent.
    pub(super) fn into_drafts(self) -> impl Iterator<Item = Draft> {
        let last = [self.traces, self.logs].into_iter().filter(|draft| !draft.items.is_empty());
        self.drafts.into_iter().chain(last)
    }
}

/// What stands around the items. The messages of both signals are laid out alike:
/// `request { 1: of_resource { 1: resource, 2: of_scope { 1: scope, 2: item… } } }`.
pub(super) struct Envelope {
    resource: Vec<u8>,
    scope: Vec<u8>,
}

/// The keys of fields 1 and 2, whose values have a length.
const FIRST: u8 = 0x0a;
const SECOND: u8 = 0x12;
const ITEM: u8 = SECOND;

impl Envelope {
    pub(super) fn new(resource: &Resource, scope: &InstrumentationScope) -> Envelope {
        Envelope { resource: resource.encode_to_vec(), scope: scope.encode_to_vec() }
    }

    /// The body of a request.
    pub(super) fn seal(&self, draft: &Draft) -> Bytes {
        let mut of_scope = Vec::with_capacity(self.scope.len() + 16);
        put_field(&mut of_scope, FIRST, &self.scope);
        let mut of_resource = Vec::with_capacity(self.resource.len() + of_scope.len() + 32);
        put_field(&mut of_resource, FIRST, &self.resource);
        of_resource.push(SECOND);
        encode_varint((of_scope.len() + draft.items.len()) as u64, &mut of_resource);
        of_resource.extend_from_slice(&of_scope);
        let length = of_resource.len() + draft.items.len();
        let mut body = Vec::with_capacity(length + 16);
        body.push(FIRST);
        encode_varint(length as u64, &mut body);
        body.extend_from_slice(&of_resource);
        body.extend_from_slice(&draft.items);
        body.into()
    }
}

fn put_field(out: &mut Vec<u8>, key: u8, value: &[u8]) {
    out.push(key);
    encode_varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

    use super::*;
    use crate::otlp::attributes::text;
    use crate::otlp::resource::scope;

    fn span(name: &str) -> Span {
        Span { name: name.to_owned(), ..Span::default() }
    }

    fn names(body: &Bytes) -> Vec<String> {
        let request = ExportTraceServiceRequest::decode(body.clone()).unwrap();
        let spans = request.resource_spans.into_iter().flat_map(|of| of.scope_spans);
        spans.flat_map(|of| of.spans).map(|span| span.name).collect()
    }

    #[test]
    fn a_request_is_the_message_that_the_protocol_defines() {
        let resource =
            Resource { attributes: vec![text("service.name", "s")], ..Resource::default() };
        let mut outbox = Outbox::new(Limits::default());
        outbox.put(Signal::Traces, &span("a"), Stake::OWN);
        outbox.put(Signal::Traces, &span("b"), Stake::OWN);
        let draft = outbox.into_drafts().next().unwrap();
        let body = Envelope::new(&resource, &scope()).seal(&draft);
        let of_scope = ScopeSpans {
            scope: Some(scope()),
            spans: vec![span("a"), span("b")],
            ..ScopeSpans::default()
        };
        let of_resource = ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![of_scope],
            ..ResourceSpans::default()
        };
        let expected = ExportTraceServiceRequest { resource_spans: vec![of_resource] };
        assert_eq!(ExportTraceServiceRequest::decode(body).unwrap(), expected);
    }

    #[test]
    fn requests_are_cut_between_items_and_keep_their_order() {
        let mut outbox = Outbox::new(Limits { request: 30, item: 100 });
        for name in ["0123456789", "a", "0123456789012345678901234567890", "b", "c"] {
            outbox.put(Signal::Traces, &span(name), Stake { own: 1, waiting: 1 });
        }
        outbox.put(Signal::Traces, &span(&"x".repeat(101)), Stake { own: 1, waiting: 2 });
        assert_eq!(outbox.oversized, Stake { own: 1, waiting: 2 });
        let envelope = Envelope::new(&Resource::default(), &scope());
        let drafts: Vec<Draft> = outbox.into_drafts().collect();
        let sent: Vec<_> = drafts.iter().map(|draft| names(&envelope.seal(draft))).collect();
        let long = "0123456789012345678901234567890";
        assert_eq!(sent, [vec!["0123456789", "a"], vec![long], vec!["b", "c"]]);
        assert_eq!(drafts[0].stake(), Stake { own: 2, waiting: 2 });
    }

    #[test]
    fn what_was_rejected_is_taken_to_be_what_weighs_most() {
        let mut outbox = Outbox::new(Limits::default());
        for waiting in [1, 5, 1] {
            outbox.put(Signal::Logs, &span(""), Stake { own: 1, waiting });
        }
        let draft = outbox.into_drafts().next().unwrap();
        assert_eq!(draft.stake_of_rejected(2), Stake { own: 2, waiting: 6 });
        assert_eq!(draft.stake_of_rejected(9), draft.stake());
    }
}
