//! The instrumentation scopes of one call, by numbers.

use std::collections::HashMap;

use onelogger::{InstrumentationScope, ScopeRef};

use super::wire;

/// Gives each scope a number, the same for the same name and version.
pub(super) struct Scopes {
    /// Records come in runs of one scope: that of the last one, and its number.
    last: (InstrumentationScope, usize),
    /// Scopes in their encoded form.
    numbers: HashMap<Box<[u8]>, usize>,
    encoded: Vec<Box<[u8]>>,
    scratch: Vec<u8>,
}

/// What records without a scope of their own belong to, and what this exporter adds.
const OURS: ScopeRef<'static> =
    ScopeRef { name: "onelogger", version: Some(env!("CARGO_PKG_VERSION")) };

/// More scopes than a program has that does not make them up as it goes.
const KEPT: usize = 256;

impl Scopes {
    pub(super) fn new() -> Scopes {
        let mut scopes = Scopes {
            last: (OURS.to_owned(), 0),
            numbers: HashMap::new(),
            encoded: Vec::new(),
            scratch: Vec::new(),
        };
        scopes.find(OURS);
        scopes
    }

    /// No number is in use any more: forgets the scopes if they have become many.
    pub(super) fn begin_call(&mut self) {
        if self.encoded.len() > KEPT {
            *self = Scopes::new();
        }
    }

    #[inline]
    pub(super) fn number(&mut self, scope: Option<ScopeRef<'_>>) -> usize {
        let scope = scope.unwrap_or(OURS);
        if self.last.0.as_scope() == scope {
            return self.last.1;
        }
        self.find(scope)
    }

    fn find(&mut self, scope: ScopeRef<'_>) -> usize {
        self.scratch.clear();
        wire::text(&mut self.scratch, 1, &[scope.name]);
        wire::text(&mut self.scratch, 2, &[scope.version.unwrap_or_default()]);
        let number = match self.numbers.get(self.scratch.as_slice()) {
            Some(&number) => number,
            None => {
                let (number, encoded) = (self.encoded.len(), self.scratch.as_slice());
                self.encoded.push(encoded.into());
                self.numbers.insert(encoded.into(), number);
                number
            }
        };
        self.last = (scope.to_owned(), number);
        number
    }

    /// `InstrumentationScope { 1: name, 2: version }`.
    pub(super) fn encoded(&self, number: usize) -> &[u8] {
        self.encoded.get(number).map_or(&[], |encoded| encoded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_has_one_number() {
        let mut scopes = Scopes::new();
        let scope = |name, version| Some(ScopeRef { name, version });
        let ours = scopes.number(None);
        let loader = scopes.number(scope("loader", None));
        let newer = scopes.number(scope("loader", Some("2")));
        assert!(ours != loader && loader != newer && newer != ours);
        assert_eq!(scopes.number(None), ours);
        assert_eq!(scopes.number(scope("loader", None)), loader);
        assert_eq!(scopes.number(scope("loader", Some("2"))), newer);
        assert_eq!(scopes.number(scope("onelogger", Some(env!("CARGO_PKG_VERSION")))), ours);
    }

    #[test]
    fn scopes_that_are_made_up_are_forgotten() {
        let mut scopes = Scopes::new();
        for number in 0..10_000 {
            let name = format!("scope {number}");
            let number = scopes.number(Some(ScopeRef { name: &name, version: None }));
            assert!(scopes.encoded(number).ends_with(name.as_bytes()));
        }
        scopes.begin_call();
        assert_eq!(scopes.encoded.len(), 1);
        assert_eq!(scopes.number(None), 0);
    }
}
