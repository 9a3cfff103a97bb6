//! Which attributes leave an `async fn` free to become a `fn`.

use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Path, Token, Type};

/// Attributes of the compiler that mean the same on a `fn` that returns a future. Three are missing
/// on purpose: the compiler treats `must_use` and `track_caller` on an `async fn` in a way of its
/// own, and so do its lints; and what others define may ask for an `async fn`.
const SAME_ON_FN: &[&str] = &[
    "allow",
    "automatically_derived",
    "cfg",
    "cold",
    "deny",
    "deprecated",
    "doc",
    "expect",
    "export_name",
    "forbid",
    "inline",
    "link_section",
    "no_mangle",
    "target_feature",
    "unsafe",
    "warn",
];

/// The tools whose attributes do nothing to the code.
const TOOLS: &[&str] = &["clippy", "diagnostic", "rustfmt"];

/// Whether an `async fn` may become a `fn` that returns a future: half the size of an `async fn`
/// that awaits one. A future without end cannot be written down as a type.
pub(super) fn is_rewritable(attributes: &[Attribute], output: &Type) -> bool {
    !matches!(output, Type::Never(_))
        && attributes.iter().all(|attribute| is_same_on_fn(&attribute.meta))
}

fn is_same_on_fn(meta: &Meta) -> bool {
    let path = meta.path();
    if path.is_ident("cfg_attr") {
        let Meta::List(list) = meta else { return false };
        let metas = Punctuated::<Meta, Token![,]>::parse_terminated;
        return metas
            .parse2(list.tokens.clone())
            .is_ok_and(|metas| metas.iter().skip(1).all(is_same_on_fn));
    }
    let is_among = |names: &[&str], path: &Path| {
        path.segments.first().is_some_and(|first| names.iter().any(|name| first.ident == name))
    };
    match path.segments.len() {
        1 => is_among(SAME_ON_FN, path),
        _ => is_among(TOOLS, path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(attributes: &str, output: &str, expected: bool) {
        let attributes = Attribute::parse_outer.parse_str(attributes).unwrap();
        assert_eq!(is_rewritable(&attributes, &syn::parse_str(output).unwrap()), expected);
    }

    #[test]
    fn only_what_the_compiler_defines_leaves_the_choice() {
        check("", "()", true);
        check("", "!", false);
        check("#[inline] /// text\n #[unsafe(no_mangle)]", "()", true);
        check("#[rustfmt::skip] #[clippy::msrv = \"1.95\"]", "()", true);
        check("#[cfg_attr(all(test, unix), inline, cold)]", "()", true);
        check("#[cfg_attr(test, tokio::test)]", "()", false);
        check("#[tokio::test]", "()", false);
        check("#[instrument]", "()", false);
        check("#[must_use]", "()", false);
        check("#[track_caller]", "()", false);
    }
}
