//! For `cargo fuzz`, which makes a program of it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| onelogger::fuzzing::words(data));
