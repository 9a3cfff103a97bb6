//! What a program pays that is configured and records nothing: the CPU time of all its threads, as a part of
//! a core. `cargo run --release --manifest-path benches/Cargo.toml --bin idle -- [--seconds N]`

use std::time::Duration;

use onelogger::{DefaultRecorder, FileExporter, OneLoggerConfig, OneLoggerProvider, span};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let seconds = match &arguments[..] {
        [] => 20,
        [name, seconds] if name == "--seconds" => seconds.parse()?,
        _ => return Err("usage: idle [--seconds N]".into()),
    };
    let file = std::env::temp_dir().join(format!("onelogger-idle-{}.jsonl", std::process::id()));
    let config = OneLoggerConfig::builder("idle").session_tag("").world_size(1).build()?;
    let recorder = DefaultRecorder::builder().exporter(FileExporter::new(&file)).build()?;
    let guard = OneLoggerProvider::instance().configure(config, recorder)?;
    drop(span!("the last one"));
    // Until what was recorded is in the file.
    std::thread::sleep(Duration::from_secs(2));
    let before = cpu_nanos()?;
    std::thread::sleep(Duration::from_secs(seconds));
    let part = (cpu_nanos()? - before) as f64 / (seconds as f64 * 1e9);
    println!("idle for {seconds} s: {:.4} % of a core", part * 100.0);
    drop(guard);
    std::fs::remove_file(file)?;
    Ok(())
}

/// CPU time of all threads that live.
fn cpu_nanos() -> Result<u64, Box<dyn std::error::Error>> {
    let mut nanos = 0;
    for thread in std::fs::read_dir("/proc/self/task")? {
        let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        nanos += text.split_whitespace().next().unwrap_or("0").parse::<u64>()?;
    }
    Ok(nanos)
}
