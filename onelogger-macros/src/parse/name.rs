//! The name of a span or an event.

use syn::parse::ParseStream;
use syn::{Error, Expr, ExprLit, Lit, Result};

use super::expression;
use crate::diagnostics::Diagnostics;
use crate::ir::Name;

/// Reads a literal or a path. Everything else is computed, and a callsite exists before anything
/// is.
pub(super) fn name(input: ParseStream, diagnostics: &mut Diagnostics) -> Result<Name> {
    match expression(input)? {
        Expr::Lit(ExprLit { lit: Lit::Str(literal), .. }) => {
            if literal.value().is_empty() {
                diagnostics.report(literal.span(), "a name cannot be empty");
            }
            Ok(Name::Literal(literal))
        }
        Expr::Path(path) => Ok(Name::Path(path)),
        other => {
            let message = "expected a name: a string literal, or a path to a constant string or to \
                           a value that implements `SpanName`";
            Err(Error::new_spanned(other, message))
        }
    }
}
