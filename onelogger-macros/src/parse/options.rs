//! What is said of a callsite in the same words everywhere: `level = debug` of the attribute,
//! `level: debug` of the function-like macros.

use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, Ident, Lit, LitBool, LitStr, Result, Token, bracketed};

use super::words::{SetOnce, unknown};
use super::{expect, expression, word};
use crate::diagnostics::Diagnostics;
use crate::ir::{Parent, Word};

#[derive(Default)]
pub(crate) struct Options {
    pub(crate) level: SetOnce<Word>,
    pub(crate) group: SetOnce<LitStr>,
    pub(crate) kind: SetOnce<Word>,
    pub(crate) parent: SetOnce<Parent>,
    pub(crate) links: SetOnce<Vec<Expr>>,
}

impl Options {
    /// Reads the options before the name, each with its comma.
    pub(super) fn parse(
        input: ParseStream,
        allowed: &[&str],
        diagnostics: &mut Diagnostics,
    ) -> Result<Options> {
        let mut options = Options::default();
        // `Phase::Load` is a path and no option.
        while input.peek(Ident::peek_any) && input.peek2(Token![:]) && !input.peek2(Token![::]) {
            let option = word(input)?;
            input.parse::<Token![:]>()?;
            if allowed.iter().any(|allowed| option == allowed) {
                options.value(&option, input, diagnostics)?;
            } else {
                let error = unknown("option", &option.to_string(), &option, allowed);
                if input.parse::<Expr>().is_err() {
                    return Err(error);
                }
                diagnostics.add(error);
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(options)
    }

    /// Reads the value of an option of a function-like macro.
    fn value(
        &mut self,
        option: &Ident,
        input: ParseStream,
        diagnostics: &mut Diagnostics,
    ) -> Result<()> {
        if option == "root" {
            let is_root = expect::<LitBool>(input, "`true` or `false`")?.value;
            let parent = if is_root { Parent::Root } else { Parent::Current };
            self.parent.set(option, parent, diagnostics);
        } else if option == "links" {
            let content;
            bracketed!(content in input);
            let links = Punctuated::<Expr, Token![,]>::parse_terminated(&content)?;
            self.links.set(option, links.into_iter().collect(), diagnostics);
        } else {
            self.common_value(option, input, diagnostics)?;
        }
        Ok(())
    }

    /// Reads a value that looks the same everywhere. `false` if it is not one of these options.
    pub(super) fn common_value(
        &mut self,
        option: &Ident,
        input: ParseStream,
        diagnostics: &mut Diagnostics,
    ) -> Result<bool> {
        if option == "level" {
            if let Some(level) = one_word("level", Word::LEVELS, input, diagnostics)? {
                self.level.set(option, level, diagnostics);
            }
        } else if option == "kind" {
            if let Some(kind) = one_word("kind", Word::KINDS, input, diagnostics)? {
                self.kind.set(option, kind, diagnostics);
            }
        } else if option == "group" {
            let group = expect(input, "a text, as in `\"per_step\"`")?;
            self.group.set(option, group, diagnostics);
        } else if option == "parent" {
            self.parent.set(option, Parent::Explicit(input.parse()?), diagnostics);
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

/// A word of the table, bare or in quotes. A wrong one is reported.
fn one_word(
    what: &str,
    table: &[Word],
    input: ParseStream,
    diagnostics: &mut Diagnostics,
) -> Result<Option<Word>> {
    let allowed: Vec<&str> = table.iter().map(|word| word.written).collect();
    let value = expression(input)?;
    let text = match &value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => text.value(),
        other => other.to_token_stream().to_string(),
    };
    match table.iter().find(|word| word.written == text) {
        Some(word) => Ok(Some(*word)),
        None => {
            diagnostics.add(unknown(what, &text, &value, &allowed));
            Ok(None)
        }
    }
}
