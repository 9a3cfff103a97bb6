//! The static of a callsite, and what is recorded with it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Expr;
use syn::spanned::Spanned as _;

use super::{mixed_quote, mixed_site_at};
use crate::ir::{Attribute, Callsite, CallsiteKind, Format, Krate, Name, Opening, Parent, Word};

/// `static __ONELOGGER_CALLSITE`. It says what is not as usual, and nothing else: each path and each
/// value in here is compiled as often as the macro is used.
pub(super) fn declaration(callsite: &Callsite) -> TokenStream {
    let p = callsite.krate.private();
    let (kind, usual_level) = match callsite.kind {
        CallsiteKind::Span => (mixed_quote!(span), Word::INFO),
        CallsiteKind::Event => (mixed_quote!(event), Word::INFO),
        CallsiteKind::Error => (mixed_quote!(error), Word::ERROR),
    };
    let (name, computed) = name(&callsite.name, &callsite.krate);
    let (package, version) = (of_package("CARGO_PKG_NAME"), of_package("CARGO_PKG_VERSION"));
    let level = (callsite.level.variant != usual_level.variant).then(|| {
        let level = variant(callsite.level);
        mixed_quote!(.level(#p::Level::#level))
    });
    let group = callsite.group.as_ref().map(|group| mixed_quote!(.group(#group)));
    let span_kind = (callsite.span_kind.variant != Word::INTERNAL.variant).then(|| {
        let kind = variant(callsite.span_kind);
        mixed_quote!(.kind(#p::SpanKind::#kind))
    });
    let keys = keys(&callsite.attributes).map(|keys| mixed_quote!(.keys(#keys)));
    let start_keys = keys_of_start(callsite);
    mixed_quote! {
        static __ONELOGGER_CALLSITE: #p::Callsite = #p::Callsite::#kind(
            #name,
            #p::module_path!(),
            #p::file!(),
            #p::line!(),
            #package,
            #version,
        ) #computed #level #group #span_kind #keys #start_keys;
    }
}

fn keys_of_start(callsite: &Callsite) -> Option<TokenStream> {
    keys(&callsite.start_attributes).map(|keys| mixed_quote!(.start_keys(#keys)))
}

fn keys(attributes: &[Attribute]) -> Option<TokenStream> {
    let keys = attributes.iter().map(|attribute| &attribute.key.text);
    (!attributes.is_empty()).then(|| mixed_quote!(&[#(#keys),*]))
}

/// What cargo says of the crate that is compiled, or an empty text. `option_env!` would find out the
/// same, in the time that the rest of the static takes.
fn of_package(variable: &str) -> String {
    std::env::var(variable).unwrap_or_default()
}

/// `if` the callsite is enabled, `then`. What is in there costs nothing otherwise.
pub(super) fn if_enabled(then: &TokenStream) -> TokenStream {
    mixed_quote! {
        if __ONELOGGER_CALLSITE.is_enabled() { #then }
    }
}

/// A guard: of a new span if the callsite is enabled. It is made where it goes: one that is moved from
/// another place would have to wait for what has just been written there.
pub(super) fn guard(opening: &Opening) -> TokenStream {
    let p = opening.callsite.krate.private();
    if opening.is_plain() {
        return mixed_quote!(#p::SpanGuard::entered(&__ONELOGGER_CALLSITE));
    }
    let made = opened(opening);
    mixed_quote! {
        if __ONELOGGER_CALLSITE.is_enabled() { #made } else { #p::SpanGuard::new() }
    }
}

/// The guard of a new span of which there is something to be said, in as few words as will do.
pub(super) fn opened(opening: &Opening) -> TokenStream {
    let p = opening.callsite.krate.private();
    if opening.has_attributes_only() {
        let attributes = attributes(&opening.callsite.attributes, &opening.callsite.krate);
        return mixed_quote!(#p::SpanGuard::with(&__ONELOGGER_CALLSITE, #attributes));
    }
    let arguments = span_arguments(opening);
    mixed_quote!(#p::SpanGuard::opened(&__ONELOGGER_CALLSITE, &#arguments))
}

/// `SpanArguments { ... }`.
pub(super) fn span_arguments(opening: &Opening) -> TokenStream {
    let Opening { callsite, parent, links } = opening;
    let krate = &callsite.krate;
    let p = krate.private();
    let start_attributes = attributes(&callsite.start_attributes, krate);
    let attributes = attributes(&callsite.attributes, krate);
    let parent = match parent {
        Parent::Current => mixed_quote!(#p::SpanParent::Current),
        Parent::Root => mixed_quote!(#p::SpanParent::Root),
        Parent::Explicit(parent) => call("parent", parent, krate),
    };
    let links = links.iter().map(|link| call("link", link, krate));
    mixed_quote! {
        #p::SpanArguments {
            attributes: #attributes,
            start_attributes: #start_attributes,
            parent: #parent,
            links: &[#(#links),*],
        }
    }
}

/// `&[argument(&a), ...]`: borrowed, in the order in which they are written.
pub(super) fn attributes(attributes: &[Attribute], krate: &Krate) -> TokenStream {
    let arguments = attributes.iter().map(|attribute| {
        let value = &attribute.value;
        let place = mixed_site_at(value);
        argument(attribute.format, &borrowed(value, place), place, krate)
    });
    mixed_quote!(&[#(#arguments),*])
}

/// A reference to a value. In a macro within a macro the compiler shows the user where the value is
/// only if the whole expression is the user's, so it is where no parentheses of ours are needed.
fn borrowed(value: &Expr, place: Span) -> TokenStream {
    match value {
        Expr::Path(_) | Expr::Field(_) | Expr::Lit(_) | Expr::Call(_) | Expr::MethodCall(_) => {
            let users = place.resolved_at(value.span());
            quote_spanned!(users=> &#value)
        }
        _ => quote_spanned!(place=> &(#value)),
    }
}

/// `argument(value)`, where `value` is a reference. If its type is not one that can be recorded, the
/// error is at `place`.
pub(super) fn argument(
    format: Format,
    value: &TokenStream,
    place: Span,
    krate: &Krate,
) -> TokenStream {
    let p = krate.private_at(place);
    match format {
        Format::Typed => quote_spanned!(place=> #p::argument(#value)),
        Format::Display => quote_spanned!(place=> #p::display(#value)),
        Format::Debug => quote_spanned!(place=> #p::debug(#value)),
    }
}

/// `Some(value)` or `None`.
pub(super) fn option(value: Option<impl ToTokens>, p: &TokenStream) -> TokenStream {
    match value {
        Some(value) => mixed_quote!(#p::core::option::Option::Some(#value)),
        None => mixed_quote!(#p::core::option::Option::None),
    }
}

/// The name, as a text; and what makes another one of it, if that is not known before the program
/// runs.
fn name(name: &Name, krate: &Krate) -> (TokenStream, Option<TokenStream>) {
    let p = krate.private();
    match name {
        Name::Function(name) => {
            let name = format!("::{name}");
            (mixed_quote!(#p::concat!(#p::module_path!(), #name)), None)
        }
        Name::Literal(name) => (name.to_token_stream(), None),
        // A constant may be of any type that is a name.
        Name::Path(path) => {
            let place = mixed_site_at(path);
            let here = krate.private_at(place);
            let name = quote_spanned!(place=> #here::span_name(&#path));
            (mixed_quote!(""), Some(mixed_quote!(.named(|| #name))))
        }
    }
}

fn variant(word: Word) -> Ident {
    Ident::new(word.variant, Span::mixed_site())
}

/// `function(argument)`.
fn call(function: &str, argument: &Expr, krate: &Krate) -> TokenStream {
    let place = mixed_site_at(argument);
    let p = krate.private_at(place);
    let function = Ident::new(function, place);
    quote_spanned!(place=> #p::#function(#argument))
}
