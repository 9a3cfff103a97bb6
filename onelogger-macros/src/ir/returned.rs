//! What the written return type says about the value.
//!
//! A macro sees names, not types. Whether a value is a `Result` is found out by its type, in the
//! runtime; here only what can certainly not be one is left out, which saves the closure.

use proc_macro2::Span;
use syn::punctuated::Punctuated;
use syn::{
    GenericArgument, Path, PathArguments, PathSegment, Token, Type, TypeParamBound,
    parse_quote_spanned,
};

/// The types whose names a program may use for a type of its own, but for a `Result` hardly.
const PLAIN: &[&str] = &[
    "bool", "char", "str", "String", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16",
    "u32", "u64", "u128", "usize", "f32", "f64",
];

/// A return type that is a future.
pub(super) struct Future {
    pub(super) is_boxed: bool,
    /// `_` if it is not written.
    pub(super) output: Type,
}

/// Whether a value of this type may turn out to be a `Result`.
pub(crate) fn may_be_result(ty: &Type) -> bool {
    match written(ty) {
        Type::Path(path) => {
            !path.path.get_ident().is_some_and(|ident| PLAIN.iter().any(|plain| ident == plain))
        }
        Type::Infer(_) | Type::Macro(_) => true,
        _ => false,
    }
}

/// Whether there is no value that one could look at.
pub(crate) fn is_nothing(ty: &Type) -> bool {
    match written(ty) {
        Type::Tuple(tuple) => tuple.elems.is_empty(),
        Type::Never(_) => true,
        _ => false,
    }
}

/// Recognizes `impl Future`, `Pin<Box<dyn Future>>`, `BoxFuture` and `LocalBoxFuture`.
pub(super) fn future(ty: &Type) -> Option<Future> {
    match written(ty) {
        Type::ImplTrait(future) => {
            Some(Future { is_boxed: false, output: output(&future.bounds)? })
        }
        Type::Path(path) => {
            let last = path.path.segments.last()?;
            let output = if last.ident == "Pin" {
                let inner = only_type(last)?;
                let Type::Path(inner) = written(inner) else { return None };
                let boxed = inner.path.segments.last().filter(|last| last.ident == "Box")?;
                let Type::TraitObject(future) = written(only_type(boxed)?) else { return None };
                output(&future.bounds)?
            } else if last.ident == "BoxFuture" || last.ident == "LocalBoxFuture" {
                types(last).last().cloned().unwrap_or_else(unwritten)
            } else {
                return None;
            };
            Some(Future { is_boxed: true, output })
        }
        _ => None,
    }
}

/// The output of the bound that is a `Future`.
fn output(bounds: &Punctuated<TypeParamBound, Token![+]>) -> Option<Type> {
    let future = bounds.iter().find_map(|bound| match bound {
        TypeParamBound::Trait(bound) => is_future(&bound.path),
        _ => None,
    })?;
    let PathArguments::AngleBracketed(arguments) = &future.arguments else {
        return Some(unwritten());
    };
    let output = arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(assoc) if assoc.ident == "Output" => Some(assoc.ty.clone()),
        _ => None,
    });
    Some(output.unwrap_or_else(unwritten))
}

fn is_future(path: &Path) -> Option<&PathSegment> {
    path.segments.last().filter(|last| last.ident == "Future")
}

fn only_type(segment: &PathSegment) -> Option<&Type> {
    let mut types = types(segment);
    types.next().filter(|_| types.next().is_none())
}

fn types(segment: &PathSegment) -> impl Iterator<Item = &Type> {
    let arguments = match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => Some(&arguments.args),
        _ => None,
    };
    arguments.into_iter().flatten().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

fn unwritten() -> Type {
    parse_quote_spanned!(Span::mixed_site()=> _)
}

/// The type without parentheses, and without the invisible ones of a `$ty` of `macro_rules`.
fn written(ty: &Type) -> &Type {
    match ty {
        Type::Paren(inner) => written(&inner.elem),
        Type::Group(inner) => written(&inner.elem),
        ty => ty,
    }
}

#[cfg(test)]
mod tests {
    use quote::ToTokens;
    use syn::parse_quote;

    use super::*;

    #[test]
    fn what_cannot_be_a_result_is_left_alone() {
        for ty in [
            "!",
            "()",
            "(A, B)",
            "&R",
            "*const R",
            "[R; 2]",
            "fn() -> R",
            "impl Into<R>",
            "dyn R",
            "bool",
            "String",
            "u64",
            "(f64)",
        ] {
            assert!(!may_be_result(&syn::parse_str(ty).unwrap()), "{ty}");
        }
        for ty in ["Result<A, E>", "io::Result<()>", "Alias", "T", "Self", "Vec<u8>", "_", "t!()"] {
            assert!(may_be_result(&syn::parse_str(ty).unwrap()), "{ty}");
        }
    }

    #[test]
    fn futures_are_recognized_by_their_names() {
        let check = |ty: Type, expected: Option<(bool, &str)>| {
            let found = future(&ty);
            let found =
                found.map(|future| (future.is_boxed, future.output.to_token_stream().to_string()));
            assert_eq!(found, expected.map(|(boxed, output)| (boxed, output.to_owned())));
        };
        check(parse_quote!(impl Future<Output = u8> + Send + 'a), Some((false, "u8")));
        check(parse_quote!(impl std::future::Future), Some((false, "_")));
        check(parse_quote!(impl FutureExt), None);
        check(
            parse_quote!(::core::pin::Pin<Box<dyn ::core::future::Future<Output = R> + 'a>>),
            Some((true, "R")),
        );
        check(parse_quote!(BoxFuture<'static, Result<A, E>>), Some((true, "Result < A , E >")));
        check(parse_quote!(futures::future::LocalBoxFuture<'_, ()>), Some((true, "()")));
        check(parse_quote!(Pin<Box<dyn Stream>>), None);
        check(parse_quote!(Pin<&mut F>), None);
        check(parse_quote!(Result<impl Future, E>), None);
    }
}
