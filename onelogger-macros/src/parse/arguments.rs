//! The arguments of `#[timed_span(...)]`.

use proc_macro2::Span;
use quote::ToTokens;
use syn::parse::ParseStream;
use syn::{Error, Expr, Ident, LitBool, LitStr, Path, Result, Token};

use super::attributes::{Keys, attributes, written_key};
use super::name::name;
use super::options::Options;
use super::words::{SetOnce, unknown};
use super::{comma_separated, equals, expect, in_parentheses, is_at_end, skip_value, word};
use crate::diagnostics::Diagnostics;
use crate::ir::{
    Attribute, FailureRule, Format, Key, Krate, Name, Parent, Returned, ReturnedValue,
};

const ARGUMENTS: &[&str] = &[
    "name",
    "attrs",
    "start_attrs",
    "err",
    "ret",
    "level",
    "group",
    "kind",
    "parent",
    "root",
    "links",
    "crate",
];

#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) name: SetOnce<Name>,
    pub(crate) attributes: SetOnce<Vec<Attribute>>,
    pub(crate) start_attributes: SetOnce<Vec<Attribute>>,
    /// `None` within is `err = false`.
    pub(crate) failure: SetOnce<Option<FailureRule>>,
    pub(crate) returned: SetOnce<Returned>,
    pub(crate) options: Options,
    pub(crate) krate: SetOnce<Krate>,
}

impl Arguments {
    pub(super) fn parse(input: ParseStream, diagnostics: &mut Diagnostics) -> Result<Arguments> {
        let mut arguments = Arguments::default();
        comma_separated(input, |input| {
            if input.peek(LitStr) {
                let literal: LitStr = input.parse()?;
                let message = format!("a name has its word: `name = {}`", literal.token());
                diagnostics.report(literal.span(), message);
                skip_value(input);
                return Ok(());
            }
            let argument = word(input).map_err(|error| {
                Error::new(error.span(), "expected an argument, such as `attrs(...)`")
            })?;
            arguments.argument(&argument, input, diagnostics)
        })?;
        Ok(arguments)
    }

    fn argument(
        &mut self,
        argument: &Ident,
        input: ParseStream,
        diagnostics: &mut Diagnostics,
    ) -> Result<()> {
        match argument.to_string().as_str() {
            "name" => {
                equals(argument, input)?;
                self.name.set(argument, name(input, diagnostics)?, diagnostics);
            }
            "attrs" => {
                let list = attribute_list(argument, input, diagnostics)?;
                self.attributes.set(argument, list, diagnostics);
            }
            "start_attrs" => {
                let list = attribute_list(argument, input, diagnostics)?;
                self.start_attributes.set(argument, list, diagnostics);
            }
            "err" => {
                let rule = failure_rule(argument, input, diagnostics)?;
                self.failure.set(argument, rule, diagnostics);
            }
            "ret" => {
                let returned = returned(argument, input, diagnostics)?;
                self.returned.set(argument, returned, diagnostics);
            }
            "root" => {
                if !is_at_end(input) && !input.peek(Token![,]) {
                    return Err(Error::new(argument.span(), "`root` takes no value"));
                }
                self.options.parent.set(argument, Parent::Root, diagnostics);
            }
            "links" => {
                let mut links = Vec::new();
                in_parentheses(argument, input, diagnostics, |content, _| {
                    comma_separated(content, |link| {
                        links.push(link.parse::<Expr>()?);
                        Ok(())
                    })
                })?;
                self.options.links.set(argument, links, diagnostics);
            }
            "level" | "group" | "kind" | "parent" => {
                equals(argument, input)?;
                self.options.common_value(argument, input, diagnostics)?;
            }
            "crate" => {
                equals(argument, input)?;
                self.krate.set(argument, krate(input)?, diagnostics);
            }
            other => {
                diagnostics.add(unknown("argument", other, argument, ARGUMENTS));
                skip_value(input);
            }
        }
        Ok(())
    }
}

fn attribute_list(
    argument: &Ident,
    input: ParseStream,
    diagnostics: &mut Diagnostics,
) -> Result<Vec<Attribute>> {
    let mut list = Vec::new();
    in_parentheses(argument, input, diagnostics, |content, diagnostics| {
        list = attributes(content, diagnostics)?;
        Ok(())
    })?;
    Ok(list)
}

/// Reads what follows `err`: nothing, `= false`, or `(Debug, when = closure)`.
fn failure_rule(
    argument: &Ident,
    input: ParseStream,
    diagnostics: &mut Diagnostics,
) -> Result<Option<FailureRule>> {
    let mut rule = FailureRule { asked: Some(argument.span()), format: Format::Typed, when: None };
    if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        let forms = "`true` or `false`; other forms are `err(Debug)` and `err(when = closure)`";
        let is_on = expect::<LitBool>(input, forms)?.value;
        return Ok(is_on.then_some(rule));
    }
    if !input.peek(syn::token::Paren) {
        return Ok(Some(rule));
    }
    let (mut format, mut when) = (SetOnce::default(), SetOnce::default());
    in_parentheses(argument, input, diagnostics, |content, diagnostics| {
        comma_separated(content, |content| {
            let option = word(content)?;
            if let Some(found) = trait_format(&option) {
                format.set(&option, found, diagnostics);
            } else if option == "when" {
                equals(&option, content)?;
                when.set(&option, content.parse()?, diagnostics);
            } else {
                let allowed = &["Debug", "Display", "when"];
                diagnostics.add(unknown("option", &option.to_string(), &option, allowed));
                skip_value(content);
            }
            Ok(())
        })
    })?;
    rule.format = format.take().unwrap_or(Format::Typed);
    rule.when = when.take();
    Ok(Some(rule))
}

/// Reads what follows `ret`: nothing, `(Debug)`, `(Display)`, or `(key = closure, ...)`.
fn returned(
    argument: &Ident,
    input: ParseStream,
    diagnostics: &mut Diagnostics,
) -> Result<Returned> {
    let whole = |format, span: Span| {
        let key = Key { text: "return".to_owned(), span };
        ReturnedValue { key, format, closure: None }
    };
    let mut values = Vec::new();
    if input.peek(syn::token::Paren) {
        let mut keys = Keys::default();
        in_parentheses(argument, input, diagnostics, |content, diagnostics| {
            comma_separated(content, |content| {
                let format = if content.peek2(Token![=]) || content.peek2(Token![.]) {
                    None
                } else {
                    content.fork().call(word).ok().and_then(|word| trait_format(&word))
                };
                let value = match format {
                    Some(format) => whole(format, word(content)?.span()),
                    None => {
                        let key = written_key(content)?.key;
                        if !content.peek(Token![=]) {
                            let message = "expected `Debug`, `Display` or `key = closure`";
                            return Err(Error::new(key.span, message));
                        }
                        content.parse::<Token![=]>()?;
                        let closure = Some(content.parse()?);
                        ReturnedValue { key, format: Format::Typed, closure }
                    }
                };
                keys.add(&value.key, diagnostics);
                values.push(value);
                Ok(())
            })
        })?;
    }
    if values.is_empty() {
        values.push(whole(Format::Typed, argument.span()));
    }
    Ok(Returned { asked: argument.span(), values })
}

fn trait_format(word: &Ident) -> Option<Format> {
    if word == "Debug" {
        Some(Format::Debug)
    } else if word == "Display" {
        Some(Format::Display)
    } else {
        None
    }
}

/// Reads `path` or `"path"`.
fn krate(input: ParseStream) -> Result<Krate> {
    let path = if input.peek(LitStr) {
        input.parse::<LitStr>()?.parse_with(Path::parse_mod_style)?
    } else {
        let expected = |error: Error| {
            Error::new(error.span(), "expected the path at which `onelogger` is found")
        };
        input.call(Path::parse_mod_style).map_err(expected)?
    };
    Ok(Krate(path.to_token_stream()))
}
