//! Writes the expansions. Nothing here can fail: what could, is refused before.
//!
//! An expansion is thin: a static, a look at whether it is enabled, a call into
//! `onelogger::__private`. Every path begins there, and every name that is made up begins with
//! `__onelogger`, so that a program may call its own things as it likes. The tokens of the user keep
//! their spans; all others have the span [`Span::mixed_site`], in which locals are invisible to the
//! user, lints see foreign code, and the edition is that of this crate.

mod callsite;
mod function;
mod macros;
mod observation;
mod parameters;

pub(crate) use function::timed_span;
pub(crate) use macros::{error, event, span};

/// [`quote!`](quote::quote) with spans that are ours.
macro_rules! mixed_quote {
    ($($tokens:tt)*) => {
        ::quote::quote_spanned! { ::proc_macro2::Span::mixed_site() => $($tokens)* }
    };
}
use mixed_quote;

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};

/// Ours in all but the place: an error or a warning that is about the user's tokens points there.
fn mixed_site_at(tokens: &impl ToTokens) -> Span {
    let first: Option<TokenTree> = tokens.to_token_stream().into_iter().next();
    let place = first.map_or_else(Span::call_site, |first| first.span());
    Span::mixed_site().located_at(place)
}

/// Tokens that mean the same at another place.
fn located_at(tokens: &TokenStream, place: Span) -> TokenStream {
    let located = tokens.clone().into_iter().map(|mut token| {
        token.set_span(token.span().located_at(place));
        token
    });
    located.collect()
}

/// A block that counts as the user's, around what is ours. Lints that look at functions, closures
/// and async blocks pass over what a macro has made, and would pass over the user's code in it.
fn as_block_of(users: &Group, tokens: &TokenStream) -> Group {
    let mut block = Group::new(Delimiter::Brace, tokens.clone());
    block.set_span(users.span());
    block
}

/// A block of the user's in parentheses of ours. Without them the compiler takes the braces for ones
/// that the user could leave out.
fn in_parentheses(block: &Group) -> TokenStream {
    quote_spanned!(mixed_site_at(block)=> (#block))
}

impl crate::ir::Krate {
    /// The path of what expansions may use.
    fn private(&self) -> TokenStream {
        let krate = &self.0;
        mixed_quote!(#krate::__private)
    }

    /// The same path, at a place of the user's: where a call of it fails, the error points there.
    fn private_at(&self, place: Span) -> TokenStream {
        located_at(&self.private(), place)
    }
}
