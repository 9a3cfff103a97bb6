//! The crates that are built: functions that differ in nothing but their annotation.

use std::fmt::{self, Write as _};

/// Which functions there are in a crate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// `fn(u64) -> u64` without captured arguments: the row that has a bar.
    Tiny,
    /// Four kinds in turn: a tiny one, one that returns a `Result`, one over a slice, and one with a
    /// captured argument.
    Mixed,
    /// The second kind alone.
    Results,
    /// `async fn(u64) -> u64`.
    Async,
}

pub(crate) const VARIANTS: [Variant; 4] =
    [Variant::Tiny, Variant::Mixed, Variant::Results, Variant::Async];

impl Variant {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Variant::Tiny => "tiny",
            Variant::Mixed => "mixed",
            Variant::Results => "results",
            Variant::Async => "async",
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What stands on each function.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Annotation {
    None,
    OneLogger,
    Tracing,
    TracingCapturing,
    Fastrace,
}

impl Annotation {
    pub(crate) const ALL: [Annotation; 5] = [
        Annotation::None,
        Annotation::OneLogger,
        Annotation::Tracing,
        Annotation::TracingCapturing,
        Annotation::Fastrace,
    ];

    /// The package that has what it needs.
    pub(crate) fn package(self) -> &'static str {
        match self {
            Annotation::None => "plain",
            Annotation::OneLogger => "annotated_ours",
            Annotation::Tracing | Annotation::TracingCapturing => "annotated_tracing",
            Annotation::Fastrace => "annotated_fastrace",
        }
    }

    fn on(self, function: Function) -> &'static str {
        use Function::{Asynchronous, Captured, Result, Slice, Tiny};
        match (self, function) {
            (Annotation::None, _) => "",
            (Annotation::OneLogger, Captured) => "#[onelogger::timed_span(attrs(x))]",
            (Annotation::OneLogger, _) => "#[onelogger::timed_span]",
            (Annotation::Tracing, Captured) => "#[tracing::instrument(skip_all, fields(x))]",
            (Annotation::Tracing, Result) => "#[tracing::instrument(skip_all, err)]",
            (Annotation::Tracing, Tiny | Slice | Asynchronous) => {
                "#[tracing::instrument(skip_all)]"
            }
            (Annotation::TracingCapturing, _) => "#[tracing::instrument]",
            (Annotation::Fastrace, Captured) => {
                "#[fastrace::trace(properties = { \"x\": \"{x}\" })]"
            }
            (Annotation::Fastrace, _) => "#[fastrace::trace]",
        }
    }
}

impl fmt::Display for Annotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Annotation::None => "no annotation",
            Annotation::OneLogger => "onelogger::timed_span",
            Annotation::Tracing => "tracing, skip_all and err",
            Annotation::TracingCapturing => "tracing, as it comes",
            Annotation::Fastrace => "fastrace::trace",
        })
    }
}

#[derive(Clone, Copy)]
enum Function {
    Tiny,
    Result,
    Slice,
    Captured,
    Asynchronous,
}

const HEAD: &str = "\
#[derive(Debug)]
pub enum Error {
    TooLarge(u64),
    Unnamed,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::TooLarge(x) => write!(f, \"{x} is too large\"),
            Error::Unnamed => f.write_str(\"there is no name\"),
        }
    }
}

impl std::error::Error for Error {}
";

/// The source of a crate. `run` makes it another one each time, so that it is compiled anew.
pub(crate) fn of(variant: Variant, annotation: Annotation, functions: u32, run: u32) -> String {
    let mut text = format!("pub const RUN: u64 = {run};\n\n{HEAD}");
    for number in 0..functions {
        let function = match variant {
            Variant::Tiny => Function::Tiny,
            Variant::Mixed => {
                [Function::Tiny, Function::Result, Function::Slice, Function::Captured]
                    [number as usize % 4]
            }
            Variant::Results => Function::Result,
            Variant::Async => Function::Asynchronous,
        };
        let annotation = annotation.on(function);
        // Not inlined, so that each has its code in the crate itself, annotated or not.
        let _ = write!(text, "\n{annotation}\n#[inline(never)]\n{}", body(function, number));
    }
    text
}

fn body(function: Function, number: u32) -> String {
    match function {
        Function::Tiny => format!(
            "pub fn f{number}(x: u64) -> u64 {{
    x.wrapping_mul({number} + RUN) ^ (x >> 7)
}}
"
        ),
        Function::Result => format!(
            "pub fn f{number}(x: u64, name: &str) -> Result<u64, Error> {{
    if name.is_empty() {{
        return Err(Error::Unnamed);
    }}
    if x > 1_000 * {number} + RUN {{
        return Err(Error::TooLarge(x));
    }}
    Ok(x + name.len() as u64)
}}
"
        ),
        Function::Slice => format!(
            "pub fn f{number}(values: &[f64]) -> f64 {{
    let scale = ({number} + RUN) as f64;
    let mut sum = 0.0;
    for value in values {{
        sum += value * scale;
    }}
    sum
}}
"
        ),
        Function::Captured => format!(
            "pub fn f{number}(x: u64, name: &str) -> u64 {{
    x.wrapping_add({number} + RUN) ^ name.len() as u64
}}
"
        ),
        Function::Asynchronous => format!(
            "pub async fn f{number}(x: u64) -> u64 {{
    std::future::ready(x.wrapping_mul({number} + RUN)).await ^ (x >> 7)
}}
"
        ),
    }
}
