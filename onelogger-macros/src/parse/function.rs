//! The function under `#[timed_span]`. Its body is not parsed, so that what is wrong in there is
//! the compiler's to tell, and so that the time it takes does not depend on the body.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::{AttrStyle, Attribute, Error, Ident, LitStr, Result, Signature, Token};

use super::word;
use crate::ir::Function;

pub(crate) fn function(item: TokenStream) -> Result<Function> {
    let mut item: Vec<TokenTree> = item.into_iter().collect();
    // The body does not even enter the parser, which would copy it token by token.
    let body = match item.pop().map(without_invisible_parentheses) {
        Some(TokenTree::Group(body)) if body.delimiter() == Delimiter::Brace => Some(body),
        last => {
            item.extend(last);
            None
        }
    };
    let head = |input: ParseStream| head(input, body);
    head.parse2(item.into_iter().collect())
}

/// A body that `macro_rules` hands on as `$body:block` stands in parentheses that nobody sees.
fn without_invisible_parentheses(tree: TokenTree) -> TokenTree {
    let TokenTree::Group(group) = &tree else { return tree };
    if group.delimiter() != Delimiter::None {
        return tree;
    }
    let mut inner = group.stream().into_iter();
    match (inner.next(), inner.next()) {
        (Some(only), None) => without_invisible_parentheses(only),
        _ => tree,
    }
}

fn head(input: ParseStream, body: Option<Group>) -> Result<Function> {
    let mut attributes = input.call(Attribute::parse_outer)?;
    let visibility = input.parse()?;
    expect_function(&input.fork())?;
    let signature: Signature = input.parse()?;
    if let Some(constness) = signature.constness {
        let message = "a `const fn` cannot record a span; put `#[timed_span]` on what calls it, or \
                       remove `const`";
        return Err(Error::new(constness.span, message));
    }
    let Some(body) = body else {
        let message = "a method without a body is never run; put `#[timed_span]` on the methods \
                       that implement it";
        return Err(Error::new(signature.ident.span(), message));
    };
    let body = hoist_inner_attributes(body, &mut attributes)?;
    Ok(Function { attributes, visibility, signature, body })
}

/// Says what else it is, if it is not a function.
fn expect_function(input: ParseStream) -> Result<()> {
    const QUALIFIERS: &[&str] = &["const", "async", "unsafe", "extern", "safe", "default"];
    let mut before: Option<Ident> = None;
    while !input.peek(Token![fn]) {
        if input.peek(LitStr) {
            // The ABI after `extern`.
            input.parse::<LitStr>()?;
            continue;
        }
        let next = word(input).ok();
        let is_qualifier = |word: &Ident| QUALIFIERS.iter().any(|known| word == known);
        match (next, before) {
            (Some(next), _) if is_qualifier(&next) => before = Some(next),
            // The item of `const X` is a `const`, that of `unsafe impl` an `impl`.
            (Some(next), Some(before)) if before != "const" => {
                return Err(not_a_function(if next == "crate" { &before } else { &next }));
            }
            (_, Some(item)) | (Some(item), None) => return Err(not_a_function(&item)),
            (None, None) => return Err(input.error("expected a function")),
        }
    }
    Ok(())
}

fn not_a_function(item: &Ident) -> Error {
    let way_out = match item.to_string().as_str() {
        "impl" | "trait" | "mod" => "; put `#[timed_span]` on each function in it",
        _ => "",
    };
    let message = format!("expected a function, found `{item}`{way_out}");
    Error::new(item.span(), message)
}

/// `#![allow(...)]` must stand first in the body of a function, where something else is going to
/// stand. In front of the function it means the same.
fn hoist_inner_attributes(body: Group, attributes: &mut Vec<Attribute>) -> Result<Group> {
    let mut inner: Vec<TokenTree> = body.stream().into_iter().collect();
    let mut length = 0;
    while let [TokenTree::Punct(pound), TokenTree::Punct(bang), TokenTree::Group(_), ..] =
        &inner[length..]
        && pound.as_char() == '#'
        && bang.as_char() == '!'
    {
        length += 3;
    }
    if length == 0 {
        return Ok(body);
    }
    let rest = inner.split_off(length);
    let inner = Attribute::parse_inner.parse2(inner.into_iter().collect())?;
    let outer = inner.into_iter().map(|inner| Attribute { style: AttrStyle::Outer, ..inner });
    attributes.extend(outer);
    let mut without = Group::new(Delimiter::Brace, rest.into_iter().collect());
    without.set_span(body.span());
    Ok(without)
}
