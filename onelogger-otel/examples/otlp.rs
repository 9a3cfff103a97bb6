//! A job in three steps, sent to an OpenTelemetry collector.
//!
//! ```text
//! OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 \
//!     cargo run -q -p onelogger-otel --example otlp
//! ```
//!
//! `OTEL_EXPORTER_OTLP_PROTOCOL=grpc` sends over gRPC, whose port is usually 4317. Where nobody
//! answers, the job runs all the same; the example says so, and how to start a collector.

use std::env;
use std::error::Error;
use std::time::Duration;

use onelogger::prelude::*;
use onelogger::{error, event, span, timed_span};
use onelogger_otel::{OtlpExporter, Protocol, RetryPolicy};

const ADVICE: &str = "\
To see what arrives, start a collector and run this again. In a checkout:

    cargo xtask collector

or, anywhere:

    docker run --rm -p 4317:4317 -p 4318:4318 otel/opentelemetry-collector";

fn main() -> Result<(), Box<dyn Error>> {
    let protocol = match env::var("OTEL_EXPORTER_OTLP_PROTOCOL").as_deref() {
        Ok("grpc") => Protocol::Grpc,
        _ => Protocol::HttpProtobuf,
    };
    let mut exporter = OtlpExporter::builder()
        .protocol(protocol)
        .timeout(Duration::from_secs(2))
        // An example does not wait for a collector that may come later.
        .retry(RetryPolicy { within: Duration::from_secs(1), ..RetryPolicy::default() });
    if let Ok(endpoint) = env::var("OTEL_EXPORTER_OTLP_ENDPOINT") {
        exporter = exporter.endpoint(endpoint);
    }
    let recorder = DefaultRecorder::builder().exporter(exporter.build()?).build()?;
    let config = OneLoggerConfig::builder("otlp-example").session_tag("example").world_size(1);
    let provider = OneLoggerProvider::instance();
    let _onelogger = provider.configure(config.build()?, recorder)?;
    let recorder = provider.recorder();

    let words: usize = ["a first text", "", "a third one"].into_iter().flat_map(job).sum();
    println!("the job has counted {words} words");

    provider.close(Duration::from_secs(20))?;
    for exporter in recorder.health().exporters {
        let counts = exporter.counts;
        let (delivered, lost) = (counts.delivered, counts.lost_total());
        println!(
            "{}: {delivered} of {} records delivered, {lost} lost",
            exporter.name, counts.recorded
        );
        if lost > 0 {
            println!("{}\n\n{ADVICE}", exporter.last_error.unwrap_or_default());
        }
    }
    Ok(())
}

/// One text. The empty one is an error, and the job goes on.
#[timed_span(name = "text", attrs(bytes = text.len()))]
fn job(text: &str) -> Result<usize, EmptyText> {
    let words = span!("count"; { text.split_whitespace().count() });
    if words == 0 {
        error!("nothing to count", bytes = text.len());
        return Err(EmptyText);
    }
    event!("counted", words);
    Ok(words)
}

#[derive(Debug)]
struct EmptyText;

impl std::fmt::Display for EmptyText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the text is empty")
    }
}

impl Error for EmptyText {}
