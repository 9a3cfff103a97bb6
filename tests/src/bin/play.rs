//! Plays a scenario: `play SCENARIO.json OUT.jsonl`. `conformance/README.md` describes the format.

use std::error::Error;
use std::path::Path;

use onelogger_tests::player;
use onelogger_tests::scenario::Scenario;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [scenario, out] = arguments.as_slice() else {
        return Err("usage: play SCENARIO.json OUT.jsonl".into());
    };
    let scenario: Scenario = serde_json::from_str(&std::fs::read_to_string(scenario)?)?;
    // SAFETY: no other thread runs yet that could read the environment.
    unsafe {
        std::env::remove_var("RANK");
        for (name, value) in &scenario.env {
            std::env::set_var(name, value);
        }
    }
    player::play(&scenario, Path::new(out))
}
