//! A service that is set up by its environment alone: `service SCENARIO`.
//!
//! | scenario | |
//! | --- | --- |
//! | `requests` | an annotated function calls a library that is instrumented with OpenTelemetry, which calls back; both measure |
//! | `workers` | the set-up is deferred; two forked workers do it for themselves |
//! | `forked` | the parent is set up, and so is a child that it forks |
//! | `silent` | the configuration disables this rank |
//! | `twice` | the set-up is done a second time, and its guard dropped |
//! | `at-once` | several threads do the set-up at the same time |
//! | `current-thread`, `multi-thread` | within a runtime, in which the guard is dropped too |

use std::error::Error;
use std::sync::Barrier;
use std::time::Duration;

use onelogger::{OneLoggerConfig, OneLoggerProvider, error, event, timed_span};
use onelogger_otel::opentelemetry::trace::Tracer;
use onelogger_otel::opentelemetry::{KeyValue, global};
use onelogger_otel::{OtelGuard, Setup};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result {
    let scenario = std::env::args().nth(1).unwrap_or_default();
    match scenario.as_str() {
        "requests" => requests(),
        "workers" => workers(),
        "forked" => forked(),
        "silent" => silent(),
        "twice" => twice(),
        "at-once" => at_once(),
        "current-thread" => {
            tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(tasks())
        }
        "multi-thread" => {
            tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(tasks())
        }
        _ => Err(format!("there is no scenario `{scenario}`").into()),
    }
}

fn requests() -> Result {
    let telemetry = onelogger_otel::setup()?;
    println!("{}", telemetry.understood());
    request(1);
    end(telemetry)
}

/// Says what was sent, and waits for the end.
fn end(telemetry: OtelGuard) -> Result {
    telemetry.force_flush(Duration::from_secs(20));
    if let Some(health) = telemetry.metric_health() {
        println!("{} data points sent, {} lost", health.exported, health.lost);
    }
    drop(telemetry);
    Ok(())
}

#[timed_span(name = "request", attrs(number), kind = server)]
fn request(number: i64) {
    other_library::query(|| row(number));
    error!("no such row", number);
}

#[timed_span(name = "row", attrs(number))]
fn row(number: i64) {
    event!("found", number);
}

/// What others have written, with OpenTelemetry's own interfaces.
mod other_library {
    use super::{KeyValue, Tracer, global};

    pub(super) fn query(each: impl FnOnce()) {
        let meter = global::meter("other-library");
        let attributes = [KeyValue::new("db.system.name", "testdb")];
        meter.u64_counter("queries").with_unit("{query}").build().add(1, &attributes);
        meter.f64_histogram("query.duration").with_unit("s").build().record(0.25, &attributes);
        let tracer = global::tracer("other-library");
        tracer.in_span("query", |_context| each());
    }
}

fn workers() -> Result {
    let deferred = onelogger_otel::setup()?;
    assert!(deferred.is_deferred() && !deferred.is_active());
    request(0);
    let work = |number: i64| {
        let id = format!("worker-{number}");
        end(Setup::new().resource("service.instance.id", id).install_now().inspect(|_| {
            request(number);
        })?)
    };
    in_child(|| work(1))?;
    in_child(|| work(2))?;
    drop(deferred);
    Ok(())
}

fn forked() -> Result {
    let telemetry = Setup::new().resource("service.instance.id", "parent").install()?;
    request(1);
    in_child(|| {
        // The parent's telemetry is the parent's affair.
        request(2);
        let guard = Setup::new().resource("service.instance.id", "child").install()?;
        request(3);
        end(guard)
    })?;
    request(4);
    end(telemetry)
}

fn silent() -> Result {
    let config = OneLoggerConfig::builder("silent").session_tag("").world_size(2);
    let config = config.enable_for_current_rank(false).build()?;
    let telemetry = Setup::new().config(config).install()?;
    request(1);
    let threads = std::fs::read_dir("/proc/self/task")?.count();
    assert_eq!(threads, 1, "a disabled rank starts no thread");
    drop(telemetry);
    Ok(())
}

fn twice() -> Result {
    let first = onelogger_otel::setup()?;
    let second = onelogger_otel::setup()?;
    assert!(first.is_active() && !second.is_active() && !second.is_deferred());
    drop(second);
    assert!(OneLoggerProvider::instance().is_enabled());
    request(1);
    end(first)
}

fn at_once() -> Result {
    let all_are_there = Barrier::new(8);
    let set_up = || {
        all_are_there.wait();
        onelogger_otel::setup()
    };
    let guards: std::result::Result<Vec<_>, _> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(set_up)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (mut active, others): (Vec<_>, Vec<_>) =
        guards?.into_iter().partition(OtelGuard::is_active);
    drop(others);
    let first = active.pop().ok_or("nothing is set up")?;
    assert!(active.is_empty() && OneLoggerProvider::instance().is_enabled());
    request(1);
    end(first)
}

async fn tasks() -> Result {
    let telemetry = onelogger_otel::setup()?;
    let tasks: Vec<_> = (0..10).map(|number| tokio::spawn(task(number))).collect();
    for task in tasks {
        task.await?;
    }
    // Also while the runtime that it is dropped in has other things to do.
    tokio::spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
    assert!(telemetry.force_flush(Duration::from_secs(20)));
    let verification = telemetry.verify(Duration::from_secs(10));
    assert!(verification.is_ok(), "{verification}");
    drop(telemetry);
    Ok(())
}

#[timed_span(name = "request", attrs(number))]
async fn task(number: i64) {
    tokio::task::yield_now().await;
    request(number);
}

/// Runs work in a forked child, and waits for its end.
#[cfg(unix)]
fn in_child(work: impl FnOnce() -> Result) -> Result {
    // SAFETY: the child goes on with what the only thread of its own does; the locks that it takes are
    // those of this library, which makes them anew, and of the allocator, which the system does.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let status = match work() {
            Ok(()) => 0,
            Err(error) => {
                eprintln!("in a child: {error}");
                1
            }
        };
        // SAFETY: nothing of the parent's is to be run at the child's exit.
        unsafe { libc::_exit(status) }
    }
    let mut status = 0;
    // SAFETY: a child of this process, and a place for its status.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    if child < 0 || waited != child || status != 0 {
        return Err(format!("the child has failed: {status}").into());
    }
    Ok(())
}
