//! The guide, in chapters.
//!
//! | chapter | for |
//! | --- | --- |
//! | [Getting started](_01_getting_started) | the first program, its output, the filter, tests |
//! | [Instrumenting a library](_02_instrumenting_a_library) | crates that others build on |
//! | [Async](_03_async) | futures, tasks, what crosses an `.await` |
//! | [Coming from `tracing`](_04_coming_from_tracing) | each construct and its counterpart |
//! | [Coming from Python](_05_coming_from_python) | each name of nv-one-logger and its counterpart |
//! | [What it costs](_06_what_it_costs) | time, memory, compile time, and how to measure them |
//! | [What is guaranteed](_07_what_is_guaranteed) | losses, order, the end of a process, and the limits |
//! | [Configuration](_08_configuration) | files, the environment and code, and which goes first |
//! | [Is my data complete?](_09_is_my_data_complete) | how to find what is missing or unreliable, and to leave it out |
//! | [Processors](_10_processors) | to filter, change and sum up records before they are exported |
//!
//! Every example in it is compiled and run with the crate's tests.

pub mod _01_getting_started {
    #![doc = include_str!("../guide/01_getting_started.md")]
}

pub mod _02_instrumenting_a_library {
    #![doc = include_str!("../guide/02_instrumenting_a_library.md")]
}

pub mod _03_async {
    #![doc = include_str!("../guide/03_async.md")]
}

pub mod _04_coming_from_tracing {
    #![doc = include_str!("../guide/04_coming_from_tracing.md")]
}

pub mod _05_coming_from_python {
    #![doc = include_str!("../guide/05_coming_from_python.md")]
}

pub mod _06_what_it_costs {
    #![doc = include_str!("../guide/06_what_it_costs.md")]
}

pub mod _07_what_is_guaranteed {
    #![doc = include_str!("../guide/07_what_is_guaranteed.md")]
}

pub mod _08_configuration {
    #![doc = include_str!("../guide/08_configuration.md")]
}

pub mod _09_is_my_data_complete {
    #![doc = include_str!("../guide/09_is_my_data_complete.md")]
}

pub mod _10_processors {
    #![doc = include_str!("../guide/10_processors.md")]
}
