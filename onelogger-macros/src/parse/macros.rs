//! The input of `span!`, `event!` and `error!`: `$crate`, a comma, and what the user wrote.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::{ParseStream, Parser};
use syn::{Error, Expr, ExprLit, Lit, LitStr, Result, Token};

use super::attributes::attributes;
use super::name::name;
use super::options::Options;
use super::{expression, is_at_end, message, word};
use crate::diagnostics::Diagnostics;
use crate::ir::{Attribute, Callsite, ErrorMacro, EventMacro, Krate, Opening, SpanForm, SpanMacro};

pub(crate) fn span(input: TokenStream, diagnostics: &mut Diagnostics) -> Result<SpanMacro> {
    let read = |input: ParseStream| {
        let krate = krate(input, "expected a name: `span!(\"name\", key = value)`")?;
        let keywords = async_keywords(input)?;
        let allowed = &["level", "group", "kind", "parent", "root", "links"];
        let options = Options::parse(input, allowed, diagnostics)?;
        let name = name(input, diagnostics)?;
        let attributes = trailing_attributes(input, diagnostics)?;
        let form = match (keywords, block(input)?) {
            (None, None) => SpanForm::Guard,
            (None, Some(block)) => SpanForm::Block(block),
            (Some(keywords), Some(block)) => SpanForm::Async { keywords, block },
            (Some(keywords), None) => {
                let message = "an async span needs a block: `span!(async \"name\"; { ... })`";
                return Err(Error::new_spanned(keywords, message));
            }
        };
        let mut opening = Opening::new(krate, name, options);
        opening.callsite.attributes = attributes;
        Ok(SpanMacro { opening, form })
    };
    read.parse2(input)
}

pub(crate) fn event(input: TokenStream, diagnostics: &mut Diagnostics) -> Result<EventMacro> {
    let read = |input: ParseStream| {
        let krate = krate(input, "expected a name: `event!(\"name\", key = value)`")?;
        let of = span_after_in(input)?;
        let mut options = Options::parse(input, &["level", "group"], diagnostics)?;
        let name = name(input, diagnostics)?;
        let attributes = trailing_attributes(input, diagnostics)?;
        let callsite = Callsite::event(krate, name, &mut options);
        Ok(EventMacro { callsite: Callsite { attributes, ..callsite }, of })
    };
    read.parse2(input)
}

pub(crate) fn error(input: TokenStream, diagnostics: &mut Diagnostics) -> Result<ErrorMacro> {
    let read = |input: ParseStream| {
        let expected = "expected a message or an error: `error!(\"message\", key = value)`";
        let krate = krate(input, expected)?;
        let of = span_after_in(input)?;
        let mut options = Options::parse(input, &["group"], diagnostics)?;
        let (error, message) = match expression(input)? {
            Expr::Lit(ExprLit { lit: Lit::Str(message), .. }) => (None, Some(message)),
            assignment @ Expr::Assign(_) => {
                let message = format!("attributes come last; {expected}");
                return Err(Error::new_spanned(assignment, message));
            }
            error => (Some(error), message_after_error(input)?),
        };
        if let Some(message) = &message {
            message::check(message, diagnostics);
        }
        let attributes = trailing_attributes(input, diagnostics)?;
        let callsite = Callsite::error(krate, &mut options);
        Ok(ErrorMacro { callsite: Callsite { attributes, ..callsite }, of, error, message })
    };
    read.parse2(input)
}

/// Reads `$crate,`, which the wrapper of each macro hands over, and expects that the user wrote
/// something.
fn krate(input: ParseStream, expected: &str) -> Result<Krate> {
    let krate = word(input)?;
    input.parse::<Token![,]>()?;
    if input.is_empty() {
        return Err(Error::new(Span::call_site(), expected));
    }
    Ok(Krate(krate.to_token_stream()))
}

fn async_keywords(input: ParseStream) -> Result<Option<TokenStream>> {
    let asyncness: Option<Token![async]> = input.parse()?;
    let Some(asyncness) = asyncness else { return Ok(None) };
    let capture: Option<Token![move]> = input.parse()?;
    Ok(Some(quote!(#asyncness #capture)))
}

/// Reads `in span,`.
fn span_after_in(input: ParseStream) -> Result<Option<Expr>> {
    if !input.peek(Token![in]) {
        return Ok(None);
    }
    input.parse::<Token![in]>()?;
    let span = input.parse()?;
    input.parse::<Token![,]>()?;
    Ok(Some(span))
}

/// Reads `, "message"`, but not `, "key" = value`.
fn message_after_error(input: ParseStream) -> Result<Option<LitStr>> {
    if !(input.peek(Token![,]) && input.peek2(LitStr)) || input.peek3(Token![=]) {
        return Ok(None);
    }
    input.parse::<Token![,]>()?;
    input.parse().map(Some)
}

fn trailing_attributes(
    input: ParseStream,
    diagnostics: &mut Diagnostics,
) -> Result<Vec<Attribute>> {
    if is_at_end(input) {
        return Ok(Vec::new());
    }
    input.parse::<Token![,]>()?;
    attributes(input, diagnostics)
}

/// Reads `; { ... }`.
fn block(input: ParseStream) -> Result<Option<Group>> {
    if !input.peek(Token![;]) {
        return Ok(None);
    }
    let semicolon: Token![;] = input.parse()?;
    match input.parse() {
        Ok(TokenTree::Group(block)) if block.delimiter() == Delimiter::Brace => Ok(Some(block)),
        _ => Err(Error::new(semicolon.span, "expected a block after `;`: `{ ... }`")),
    }
}
