//! `#[timed_span]`: what each of its arguments does, on functions of every kind.

use std::fmt;

use onelogger::testing::{Capture, capture};
use onelogger::{Level, Record, SpanContext, SpanId, SpanKind, SpanName, TraceId, timed_span};
use onelogger_tests::tree::assert_tree;

/// The start of the only span.
fn only_span(capture: Capture) -> onelogger::SpanRecord {
    let mut records = capture.finish().into_iter();
    let Some(Record::Start(span)) = records.next() else { panic!("no start") };
    assert!(matches!(records.next(), Some(Record::Stop(_))) && records.next().is_none());
    span
}

#[derive(Debug)]
struct Failed(u32);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed with {}", self.0)
    }
}

impl std::error::Error for Failed {}

#[timed_span]
fn plain() {}

#[test]
fn without_a_name_it_is_the_path_of_the_function() {
    let capture = capture();
    plain();
    assert_eq!(only_span(capture).name, "attribute::plain");
}

#[test]
fn a_name_is_a_literal_a_constant_or_a_value_of_a_type_of_names() {
    const NAME: &str = "a constant";
    enum Phase {
        Load,
    }
    impl SpanName for Phase {
        fn span_name(&self) -> &'static str {
            "a phase"
        }
    }
    #[timed_span(name = "a literal")]
    fn literal() {}
    #[timed_span(name = NAME)]
    fn constant<T>(_: T) {}
    #[timed_span(name = Phase::Load)]
    fn value() {}

    let capture = capture();
    literal();
    constant(1);
    value();
    assert_tree(&capture.finish(), "a literal\na constant\na phase");
}

#[test]
fn nothing_is_captured_unless_it_is_named() {
    #[timed_span(name = "f")]
    fn f(_secret: &str, _other: u32) {}
    let capture = capture();
    f("password", 3);
    assert!(only_span(capture).attributes.is_empty());
}

struct Model {
    rate: f64,
    layers: Vec<u32>,
}

impl Model {
    #[timed_span(
        name = "step",
        attrs(
            step, lr = self.rate * 2.0, self.rate, batch.len = xs.len(), path = %path.display(),
            ?pair, layers = &self.layers, "http.route" = "/x", type = 'c',
            absent = None::<u32>, present = Some("here"),
        ),
        start_attrs(cause = "loop")
    )]
    fn step(&mut self, step: u32, xs: &[f32], path: &std::path::Path, pair: (u8, u8)) -> usize {
        self.rate += 1.0;
        xs.len() + pair.0 as usize
    }
}

#[test]
fn attributes_are_expressions_with_the_arguments_in_scope() {
    let capture = capture();
    let mut model = Model { rate: 0.5, layers: vec![3, 4] };
    model.step(7, &[1.0], "/data".as_ref(), (1, 2));
    let span = only_span(capture);
    let expected = onelogger::Attributes::new()
        .with("step", 7)
        .with("lr", 1.0)
        .with("rate", 0.5)
        .with("batch.len", 1)
        .with("path", "/data")
        .with("pair", "(1, 2)")
        .with("layers", [3_i64, 4])
        .with("http.route", "/x")
        .with("type", "c")
        .with("present", "here");
    assert_eq!(span.attributes, expected);
    assert_eq!(span.event_attributes.get_str("cause"), Ok(Some("loop")));
}

#[test]
fn an_err_is_reported_with_what_is_known_of_it() {
    type Alias<T> = std::io::Result<T>;

    #[timed_span(name = "error")]
    fn error() -> Result<u8, Failed> {
        Err(Failed(1))
    }
    #[timed_span(name = "alias")]
    fn alias() -> Alias<()> {
        Err(std::io::Error::other(Failed(2)))?;
        Ok(())
    }
    #[timed_span(name = "boxed")]
    fn boxed() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Err("just text")?;
        Ok(())
    }
    #[timed_span(name = "text")]
    fn text() -> Result<(), String> {
        Err("no error type".to_owned())
    }
    #[timed_span(name = "opaque")]
    fn opaque<E>(error: E) -> Result<(), E> {
        Err(error)
    }
    #[timed_span(name = "bound")]
    fn bound<E: std::error::Error>(error: E) -> Result<(), E> {
        Err(error)
    }
    #[timed_span(name = "fine")]
    fn fine() -> Result<u8, Failed> {
        Ok(1)
    }
    #[timed_span(name = "not a result")]
    fn no_result() -> Option<u8> {
        None
    }

    let capture = capture();
    let _ = error();
    let _ = alias();
    let _ = boxed();
    let _ = text();
    let _ = opaque(Failed(3));
    let _ = bound(Failed(4));
    let _ = fine();
    let _ = no_result();
    assert_tree(
        &capture.finish(),
        "
        error -> error
          ! Error in error: failed with 1 [Failed]
        alias -> error
          ! Error in alias: failed with 2 [io::Error]
        boxed -> error
          ! Error in boxed: just text [Box<dyn Error + Send + Sync>]
        text -> error
          ! Error in text: no error type [String]
        opaque -> error
          ! Error in opaque [Failed]
        bound -> error
          ! Error in bound: failed with 4 [Failed]
        fine
        not a result
        ",
    );
}

#[test]
fn sources_are_kept() {
    #[derive(Debug)]
    struct Outer(Failed);
    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("outer")
        }
    }
    impl std::error::Error for Outer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }
    #[timed_span(name = "f")]
    fn f() -> Result<(), Outer> {
        Err(Outer(Failed(9)))
    }
    let capture = capture();
    let _ = f();
    let expected = "
        f -> error
          ! Error in f: outer [Outer] onelogger.exception.sources=[\"failed with 9\"]";
    assert_tree(&capture.finish(), expected);
}

#[test]
fn how_an_err_is_reported_can_be_said() {
    #[timed_span(name = "silent", err = false)]
    fn silent() -> Result<(), Failed> {
        Err(Failed(1))
    }
    #[timed_span(name = "debug", err(Debug))]
    fn debug() -> Result<(), Failed> {
        Err(Failed(2))
    }
    #[timed_span(name = "display", err(Display))]
    fn display<E: fmt::Display>(error: E) -> Result<(), E> {
        Err(error)
    }
    #[timed_span(name = "when", err(when = |error| error.0 > 10))]
    fn when(value: u32) -> Result<(), Failed> {
        Err(Failed(value))
    }
    let capture = capture();
    let _ = silent();
    let _ = debug();
    let _ = display(Failed(3));
    let _ = when(4);
    let _ = when(40);
    assert_tree(
        &capture.finish(),
        "
        silent
        debug -> error
          ! Error in debug: Failed(2) [Failed]
        display -> error
          ! Error in display: failed with 3 [Failed]
        when
        when -> error
          ! Error in when: failed with 40 [Failed]
        ",
    );
}

#[test]
fn the_value_can_be_reported() {
    #[timed_span(name = "number", ret)]
    fn number() -> u32 {
        7
    }
    #[timed_span(name = "ok", ret)]
    fn ok(is_ok: bool) -> Result<String, Failed> {
        if is_ok { Ok("fine".to_owned()) } else { Err(Failed(1)) }
    }
    #[timed_span(name = "debug", ret(Debug))]
    fn debug() -> (u8, u8) {
        (1, 2)
    }
    #[timed_span(name = "display", ret(Display))]
    fn display() -> Failed {
        Failed(5)
    }
    #[timed_span(name = "rows", ret(rows = Vec::len, first = |rows| rows[0]))]
    fn rows() -> Result<Vec<u8>, Failed> {
        Ok(vec![9, 8])
    }
    #[timed_span(name = "later", ret)]
    async fn later() -> u8 {
        std::future::ready(3).await
    }
    let capture = capture();
    let _ = (number(), ok(true), ok(false), debug(), display(), rows());
    assert_eq!(poll_once(later()), Some(3));
    assert_tree(
        &capture.finish(),
        "
        number return=7
        ok return=fine
        ok -> error
          ! Error in ok: failed with 1 [Failed]
        debug return=(1, 2)
        display return=failed with 5
        rows rows=2 first=9
        later return=3
        ",
    );
}

#[test]
fn level_group_and_kind_are_in_the_record() {
    #[timed_span(level = error, group = "per_step", kind = client)]
    fn f() {}
    let capture = capture();
    f();
    let span = only_span(capture);
    assert_eq!((span.level, span.kind), (Level::Error, SpanKind::Client));
    assert_eq!(span.group, Some("per_step".into()));
}

#[test]
fn parents_roots_and_links_are_values() {
    #[timed_span(name = "under", parent = context)]
    fn under(context: SpanContext) {}
    #[timed_span(name = "under span", parent = span)]
    fn under_span(span: &onelogger::Span) {}
    #[timed_span(name = "perhaps", parent = context)]
    fn perhaps(context: Option<SpanContext>) {}
    #[timed_span(name = "root", root, links(context, (context, onelogger::Attributes::new().with("why", "retry"))))]
    fn root(context: SpanContext) {}

    let capture = capture();
    let remote = SpanContext::remote(TraceId::from_u128(7), SpanId::from_u64(9));
    let outer = onelogger::span!("outer");
    under(remote);
    under_span(outer.span());
    perhaps(None);
    perhaps(Some(remote));
    root(remote);
    drop(outer);
    let records = capture.finish();
    assert_tree(
        &records,
        "
        outer
          under span
          perhaps
        under <- remote
        perhaps <- remote
        root
        ",
    );
    let root = records.iter().find_map(|record| match record {
        Record::Start(span) if span.name == "root" => Some(span),
        _ => None,
    });
    let links = &root.unwrap().links;
    assert_eq!(links.len(), 2);
    assert_eq!((links[0].context, links[1].context), (remote, remote));
    assert_eq!(links[1].attributes.get_str("why"), Ok(Some("retry")));
}

/// The crate is where somebody else re-exports it.
mod reexported {
    pub(super) mod deep {
        pub(crate) use ::onelogger;
    }
}

#[test]
fn the_crate_may_be_reexported() {
    #[reexported::deep::onelogger::timed_span(name = "a", crate = reexported::deep::onelogger)]
    fn f() {
        reexported::deep::onelogger::event!("b");
    }
    let capture = capture();
    f();
    assert_tree(&capture.finish(), "a\n  · b");
}

fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

#[test]
fn a_panic_is_an_outcome() {
    #[timed_span(name = "outer")]
    fn outer() {
        let _ = inner(0);
    }
    #[timed_span(name = "inner")]
    fn inner(divisor: u32) -> Result<u32, Failed> {
        let span = onelogger::span!("third");
        assert!(divisor > 0, "divided by {divisor}");
        drop(span);
        Ok(1)
    }
    let capture = capture();
    let line = line!() - 5;
    assert!(std::panic::catch_unwind(outer).is_err());
    let place = format!("code.file.path={} code.line.number={line} code.column.number=9", file!());
    assert_tree(
        &capture.finish(),
        &format!(
            "
            outer -> panic
              inner -> panic
                third -> panic
                  ! panic in third: divided by 0 [panic] {place}
                ! panic in inner: divided by 0 [panic] {place}
              ! panic in outer: divided by 0 [panic] {place}
            "
        ),
    );
}

#[test]
fn a_span_in_a_destructor_is_not_ended_by_the_panic_that_calls_it() {
    struct Cleanup;
    impl Drop for Cleanup {
        fn drop(&mut self) {
            let _span = onelogger::span!("cleanup");
        }
    }
    let capture = capture();
    let caught = std::panic::catch_unwind(|| {
        let _cleanup = Cleanup;
        panic!("as it must");
    });
    assert!(caught.is_err());
    assert_tree(&capture.finish(), "cleanup");
}

#[test]
fn functions_of_every_shape_are_timed() {
    trait Shape {
        fn required(&self) -> u8;
        #[timed_span(name = "provided")]
        fn provided(&self) -> u8 {
            self.required()
        }
        async fn later(&self, text: &str) -> usize;
    }
    impl Shape for u8 {
        #[timed_span(name = "required", attrs(value = *self))]
        fn required(&self) -> u8 {
            *self
        }
        #[timed_span(name = "later")]
        async fn later(&self, text: &str) -> usize {
            text.len() + *self as usize
        }
    }
    #[timed_span(name = "generic")]
    fn generic<'a, T, const N: usize>(items: &'a [T; N]) -> impl Iterator<Item = T> + 'a
    where
        T: Clone + 'a,
    {
        items.iter().cloned()
    }
    #[timed_span(name = "unsafe")]
    unsafe fn not_safe(pointer: &u8) -> Result<u8, Failed> {
        Ok(*pointer)
    }
    #[timed_span(name = "extern")]
    extern "C" fn called_from_c(value: i32) -> i32 {
        value
    }
    #[timed_span(name = "never")]
    fn never(code: u32) -> ! {
        panic!("{code}")
    }
    #[timed_span(name = "patterns", attrs(a, b))]
    fn patterns(
        (a, b): (u8, u8),
        _: String,
        [first, ..]: [u8; 3],
        mut c: u8,
    ) -> Result<u8, Failed> {
        c += first;
        Ok(a + b + c)
    }
    #[timed_span(name = "result of impl")]
    fn result_of_impl(text: &str) -> Result<impl Fn() -> usize, Box<dyn std::error::Error>> {
        let number: usize = text.parse()?;
        Ok(move || number)
    }
    #[timed_span(name = "boxed")]
    fn boxed<'a>(
        text: &'a str,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<usize, Failed>> + Send + 'a>> {
        Box::pin(async move { Ok(text.len()) })
    }
    #[timed_span(name = "impl future", attrs(text))]
    fn impl_future(text: &str) -> impl Future<Output = usize> {
        let length = text.len();
        async move { length }
    }
    #[timed_span(name = "recursive", attrs(n))]
    fn recursive(n: u32) -> u32 {
        if n == 0 { 0 } else { recursive(n - 1) }
    }

    let capture = capture();
    assert_eq!(3_u8.provided(), 3);
    assert_eq!(poll_once(3_u8.later("ab")), Some(5));
    assert_eq!(generic(&[1, 2]).sum::<i32>(), 3);
    // SAFETY: it is unsafe in name only.
    assert_eq!(unsafe { not_safe(&4) }.unwrap(), 4);
    assert_eq!(called_from_c(5), 5);
    assert!(std::panic::catch_unwind(|| never(6)).is_err());
    assert_eq!(patterns((1, 2), String::new(), [3, 0, 0], 4).unwrap(), 10);
    assert_eq!(result_of_impl("7").unwrap()(), 7);
    assert_eq!(poll_once(boxed("ab")).unwrap().unwrap(), 2);
    assert_eq!(poll_once(impl_future("abc")), Some(3));
    recursive(2);
    let records = capture.finish();
    let panics = records.iter().filter(|record| matches!(record, Record::Error(_))).count();
    assert_eq!(panics, 1);
    let without_errors: Vec<_> =
        records.into_iter().filter(|record| !matches!(record, Record::Error(_))).collect();
    assert_tree(
        &without_errors,
        "
        provided
          required value=3
        later
        generic
        unsafe
        extern
        never -> panic
        patterns a=1 b=2
        result of impl
        boxed
        impl future text=abc
        recursive n=2
          recursive n=1
            recursive n=0
        ",
    );
}
