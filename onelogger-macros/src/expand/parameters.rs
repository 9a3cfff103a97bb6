//! Hands the parameters of a function to the closure or block in which its body runs.
//!
//! They must be dropped when they would be without us: each parameter after the body's own
//! variables, the last one first. So each is moved in as a whole, and bound to its pattern in there,
//! in the declared order. What a pattern does not bind, such as `_`, stays in the slot.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident};
use syn::{Attribute, FnArg, Pat, PatType, Signature};

use super::{mixed_quote, mixed_site_at};

/// Leaves only names in the signature, and gives the statements that bind the patterns.
pub(super) fn move_inside(signature: &mut Signature) -> TokenStream {
    let mut statements = TokenStream::new();
    for (position, input) in signature.inputs.iter_mut().enumerate() {
        statements.extend(match input {
            FnArg::Receiver(receiver) => {
                // Closures capture single fields; this captures the whole.
                let this = receiver.self_token;
                mixed_quote!(let _ = &#this;)
            }
            FnArg::Typed(parameter) => move_parameter(parameter, position),
        });
    }
    statements
}

fn move_parameter(parameter: &mut PatType, position: usize) -> TokenStream {
    let attributes = attributes_inside(parameter);
    let pattern = &*parameter.pat;
    let (name, statements) = match plain_name(pattern) {
        Some(mut name) => {
            let statements = if name.to_string().starts_with('_') {
                // The name promises that it is not used. So it is another one that is used here,
                // which only looks the same in the documentation. The tuples are for clippy, which
                // takes the statement for one of the user's that does nothing.
                name.set_span(mixed_site_at(&name));
                mixed_quote!(#(#attributes)* let (#pattern,) = (#name,);)
            } else {
                mixed_quote!(#(#attributes)* let #pattern = #name;)
            };
            (name, statements)
        }
        None => {
            let slot = format_ident!("__onelogger_arg{position}", span = mixed_site_at(pattern));
            let bind = match pattern {
                // Binds nothing; as a statement it would make the compiler say so.
                Pat::Wild(_) => TokenStream::new(),
                pattern => mixed_quote!(#(#attributes)* let #pattern = #slot;),
            };
            let conditions = attributes.iter().filter(|attribute| is_condition(attribute));
            let statements = mixed_quote!(#(#conditions)* let #slot = #slot; #bind);
            (slot, statements)
        }
    };
    *parameter.pat = Pat::Verbatim(name.into_token_stream());
    statements
}

/// The name, if the pattern is nothing more: `x`, `mut x`.
fn plain_name(pattern: &Pat) -> Option<Ident> {
    match pattern {
        Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => {
            Some(pattern.ident.clone())
        }
        _ => None,
    }
}

/// The attributes that belong to the binding as well. An `expect` belongs to it alone, for only one
/// of the two could fulfill it.
fn attributes_inside(parameter: &mut PatType) -> Vec<Attribute> {
    let is_one_of = |attribute: &Attribute, names: &[&str]| {
        names.iter().any(|name| attribute.path().is_ident(name))
    };
    let inside = ["cfg", "cfg_attr", "expect", "allow", "warn", "deny", "forbid"];
    let attributes = parameter.attrs.iter().filter(|attribute| is_one_of(attribute, &inside));
    let attributes = attributes.cloned().collect();
    parameter.attrs.retain(|attribute| !is_one_of(attribute, &["expect"]));
    attributes
}

/// Whether the attribute may take away what it stands on.
fn is_condition(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr")
}
