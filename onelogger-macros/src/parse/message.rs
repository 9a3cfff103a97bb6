//! The message of `error!`, as far as it is ours: what it captures is checked by `format_args!`.

use syn::LitStr;

use crate::diagnostics::Diagnostics;

/// Arguments without names would need a list to stand in, and that is the list of attributes.
pub(super) fn check(message: &LitStr, diagnostics: &mut Diagnostics) {
    if let Some(placeholder) = unnamed_placeholder(&message.value()) {
        let format = placeholder.trim_start_matches(|char: char| char.is_ascii_digit());
        let text = format!(
            "`{{{placeholder}}}` names no variable; write `{{name{format}}}`, where `name` is one"
        );
        diagnostics.report(message.span(), text);
    }
}

/// What stands between the first braces that name nothing: an empty text, a number, or a format
/// alone.
fn unnamed_placeholder(message: &str) -> Option<&str> {
    let mut rest = message;
    while let Some(open) = rest.find('{') {
        rest = &rest[open + 1..];
        if let Some(after) = rest.strip_prefix('{') {
            rest = after;
            continue;
        }
        let placeholder = &rest[..rest.find('}')?];
        let name = placeholder.split(':').next().unwrap_or(placeholder);
        if name.chars().all(|char| char.is_ascii_digit()) {
            return Some(placeholder);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_placeholders_without_a_name_are_found() {
        let check = |message, expected| assert_eq!(unnamed_placeholder(message), expected);
        check("nothing", None);
        check("{tries} of {loss:.3} {x:?} {{}} {{{y}}}", None);
        check("{}", Some(""));
        check("{a} {:?}", Some(":?"));
        check("{{{0:>8}}}", Some("0:>8"));
        check("{a", None);
        check("}{", None);
    }
}
