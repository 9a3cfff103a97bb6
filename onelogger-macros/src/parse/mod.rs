//! From tokens to what they say, one argument at a time.
//!
//! An argument that is understood but wrong is reported, and the next one is read. Tokens that
//! cannot be read end their list: where the next argument begins is then a guess, and an error
//! after a wrong guess would be about nothing that the user wrote.

mod arguments;
mod attributes;
mod function;
mod macros;
mod message;
mod name;
mod options;
mod words;

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseBuffer, ParseStream, Parser};
use syn::token::Paren;
use syn::{Error, Expr, Ident, Result, Token, parenthesized};

pub(crate) use arguments::Arguments;
pub(crate) use function::function;
pub(crate) use macros::{error, event, span};
pub(crate) use options::Options;

use crate::diagnostics::Diagnostics;

/// The arguments of `#[timed_span(...)]`.
pub(crate) fn timed_span_arguments(
    tokens: TokenStream,
    diagnostics: &mut Diagnostics,
) -> Result<Arguments> {
    let read = |input: ParseStream| Arguments::parse(input, diagnostics);
    read.parse2(tokens)
}

/// Reads what stands between commas, up to the end or a semicolon.
fn comma_separated(
    input: ParseStream,
    mut read: impl FnMut(ParseStream) -> Result<()>,
) -> Result<()> {
    while !is_at_end(input) {
        read(input)?;
        if !is_at_end(input) {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(())
}

/// A semicolon ends the head of a `span!`, and is an error elsewhere.
fn is_at_end(input: ParseStream) -> bool {
    input.is_empty() || input.peek(Token![;])
}

/// Reads the `=` after an argument that takes a value.
fn equals(word: &Ident, input: ParseStream) -> Result<()> {
    if !input.peek(Token![=]) {
        return Err(Error::new(word.span(), format!("`{word}` takes a value: `{word} = ...`")));
    }
    input.parse::<Token![=]>().map(drop)
}

/// Reads the list in parentheses. What is wrong in it does not keep anyone from reading on after
/// it.
fn in_parentheses(
    word: &Ident,
    input: ParseStream,
    diagnostics: &mut Diagnostics,
    read: impl FnOnce(ParseStream, &mut Diagnostics) -> Result<()>,
) -> Result<()> {
    if !input.peek(Paren) {
        return Err(Error::new(word.span(), format!("`{word}` takes a list: `{word}(...)`")));
    }
    let content: ParseBuffer;
    parenthesized!(content in input);
    let result = read(&content, diagnostics).and_then(|()| match content.is_empty() {
        true => Ok(()),
        false => Err(content.error("expected `,`")),
    });
    if let Err(error) = result {
        diagnostics.add(error);
        skip_rest(&content);
    }
    Ok(())
}

/// Reads over the value of an argument that is wrong already, and over the rest if there is no
/// telling where the value ends.
fn skip_value(input: ParseStream) {
    if input.peek(Paren) {
        let _ = input.parse::<proc_macro2::TokenTree>();
    } else if input.peek(Token![=]) {
        let _ = input.parse::<Token![=]>();
        if input.parse::<Expr>().is_err() {
            skip_rest(input);
        }
    }
    if !is_at_end(input) && !input.peek(Token![,]) {
        skip_rest(input);
    }
}

fn skip_rest(input: ParseStream) {
    let _ = input.parse::<TokenStream>();
}

/// Reads something, and says in the user's words what it should have been.
fn expect<T: Parse>(input: ParseStream, what: &str) -> Result<T> {
    input.parse().map_err(|error| Error::new(error.span(), format!("expected {what}")))
}

/// Any word, keywords and raw identifiers included.
fn word(input: ParseStream) -> Result<Ident> {
    Ident::parse_any(input)
}

/// An expression, without the invisible parentheses around a `$literal` or `$expr` of
/// `macro_rules`.
fn expression(input: ParseStream) -> Result<Expr> {
    let mut expression: Expr = input.parse()?;
    while let Expr::Group(group) = expression {
        expression = *group.expr;
    }
    Ok(expression)
}
