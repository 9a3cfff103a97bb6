//! The way of each macro through the steps, from tokens to tokens.

use proc_macro2::TokenStream;
use syn::Result;

use crate::diagnostics::Diagnostics;
use crate::{expand, ir, parse, validate};

/// A wrong argument must not take the function away from its callers: it stays as it is, beside
/// the errors.
pub(crate) fn timed_span(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let span = Diagnostics::collect(|diagnostics| {
        let function = parse::function(item.clone())?;
        let arguments = parse::timed_span_arguments(arguments, diagnostics)?;
        let span = ir::TimedSpan::new(arguments, function);
        validate::timed_span(&span, diagnostics);
        Ok(span)
    });
    match span {
        Ok(span) => expand::timed_span(span),
        Err(errors) => {
            let mut tokens = errors.into_items();
            tokens.extend(item);
            tokens
        }
    }
}

pub(crate) fn span(input: TokenStream) -> TokenStream {
    expression(
        |diagnostics| {
            let span = parse::span(input, diagnostics)?;
            validate::span(&span, diagnostics);
            Ok(span)
        },
        expand::span,
    )
}

pub(crate) fn event(input: TokenStream) -> TokenStream {
    expression(|diagnostics| parse::event(input, diagnostics), expand::event)
}

pub(crate) fn error(input: TokenStream) -> TokenStream {
    expression(|diagnostics| parse::error(input, diagnostics), expand::error)
}

fn expression<T>(
    read: impl FnOnce(&mut Diagnostics) -> Result<T>,
    expand: impl FnOnce(&T) -> TokenStream,
) -> TokenStream {
    match Diagnostics::collect(read) {
        Ok(value) => expand(&value),
        Err(errors) => errors.into_expression(),
    }
}
