//! CPU time of this process, and how it is told to the one that compares.

use std::fs;

use rustix::time::{ClockId, clock_gettime};

use crate::Outcome;

/// The threads whose time is shown by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thread {
    Producer,
    Pipeline,
    Exporter,
}

impl Thread {
    pub(crate) const ALL: [Thread; 3] = [Thread::Producer, Thread::Pipeline, Thread::Exporter];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Thread::Producer => "producer",
            Thread::Pipeline => "pipeline",
            Thread::Exporter => "exporter",
        }
    }

    /// By its name, which the system cuts to 15 bytes.
    fn named(name: &str) -> Option<Thread> {
        match name {
            "otlp" => Some(Thread::Producer),
            "onelogger" => Some(Thread::Pipeline),
            "onelogger-expor" => Some(Thread::Exporter),
            _ => None,
        }
    }
}

/// CPU time in nanoseconds, the system's share included.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cost {
    pub(crate) total_nanos: u64,
    threads: [u64; 3],
}

impl Cost {
    /// What this process has used so far, its finished threads included.
    pub(crate) fn so_far() -> Outcome<Cost> {
        let total = clock_gettime(ClockId::ProcessCPUTime);
        let total_nanos =
            u64::try_from(total.tv_sec)? * 1_000_000_000 + u64::try_from(total.tv_nsec)?;
        let mut cost = Cost { total_nanos, threads: [0; 3] };
        for task in fs::read_dir("/proc/self/task")? {
            let path = task?.path();
            // A thread that ends meanwhile has no more to tell.
            let name = fs::read_to_string(path.join("comm")).unwrap_or_default();
            let statistics = fs::read_to_string(path.join("schedstat")).unwrap_or_default();
            let nanos = statistics.split(' ').next().and_then(|nanos| nanos.parse::<u64>().ok());
            if let Some(thread) = Thread::named(name.trim()) {
                cost.threads[thread as usize] += nanos.unwrap_or(0);
            }
        }
        Ok(cost)
    }

    pub(crate) fn since(self, before: Cost) -> Cost {
        let mut cost = self;
        cost.total_nanos -= before.total_nanos;
        for (nanos, before) in cost.threads.iter_mut().zip(before.threads) {
            *nanos = nanos.saturating_sub(before);
        }
        cost
    }

    pub(crate) fn of(&self, thread: Thread) -> u64 {
        self.threads[thread as usize]
    }

    pub(crate) fn to_line(self) -> String {
        let [producer, pipeline, exporter] = self.threads;
        format!("{} {producer} {pipeline} {exporter}", self.total_nanos)
    }

    pub(crate) fn parse(line: &str) -> Outcome<Cost> {
        let numbers: Result<Vec<u64>, _> = line.split_whitespace().map(str::parse).collect();
        match numbers?[..] {
            [total_nanos, producer, pipeline, exporter] => {
                Ok(Cost { total_nanos, threads: [producer, pipeline, exporter] })
            }
            _ => Err(format!("no cost: {line}").into()),
        }
    }
}
