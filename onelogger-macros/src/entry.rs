//! The way of each macro through the steps, from tokens to tokens.

use proc_macro2::TokenStream;

use crate::diagnostics::{Diagnostics, Errors};
use crate::ir::{ErrorMacro, EventMacro, SpanMacro, TimedSpan};
use crate::{expand, parse, validate};

/// A wrong argument must not take the function away from its callers: it stays as it is, beside
/// the errors.
pub(crate) fn timed_span(arguments: TokenStream, item: TokenStream) -> TokenStream {
    match read_timed_span(arguments, item.clone()) {
        Ok(span) => expand::timed_span(span),
        Err(errors) => {
            let mut tokens = errors.into_items();
            tokens.extend(item);
            tokens
        }
    }
}

pub(crate) fn span(input: TokenStream) -> TokenStream {
    read_span(input).map_or_else(Errors::into_expression, |span| expand::span(&span))
}

pub(crate) fn event(input: TokenStream) -> TokenStream {
    read_event(input).map_or_else(Errors::into_expression, |event| expand::event(&event))
}

pub(crate) fn error(input: TokenStream) -> TokenStream {
    read_error(input).map_or_else(Errors::into_expression, |error| expand::error(&error))
}

fn read_timed_span(arguments: TokenStream, item: TokenStream) -> Result<TimedSpan, Errors> {
    Diagnostics::collect(|diagnostics| {
        let function = parse::function(item)?;
        let arguments = parse::timed_span_arguments(arguments, diagnostics)?;
        let span = TimedSpan::new(arguments, function);
        validate::timed_span(&span, diagnostics);
        Ok(span)
    })
}

fn read_span(input: TokenStream) -> Result<SpanMacro, Errors> {
    Diagnostics::collect(|diagnostics| {
        let span = parse::span(input, diagnostics)?;
        validate::span(&span, diagnostics);
        Ok(span)
    })
}

fn read_event(input: TokenStream) -> Result<EventMacro, Errors> {
    Diagnostics::collect(|diagnostics| {
        let event = parse::event(input, diagnostics)?;
        validate::event(&event, diagnostics);
        Ok(event)
    })
}

fn read_error(input: TokenStream) -> Result<ErrorMacro, Errors> {
    Diagnostics::collect(|diagnostics| parse::error(input, diagnostics))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Format, Shape};

    fn tokens(text: &str) -> TokenStream {
        text.parse().unwrap()
    }

    /// How the messages of an attribute begin.
    #[track_caller]
    fn attribute(arguments: &str, item: &str, expected: &[&str]) {
        let read = read_timed_span(tokens(arguments), tokens(item));
        compare(read.err(), expected);
    }

    /// How the messages of a function-like macro begin.
    #[track_caller]
    fn macro_input<T>(
        read: impl FnOnce(TokenStream) -> Result<T, Errors>,
        input: &str,
        expected: &[&str],
    ) {
        compare(read(tokens(&format!("krate, {input}"))).err(), expected);
    }

    #[track_caller]
    fn compare(errors: Option<Errors>, expected: &[&str]) {
        let messages = errors.map(|errors| errors.messages()).unwrap_or_default();
        let begins = |(message, begin): (&String, &&str)| message.starts_with(begin);
        let is_same = messages.len() == expected.len() && messages.iter().zip(expected).all(begins);
        assert!(is_same, "{messages:#?} do not begin as {expected:#?}");
    }

    #[test]
    fn arguments_are_taken_in_any_order_and_once() {
        let item = "fn f(x: u8) -> Result<u8, E> {}";
        attribute("", item, &[]);
        attribute("ret, err(Debug, when = |e| e.is_bad()), name = A::B, root,", item, &[]);
        attribute("level = \"warn\", kind = client, group = \"g\", links(a, b)", item, &[]);
        attribute("err, ret, err = false", item, &["`err` is given already"]);
        attribute("root, parent = x", item, &["`parent` excludes `root`"]);
    }

    #[test]
    fn all_that_is_wrong_is_reported_once() {
        let item = "fn f() {}";
        attribute("lvl = debug, attr(x)", item, &["unknown argument `lvl`; did you", "unknown"]);
        attribute("foo = |a, b| a, bar(1), baz.x", item, &["unknown"; 3]);
        attribute(
            "level = x, attrs(a, a, ), name = \"\"",
            item,
            &["unknown level", "the key", "a"],
        );
        attribute("attrs(x = ), start_attrs(y y), root", item, &["unexpected end", "expected `,`"]);
        attribute("level, root", item, &["`level` takes a value"]);
        attribute("attrs", item, &["`attrs` takes a list"]);
        attribute("\"name\", root", item, &["a name has its word: `name = \"name\"`"]);
    }

    #[test]
    fn what_does_not_fit_the_function_is_refused() {
        attribute("err", "fn f() {}", &["the function returns no `Result`"]);
        attribute("ret", "fn f() -> ! {}", &["the function returns no value"]);
        attribute("name = T::X", "fn f<T>() {}", &["a name is the same for all types"]);
        attribute("name = Self::X", "fn f() {}", &["a name is the same for all types"]);
        attribute("attrs(x), ret(x = |x| x)", "fn f() -> u8 {}", &["the key `x` is in `attrs`"]);
        let tracked = "#[track_caller] fn f() -> Option<u8> {}";
        attribute("", tracked, &["`#[track_caller]` would"]);
        attribute("err = false", tracked, &[]);
        attribute("", "const fn f() {}", &["a `const fn`"]);
        attribute("", "fn f();", &["a method without a body"]);
        attribute("", "unsafe impl T for U {}", &["expected a function, found `impl`"]);
        attribute("", "const X: u8 = { 1 };", &["expected a function, found `const`"]);
    }

    #[test]
    fn shapes_follow_from_the_signature() {
        let check = |arguments: &str, item: &str, expected: Shape| {
            let Ok(span) = read_timed_span(tokens(arguments), tokens(item)) else {
                panic!("{item} is refused")
            };
            assert!(span.shape == expected, "{item}");
        };
        check("", "fn f() {}", Shape::Guarded);
        check("", "fn f() -> u8 {}", Shape::Guarded);
        check("ret", "fn f() -> u8 {}", Shape::Closure);
        check("", "fn f() -> Result<(), E> {}", Shape::Closure);
        check("err = false", "fn f() -> Result<(), E> {}", Shape::Guarded);
        check("", "async fn f() {}", Shape::Future);
        check("", "#[test] async fn f() {}", Shape::AsyncFn);
        check("", "fn f() -> impl Future {}", Shape::ReturnsFuture { is_boxed: false });
        check("", "fn f() -> BoxFuture<'_, ()> {}", Shape::ReturnsFuture { is_boxed: true });
    }

    #[test]
    fn attributes_have_keys_and_formats() {
        let input = "krate, \"x\", a, self.b.c, r#type, fn = 1, d.e = %x, \"f g\" = ?y, ?h, %i.j";
        let Ok(event) = read_event(tokens(input)) else { panic!("refused") };
        let found: Vec<(&str, Format)> = event
            .callsite
            .attributes
            .iter()
            .map(|attribute| (attribute.key.text.as_str(), attribute.format))
            .collect();
        let (typed, display, debug) = (Format::Typed, Format::Display, Format::Debug);
        let expected = [
            ("a", typed),
            ("b.c", typed),
            ("type", typed),
            ("fn", typed),
            ("d.e", display),
            ("f g", debug),
            ("h", debug),
            ("i.j", display),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn function_like_macros_say_what_they_expect() {
        macro_input(read_span, "\"x\", a = 1; { b }", &[]);
        macro_input(read_span, "async move level: debug, Phase::Load; { b }", &[]);
        macro_input(read_span, "", &["expected a name: `span!(\"name\""]);
        macro_input(read_span, "async \"x\"", &["an async span needs a block"]);
        macro_input(read_span, "lvl: 1, kind: x, \"n\"", &["unknown option `lvl`", "unknown kind"]);
        macro_input(read_span, "lvl: , \"n\"", &["unknown option `lvl`"]);
        macro_input(read_span, "\"x\", level: debug", &["expected `,` or `=`"]);
        macro_input(read_event, "in span, level: trace, \"x\", k = v,", &[]);
        macro_input(read_event, "Self::X", &["a name is the same"]);
        macro_input(read_event, "\"x\", xs.len()", &["expected `,` or `=`"]);
        macro_input(read_error, "\"{tries} times\", tries", &[]);
        macro_input(read_error, "in span, group: \"g\", error, \"text\", \"k\" = v", &[]);
        macro_input(read_error, "error, \"k\" = v", &[]);
        macro_input(read_error, "error, \"{} {}\", a, a", &["`{}` names no variable", "the key"]);
        macro_input(read_error, "k = v", &["attributes come last"]);
    }
}
