//! A job whose configuration stands in a file: `configured.yaml`, beside this one.
//!
//! ```text
//! cargo run -q -p onelogger-examples --example configured
//! ONELOGGER_EXPORTERS__TERMINAL__ENABLED=false cargo run -q -p onelogger-examples --example configured
//! ```
//!
//! It says first which value came from where. Set variables, and look how that changes.

use std::error::Error;
use std::path::Path;

use onelogger::config::Loader;
use onelogger::{event, span, timed_span};

fn main() -> Result<(), Box<dyn Error>> {
    // Without this line: the file that `ONE_LOGGER_EXPORTER_CONFIG_PATH` names, or `onelogger.yaml`.
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("configured.yaml");
    let loaded = Loader::new()
        .file(file)
        .set_fn("custom_metadata.process", || i64::from(std::process::id()))
        .load()?;
    println!("{}", loaded.explain());

    let _onelogger = loaded.configure()?;
    train(2);
    Ok(())
}

#[timed_span(name = "train", attrs(epochs))]
fn train(epochs: u32) {
    for epoch in 0..epochs {
        let _epoch = span!("epoch", index = epoch);
        // Held back by the filter in the file.
        span!("step_1"; { event!("loss", value = 0.5) });
    }
}
