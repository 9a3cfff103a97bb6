//! An application's own metrics: every instrument, units, descriptions, attributes, and a view.
//!
//! Sent to the collector that `OTEL_EXPORTER_OTLP_ENDPOINT` names, by default one on this machine
//! (`cargo xtask collector` starts one); shown here as well.
//!
//! ```text
//! cargo run -p onelogger-otel --example metrics
//! OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta cargo run -p onelogger-otel --example metrics
//! ```

use std::time::{Duration, Instant};

use onelogger_otel::opentelemetry::{KeyValue, global};
use onelogger_otel::opentelemetry_sdk::metrics::{Aggregation, Instrument, Stream};
use onelogger_otel::{Setup, opentelemetry};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let telemetry = Setup::new()
        .resource("service.name", "metrics-example")
        .resource("service.version", env!("CARGO_PKG_VERSION"))
        // A view: other buckets for one histogram, and another name.
        .meters(|meters| meters.with_view(buckets))
        .install()?;

    work(&global::meter("metrics-example"));

    // The last values go out when the guard is dropped; here we want to know whether they arrive.
    let is_flushed = telemetry.force_flush(Duration::from_secs(5));
    // A collector that is not there is not waited for any longer.
    let telemetry = telemetry.close_timeout(Duration::from_secs(2));
    match telemetry.metric_health() {
        Some(health) if is_flushed => println!("{} data points are sent", health.exported),
        Some(_) => println!(
            "the data points do not get through; is there a collector? `cargo xtask collector` starts \
             one, and the example `doctor` says what is wrong"
        ),
        None => println!("metrics go to no collector"),
    }
    Ok(())
}

fn work(meter: &opentelemetry::metrics::Meter) {
    // What only grows.
    let requests = meter
        .u64_counter("example.requests")
        .with_description("Requests that were answered")
        .with_unit("{request}")
        .build();
    // What goes up and down.
    let active = meter.i64_up_down_counter("example.active").with_unit("{request}").build();
    // The distribution of something.
    let duration = meter
        .f64_histogram("example.duration")
        .with_description("How long a request takes")
        .with_unit("s")
        .build();
    // A value as it is now.
    let queue = meter.u64_gauge("example.queue.length").with_unit("{item}").build();
    // A value that is asked for when it is sent.
    let began = Instant::now();
    let _uptime = meter
        .f64_observable_gauge("example.uptime")
        .with_unit("s")
        .with_callback(move |observer| observer.observe(began.elapsed().as_secs_f64(), &[]))
        .build();

    for request in 0..20_u64 {
        let route = if request % 4 == 0 { "/status" } else { "/items" };
        let attributes = [KeyValue::new("http.route", route)];
        active.add(1, &attributes);
        queue.record(20 - request, &[]);
        duration.record(0.002 * request as f64, &attributes);
        requests.add(1, &attributes);
        active.add(-1, &attributes);
    }
}

/// The histogram of durations with buckets that suit it, under another name.
fn buckets(instrument: &Instrument) -> Option<Stream> {
    if instrument.name() != "example.duration" {
        return None;
    }
    let boundaries = vec![0.005, 0.01, 0.02, 0.05];
    Stream::builder()
        .with_name("example.request.duration")
        .with_aggregation(Aggregation::ExplicitBucketHistogram { boundaries, record_min_max: true })
        .build()
        .ok()
}
