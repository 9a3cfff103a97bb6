//! What a recorder asks the allocator for on its way to a file and to a collector, all threads together: so
//! much for a batch or a request, and nothing for a span.

use std::alloc::{GlobalAlloc, Layout, System};
use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use onelogger::{
    DefaultRecorder, FileExporter, FullPolicy, OneLoggerConfig, OneLoggerProvider, event, span,
};
use onelogger_otel::OtlpExporter;

struct Counting;

static REQUESTS: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        REQUESTS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        REQUESTS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's contract.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SPANS: u64 = 50_000;
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_span_costs_no_memory_on_its_way_to_a_file_and_a_collector() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            thread::spawn(move || accept_all(connection));
        }
    });
    let place = tempfile::tempdir()?;
    let recorder = DefaultRecorder::builder()
        .exporter(FileExporter::new(place.path().join("run.jsonl")))
        .exporter(OtlpExporter::builder().endpoint(format!("http://{address}")).build()?)
        .lane_policy(FullPolicy::Block(PATIENCE))
        .queue_policy(FullPolicy::Block(PATIENCE))
        .build()?;
    let config = OneLoggerConfig::builder("steady").session_tag("").world_size(1).build()?;
    let guard = OneLoggerProvider::instance().configure(config, recorder)?;
    let recorder = onelogger::recorder();
    let requests_of = |spans: u64| -> Result<u64, Box<dyn Error>> {
        let before = REQUESTS.load(Ordering::Relaxed);
        for step in 0..spans {
            let _span = span!("step", step, share = 0.5, model = "resnet50");
            event!("loss", value = 0.25);
        }
        recorder.force_flush(PATIENCE)?;
        Ok(REQUESTS.load(Ordering::Relaxed) - before)
    };
    // Buffers grow, and the connection is made.
    requests_of(SPANS)?;
    requests_of(SPANS)?;
    let requests = requests_of(SPANS)?;
    println!("{requests} requests for {SPANS} spans with an event each");
    assert!(requests < SPANS / 20, "{requests} requests for {SPANS} spans");

    drop(guard);
    for exporter in recorder.health().exporters {
        let counts = exporter.counts;
        assert!(counts.is_balanced());
        assert_eq!(
            (counts.delivered, counts.lost_total()),
            (3 * SPANS * 3, 0),
            "{}",
            exporter.name
        );
    }
    Ok(())
}

/// A collector that takes what comes. Its memory counts as well, and it asks for little.
fn accept_all(connection: TcpStream) -> io::Result<()> {
    let mut answers = connection.try_clone()?;
    let mut requests = BufReader::new(connection);
    let (mut line, mut length) = (String::new(), 0);
    while requests.read_line(&mut line)? > 0 {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        if line.trim_end().is_empty() {
            io::copy(&mut requests.by_ref().take(length), &mut io::sink())?;
            answers.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
        }
        line.clear();
    }
    Ok(())
}
