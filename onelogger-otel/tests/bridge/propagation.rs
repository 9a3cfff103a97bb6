//! What goes from one process to the next, through the propagator of either world.

use std::collections::HashMap;

use onelogger::context::{self, Baggage, Context as OurContext};
use onelogger::{span, timed_span};
use onelogger_otel::OtelPropagator;
use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Span as _, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue, global};

use super::support::{Job, tracer};

type Headers = HashMap<String, String>;

fn injected(cx: &Context) -> Headers {
    let mut headers = Headers::new();
    global::get_text_map_propagator(|it| it.inject_context(cx, &mut headers));
    headers
}

fn extracted(headers: &Headers) -> Context {
    global::get_text_map_propagator(|it| it.extract_with_context(&Context::new(), headers))
}

#[timed_span(name = "answer")]
fn answer() {
    tracer().in_span("look up", |_| {});
}

/// Two "processes" with a provider each, and what lies between them.
#[test]
fn a_trace_goes_through_both_worlds_from_process_to_process() {
    const ORIGIN: [(&str, &str); 3] = [
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        ("baggage", "tenant=Am%C3%A9lie;private,region=eu"),
    ];
    let origin: Headers = ORIGIN.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();

    let first = Job::new();
    let _in = extracted(&origin).attach();
    #[timed_span(name = "request")]
    fn request(client_span_is_active: bool) -> (Headers, Headers) {
        let client = tracer().start("client");
        let cx = Context::current_with_span(client);
        if client_span_is_active {
            let _active = cx.attach();
            let mut ours = Headers::new();
            context::inject(&mut ours);
            (injected(&Context::current()), ours)
        } else {
            (injected(&cx), Headers::new())
        }
    }
    let (active, ours) = request(true);
    let (explicit, _) = request(false);
    drop(_in);
    let first = first.finish();
    assert_eq!(ours, active);
    assert_eq!(active["tracestate"], ORIGIN[1].1);
    assert_eq!(explicit["tracestate"], ORIGIN[1].1);
    assert_eq!(explicit["baggage"], "region=eu,tenant=Am%C3%A9lie;private");
    assert_eq!(active["baggage"], explicit["baggage"]);

    let mut above: Vec<_> = first.starts().filter(|it| it.name == "client").collect();
    assert!(above.iter().all(|it| it.trace_id.to_string() == ORIGIN[0].1[3..35]));
    let requests: Vec<_> = first.starts().filter(|it| it.name == "request").collect();
    for (client, request) in above.drain(..).zip(&requests) {
        assert_eq!(client.parent.unwrap().span_id, request.span_id);
        let parent = request.parent.unwrap();
        assert!(parent.is_remote && parent.span_id.to_string() == ORIGIN[0].1[36..52]);
    }

    for headers in [&active, &explicit] {
        let second = Job::new();
        let attached = extracted(headers).attach();
        answer();
        assert_eq!(context::baggage().get("tenant"), Some("Amélie"));
        assert_eq!(context::trace_state().get("congo"), Some("t61rcWkgMzE"));
        drop(attached);
        let second = second.finish();
        let parent = second.start("answer").parent.unwrap();
        assert!(parent.is_remote);
        assert_eq!(parent.span_id.to_string(), headers["traceparent"][36..52]);
        assert_eq!(second.parent("look up"), Some(second.id("answer")));
        assert!(second.starts().all(|it| it.trace_id.to_string() == ORIGIN[0].1[3..35]));
    }
}

/// What ours extracts is the parent of OpenTelemetry's spans, and goes out with its propagator.
#[test]
fn what_ours_has_extracted_is_handed_on() {
    let headers = [
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", "foo@bar@baz=1,congo=2"),
        ("baggage", "a=1"),
    ];
    let job = Job::new();
    OurContext::extract(&headers).run(|| {
        // Nothing of this process is in between.
        let sent = injected(&Context::current());
        assert!(headers.iter().all(|&(name, value)| sent[name] == value));
        let span = tracer().start("theirs");
        assert_eq!(span.span_context().trace_state().get("congo"), Some("2"));
        drop(span);
        let _ours = span!("ours");
        // OpenTelemetry's own type refuses the first member, which ours hands on.
        assert_eq!(injected(&Context::current())["tracestate"], headers[1].1);
    });
    let recorded = job.finish();
    for name in ["theirs", "ours"] {
        let parent = recorded.start(name).parent.unwrap();
        assert!(parent.is_remote && parent.span_id.to_string() == "b7ad6b7169203331");
    }
}

#[test]
fn the_inner_span_of_both_worlds_is_injected() {
    let job = Job::new();
    let sent = |headers: Headers| headers["traceparent"][36..52].to_owned();
    let mut spans = Vec::new();
    tracer().in_span("a", |_| {
        spans.push(("a", sent(injected(&Context::current()))));
        let _ours = span!("b");
        spans.push(("b", sent(injected(&Context::current()))));
        tracer().in_span("c", |cx| {
            spans.push(("c", sent(injected(&cx))));
            let _ours = span!("d");
            spans.push(("d", sent(injected(&Context::current()))));
            // Explicitly that of another context.
            let other = Context::new().with_span(tracer().start("e"));
            spans.push(("e", sent(injected(&other))));
            assert!(!injected(&Context::new()).contains_key("traceparent"));
        });
    });
    let recorded = job.finish();
    for (name, id) in spans {
        assert_eq!(id, recorded.id(name).to_string(), "{name}");
    }
}

/// Other processes never hear of a span that a filter holds back.
#[test]
fn a_span_that_is_held_back_is_not_injected() {
    let job = Job::without(&["held back"]);
    let mut headers = Vec::new();
    tracer().in_span("outer", |_| {
        tracer().in_span("held back", |_| headers.push(injected(&Context::current())));
    });
    tracer().in_span("held back", |_| headers.push(injected(&Context::current())));
    let recorded = job.finish();
    assert_eq!(headers[0]["traceparent"][36..52], recorded.id("outer").to_string());
    // A root has nothing above it; the trace goes on all the same, and no bit of ours with it.
    assert!(headers[1]["traceparent"].ends_with("-01"));
}

#[test]
fn baggage_of_both_worlds_goes_out() {
    let job = Job::new();
    let ours: Baggage = "both=ours,ours=1".parse().unwrap();
    let _ours = OurContext::capture().with_baggage(ours).attach();
    let theirs = [KeyValue::new("both", "theirs"), KeyValue::new("theirs", "x y")];
    let cx = Context::current_with_baggage(theirs);
    // Each world's own comes first where it is asked.
    assert_eq!(injected(&cx)["baggage"], "both=theirs,theirs=x%20y,ours=1");
    let _active = cx.attach();
    assert_eq!(context::baggage().to_string(), "both=ours,ours=1,theirs=x%20y");
    assert_eq!(onelogger_otel::current_context().baggage().len(), 3);
    // Carried to another thread by ours.
    let sent = std::thread::scope(|scope| {
        scope.spawn(context::wrap(|| injected(&Context::current()))).join().unwrap()
    });
    assert_eq!(sent["baggage"], "both=ours,ours=1,theirs=x%20y");
    // What OpenTelemetry allows and the standard does not, and what there is no room for.
    let many = (0..100).map(|n| KeyValue::new(format!("key{n:02}"), "v".repeat(200)));
    let sent = injected(&Context::current_with_baggage(many));
    let read: Baggage = sent["baggage"].parse().unwrap();
    assert!(sent["baggage"].len() <= 8192 && read.len() > 30, "{}", read.len());
    drop((_active, _ours));
    job.finish();
}

#[test]
fn each_field_has_its_propagator() {
    let job = Job::new();
    tracer().in_span("span", |_| {
        let cx = Context::current_with_baggage([KeyValue::new("a", "1")]);
        for (propagator, fields) in [
            (OtelPropagator::new(), &["traceparent", "tracestate", "baggage"][..]),
            (OtelPropagator::trace_context(), &["traceparent", "tracestate"]),
            (OtelPropagator::baggage(), &["baggage"]),
        ] {
            assert!(propagator.fields().eq(fields.iter().copied()));
            let mut headers = Headers::new();
            propagator.inject_context(&cx, &mut headers);
            let mut names: Vec<_> = headers.keys().map(String::as_str).collect();
            names.sort_unstable_by(|a, b| b.cmp(a));
            let sent = fields.iter().copied().filter(|field| *field != "tracestate");
            assert!(names.iter().copied().eq(sent), "{names:?}");

            let all = injected(&cx);
            let found = propagator.extract_with_context(&Context::new(), &all);
            assert_eq!(found.has_active_span(), fields.contains(&"traceparent"));
            assert_eq!(found.baggage().is_empty(), !fields.contains(&"baggage"));
        }
    });
    job.finish();
}

#[test]
fn hostile_headers_change_nothing() {
    let job = Job::new();
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    tracer().in_span("span", |cx| {
        let before = cx.with_baggage([KeyValue::new("a", "1")]);
        let long = "x".repeat(100_000);
        for value in [
            "",
            "00",
            "☃",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            &long,
        ] {
            let headers = Headers::from([
                ("traceparent".to_owned(), value.to_owned()),
                ("tracestate".to_owned(), "congo=1".to_owned()),
                ("baggage".to_owned(), "\u{0};=,".to_owned()),
            ]);
            let after =
                global::get_text_map_propagator(|it| it.extract_with_context(&before, &headers));
            assert_eq!(after.span().span_context(), before.span().span_context(), "{value}");
            assert_eq!(after.baggage().to_string(), "a=1");
        }
        // A state that is malformed does its parent no harm, and no bit of ours comes in.
        let headers = Headers::from([
            ("traceparent".to_owned(), parent.replace("-01", "-fd")),
            ("tracestate".to_owned(), format!("a={long}")),
        ]);
        let after = extracted(&headers);
        assert_eq!(after.span().span_context().trace_state().header(), "");
        assert_eq!(after.span().span_context().trace_flags().to_u8(), 1);
        tracer().start_with_context("below", &after).end();
    });
    let recorded = job.finish();
    assert!(recorded.start("below").parent.unwrap().is_remote);
}
