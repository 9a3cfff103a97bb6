//! What the macros mean, with all defaults filled in.
//!
//! The leaves ([`Attribute`], [`Name`], ...) are made by `parse`, which reports what is wrong with
//! them. What follows from the function beside the arguments is decided here: the [`Shape`] of the
//! expansion, and the [`Observation`].

mod builtin;
mod returned;

use proc_macro2::{Group, Span, TokenStream};
use quote::quote_spanned;
use syn::{Expr, ExprPath, LitStr, ReturnType, Signature, Type, Visibility, parse_quote_spanned};

pub(crate) use returned::{is_nothing, may_be_result};

use crate::parse::{Arguments, Options};

/// `#[timed_span]` on a function.
pub(crate) struct TimedSpan {
    pub(crate) function: Function,
    pub(crate) opening: Opening,
    pub(crate) shape: Shape,
    /// The type of the value that is observed: of a future, its output.
    pub(crate) value: Type,
    pub(crate) observation: Observation,
}

/// A function whose body stays tokens.
pub(crate) struct Function {
    pub(crate) attributes: Vec<syn::Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    /// With its braces.
    pub(crate) body: Group,
}

/// How a function is rewritten.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A guard before the body: there is nothing to observe.
    Guarded,
    /// The body runs in a closure, and its value is observed.
    Closure,
    /// An `async fn` becomes a `fn` that returns the timed future.
    Future,
    /// An `async fn` stays one and awaits the timed future: others look at the `async`.
    AsyncFn,
    /// A `fn` that returns a future. One that is boxed is boxed once more when it is timed.
    ReturnsFuture { is_boxed: bool },
}

/// `span!`.
pub(crate) struct SpanMacro {
    pub(crate) opening: Opening,
    pub(crate) form: SpanForm,
}

pub(crate) enum SpanForm {
    Guard,
    Block(Group),
    Async {
        /// `async` or `async move`.
        keywords: TokenStream,
        block: Group,
    },
}

/// `event!`.
pub(crate) struct EventMacro {
    pub(crate) callsite: Callsite,
    /// The span after `in`.
    pub(crate) of: Option<Expr>,
}

/// `error!`.
pub(crate) struct ErrorMacro {
    pub(crate) callsite: Callsite,
    /// The span after `in`.
    pub(crate) of: Option<Expr>,
    pub(crate) error: Option<Expr>,
    pub(crate) message: Option<LitStr>,
}

/// What a span is opened with.
pub(crate) struct Opening {
    pub(crate) callsite: Callsite,
    pub(crate) parent: Parent,
    pub(crate) links: Vec<Expr>,
}

pub(crate) enum Parent {
    Current,
    Root,
    Explicit(Expr),
}

/// What a callsite is, and the attributes that it gives to what it records.
pub(crate) struct Callsite {
    pub(crate) krate: Krate,
    pub(crate) kind: CallsiteKind,
    pub(crate) name: Name,
    pub(crate) level: Word,
    pub(crate) group: Option<LitStr>,
    pub(crate) span_kind: Word,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) start_attributes: Vec<Attribute>,
}

#[derive(Clone, Copy)]
pub(crate) enum CallsiteKind {
    Span,
    Event,
    Error,
}

/// The path at which `onelogger` is found.
#[derive(Clone)]
pub(crate) struct Krate(pub(crate) TokenStream);

pub(crate) enum Name {
    /// The name of this function, after that of its module.
    Function(String),
    Literal(LitStr),
    Path(ExprPath),
}

/// A word that a user writes, and the variant of the runtime's enum that it stands for.
#[derive(Clone, Copy)]
pub(crate) struct Word {
    pub(crate) written: &'static str,
    pub(crate) variant: &'static str,
}

pub(crate) struct Attribute {
    pub(crate) key: Key,
    pub(crate) format: Format,
    pub(crate) value: Expr,
}

pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// How a value becomes an attribute, or an `Err` a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// By what its type can do.
    Typed,
    Display,
    Debug,
}

/// What is looked at when the function has returned.
pub(crate) struct Observation {
    pub(crate) failure: Option<FailureRule>,
    pub(crate) returned: Option<Returned>,
}

/// Which `Err` is a failure, and how it is reported.
pub(crate) struct FailureRule {
    /// The argument that asks for it, unless it is there by default.
    pub(crate) asked: Option<Span>,
    pub(crate) format: Format,
    pub(crate) when: Option<Expr>,
}

/// The attributes that are made of the value.
pub(crate) struct Returned {
    pub(crate) asked: Span,
    pub(crate) values: Vec<ReturnedValue>,
}

pub(crate) struct ReturnedValue {
    pub(crate) key: Key,
    pub(crate) format: Format,
    /// What makes the attribute out of the value; without it, it is the value.
    pub(crate) closure: Option<Expr>,
}

impl Word {
    pub(crate) const LEVELS: &[Word] = &[
        Word { written: "error", variant: "Error" },
        Word { written: "warn", variant: "Warn" },
        Word { written: "info", variant: "Info" },
        Word { written: "debug", variant: "Debug" },
        Word { written: "trace", variant: "Trace" },
    ];
    pub(crate) const KINDS: &[Word] = &[
        Word { written: "internal", variant: "Internal" },
        Word { written: "server", variant: "Server" },
        Word { written: "client", variant: "Client" },
        Word { written: "producer", variant: "Producer" },
        Word { written: "consumer", variant: "Consumer" },
    ];
    pub(crate) const ERROR: Word = Word::LEVELS[0];
    pub(crate) const INFO: Word = Word::LEVELS[2];
    pub(crate) const INTERNAL: Word = Word::KINDS[0];
}

impl Callsite {
    pub(crate) fn event(krate: Krate, name: Name, options: &mut Options) -> Callsite {
        Callsite {
            krate,
            kind: CallsiteKind::Event,
            name,
            level: options.level.take().unwrap_or(Word::INFO),
            group: options.group.take(),
            span_kind: options.kind.take().unwrap_or(Word::INTERNAL),
            attributes: Vec::new(),
            start_attributes: Vec::new(),
        }
    }

    /// Errors are told apart by their messages and types, not by the name of the callsite.
    pub(crate) fn error(krate: Krate, options: &mut Options) -> Callsite {
        let name = Name::Literal(LitStr::new("error", Span::mixed_site()));
        let event = Callsite::event(krate, name, options);
        Callsite { kind: CallsiteKind::Error, level: Word::ERROR, ..event }
    }
}

impl Opening {
    pub(crate) fn new(krate: Krate, name: Name, mut options: Options) -> Opening {
        let event = Callsite::event(krate, name, &mut options);
        Opening {
            callsite: Callsite { kind: CallsiteKind::Span, ..event },
            parent: options.parent.take().unwrap_or(Parent::Current),
            links: options.links.take().unwrap_or_default(),
        }
    }

    /// Whether the place of the callsite says everything.
    pub(crate) fn is_plain(&self) -> bool {
        self.has_attributes_only() && self.callsite.attributes.is_empty()
    }

    /// Whether there is nothing to be evaluated but attributes.
    pub(crate) fn has_attributes_only(&self) -> bool {
        matches!(self.parent, Parent::Current)
            && self.links.is_empty()
            && self.callsite.start_attributes.is_empty()
    }
}

impl Observation {
    pub(crate) fn is_empty(&self) -> bool {
        self.failure.is_none() && self.returned.is_none()
    }
}

impl TimedSpan {
    pub(crate) fn new(mut arguments: Arguments, function: Function) -> TimedSpan {
        let signature = &function.signature;
        let declared = match &signature.output {
            ReturnType::Default => parse_quote_spanned!(Span::mixed_site()=> ()),
            ReturnType::Type(_, declared) => (**declared).clone(),
        };
        let is_async = signature.asyncness.is_some();
        let future = if is_async { None } else { returned::future(&declared) };
        let is_boxed = future.as_ref().map(|future| future.is_boxed);
        let value = future.map_or(declared, |future| future.output);
        let by_default = || {
            let rule = FailureRule { asked: None, format: Format::Typed, when: None };
            may_be_result(&value).then_some(rule)
        };
        let observation = Observation {
            failure: arguments.failure.take().unwrap_or_else(by_default),
            returned: arguments.returned.take(),
        };
        let shape = match is_boxed {
            Some(is_boxed) => Shape::ReturnsFuture { is_boxed },
            None if is_async && builtin::is_rewritable(&function.attributes, &value) => {
                Shape::Future
            }
            None if is_async => Shape::AsyncFn,
            None if observation.is_empty() => Shape::Guarded,
            None => Shape::Closure,
        };
        let krate = arguments.krate.take().unwrap_or_default();
        let name = arguments.name.take().unwrap_or_else(|| {
            let ident = signature.ident.to_string();
            Name::Function(ident.trim_start_matches("r#").to_owned())
        });
        let mut opening = Opening::new(krate, name, arguments.options);
        opening.callsite.attributes = arguments.attributes.take().unwrap_or_default();
        opening.callsite.start_attributes = arguments.start_attributes.take().unwrap_or_default();
        TimedSpan { function, opening, shape, value, observation }
    }
}

impl Default for Krate {
    fn default() -> Krate {
        Krate(quote_spanned!(Span::mixed_site()=> ::onelogger))
    }
}
