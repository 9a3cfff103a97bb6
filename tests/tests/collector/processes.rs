//! One trace in two processes, as the example shows it.

use onelogger_tests::collector::{Sink, over_both};

use super::service::Service;

#[test]
fn two_processes_have_one_trace() {
    over_both(|protocol| {
        let sink = Sink::start();
        let mut example = Service::program(env!("CARGO_BIN_EXE_two_processes"))
            .to(protocol, &sink.endpoint(protocol));
        example.run();
        let (client, server) = (sink.received().of("client"), sink.received().of("server"));
        let order = client.span("order");
        assert_eq!(order.kind, "SPAN_KIND_CLIENT");
        for name in ["start up", "answer"] {
            let span = server.span(name);
            assert_eq!((&span.trace_id, &span.parent_span_id), (&order.trace_id, &order.span_id));
        }
        // The baggage has travelled as well.
        assert_eq!(server.events("served")[0].attributes["tenant"], "north");
        assert_eq!(client.events("answered")[0].attributes["answer"], "hello north");
        for file in ["client.jsonl", "server.jsonl"] {
            let text = std::fs::read_to_string(example.file(file)).unwrap();
            assert!(text.contains(&order.trace_id), "{file}");
        }
    });
}
