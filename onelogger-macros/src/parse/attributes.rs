//! Attributes: `key = value`, `key = %value`, `key = ?value`, and the short forms `key`, `%key`,
//! `?key` of a variable or field. The grammar is the same in all macros.

use std::collections::HashSet;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, TokenStreamExt};
use syn::parse::ParseStream;
use syn::{Error, Expr, Ident, LitStr, Result, Token};

use super::{comma_separated, is_at_end, word};
use crate::diagnostics::Diagnostics;
use crate::ir::{Attribute, Format, Key};

/// Reads attributes up to the end or a semicolon. A key that is there already is reported.
pub(super) fn attributes(
    input: ParseStream,
    diagnostics: &mut Diagnostics,
) -> Result<Vec<Attribute>> {
    let mut keys = Keys::default();
    let mut attributes = Vec::new();
    comma_separated(input, |input| {
        let attribute = attribute(input)?;
        keys.add(&attribute.key, diagnostics);
        attributes.push(attribute);
        Ok(())
    })?;
    Ok(attributes)
}

/// The keys of a list so far.
#[derive(Default)]
pub(super) struct Keys(HashSet<String>);

impl Keys {
    pub(super) fn add(&mut self, key: &Key, diagnostics: &mut Diagnostics) {
        if key.text.is_empty() {
            diagnostics.report(key.span, "a key cannot be empty");
        } else if !self.0.insert(key.text.clone()) {
            let message = format!("the key `{}` is given already; remove one of the two", key.text);
            diagnostics.report(key.span, message);
        }
    }
}

/// A key as it is written, which may be a variable or a field that gives the value as well.
pub(super) struct WrittenKey {
    pub(super) key: Key,
    place: Option<Place>,
}

/// A variable, or a field of a field of it.
struct Place {
    tokens: TokenStream,
    words: Vec<Ident>,
}

fn attribute(input: ParseStream) -> Result<Attribute> {
    let format = format(input)?;
    if format != Format::Typed {
        return short(written_key(input)?, format, input);
    }
    let written = written_key(input)?;
    if !input.peek(Token![=]) {
        return short(written, Format::Typed, input);
    }
    input.parse::<Token![=]>()?;
    let format = self::format(input)?;
    Ok(Attribute { key: written.key, format, value: input.parse()? })
}

/// Reads `%` or `?`, if one stands here.
fn format(input: ParseStream) -> Result<Format> {
    if input.peek(Token![%]) {
        input.parse::<Token![%]>()?;
        Ok(Format::Display)
    } else if input.peek(Token![?]) {
        input.parse::<Token![?]>()?;
        Ok(Format::Debug)
    } else {
        Ok(Format::Typed)
    }
}

/// Reads `"http.route"` or `batch.len`.
pub(super) fn written_key(input: ParseStream) -> Result<WrittenKey> {
    if input.peek(LitStr) {
        let literal: LitStr = input.parse()?;
        let key = Key { text: literal.value(), span: literal.span() };
        return Ok(WrittenKey { key, place: None });
    }
    let place = Place::parse(input)?;
    Ok(WrittenKey { key: place.key(0), place: Some(place) })
}

/// An attribute whose key is its value. The `self` of `self.x` belongs to the value alone.
fn short(written: WrittenKey, format: Format, input: ParseStream) -> Result<Attribute> {
    let Some(place) = written.place else {
        let message = "a key in quotes needs a value: `\"key\" = value`";
        return Err(Error::new(written.key.span, message));
    };
    if !is_at_end(input) && !input.peek(Token![,]) {
        return Err(input.error(
            "expected `,` or `=`; anything but a variable or a field needs a key: `key = value`",
        ));
    }
    let [first, ..] = &place.words[..] else { unreachable!("a place begins with a word") };
    let is_self = first == "self";
    let keyword = place.words[usize::from(is_self)..].iter().find(|word| !is_name(word));
    if let Some(word) = keyword.or((is_self && place.words.len() == 1).then_some(first)) {
        let message = format!("`{word}` is a keyword; give it a key or a value: `key = value`");
        return Err(Error::new(word.span(), message));
    }
    let key = place.key(usize::from(is_self));
    Ok(Attribute { key, format, value: Expr::Verbatim(place.tokens) })
}

impl Place {
    fn parse(input: ParseStream) -> Result<Place> {
        let first = word(input).map_err(|error| {
            Error::new(error.span(), "expected an attribute: `key = value`, or a variable or field")
        })?;
        let mut place = Place { tokens: first.to_token_stream(), words: vec![first] };
        while input.peek(Token![.]) {
            place.tokens.append_all(input.parse::<Token![.]>()?.to_token_stream());
            let next = word(input).map_err(|error| {
                Error::new(
                    error.span(),
                    "expected the name of a field; or give a key: `key = value`",
                )
            })?;
            place.tokens.append(TokenTree::Ident(next.clone()));
            place.words.push(next);
        }
        Ok(place)
    }

    /// The words from one on, with dots between them.
    fn key(&self, from: usize) -> Key {
        let words = &self.words[from..];
        let text: Vec<String> = words.iter().map(unraw).collect();
        let span = words.first().map_or_else(Span::call_site, Ident::span);
        Key { text: text.join("."), span }
    }
}

/// The word without `r#`.
fn unraw(word: &Ident) -> String {
    word.to_string().trim_start_matches("r#").to_owned()
}

/// Whether a variable or field may be called so.
fn is_name(word: &Ident) -> bool {
    syn::parse_str::<Ident>(&word.to_string()).is_ok()
}
