//! Collects the errors of one invocation, so that all of them are reported at once.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::{Error, Result};

/// Where a step puts the errors after which it can go on. Only [`Diagnostics::collect`] makes one,
/// and only by looking at the errors does it give its value away: they cannot be forgotten.
pub(crate) struct Diagnostics {
    errors: Vec<Error>,
}

/// At least one error.
pub(crate) struct Errors(Vec<Error>);

impl Diagnostics {
    /// Gives what `work` makes, unless it reports an error or cannot go on after one.
    pub(crate) fn collect<T>(
        work: impl FnOnce(&mut Diagnostics) -> Result<T>,
    ) -> std::result::Result<T, Errors> {
        let mut diagnostics = Diagnostics { errors: Vec::new() };
        let value = work(&mut diagnostics);
        let mut errors = diagnostics.errors;
        match value {
            Ok(value) if errors.is_empty() => Ok(value),
            Ok(_) => Err(Errors(errors)),
            Err(error) => {
                errors.push(error);
                Err(Errors(errors))
            }
        }
    }

    pub(crate) fn report(&mut self, span: Span, message: impl Display) {
        self.add(Error::new(span, message));
    }

    pub(crate) fn add(&mut self, error: Error) {
        self.errors.push(error);
    }
}

impl Errors {
    /// The errors where items stand.
    pub(crate) fn into_items(self) -> TokenStream {
        self.0.iter().map(Error::to_compile_error).collect()
    }

    /// The errors where an expression stands. The type of a `compile_error!` that ends a block is
    /// unknown, and what is done with a value of unknown type is no second error.
    pub(crate) fn into_expression(self) -> TokenStream {
        let errors = self.into_items();
        quote_spanned!(Span::mixed_site()=> { #errors })
    }

    #[cfg(test)]
    pub(crate) fn messages(&self) -> Vec<String> {
        self.0.iter().flatten().map(|error| error.to_string()).collect()
    }
}
