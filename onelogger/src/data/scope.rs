use serde::{Deserialize, Serialize};

use super::Name;

/// The code that has made a record: OpenTelemetry's instrumentation scope.
///
/// What the macros record belongs to the crate that they stand in, with its version. Explicit calls
/// belong to no scope unless they name one.
///
/// ```
/// use onelogger::{InstrumentationScope, SpanBuilder};
/// const SCOPE: InstrumentationScope = InstrumentationScope::from_static("loader", Some("1.2.0"));
/// let span = SpanBuilder::new("load").scope(SCOPE);
/// assert_eq!(span.scope.unwrap().name, "loader");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct InstrumentationScope {
    /// What the code is called: a crate, a module, a library.
    pub name: Name,
    /// Which version of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Name>,
}

/// An [`InstrumentationScope`], read where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ScopeRef<'a> {
    /// What the code is called.
    pub name: &'a str,
    /// Which version of it.
    pub version: Option<&'a str>,
}

impl InstrumentationScope {
    /// A scope without a version.
    pub fn new(name: impl Into<Name>) -> InstrumentationScope {
        InstrumentationScope { name: name.into(), version: None }
    }

    /// A scope that is known at compile time.
    pub const fn from_static(
        name: &'static str,
        version: Option<&'static str>,
    ) -> InstrumentationScope {
        let version = match version {
            Some(version) => Some(Name::from_static(version)),
            None => None,
        };
        InstrumentationScope { name: Name::from_static(name), version }
    }

    /// Says which version it is.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<Name>) -> InstrumentationScope {
        self.version = Some(version.into());
        self
    }

    /// The scope, borrowed.
    pub fn as_scope(&self) -> ScopeRef<'_> {
        ScopeRef { name: self.name.as_str(), version: self.version.as_ref().map(Name::as_str) }
    }
}

impl ScopeRef<'_> {
    /// A copy of its own.
    pub fn to_owned(self) -> InstrumentationScope {
        let version = self.version.map(|version| Name::from(version.to_owned()));
        InstrumentationScope { name: Name::from(self.name.to_owned()), version }
    }
}
