//! What a macro plants: what is known of a place in the program when that is compiled.

use std::fmt;
use std::num::NonZero;

use super::codec::{Dynamic, Origin};
use super::{InstrumentationScope, Level, ScopeRef, SpanKind};
use crate::sync::{Byte, Chain, Link, Linked, Number};

/// Every callsite that was met. Survives a fork.
pub(crate) static CALLSITES: Chain<Callsite> = Chain::new();

/// A place in the program where something is recorded.
///
/// Lives in a static that a macro plants. It registers itself when it is met for the first time.
pub struct Callsite {
    /// 0 until the callsite is met, and then what the registry says.
    pub(crate) state: Byte,
    /// The number that stands for it in records; 0 for none.
    planted: Number,
    link: Link<Callsite>,
    pub(crate) catalogue: Catalogue,
}

/// What is known of a callsite when the program is compiled.
#[derive(Clone, Copy)]
pub struct Catalogue {
    /// What it records.
    pub kind: CallsiteKind,
    /// Where its name comes from.
    pub name: CallsiteName,
    /// The module that it stands in.
    pub module: &'static str,
    /// The source file.
    pub file: &'static str,
    /// The line in the file.
    pub line: u32,
    /// The name of the crate that it stands in, as cargo knows it.
    pub package: Option<&'static str>,
    /// The version of that crate, as cargo knows it.
    pub version: Option<&'static str>,
    /// Its level.
    pub level: Level,
    /// The group that it can be switched with.
    pub group: Option<&'static str>,
    /// The kind of a span.
    pub span_kind: SpanKind,
    /// The keys of the attributes, in order.
    pub keys: &'static [&'static str],
    /// The keys of the start event's attributes, in order.
    pub start_keys: &'static [&'static str],
    /// Only macros make one of these, so that more can be known of a callsite one day.
    #[doc(hidden)]
    pub __private: (),
}

/// What a callsite records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallsiteKind {
    /// Spans.
    Span,
    /// Events.
    Event,
    /// Errors.
    Error,
}

/// Where the name of a callsite comes from.
#[derive(Clone, Copy)]
pub enum CallsiteName {
    /// From the source.
    Literal(&'static str),
    /// From a constant, or from a value that implements [`SpanName`](crate::SpanName).
    Computed(fn() -> &'static str),
}

impl Callsite {
    /// A callsite that has not been met yet.
    pub const fn new(catalogue: Catalogue) -> Callsite {
        Callsite { state: Byte::new(0), planted: Number::new(0), link: Link::new(), catalogue }
    }

    /// A place where a span begins. The expansions of macros begin with one of these three, and say
    /// what is not as usual with the functions after them: an expansion is compiled as often as the
    /// macro is used, and what is left out of it is free.
    #[doc(hidden)]
    pub const fn span(
        name: &'static str,
        module: &'static str,
        file: &'static str,
        line: u32,
        package: &'static str,
        version: &'static str,
    ) -> Callsite {
        Callsite::new(Catalogue {
            kind: CallsiteKind::Span,
            name: CallsiteName::Literal(name),
            module,
            file,
            line,
            package: known(package),
            version: known(version),
            level: Level::Info,
            group: None,
            span_kind: SpanKind::Internal,
            keys: &[],
            start_keys: &[],
            __private: (),
        })
    }

    /// A place where an event is recorded.
    #[doc(hidden)]
    pub const fn event(
        name: &'static str,
        module: &'static str,
        file: &'static str,
        line: u32,
        package: &'static str,
        version: &'static str,
    ) -> Callsite {
        let mut site = Callsite::span(name, module, file, line, package, version);
        site.catalogue.kind = CallsiteKind::Event;
        site
    }

    /// A place where an error is recorded.
    #[doc(hidden)]
    pub const fn error(
        name: &'static str,
        module: &'static str,
        file: &'static str,
        line: u32,
        package: &'static str,
        version: &'static str,
    ) -> Callsite {
        let mut site = Callsite::span(name, module, file, line, package, version);
        site.catalogue.kind = CallsiteKind::Error;
        site.catalogue.level = Level::Error;
        site
    }

    /// With a name that the program computes.
    #[doc(hidden)]
    pub const fn named(mut self, name: fn() -> &'static str) -> Callsite {
        self.catalogue.name = CallsiteName::Computed(name);
        self
    }

    /// With another level.
    #[doc(hidden)]
    pub const fn level(mut self, level: Level) -> Callsite {
        self.catalogue.level = level;
        self
    }

    /// In a group.
    #[doc(hidden)]
    pub const fn group(mut self, group: &'static str) -> Callsite {
        self.catalogue.group = Some(group);
        self
    }

    /// With another kind of span.
    #[doc(hidden)]
    pub const fn kind(mut self, kind: SpanKind) -> Callsite {
        self.catalogue.span_kind = kind;
        self
    }

    /// With attributes.
    #[doc(hidden)]
    pub const fn keys(mut self, keys: &'static [&'static str]) -> Callsite {
        self.catalogue.keys = keys;
        self
    }

    /// With attributes of the start event.
    #[doc(hidden)]
    pub const fn start_keys(mut self, keys: &'static [&'static str]) -> Callsite {
        self.catalogue.start_keys = keys;
        self
    }

    /// The name.
    #[inline]
    pub fn name(&self) -> &'static str {
        match self.catalogue.name {
            CallsiteName::Literal(name) => name,
            CallsiteName::Computed(name) => name(),
        }
    }

    /// The crate that it stands in, with its version: what it records belongs to that.
    pub fn scope(&self) -> InstrumentationScope {
        let ScopeRef { name, version } = self.static_scope();
        InstrumentationScope::from_static(name, version)
    }

    #[inline]
    pub(crate) fn static_scope(&self) -> ScopeRef<'static> {
        let Catalogue { package, module, version, .. } = self.catalogue;
        // Built without cargo, a crate has its own name only, which its modules begin with.
        let own = || module.split_once("::").map_or(module, |(own, _)| own);
        ScopeRef { name: package.unwrap_or_else(own), version }
    }

    /// What a record says of its name and what goes with it.
    pub(crate) fn describe(&self) -> Dynamic<'static> {
        let Catalogue { span_kind, level, group, .. } = self.catalogue;
        let scope = Some(self.static_scope());
        Dynamic { name: self.name(), kind: span_kind, level, group, scope }
    }

    /// The number that stands for its name and keys in records. A callsite that has none yet, or whose
    /// name is code of the application's own, which the pipeline does not run, has none.
    #[inline]
    pub(crate) fn planted(&self) -> Option<NonZero<u32>> {
        NonZero::new(self.planted.get())
    }

    /// Has records name it by its number, if it has one that is fit for that; not where somebody is called
    /// for each of them.
    pub(crate) fn plant(&self, is_called: bool) {
        let number = self.link.number();
        let is_literal = matches!(self.catalogue.name, CallsiteName::Literal(_));
        let is_fit = is_literal && !is_called && (1..=Origin::LAST).contains(&number);
        self.planted.set(if is_fit { number } else { 0 });
    }

    /// How its records name it: by its number, or by bringing name and keys with each.
    #[inline]
    pub(crate) fn origin(&self) -> Origin<'static> {
        match self.planted() {
            Some(number) => Origin::Planted(number.get()),
            None => Origin::Dynamic(self.describe()),
        }
    }

    /// What else is known of it.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }
}

/// What cargo says of a crate; a macro has an empty text for what it does not say.
const fn known(text: &'static str) -> Option<&'static str> {
    if text.is_empty() { None } else { Some(text) }
}

impl Linked for Callsite {
    fn link(&self) -> &Link<Callsite> {
        &self.link
    }
}

impl fmt::Debug for Callsite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callsite")
            .field("kind", &self.catalogue.kind)
            .field("name", &self.name())
            .field("file", &self.catalogue.file)
            .field("line", &self.catalogue.line)
            .finish_non_exhaustive()
    }
}

/// Callsites by their numbers, as far as they were asked for.
#[derive(Debug, Default)]
pub(crate) struct CallsiteTable(Vec<&'static Callsite>);

impl CallsiteTable {
    /// The callsite with this number; `None` if there is none.
    #[inline]
    pub(crate) fn get(&mut self, number: u32) -> Option<&'static Callsite> {
        let place = (number as usize).checked_sub(1)?;
        match self.0.get(place) {
            Some(callsite) => Some(callsite),
            None => self.find(place),
        }
    }

    #[cold]
    fn find(&mut self, place: usize) -> Option<&'static Callsite> {
        let known = self.0.len();
        self.0.extend(CALLSITES.after(known as u32));
        self.0[known..].reverse();
        self.0.get(place).copied()
    }
}
