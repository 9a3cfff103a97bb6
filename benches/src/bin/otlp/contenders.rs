//! Those who are compared: each makes the same spans at the same pace.

use std::fmt;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use onelogger::exporter::{ExportError, Exporter, Records, Run};
use onelogger::{DefaultRecorder, OneLoggerConfig, OneLoggerProvider};
use onelogger_otel::OtlpExporter;
use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};

use crate::cpu::Cost;
use crate::{Load, Outcome, Unknown};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contender {
    /// Keeps the pace, and makes nothing.
    Idle,
    Ours,
    /// The SDK's batch processor with a queue that is long enough for the pace.
    Sdk,
    /// The same with requests as long as ours.
    SdkLongRequests,
    /// Our exporter by itself: batches that lie ready, one after the other.
    ExporterAlone,
}

impl Contender {
    pub(crate) const ALL: [Contender; 5] = [
        Contender::Idle,
        Contender::Ours,
        Contender::Sdk,
        Contender::SdkLongRequests,
        Contender::ExporterAlone,
    ];

    /// Whether it keeps the pace.
    pub(crate) fn is_paced(self) -> bool {
        self != Contender::ExporterAlone
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Contender::Idle => "the pace alone",
            Contender::Ours => "onelogger, span!, OtlpExporter",
            Contender::Sdk => "OpenTelemetry SDK, 512 a request",
            Contender::SdkLongRequests => "OpenTelemetry SDK, 8192 a request",
            Contender::ExporterAlone => "OtlpExporter alone, no pace",
        }
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Contender::Idle => "idle",
            Contender::Ours => "ours",
            Contender::Sdk => "sdk",
            Contender::SdkLongRequests => "sdk-long-requests",
            Contender::ExporterAlone => "exporter-alone",
        })
    }
}

impl FromStr for Contender {
    type Err = Unknown;

    fn from_str(name: &str) -> Result<Contender, Unknown> {
        let known = Contender::ALL.into_iter().find(|known| known.to_string() == name);
        known.ok_or_else(|| Unknown(name.to_owned()))
    }
}

/// The values of the attributes: three per span.
const TEXTS: [&str; 4] = ["resnet50", "vit-base", "bert-xxl", "gpt-tiny"];

/// Runs one contender, and prints what it has cost.
pub(crate) fn run(contender: Contender, address: &str, load: Load) -> Outcome<()> {
    let cost = match contender {
        Contender::Idle => idle(load)?,
        Contender::Ours => ours(address, load)?,
        Contender::Sdk => sdk(address, load, 512)?,
        Contender::SdkLongRequests => sdk(address, load, 8192)?,
        Contender::ExporterAlone => exporter_alone(address, load)?,
    };
    println!("{}", cost.to_line());
    Ok(())
}

/// Makes spans, as many a millisecond as the load asks for. After a delay it catches up.
fn pace(load: Load, mut span: impl FnMut(u64)) {
    let (begin, tick) = (Instant::now(), Duration::from_millis(1));
    let mut made = 0;
    while made < load.spans() {
        let due = load.per_second * begin.elapsed().as_millis() as u64 / 1000;
        for number in made..due.min(load.spans()) {
            span(number);
        }
        made = made.max(due.min(load.spans()));
        thread::sleep(tick);
    }
}

fn idle(load: Load) -> Outcome<Cost> {
    let before = Cost::so_far()?;
    pace(load, |number| {
        std::hint::black_box(number);
    });
    Ok(Cost::so_far()?.since(before))
}

fn ours(address: &str, load: Load) -> Outcome<Cost> {
    let config = OneLoggerConfig::builder("bench").session_tag("").world_size(1).build()?;
    let exporter = OtlpExporter::builder().endpoint(format!("http://{address}")).build()?;
    let recorder = DefaultRecorder::builder().exporter(exporter).queue_bytes(64 << 20).build()?;
    let _guard = OneLoggerProvider::instance().configure(config, recorder)?;
    let recorder = onelogger::recorder();
    recorder.force_flush(Duration::from_secs(10))?;
    let before = Cost::so_far()?;
    {
        let _root = onelogger::span!("root");
        pace(load, span);
    }
    recorder.force_flush(Duration::from_secs(60))?;
    let cost = Cost::so_far()?.since(before);
    let counts = recorder.health().exporters[0].counts;
    if counts.lost_total() > 0 {
        eprintln!("lost: {counts:?}");
    }
    Ok(cost)
}

/// Exports each batch many times.
struct Repeated {
    exporter: OtlpExporter,
    times: u64,
}

impl Exporter for Repeated {
    fn name(&self) -> &str {
        self.exporter.name()
    }

    fn open(&mut self, run: &Run) -> Result<(), ExportError> {
        self.exporter.open(run)
    }

    fn export_batch(&mut self, records: Records<'_>) -> Result<(), ExportError> {
        (0..self.times).try_for_each(|_| self.exporter.export_batch(records))
    }
}

/// What is recorded and assembled once, and by one span in hundreds, weighs nothing.
fn exporter_alone(address: &str, load: Load) -> Outcome<Cost> {
    const SPANS: u64 = 8_000;
    let exporter = OtlpExporter::builder().endpoint(format!("http://{address}")).build()?;
    let exporter = Repeated { exporter, times: load.spans() / SPANS };
    let config = OneLoggerConfig::builder("bench").session_tag("").world_size(1).build()?;
    let recorder = DefaultRecorder::builder()
        .exporter(exporter)
        .lane_bytes(16 << 20)
        .queue_bytes(64 << 20)
        .build()?;
    let _guard = OneLoggerProvider::instance().configure(config, recorder)?;
    let recorder = onelogger::recorder();
    recorder.force_flush(Duration::from_secs(10))?;
    let before = Cost::so_far()?;
    {
        let _root = onelogger::span!("root");
        (0..SPANS).for_each(span);
    }
    recorder.force_flush(Duration::from_secs(60))?;
    Ok(Cost::so_far()?.since(before))
}

/// What each of ours records.
fn span(number: u64) {
    let text = TEXTS[number as usize % TEXTS.len()];
    let _span = onelogger::span!("step", index = number as i64, loss = 0.25, model = text);
}

fn sdk(address: &str, load: Load, spans_per_request: usize) -> Outcome<Cost> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("http://{address}/v1/traces"))
        .build()?;
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(1 << 18)
        .with_max_export_batch_size(spans_per_request)
        .build();
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
    let provider = SdkTracerProvider::builder().with_span_processor(processor).build();
    let tracer = provider.tracer("bench");
    let before = Cost::so_far()?;
    let root = Context::new().with_span(tracer.start("root"));
    pace(load, |number| {
        let text = TEXTS[number as usize % TEXTS.len()];
        let attributes = [
            KeyValue::new("index", number as i64),
            KeyValue::new("loss", 0.25),
            KeyValue::new("model", text),
        ];
        let span = tracer.span_builder("step").with_attributes(attributes);
        drop(span.start_with_context(&tracer, &root));
    });
    drop(root);
    provider.force_flush()?;
    Ok(Cost::so_far()?.since(before))
}
