//! The static of a callsite, and what is recorded with it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Expr;
use syn::spanned::Spanned as _;

use super::{mixed_quote, mixed_site_at};
use crate::ir::{Attribute, Callsite, CallsiteKind, Format, Krate, Name, Opening, Parent, Word};

/// `static __ONELOGGER_CALLSITE`.
pub(super) fn declaration(callsite: &Callsite) -> TokenStream {
    let p = callsite.krate.private();
    let kind = match callsite.kind {
        CallsiteKind::Span => mixed_quote!(Span),
        CallsiteKind::Event => mixed_quote!(Event),
        CallsiteKind::Error => mixed_quote!(Error),
    };
    let name = name(&callsite.name, &callsite.krate);
    let level = variant(callsite.level);
    let span_kind = variant(callsite.span_kind);
    let group = option(callsite.group.as_ref(), &p);
    let keys = callsite.attributes.iter().map(|attribute| &attribute.key.text);
    let start_keys = callsite.start_attributes.iter().map(|attribute| &attribute.key.text);
    mixed_quote! {
        static __ONELOGGER_CALLSITE: #p::Callsite = #p::Callsite::new(#p::Catalogue {
            kind: #p::CallsiteKind::#kind,
            name: #name,
            module: #p::core::module_path!(),
            file: #p::core::file!(),
            line: #p::core::line!(),
            package: #p::core::option_env!("CARGO_PKG_NAME"),
            version: #p::core::option_env!("CARGO_PKG_VERSION"),
            level: #p::Level::#level,
            group: #group,
            span_kind: #p::SpanKind::#span_kind,
            keys: &[#(#keys),*],
            start_keys: &[#(#start_keys),*],
            __private: (),
        });
    }
}

/// `if` the callsite is enabled, `then`. What is in there costs nothing otherwise.
pub(super) fn if_enabled(then: &TokenStream) -> TokenStream {
    mixed_quote! {
        if __ONELOGGER_CALLSITE.is_enabled() { #then }
    }
}

/// What a guard is made with, or told: the fewest words that say all.
enum Said {
    Nothing,
    Attributes(TokenStream),
    All(TokenStream),
}

fn said(opening: &Opening) -> Said {
    let Opening { callsite, parent, links } = opening;
    let is_plain = matches!(parent, Parent::Current)
        && links.is_empty()
        && callsite.start_attributes.is_empty();
    match (is_plain, callsite.attributes.is_empty()) {
        (false, _) => Said::All(span_arguments(opening)),
        (true, true) => Said::Nothing,
        (true, false) => Said::Attributes(attributes(&callsite.attributes, &callsite.krate)),
    }
}

/// A guard: of a new span if the callsite is enabled. It is made where it goes: one that is moved from
/// another place would have to wait for what has just been written there.
pub(super) fn guard(opening: &Opening) -> TokenStream {
    let p = opening.callsite.krate.private();
    let site = mixed_quote!(&__ONELOGGER_CALLSITE);
    let made = match said(opening) {
        Said::Nothing => mixed_quote!(entered(#site)),
        Said::Attributes(attributes) => mixed_quote!(entered_with(#site, #attributes)),
        Said::All(arguments) => mixed_quote!(opened(#site, &#arguments)),
    };
    mixed_quote! {
        if __ONELOGGER_CALLSITE.is_enabled() { #p::SpanGuard::#made } else { #p::SpanGuard::new() }
    }
}

/// Opens the span in the guard `__onelogger_span`, if the callsite is enabled.
pub(super) fn open_guard(opening: &Opening) -> TokenStream {
    let site = mixed_quote!(&__ONELOGGER_CALLSITE);
    let open = match said(opening) {
        Said::Nothing => mixed_quote!(enter(#site)),
        Said::Attributes(attributes) => mixed_quote!(enter_with(#site, #attributes)),
        Said::All(arguments) => mixed_quote!(open(#site, &#arguments)),
    };
    if_enabled(&mixed_quote!(__onelogger_span.#open;))
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

fn name(name: &Name, krate: &Krate) -> TokenStream {
    let p = krate.private();
    match name {
        Name::Function(name) => mixed_quote! {
            #p::CallsiteName::Literal(
                #p::core::concat!(#p::core::module_path!(), "::", #name)
            )
        },
        Name::Literal(name) => mixed_quote!(#p::CallsiteName::Literal(#name)),
        // A constant may be of any type that is a name, which is not known before the program runs.
        Name::Path(path) => {
            let place = mixed_site_at(path);
            let here = krate.private_at(place);
            let name = quote_spanned!(place=> #here::span_name(&#path));
            mixed_quote!(#p::CallsiteName::Computed(|| #name))
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
