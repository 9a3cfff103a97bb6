//! Writes a program of 300 annotated functions, of every shape that there is, and the tree of spans
//! that it must give. `tests/three_hundred.rs` compiles and runs it.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

const FUNCTIONS: usize = 300;

/// A kind of function. `BODY` stands for the calls in it, `N` for its number.
struct Shape {
    /// The function.
    definition: &'static str,
    /// How it is called.
    call: &'static str,
    /// Whether that gives a future.
    is_async: bool,
    /// What its span shows beside the name. Not seen at all: `None`.
    shown: Option<&'static str>,
    /// The line of its error.
    error: Option<&'static str>,
}

const fn sync(definition: &'static str, call: &'static str, shown: &'static str) -> Shape {
    Shape { definition, call, is_async: false, shown: Some(shown), error: None }
}

const fn future(definition: &'static str, call: &'static str, shown: &'static str) -> Shape {
    Shape { definition, call, is_async: true, shown: Some(shown), error: None }
}

const SHAPES: &[Shape] = &[
    sync(r#"#[timed_span(name = "fN")] fn fN() { BODY }"#, "fN()", ""),
    sync(r#"#[timed_span(name = "fN")] fn fN() -> Result<u32, String> { BODY Ok(N) }"#, "fN()", ""),
    Shape {
        error: Some("! Error in fN: eN [String]"),
        ..sync(
            r#"#[timed_span(name = "fN")] fn fN() -> Result<(), String> { BODY Err("eN")?; Ok(()) }"#,
            "fN()",
            " -> error",
        )
    },
    sync(
        r#"#[timed_span(name = "fN", attrs(a, b = a + 1, c = ?s), ret(r = Vec::len))]
           fn fN(a: u32, s: &str) -> Vec<u32> { BODY let _ = s; vec![a] }"#,
        r#"fN(N, "x")"#,
        " a=N b=M c=\"x\" r=1",
    ),
    sync(
        r#"#[timed_span(name = "fN")]
           fn fN<T: Clone, const L: usize>(items: &[T; L]) -> Option<T> where T: Send { BODY items.first().cloned() }"#,
        "fN(&[1, 2])",
        "",
    ),
    sync(
        r#"#[timed_span(name = "fN")]
           fn fN<'a>(a: &'a mut String, _: &str) -> Result<&'a mut String, String> { BODY a.push('x'); Ok(a) }"#,
        r#"fN(&mut String::new(), "")"#,
        "",
    ),
    sync(
        r#"struct SN(u32); impl SN {
           #[timed_span(name = "fN", attrs(n = self.0))] fn fN(&mut self) -> &mut u32 { BODY &mut self.0 } }"#,
        "SN(N).fN()",
        " n=N",
    ),
    sync(
        r#"#[timed_span(name = "fN")] fn fN(n: u32) -> impl Iterator<Item = u32> { BODY 0..n }"#,
        "fN(3).count()",
        "",
    ),
    sync(
        r#"#[timed_span(name = "fN", attrs(x, z))]
           fn fN((x, _): (u8, String), [_, z]: [u8; 2], mut m: u8) -> Result<u8, String> { BODY m += x; Ok(m + z) }"#,
        "fN((1, String::new()), [2, 3], 4)",
        " x=1 z=3",
    ),
    sync(
        r#"#[timed_span(name = "fN")] unsafe fn fN(n: &u32) -> Result<u32, String> { BODY Ok(*n) }"#,
        "unsafe { fN(&N) }",
        "",
    ),
    sync(r#"#[timed_span(name = "fN")] extern "C" fn fN(n: u32) -> u32 { BODY n }"#, "fN(N)", ""),
    sync(
        r#"#[timed_span(name = "fN")] fn fN() -> ! { BODY panic!("pN") }"#,
        "std::panic::catch_unwind(|| { fN(); })",
        " -> panic",
    ),
    sync(
        r#"trait TN { #[timed_span(name = "fN")] fn fN(self) -> Result<Self, String> where Self: Sized { BODY Ok(self) } }
           impl TN for u32 {}"#,
        "N_u32.fN()",
        "",
    ),
    Shape {
        shown: None,
        ..sync(r#"#[timed_span(name = "fN", level = debug)] fn fN() -> u32 { BODY N }"#, "fN()", "")
    },
    sync(r#"fn fN(n: u32) -> u32 { let _guard = span!("fN", n); BODY n }"#, "fN(N)", " n=N"),
    sync(r#"fn fN() -> Option<u32> { span!("fN"; { BODY None?; }); None }"#, "fN()", ""),
    future(r#"#[timed_span(name = "fN")] async fn fN() { yielded().await; BODY }"#, "fN()", ""),
    future(
        r#"#[timed_span(name = "fN", attrs(a, b))]
           async fn fN(a: &str, (b, _): (u32, &[u32])) -> Result<usize, String> { BODY yielded().await; Ok(a.len()) }"#,
        r#"fN("x", (N, &[]))"#,
        " a=x b=N",
    ),
    Shape {
        error: Some("! Error in fN: eN [Box<dyn Error>]"),
        ..future(
            r#"#[timed_span(name = "fN")]
               async fn fN() -> Result<(), Box<dyn std::error::Error>> { BODY yielded().await; Err("eN")?; Ok(()) }"#,
            "fN()",
            " -> error",
        )
    },
    future(
        r#"#[timed_span(name = "fN", ret)]
           fn fN<'a>(a: &'a str) -> Pin<Box<dyn Future<Output = usize> + 'a>> { Box::pin(async move { BODY a.len() }) }"#,
        r#"fN("xyz")"#,
        " return=3",
    ),
    future(
        r#"#[timed_span(name = "fN")]
           fn fN(a: u32) -> impl Future<Output = Result<u32, String>> { async move { yielded().await; BODY Ok(a) } }"#,
        "fN(N)",
        "",
    ),
    future(
        r#"#[async_trait::async_trait(?Send)] trait TN { async fn fN(&self, a: u32) -> u32; }
           #[async_trait::async_trait(?Send)] impl TN for u8 {
           #[timed_span(name = "fN", attrs(a))] async fn fN(&self, a: u32) -> u32 { yielded().await; BODY a } }"#,
        "0_u8.fN(N)",
        " a=N",
    ),
    future(
        r#"trait TN { async fn fN(&self) -> Result<u32, String>; }
           impl TN for u8 { #[timed_span(name = "fN")] async fn fN(&self) -> Result<u32, String> { BODY Ok(N) } }"#,
        "0_u8.fN()",
        "",
    ),
    future(
        r#"#[timed_span(name = "fN")] async fn fN<T: Default, F: Fn() -> T>(f: F) -> impl Sized { BODY f() }"#,
        "fN(u32::default)",
        "",
    ),
    future(
        r#"async fn fN() -> Result<u32, String> { let n = N; span!(async "fN", n; { yielded().await; BODY Ok(n) }).await }"#,
        "fN()",
        " n=N",
    ),
    future(
        r#"#[timed_span(name = "fN")] async fn fN() { BODY std::future::pending::<()>().await; }"#,
        "dropped_after_one_poll(Box::pin(fN()))",
        " -> cancelled",
    ),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // What hangs under what: scattered, the same in each run, and no deeper than a stack can bear.
    let mut below = vec![Vec::new(); FUNCTIONS];
    let mut depth = [0; FUNCTIONS];
    for number in 1..FUNCTIONS {
        let mut parent = number * 7919 % 104_729 % number;
        while depth[parent] > 12 || below[parent].len() > 8 {
            parent = (parent + 1) % number;
        }
        depth[number] = depth[parent] + 1;
        below[parent].push(number);
    }
    let mut program = String::new();
    for (number, calls) in below.iter().enumerate() {
        let shape = shape(number);
        let mut body = String::new();
        for &called in calls {
            let call = filled(self::shape(called).call, called);
            let call = match (self::shape(called).is_async, shape.is_async) {
                (false, _) => call,
                (true, true) => format!("{call}.await"),
                (true, false) => format!("block_on({call})"),
            };
            write!(body, "let _ = {call}; ").unwrap();
        }
        writeln!(program, "{}", filled(shape.definition, number).replace("BODY", &body)).unwrap();
    }
    let mut tree = String::new();
    write_tree(&mut tree, &below, 0, 0);
    let out = env::var("OUT_DIR").expect("cargo sets it");
    let out = Path::new(&out);
    fs::write(out.join("three_hundred.rs"), program).expect("cargo's directory can be written to");
    fs::write(out.join("three_hundred.tree"), tree).expect("cargo's directory can be written to");
}

/// The first function is where the program begins.
fn shape(number: usize) -> &'static Shape {
    &SHAPES[number % SHAPES.len()]
}

fn filled(text: &str, number: usize) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(place) = rest.find(['N', 'M']) {
        let before = rest[..place].chars().next_back();
        let after = rest[place + 1..].chars().next();
        // A number where the letter stands alone or after a single letter, as in `fN`.
        let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let is_name = matches!(before, Some('f' | 'e' | 'p' | 'S' | 'T')) || !is_word(before);
        filled.push_str(&rest[..place]);
        match &rest[place..=place] {
            "N" if is_name && !is_word(after) => write!(filled, "{number}").unwrap(),
            "M" if is_name && !is_word(after) => write!(filled, "{}", number + 1).unwrap(),
            letter => filled.push_str(letter),
        }
        rest = &rest[place + 1..];
    }
    filled.push_str(rest);
    filled
}

fn write_tree(tree: &mut String, below: &[Vec<usize>], number: usize, mut depth: usize) {
    let shape = shape(number);
    if let Some(shown) = shape.shown {
        let shown = filled(shown, number);
        writeln!(tree, "{:1$}f{number}{shown}", "", 2 * depth).unwrap();
        depth += 1;
    }
    for &called in &below[number] {
        write_tree(tree, below, called, depth);
    }
    if let Some(error) = shape.error {
        writeln!(tree, "{:1$}{2}", "", 2 * depth, filled(error, number)).unwrap();
    }
}
