//! The static of a callsite, and what is recorded with it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Expr;

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
    let name = name(&callsite.name, &p);
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
            version: #p::core::option_env!("CARGO_PKG_VERSION"),
            level: #p::Level::#level,
            group: #group,
            span_kind: #p::SpanKind::#span_kind,
            keys: &[#(#keys),*],
            start_keys: &[#(#start_keys),*],
        });
    }
}

/// `if` the callsite is enabled, `then`. What is in there costs nothing otherwise.
pub(super) fn if_enabled(then: &TokenStream) -> TokenStream {
    mixed_quote! {
        if __ONELOGGER_CALLSITE.is_enabled() { #then }
    }
}

/// `SpanArguments { ... }`.
pub(super) fn span_arguments(opening: &Opening) -> TokenStream {
    let p = opening.callsite.krate.private();
    let attributes = attributes(&opening.callsite.attributes, &opening.callsite.krate);
    let start_attributes =
        self::attributes(&opening.callsite.start_attributes, &opening.callsite.krate);
    let parent = match &opening.parent {
        Parent::Current => mixed_quote!(#p::SpanParent::Current),
        Parent::Root => mixed_quote!(#p::SpanParent::Root),
        Parent::Explicit(parent) => call(&mixed_quote!(#p::parent), parent),
    };
    let links = opening.links.iter().map(|link| call(&mixed_quote!(#p::link), link));
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
        let value = borrowed(&attribute.value);
        argument(attribute.format, &value, krate)
    });
    mixed_quote!(&[#(#arguments),*])
}

/// `argument(value)`, where `value` is a reference.
pub(super) fn argument(format: Format, value: &TokenStream, krate: &Krate) -> TokenStream {
    let p = krate.private();
    let function = match format {
        Format::Typed => mixed_quote!(#p::argument),
        Format::Display => mixed_quote!(#p::display),
        Format::Debug => mixed_quote!(#p::debug),
    };
    mixed_quote!(#function(#value))
}

/// `&(value)`, at the place of the value: if its type is not one that can be recorded, the error is
/// about the value.
pub(super) fn borrowed(value: &Expr) -> TokenStream {
    quote_spanned!(mixed_site_at(value)=> &(#value))
}

/// `Some(value)` or `None`.
pub(super) fn option(value: Option<impl ToTokens>, p: &TokenStream) -> TokenStream {
    match value {
        Some(value) => mixed_quote!(#p::core::option::Option::Some(#value)),
        None => mixed_quote!(#p::core::option::Option::None),
    }
}

fn name(name: &Name, p: &TokenStream) -> TokenStream {
    match name {
        Name::Function(name) => mixed_quote! {
            #p::CallsiteName::Literal(
                #p::core::concat!(#p::core::module_path!(), "::", #name)
            )
        },
        Name::Literal(name) => mixed_quote!(#p::CallsiteName::Literal(#name)),
        // A constant may be of any type that is a name, which is not known before the program runs.
        Name::Path(path) => {
            let borrowed = quote_spanned!(mixed_site_at(path)=> &#path);
            mixed_quote!(#p::CallsiteName::Computed(|| #p::span_name(#borrowed)))
        }
    }
}

fn variant(word: Word) -> Ident {
    Ident::new(word.variant, Span::mixed_site())
}

fn call(function: &TokenStream, argument: &Expr) -> TokenStream {
    mixed_quote!(#function(#argument))
}
