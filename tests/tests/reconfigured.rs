//! Each thread remembers what is in force: a change reaches it all the same. A process of its own,
//! because it is the provider of the process that changes.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use onelogger::{
    DefaultRecorder, MemoryExporter, OneLoggerConfig, OneLoggerGuard, OneLoggerProvider, Record,
    event, span,
};

type Error = Box<dyn std::error::Error>;

fn configure(exporter: MemoryExporter) -> Result<OneLoggerGuard, Error> {
    let config = OneLoggerConfig::builder("test").session_tag("").world_size(1).build()?;
    let recorder = DefaultRecorder::builder().exporter(exporter).build()?;
    Ok(OneLoggerProvider::instance().configure(config, recorder)?)
}

/// A thread that records a span with an event each time that it is asked to.
fn recording_thread() -> (Sender<u64>, Receiver<()>, JoinHandle<()>) {
    let (ask, asked) = channel::<u64>();
    let (answer, answered) = channel();
    let thread = std::thread::spawn(move || {
        for round in asked {
            {
                let _span = span!("span", round);
                event!("event", round);
            }
            answer.send(()).unwrap();
        }
    });
    (ask, answered, thread)
}

/// The rounds of the events.
fn rounds(records: Vec<Record>) -> Vec<i64> {
    let round = |record| match record {
        Record::Event(event) if event.name == "event" => event.attributes.get_i64("round").unwrap(),
        _ => None,
    };
    records.into_iter().filter_map(round).collect()
}

#[test]
fn a_change_of_the_provider_reaches_every_thread() -> Result<(), Error> {
    let (ask, answered, thread) = recording_thread();
    let mut round = 0;
    let mut record = || {
        round += 1;
        ask.send(round).unwrap();
        answered.recv_timeout(Duration::from_secs(60)).unwrap();
    };
    record();
    for first in [2, 5] {
        let (exporter, records) = MemoryExporter::new();
        let guard = configure(exporter)?;
        record();
        record();
        drop(guard);
        // Nobody is there to take this one.
        record();
        assert_eq!(rounds(records.take()), [first, first + 1]);
    }
    drop(ask);
    thread.join().unwrap();
    Ok(())
}
