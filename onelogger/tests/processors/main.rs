//! What processors make of records, and that it is counted: `recorded + added = delivered + lost +
//! withheld`.

mod built_in;
mod keep_if;
mod random;
mod stages;
mod support;
