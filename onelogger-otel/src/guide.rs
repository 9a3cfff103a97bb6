//! The guide, in chapters.
//!
//! | chapter | for |
//! | --- | --- |
//! | [Setting up](_01_setup) | the one line, all variables, servers that fork, other libraries |
//! | [Metrics](_02_metrics) | an application's own counters and histograms |
//! | [Services, collector, stores, dashboards](_03_collector) | who talks to whom, names, training jobs, what to look at |
//! | [Troubleshooting](_04_troubleshooting) | a row for each symptom |
//!
//! Every example in it is compiled with the crate's tests, and the collector's settings are those of
//! one that they start.

pub mod _01_setup {
    #![doc = include_str!("../guide/01_setup.md")]
}

pub mod _02_metrics {
    #![doc = include_str!("../guide/02_metrics.md")]
}

pub mod _03_collector {
    #![doc = include_str!("../guide/03_collector.md")]
    #![doc = "## The settings\n\n```text"]
    #![doc = include_str!("../guide/collector.env")]
    #![doc = "```"]
}

pub mod _04_troubleshooting {
    #![doc = include_str!("../guide/04_troubleshooting.md")]
}
