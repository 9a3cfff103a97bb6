//! What goes to other processes and comes from them.
//!
//! [`Context::inject`] writes, [`Context::with_extracted`] reads, and whatever can hold named texts is
//! a carrier. Nothing that is read is trusted: the parsers check each byte, keep nothing beyond the
//! limits, and answer "nothing" to all that the standards do not allow.

mod baggage;
#[cfg(test)]
mod baggage_tests;
mod baggage_text;
mod carrier;
mod environment;
mod traceparent;
mod tracestate;

pub use baggage::{Baggage, BaggageError};
pub use carrier::{Extractor, Injector, extractor, injector};
pub use environment::environment;
pub use tracestate::{TraceState, TraceStateError};

use std::sync::Arc;

use super::{Context, with_current};
use crate::data::{SpanContext, TraceId};
use crate::recorder::Span;

/// The names of the fields, as headers are called.
const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";
const BAGGAGE: &str = "baggage";

/// What a context carries from other processes and to them.
#[derive(Clone, Debug, Default)]
pub(super) struct Carried {
    remote_parent: Option<SpanContext>,
    trace_state: TraceState,
    /// The trace that the state belongs to.
    trace: TraceId,
    baggage: Baggage,
}

impl Context {
    /// What another process has injected into the carrier: the headers of a request, the properties of
    /// a message.
    ///
    /// What is started in this context hangs under the span of the other process. The context has no
    /// other spans and no other baggage; the provider in force is that of the caller. Where the
    /// carrier has nothing, or something malformed, there is no such span, and what is started begins
    /// a trace of its own.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use onelogger::context::{self, Context};
    /// use onelogger::timed_span;
    ///
    /// #[timed_span(name = "answer", kind = server)]
    /// fn answer() {}
    ///
    /// let headers = HashMap::from([(
    ///     "traceparent".to_owned(),
    ///     "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
    /// )]);
    /// # let capture = onelogger::testing::capture();
    /// Context::extract(&headers).run(answer); // a future: `answer().with_context(context)`
    /// # let records = capture.finish();
    /// # let onelogger::Record::Start(span) = &records[0] else { panic!() };
    /// # assert_eq!(span.trace_id.to_string(), "0af7651916cd43dd8448eb211c80319c");
    /// # assert_eq!(span.parent.unwrap().span_id.to_string(), "b7ad6b7169203331");
    /// ```
    #[must_use]
    pub fn extract<C: Extractor + ?Sized>(carrier: &C) -> Context {
        let provider = with_current(|current| current.provider.clone()).unwrap_or_default();
        Context { provider, ..Context::EMPTY }.with_extracted(carrier)
    }

    /// This context with what another process has injected into the carrier.
    ///
    /// A valid `traceparent` takes the place of all spans, and `tracestate` comes with it; a valid
    /// `baggage` takes the place of the baggage. What is missing or malformed leaves the context as it
    /// is.
    ///
    /// ```
    /// use onelogger::context::{Baggage, Context};
    /// let context = Context::empty().with_baggage(Baggage::new().with("tenant", "a")?);
    /// let hostile = [("traceparent", "00-☃"), ("baggage", "tenant")];
    /// assert_eq!(context.with_extracted(&hostile).baggage().get("tenant"), Some("a"));
    /// # Ok::<(), onelogger::context::BaggageError>(())
    /// ```
    #[must_use]
    pub fn with_extracted<C: Extractor + ?Sized>(mut self, carrier: &C) -> Context {
        // The standard: what comes without a valid traceparent is no tracestate.
        if let Some(parent) = traceparent::read(carrier) {
            self = self.with_remote_parent(parent, TraceState::read(carrier));
        }
        match Baggage::read(carrier) {
            Some(baggage) => self.with_baggage(baggage),
            None => self,
        }
    }

    /// This context, and under the span of another process. For what comes in another form than the
    /// standard's; an invalid span changes nothing.
    ///
    /// ```
    /// use onelogger::context::{Context, TraceState};
    /// use onelogger::{SpanContext, SpanId, TraceId};
    /// let parent = SpanContext::remote(TraceId::from_u128(7), SpanId::from_u64(9));
    /// let context = Context::empty().with_remote_parent(parent, TraceState::new());
    /// assert_eq!(context.remote_parent(), Some(parent));
    /// ```
    #[must_use]
    pub fn with_remote_parent(mut self, parent: SpanContext, trace_state: TraceState) -> Context {
        if !parent.is_valid() {
            return self;
        }
        self.spans.clear();
        self.origin = None;
        let remote_parent = Some(SpanContext { is_remote: true, ..parent });
        let trace = parent.trace_id;
        self.carry(|carried| Carried { remote_parent, trace_state, trace, ..carried })
    }

    /// This context with the state of a trace, where something is in that trace. What the context has
    /// for it already stays as it is.
    ///
    /// ```
    /// use onelogger::context::{Context, TraceState};
    /// let capture = onelogger::testing::capture();
    /// let span = onelogger::recorder().start("load")?;
    /// let state: TraceState = "congo=1".parse()?;
    /// let context = Context::capture().with_trace_state(span.context().trace_id, || state);
    /// let mut headers = Vec::new();
    /// context.inject(&mut headers);
    /// assert_eq!(headers[1], ("tracestate".to_owned(), "congo=1".to_owned()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_trace_state(self, trace: TraceId, state: impl FnOnce() -> TraceState) -> Context {
        if self.carried.as_ref().is_some_and(|carried| carried.trace == trace) {
            return self;
        }
        let trace_state = state();
        if trace_state.is_empty() {
            return self;
        }
        self.carry(|carried| Carried { trace_state, trace, ..carried })
    }

    /// This context with other baggage. Without any if that is empty: it is what to send to a process
    /// that is not to know.
    ///
    /// ```
    /// use onelogger::context::{self, Baggage, Context};
    /// let baggage = context::baggage().with("tenant", "Amélie")?;
    /// let _attached = Context::capture().with_baggage(baggage).attach();
    /// let mut headers = Vec::new();
    /// context::inject(&mut headers);
    /// assert_eq!(headers[0].1, "tenant=Am%C3%A9lie");
    /// # Ok::<(), onelogger::context::BaggageError>(())
    /// ```
    #[must_use]
    pub fn with_baggage(self, baggage: Baggage) -> Context {
        self.carry(|carried| Carried { baggage, ..carried })
    }

    /// This context with other baggage beside its own, which stays as it is. What the limits leave no
    /// room for is left out.
    ///
    /// ```
    /// use onelogger::context::{Baggage, Context};
    /// let context = Context::empty().with_baggage(Baggage::new().with("tenant", "a")?);
    /// let more = Baggage::new().with("tenant", "b")?.with("region", "eu")?;
    /// assert_eq!(context.with_more_baggage(&more).baggage().to_string(), "tenant=a,region=eu");
    /// # Ok::<(), onelogger::context::BaggageError>(())
    /// ```
    #[must_use]
    pub fn with_more_baggage(self, more: &Baggage) -> Context {
        let baggage = self.baggage().merged(more);
        self.with_baggage(baggage)
    }

    /// The baggage.
    ///
    /// ```
    /// use onelogger::context::Context;
    /// let context = Context::extract(&[("Baggage", "userId=alice")]);
    /// assert_eq!(context.baggage().get("userId"), Some("alice"));
    /// ```
    pub fn baggage(&self) -> Baggage {
        self.carried.as_ref().map_or_else(Baggage::new, |carried| carried.baggage.clone())
    }

    /// The span of another process that what has no local span above it hangs under.
    ///
    /// ```
    /// use onelogger::context::Context;
    /// let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    /// let remote = Context::extract(&[("traceparent", parent)]).remote_parent().unwrap();
    /// assert!(remote.is_remote && remote.trace_flags.is_sampled());
    /// ```
    pub fn remote_parent(&self) -> Option<SpanContext> {
        self.carried.as_ref()?.remote_parent
    }

    /// What came as `tracestate` with the span of another process.
    ///
    /// ```
    /// use onelogger::context::Context;
    /// let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    /// let context = Context::extract(&[("traceparent", parent), ("tracestate", "rojo=1,congo=2")]);
    /// assert_eq!(context.trace_state().get("congo"), Some("2"));
    /// ```
    pub fn trace_state(&self) -> TraceState {
        self.carried.as_ref().map_or_else(TraceState::new, |carried| carried.trace_state.clone())
    }

    /// Writes into the carrier what another process can extract: the span that is current in this
    /// context, the remote one if no other is, the `tracestate` of its trace, and the baggage. What
    /// there is not is not written.
    ///
    /// The id of a span that a filter holds back would tell others nothing, so they get the span that
    /// it hangs under.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use onelogger::context::Context;
    /// let received = [
    ///     ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ///     ("tracestate", "congo=t61rcWkgMzE"),
    /// ];
    /// let mut headers = HashMap::new();
    /// Context::extract(&received).inject(&mut headers);
    /// assert_eq!(headers["traceparent"], received[0].1);
    /// assert_eq!(headers["tracestate"], received[1].1);
    /// ```
    pub fn inject<C: Injector + ?Sized>(&self, carrier: &mut C) {
        self.fields().put(carrier);
    }

    fn carry(mut self, change: impl FnOnce(Carried) -> Carried) -> Context {
        self.carried =
            Some(Arc::new(change(self.carried.map(Arc::unwrap_or_clone).unwrap_or_default())));
        self
    }

    fn fields(&self) -> Fields {
        let local = self.own_span().and_then(Span::propagated);
        let Carried { remote_parent, mut trace_state, trace, baggage } =
            self.carried.as_deref().cloned().unwrap_or_default();
        let span = local.or(remote_parent);
        if span.is_none_or(|span| span.trace_id != trace) {
            // The current span began a trace of its own.
            trace_state = TraceState::new();
        }
        Fields { span, trace_state, baggage }
    }
}

/// What is injected.
#[derive(Default)]
struct Fields {
    span: Option<SpanContext>,
    trace_state: TraceState,
    baggage: Baggage,
}

impl Fields {
    fn put<C: Injector + ?Sized>(&self, carrier: &mut C) {
        if let Some(span) = &self.span {
            carrier.set(TRACEPARENT, traceparent::text(span));
        }
        if !self.trace_state.is_empty() {
            carrier.set(TRACESTATE, self.trace_state.to_string());
        }
        if !self.baggage.is_empty() {
            carrier.set(BAGGAGE, self.baggage.to_string());
        }
    }
}

/// Writes the current context into the carrier; see [`Context::inject`].
///
/// ```
/// use onelogger::{context, span};
/// # let capture = onelogger::testing::capture();
/// let _request = span!(kind: client, "request");
/// let mut headers = Vec::new();
/// context::inject(&mut headers);
/// assert_eq!(headers[0].0, "traceparent");
/// ```
pub fn inject<C: Injector + ?Sized>(carrier: &mut C) {
    Context::current().inject(carrier);
}

/// The `tracestate` of the trace that this thread or task is in.
///
/// ```
/// use onelogger::context::{self, Context};
/// let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let context = Context::extract(&[("traceparent", parent), ("tracestate", "congo=1")]);
/// context.run(|| assert_eq!(context::trace_state().get("congo"), Some("1")));
/// assert!(context::trace_state().is_empty());
/// ```
pub fn trace_state() -> TraceState {
    Context::current().fields().trace_state
}

/// The baggage of this thread or task.
///
/// ```
/// use onelogger::context::{self, Context};
/// let context = Context::extract(&[("baggage", "serverNode=DF%2028")]);
/// context.run(|| assert_eq!(context::baggage().get("serverNode"), Some("DF 28")));
/// assert!(context::baggage().is_empty());
/// ```
pub fn baggage() -> Baggage {
    Context::current().baggage()
}

/// Without the white space that the standards allow around things: spaces and tabs, and nothing else.
fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RECEIVED: [(&str, &str); 3] = [
        (TRACEPARENT, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        (TRACESTATE, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        (BAGGAGE, "userId=Am%C3%A9lie;private,serverNode=DF%2028"),
    ];

    fn injected(context: &Context) -> Vec<(String, String)> {
        let mut carrier = Vec::new();
        context.inject(&mut carrier);
        carrier
    }

    #[test]
    fn what_is_received_is_sent_as_it_was() {
        let sent = injected(&Context::extract(&RECEIVED));
        assert!(sent.iter().map(|(name, value)| (&**name, &**value)).eq(RECEIVED));
        assert_eq!(injected(&Context::extract(&sent)), sent);
    }

    #[test]
    fn an_invalid_tracestate_does_no_harm_to_its_traceparent() {
        let context = Context::extract(&[RECEIVED[0], (TRACESTATE, "a=1,A=2"), RECEIVED[2]]);
        let sent = injected(&context);
        assert!(sent.iter().map(|(name, _)| &**name).eq([TRACEPARENT, BAGGAGE]));
    }

    proptest! {
        #[test]
        fn hostile_fields_change_nothing(
            parents in prop::collection::vec("([0-9a-f-]|.){0,70}", 0..3),
            states in prop::collection::vec("([a-z=,]|.){0,60}", 0..3),
            baggage in prop::collection::vec(any::<Vec<u8>>(), 0..3),
        ) {
            let mut fields = Vec::new();
            fields.extend(parents.into_iter().map(|value| (TRACEPARENT, value)));
            fields.extend(states.into_iter().map(|value| (TRACESTATE, value)));
            let texts = baggage.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            fields.extend(texts.map(|value| (BAGGAGE, value)));

            let before = Context::extract(&RECEIVED);
            let after = before.clone().with_extracted(&fields);
            prop_assert_eq!(after.remote_parent(), before.remote_parent());
            prop_assert_eq!(after.trace_state(), before.trace_state());
            // Random bytes may be baggage: then it is what others can read.
            if after.baggage() != before.baggage() {
                let sent = injected(&after);
                prop_assert_eq!(injected(&Context::extract(&sent)), sent);
            }
        }
    }
}
