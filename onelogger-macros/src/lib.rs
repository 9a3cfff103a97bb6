//! The attribute and the macros of `onelogger`. Use them from there.
mod diagnostics;
mod entry;
mod expand;
mod ir;
mod parse;
mod validate;

use proc_macro::TokenStream;

/// x
#[proc_macro_attribute]
pub fn timed_span(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::timed_span(arguments.into(), item.into()).into()
}
/// x
#[proc_macro]
pub fn span(input: TokenStream) -> TokenStream {
    entry::span(input.into()).into()
}
/// x
#[proc_macro]
pub fn event(input: TokenStream) -> TokenStream {
    entry::event(input.into()).into()
}
/// x
#[proc_macro]
pub fn error(input: TokenStream) -> TokenStream {
    entry::error(input.into()).into()
}
