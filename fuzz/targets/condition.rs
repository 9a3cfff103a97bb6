//! For `cargo fuzz`, which makes a program of it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| onelogger_fuzz::check("condition", data));
