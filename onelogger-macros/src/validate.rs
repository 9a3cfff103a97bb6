//! The rules that look at more than one thing. Rules about a single argument are in `parse`, where
//! the argument is read.

use std::collections::HashSet;

use proc_macro2::Ident;
use syn::{Error, GenericParam, Generics, Path, PathSegment, Type};

use crate::diagnostics::Diagnostics;
use crate::ir::{
    EventMacro, Name, Observation, Shape, SpanMacro, TimedSpan, is_nothing, may_be_result,
};

pub(crate) fn timed_span(span: &TimedSpan, diagnostics: &mut Diagnostics) {
    name(&span.opening.callsite.name, &span.function.signature.generics, diagnostics);
    observation(&span.observation, &span.value, diagnostics);
    returned_keys(span, diagnostics);
    track_caller(span, diagnostics);
}

pub(crate) fn span(span: &SpanMacro, diagnostics: &mut Diagnostics) {
    name(&span.opening.callsite.name, &Generics::default(), diagnostics);
}

pub(crate) fn event(event: &EventMacro, diagnostics: &mut Diagnostics) {
    name(&event.callsite.name, &Generics::default(), diagnostics);
}

/// A static is the same for all instances of a generic function, and so is its name.
fn name(name: &Name, generics: &Generics, diagnostics: &mut Diagnostics) {
    let Name::Path(path) = name else { return };
    let first = match path.qself.as_ref().map(|qself| &*qself.ty) {
        Some(Type::Path(ty)) => first_segment(&ty.path),
        Some(_) => None,
        None => first_segment(&path.path),
    };
    let Some(first) = first else { return };
    let is_parameter = generics.params.iter().any(|parameter| match parameter {
        GenericParam::Type(ty) => ty.ident == *first,
        GenericParam::Const(constant) => constant.ident == *first,
        GenericParam::Lifetime(_) => false,
    });
    if is_parameter || first == "Self" {
        let message = format!(
            "a name is the same for all types, so it cannot begin with `{first}`; write the path \
             from a type or module on"
        );
        diagnostics.report(first.span(), message);
    }
}

fn first_segment(path: &Path) -> Option<&Ident> {
    path.segments.first().map(|PathSegment { ident, .. }| ident)
}

/// What is asked for must be there.
fn observation(observation: &Observation, value: &Type, diagnostics: &mut Diagnostics) {
    let asked = observation.failure.as_ref().and_then(|rule| rule.asked);
    if let Some(asked) = asked
        && !may_be_result(value)
    {
        diagnostics.report(asked, "the function returns no `Result`; remove `err`");
    }
    if let Some(returned) = &observation.returned
        && is_nothing(value)
    {
        diagnostics.report(returned.asked, "the function returns no value; remove `ret`");
    }
}

/// The attributes of the arguments and those of the value end up in the same span.
fn returned_keys(span: &TimedSpan, diagnostics: &mut Diagnostics) {
    let Some(returned) = &span.observation.returned else { return };
    let attributes = span.opening.callsite.attributes.iter();
    let keys: HashSet<&str> = attributes.map(|attribute| attribute.key.text.as_str()).collect();
    for value in &returned.values {
        let key = &value.key;
        if keys.contains(key.text.as_str()) {
            let message = format!("the key `{}` is in `attrs` already; rename one", key.text);
            diagnostics.report(key.span, message);
        }
    }
}

/// In a closure the caller is the closure's: the location would silently be another one.
fn track_caller(span: &TimedSpan, diagnostics: &mut Diagnostics) {
    let way_out = match span.shape {
        Shape::Guarded | Shape::Future | Shape::AsyncFn => return,
        Shape::Closure if span.observation.returned.is_some() => {
            "write `err = false` and remove `ret`"
        }
        Shape::Closure => "write `err = false`",
        Shape::ReturnsFuture { .. } => "remove one of the two",
    };
    let mut paths = span.function.attributes.iter().map(syn::Attribute::path);
    if let Some(path) = paths.find(|path| path.is_ident("track_caller")) {
        let message = format!(
            "`#[track_caller]` would see a location inside of the function, because its value is \
             observed; {way_out}"
        );
        diagnostics.add(Error::new_spanned(path, message));
    }
}
