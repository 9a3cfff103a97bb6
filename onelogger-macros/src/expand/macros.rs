//! `span!`, `event!` and `error!`.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::Expr;

use super::callsite::{attributes, declaration, guard, if_enabled, option, span_arguments};
use super::{in_parentheses, mixed_quote, mixed_site_at};
use crate::ir::{ErrorMacro, EventMacro, Krate, SpanForm, SpanMacro};

pub(crate) fn span(span: &SpanMacro) -> TokenStream {
    let krate = &span.opening.callsite.krate;
    let p = krate.private();
    let callsite = declaration(&span.opening.callsite);
    let value = match &span.form {
        SpanForm::Guard => guard(&span.opening),
        SpanForm::Block(block) => {
            let guard = guard(&span.opening);
            let block = in_parentheses(block);
            mixed_quote!(let __onelogger_span = #guard; #block)
        }
        SpanForm::Async { keywords, block } => {
            let arguments = span_arguments(&span.opening);
            let open = mixed_quote!(#p::open_in_future(&__ONELOGGER_CALLSITE, &#arguments););
            let open = if_enabled(&open);
            // The type of a block's value may be known only from what follows; to look at it here
            // would take that freedom away.
            let block = in_parentheses(block);
            mixed_quote!(#p::timed(#keywords { #open #block }, #p::unobserved))
        }
    };
    mixed_quote!({ #callsite #value })
}

pub(crate) fn event(event: &EventMacro) -> TokenStream {
    let p = event.callsite.krate.private();
    let callsite = declaration(&event.callsite);
    let span = span_of(event.of.as_ref(), &event.callsite.krate);
    let attributes = attributes(&event.callsite.attributes, &event.callsite.krate);
    let record = if_enabled(&mixed_quote! {
        #p::event(&__ONELOGGER_CALLSITE, #span, #attributes);
    });
    mixed_quote!({ #callsite #record })
}

pub(crate) fn error(error: &ErrorMacro) -> TokenStream {
    let krate = &error.callsite.krate;
    let p = krate.private();
    let callsite = declaration(&error.callsite);
    let span = span_of(error.of.as_ref(), krate);
    let message = error.message.as_ref().map(|message| mixed_quote!(#p::format_args!(#message)));
    let message = option(message, &p);
    let failure = error.error.as_ref().map(|error| {
        let place = mixed_site_at(error);
        let p = krate.private_at(place);
        quote_spanned!(place=> #p::failure_of!(&(#error)))
    });
    let failure = option(failure, &p);
    let attributes = attributes(&error.callsite.attributes, krate);
    let record = if_enabled(&mixed_quote! {
        #p::error(&__ONELOGGER_CALLSITE, #span, #message, #failure, #attributes);
    });
    mixed_quote!({ #callsite #record })
}

fn span_of(span: Option<&Expr>, krate: &Krate) -> TokenStream {
    let p = krate.private();
    let span = span.map(|span| {
        let place = mixed_site_at(span);
        let p = krate.private_at(place);
        quote_spanned!(place=> #p::as_span(&(#span)))
    });
    option(span, &p)
}
