//! A job with a runtime, or without: `runtime_job KIND grpc|http ENDPOINT`.
//!
//! | kind | |
//! | --- | --- |
//! | `none` | threads, and no runtime |
//! | `multi-thread`, `current-thread` | all within an async `main` of that flavor; the guard is dropped in it |
//! | `ended` | the runtime ends while the exporter sends what its tasks have recorded |
//! | `inherited` | the provider is configured within a runtime that ends; the job goes on without |
//!
//! Each records 100 spans `task` with one event each, within one span `job`, and prints, when it is
//! closed, how many records were delivered and how many lost.

use std::error::Error;
use std::time::Duration;

use onelogger::context::FutureExt as _;
use onelogger::{
    DefaultRecorder, OneLoggerConfig, OneLoggerGuard, OneLoggerProvider, RecorderHandle, event,
    span, timed_span,
};
use onelogger_otel::{OtlpExporter, Protocol};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const TASKS: i64 = 100;
/// More than the exporter's own timeout.
const LIMIT: Duration = Duration::from_secs(60);

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [kind, protocol, endpoint] = &*args else {
        return Err("usage: runtime_job KIND grpc|http ENDPOINT".into());
    };
    let protocol = if protocol == "grpc" { Protocol::Grpc } else { Protocol::HttpProtobuf };
    let recorder = match &**kind {
        "none" => without_runtime(protocol, endpoint)?,
        "multi-thread" => multi_thread(protocol, endpoint)?,
        "current-thread" => current_thread(protocol, endpoint)?,
        "ended" => ended(protocol, endpoint)?,
        "inherited" => inherited(protocol, endpoint)?,
        other => return Err(format!("unknown kind `{other}`").into()),
    };
    let counts = recorder.health().exporters[0].counts;
    println!("delivered {} lost {}", counts.delivered, counts.lost_total());
    Ok(())
}

fn configure(protocol: Protocol, endpoint: &str) -> Result<(RecorderHandle, OneLoggerGuard)> {
    let exporter = OtlpExporter::builder().protocol(protocol).endpoint(endpoint).build()?;
    let recorder = DefaultRecorder::builder().exporter(exporter).build()?;
    let config =
        OneLoggerConfig::builder("runtime_job").world_size(1).session_tag("test").build()?;
    let provider = OneLoggerProvider::instance();
    let guard = provider.configure(config, recorder)?.close_timeout(LIMIT);
    Ok((provider.recorder(), guard))
}

#[tokio::main]
async fn multi_thread(protocol: Protocol, endpoint: &str) -> Result<RecorderHandle> {
    within_a_task(protocol, endpoint).await
}

#[tokio::main(flavor = "current_thread")]
async fn current_thread(protocol: Protocol, endpoint: &str) -> Result<RecorderHandle> {
    within_a_task(protocol, endpoint).await
}

/// The whole life of a provider.
async fn within_a_task(protocol: Protocol, endpoint: &str) -> Result<RecorderHandle> {
    let (recorder, guard) = configure(protocol, endpoint)?;
    job().await;
    recorder.force_flush(LIMIT)?;
    drop(guard);
    Ok(recorder)
}

fn ended(protocol: Protocol, endpoint: &str) -> Result<RecorderHandle> {
    let (recorder, guard) = configure(protocol, endpoint)?;
    let runtime = Runtime::new()?;
    runtime.block_on(job());
    drop(runtime);
    drop(guard);
    Ok(recorder)
}

fn inherited(protocol: Protocol, endpoint: &str) -> Result<RecorderHandle> {
    let runtime = Runtime::new()?;
    let (recorder, guard) = runtime.block_on(async { configure(protocol, endpoint) })?;
    runtime.shutdown_background();
    threads();
    drop(guard);
    Ok(recorder)
}

fn without_runtime(protocol: Protocol, endpoint: &str) -> Result<RecorderHandle> {
    let (recorder, guard) = configure(protocol, endpoint)?;
    threads();
    drop(guard);
    Ok(recorder)
}

#[timed_span(name = "job")]
async fn job() {
    let mut tasks = JoinSet::new();
    for number in 0..TASKS {
        tasks.spawn(task(number).with_current_context());
    }
    while tasks.join_next().await.is_some() {}
}

#[timed_span(name = "task", attrs(number))]
async fn task(number: i64) {
    tokio::time::sleep(Duration::from_millis(1)).await;
    event!("progress", number);
}

#[timed_span(name = "job")]
fn threads() {
    std::thread::scope(|scope| {
        for number in 0..TASKS {
            let work = move || {
                let _task = span!("task", number);
                event!("progress", number);
            };
            scope.spawn(onelogger::context::wrap(work));
        }
    });
}
