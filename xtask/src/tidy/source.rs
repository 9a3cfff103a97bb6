//! A file, seen three ways: its text, its code without comments and literals, and its comments
//! alone. Lines stand in all three where they stand in the file.

/// A text file of the workspace.
pub(super) struct Source {
    /// From the root of the workspace on, with `/`.
    pub(super) path: String,
    pub(super) text: String,
    /// For Rust files; of others all is text.
    rust: Option<Rust>,
}

struct Rust {
    code: String,
    comments: String,
    /// Where in `code` the test modules begin, which stand last in a file.
    tests_at: usize,
}

impl Source {
    pub(super) fn new(path: impl Into<String>, text: impl Into<String>) -> Source {
        let (path, text) = (path.into(), text.into());
        let rust = path.ends_with(".rs").then(|| {
            let (code, comments) = split(&text);
            let tests_at = tests_at(&code);
            Rust { code, comments, tests_at }
        });
        Source { path, text, rust }
    }

    pub(super) fn is_rust(&self) -> bool {
        self.rust.is_some()
    }

    /// The code without comments and the contents of literals. Empty if this is not Rust.
    pub(super) fn code(&self) -> &str {
        self.rust.as_ref().map_or("", |rust| &rust.code)
    }

    /// The code up to the test modules. Empty for a file that is a test module as a whole.
    pub(super) fn product_code(&self) -> &str {
        match &self.rust {
            Some(rust) if !is_test_file(&self.path) => &rust.code[..rust.tests_at],
            _ => "",
        }
    }

    /// The comments of Rust, and the whole of other files.
    pub(super) fn prose(&self) -> &str {
        self.rust.as_ref().map_or(&self.text, |rust| &rust.comments)
    }
}

/// A test module that is long enough for a file of its own: `tests.rs`, `codec_tests.rs`.
fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.ends_with("_tests.rs")
}

/// The number of the line at an offset, from 1 on.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    1 + text[..offset].matches('\n').count()
}

/// Where a needle stands as words of its own and not within longer ones.
pub(super) fn occurrences<'a>(text: &'a str, needle: &'a str) -> impl Iterator<Item = usize> + 'a {
    let continues = |inside: Option<char>, outside: Option<char>| {
        inside.is_some_and(is_word) && outside.is_some_and(is_word)
    };
    text.match_indices(needle).map(|(at, _)| at).filter(move |&at| {
        let (before, after) = (&text[..at], &text[at + needle.len()..]);
        !continues(needle.chars().next(), before.chars().next_back())
            && !continues(needle.chars().next_back(), after.chars().next())
    })
}

/// The word that a text begins with.
pub(super) fn first_word(text: &str) -> &str {
    let end = text.find(|char| !is_word(char)).unwrap_or(text.len());
    &text[..end]
}

pub(super) fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

/// Code and comments, each with blanks for all else.
fn split(text: &str) -> (String, String) {
    let (mut code, mut comments) = (String::new(), String::new());
    let mut at = 0;
    while at < text.len() {
        let (kind, length) = piece(&text[..at], &text[at..]);
        for char in text[at..at + length].chars() {
            let blank = if char == '\n' { '\n' } else { ' ' };
            code.push(if kind == Kind::Code { char } else { blank });
            comments.push(if kind == Kind::Comment { char } else { blank });
        }
        at += length;
    }
    (code, comments)
}

/// The kind and the length of what comes next.
fn piece(before: &str, rest: &str) -> (Kind, usize) {
    if rest.starts_with("//") {
        return (Kind::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Kind::Comment, block_comment(rest));
    }
    if rest.starts_with('"') {
        return (Kind::Literal, quoted(rest, '"'));
    }
    // The `r` of `for` begins no raw string.
    if !before.ends_with(is_word)
        && let Some(length) = raw_string(rest)
    {
        return (Kind::Literal, length);
    }
    if let Some(after) = rest.strip_prefix('\'') {
        // `'a'` and `'\n'` are literals, `'a` is a lifetime.
        let mut chars = after.chars();
        if chars.next() == Some('\\') || chars.next() == Some('\'') {
            return (Kind::Literal, quoted(rest, '\''));
        }
    }
    (Kind::Code, rest.chars().next().map_or(0, char::len_utf8))
}

/// The length of a literal between quotes, in which a backslash takes the next character along.
fn quoted(rest: &str, quote: char) -> usize {
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, char)) = chars.next() {
        if char == '\\' {
            chars.next();
        } else if char == quote {
            return at + quote.len_utf8();
        }
    }
    rest.len()
}

/// The length of a raw string, if one begins here.
fn raw_string(rest: &str) -> Option<usize> {
    let prefix = ["r", "br", "cr"].into_iter().find(|prefix| {
        let after = rest.strip_prefix(prefix);
        after.is_some_and(|after| after.trim_start_matches('#').starts_with('"'))
    })?;
    let after = &rest[prefix.len()..];
    let hashes = after.find('"')?;
    let end = format!("\"{}", &after[..hashes]);
    let content = prefix.len() + hashes + 1;
    let length = rest[content..].find(&end).map(|at| content + at + end.len());
    Some(length.unwrap_or(rest.len()))
}

/// The length of a block comment; they nest.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// Where the first module for tests begins: `#[cfg(test)] mod …`, `#[cfg(all(test, …))] mod …`. One for
/// tests and others, `#[cfg(any(test, …))] mod …`, is none.
fn tests_at(code: &str) -> usize {
    code.match_indices("#[cfg(")
        .map(|(at, _)| at)
        .find(|&at| {
            let (attribute, item) = attribute(&code[at..]);
            let is_for_tests = occurrences(attribute, "test").next().is_some()
                && !["not(test", "any(test"].iter().any(|others| attribute.contains(others));
            is_for_tests && begins_module(item)
        })
        .unwrap_or(code.len())
}

/// An attribute, and what comes after it.
fn attribute(code: &str) -> (&str, &str) {
    let mut depth = 0;
    for (at, char) in code.char_indices() {
        match char {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return code.split_at(at + 1);
        }
    }
    (code, "")
}

fn begins_module(mut code: &str) -> bool {
    loop {
        code = code.trim_start();
        if !code.starts_with("#[") {
            break;
        }
        code = attribute(code).1;
    }
    let code = code.strip_prefix("pub(crate) ").unwrap_or(code);
    first_word(code) == "mod"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_no_code() {
        let check = |text: &str, code: &str| {
            let source = Source::new("a.rs", text);
            let words: Vec<&str> = source.code().split_whitespace().collect();
            assert_eq!(words.join(" "), code, "{text}");
            assert_eq!(source.code().lines().count(), text.lines().count());
        };
        check("a // b\nc", "a c");
        check("a /* b /* c */ d */ e", "a e");
        check("a \"b \\\" c\" d", "a d");
        check("a r#\"b \" c\"# d", "a d");
        check("a br\"b\\\" c", "a c");
        check("for x in y", "for x in y");
        check("a '\"' b '\\'' c '\\u{1f980}' d", "a b c d");
        check("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}");
        check("a \"never closed", "a");
        check("\"é\" ж // 🦀\nb", "ж b");
        check("a \"two\nlines\" b", "a b");
    }

    #[test]
    fn comments_are_kept_as_prose() {
        let source = Source::new("a.rs", "a // b\n\"c\"");
        assert_eq!(source.prose().trim(), "// b");
        assert_eq!(Source::new("a.md", "b").prose(), "b");
    }

    #[test]
    fn code_for_tests_is_left_out() {
        let check = |text: &str, product: &str| {
            let source = Source::new("onelogger/src/data/id.rs", text);
            assert_eq!(source.product_code().trim(), product, "{text}");
        };
        check("a\n#[cfg(test)]\nmod tests { b }", "a");
        check("a\n#[cfg(all(test, not(x)))]\n#[y]\nmod tests { b }", "a");
        check("#[cfg(any(test, x))] mod a;\nb", "#[cfg(any(test, x))] mod a;\nb");
        check("#[cfg(test)] use b;", "#[cfg(test)] use b;");
        check("#[cfg(not(test))] mod b;", "#[cfg(not(test))] mod b;");
        for path in ["onelogger/src/data/id/tests.rs", "onelogger/src/data/id_tests.rs"] {
            assert_eq!(Source::new(path, "a").product_code(), "");
        }
    }

    #[test]
    fn words_are_found_whole() {
        let text = "unsafe_code unsafe my_unsafe ::unsafe{";
        let found: Vec<usize> = occurrences(text, "unsafe").collect();
        assert_eq!(found, [12, 31]);
        assert_eq!(line_at("a\nb\nc", 4), 3);
    }
}
