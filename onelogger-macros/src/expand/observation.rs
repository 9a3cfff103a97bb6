//! Looks at what a function has returned.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

use super::callsite::argument;
use super::{located_at, mixed_quote, mixed_site_at};
use crate::ir::{FailureRule, Format, Krate, Observation, Returned};

/// Statements that look at `result`, a reference, and tell the span `__onelogger_span`, to which
/// `span` is a reference that may change it.
pub(super) fn statements(
    observation: &Observation,
    result: &TokenStream,
    span: &TokenStream,
    krate: &Krate,
) -> TokenStream {
    let failure = observation.failure.as_ref().map(|rule| failure(rule, result, span, krate));
    let returned = observation.returned.as_ref().map(|values| {
        let returned = returned(values, result, krate);
        mixed_quote!(if __onelogger_span.is_open() { #returned })
    });
    mixed_quote!(#failure #returned)
}

/// A closure that looks at what a future gives.
pub(super) fn closure(observation: &Observation, krate: &Krate) -> TokenStream {
    let p = krate.private();
    if observation.is_empty() {
        return mixed_quote!(#p::unobserved);
    }
    let (result, span) = (mixed_quote!(__onelogger_result), mixed_quote!(__onelogger_span));
    let statements = statements(observation, &result, &span, krate);
    mixed_quote! {
        |__onelogger_result: &_, __onelogger_span: &mut #p::SpanGuard| { #statements }
    }
}

fn failure(
    rule: &FailureRule,
    result: &TokenStream,
    span: &TokenStream,
    krate: &Krate,
) -> TokenStream {
    let p = krate.private();
    // An error is about the argument that asks for what the type cannot do.
    let place = Span::mixed_site().located_at(rule.asked.unwrap_or_else(Span::call_site));
    let (here, result) = (krate.private_at(place), located_at(result, place));
    let shown = |failure: TokenStream| {
        mixed_quote! {
            if let #p::core::option::Option::Some(__onelogger_failure) = #failure {
                __onelogger_span.fail(__onelogger_failure);
            }
        }
    };
    let fail = match rule.format {
        Format::Typed => quote_spanned!(place=> #here::fail_by_result!(#span, #result);),
        Format::Display => shown(quote_spanned!(place=> #here::display_failure(#result))),
        Format::Debug => shown(quote_spanned!(place=> #here::debug_failure(#result))),
    };
    match (&rule.when, rule.format) {
        // Looks whether the span is open where there is an error.
        (None, Format::Typed) => fail,
        (None, _) => mixed_quote!(if __onelogger_span.is_open() { #fail }),
        (Some(when), _) => {
            let is_failure = quote_spanned!(place=> #here::failed_when(#result, #when));
            mixed_quote!(if __onelogger_span.is_open() && #is_failure { #fail })
        }
    }
}

fn returned(returned: &Returned, result: &TokenStream, krate: &Krate) -> TokenStream {
    let p = krate.private();
    let asked = Span::mixed_site().located_at(returned.asked);
    let records = returned.values.iter().map(|value| {
        let key = &value.key.text;
        let (value_of, place) = match &value.closure {
            None => (quote_spanned!(asked=> __onelogger_value), asked),
            Some(closure) => {
                let place = mixed_site_at(closure);
                let p = krate.private_at(place);
                (quote_spanned!(place=> &#p::apply(__onelogger_value, #closure)), place)
            }
        };
        let argument = argument(value.format, &value_of, place, krate);
        mixed_quote!(__onelogger_span.record(#key, #argument);)
    });
    mixed_quote! {
        if let #p::core::option::Option::Some(__onelogger_value) = #p::ok_value!(#result) {
            #(#records)*
        }
    }
}
