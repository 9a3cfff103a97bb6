//! What must not be shown, by its name.

use std::fmt;

use super::{Attributes, Value};

/// Stands where a secret would.
pub(crate) const REDACTED: &str = "<redacted>";

/// What makes a secret of a name in which a word is this, or ends with it: `dbpassword`.
const WORDS: &[&str] = &[
    "authorization",
    "cookie",
    "cookies",
    "credential",
    "credentials",
    "passphrase",
    "passwd",
    "password",
    "pwd",
    "secret",
    "secrets",
];

/// The same for two words, one after the other or in one.
const PAIRS: &[(&str, &str)] = &[
    ("access", "key"),
    ("access", "token"),
    ("account", "key"),
    ("api", "key"),
    ("auth", "token"),
    ("connection", "string"),
    ("encryption", "key"),
    ("ingest", "key"),
    ("ingestion", "key"),
    ("license", "key"),
    ("master", "key"),
    ("private", "key"),
    ("secret", "key"),
    ("shared", "key"),
    ("signing", "key"),
];

/// What does so at the end of a name only: a `token_count` is no secret, a `hub_token` is.
const LAST_WORDS: &[&str] = &["auth", "bearer", "token"];

/// Whether a key looks like that of a secret, however it is written: `API_KEY`, `x-api-key`,
/// `apiKey`, `wandb.api.key`.
pub(crate) fn is_secret_key(key: &str) -> bool {
    if !has_stem(key) {
        return false;
    }
    let words = words(key);
    let ends = |word: &str, ends: &[&str]| ends.iter().any(|end| word.ends_with(end));
    let mut before = "";
    let is_secret = words.iter().any(|word| {
        let is_secret = ends(word, WORDS) || PAIRS.iter().any(|pair| is_pair(before, word, *pair));
        before = word;
        is_secret
    });
    is_secret || words.last().is_some_and(|word| ends(word, LAST_WORDS))
}

/// Whether one of all the words above can be in a name. Most names are done with by this, which asks for no
/// memory: processors look at each attribute.
fn has_stem(key: &str) -> bool {
    // Letters beyond ASCII may be such in small.
    !key.is_ascii() || (0..key.len()).any(|at| begins_like_a_secret(&key.as_bytes()[at..]))
}

fn begins_like_a_secret(text: &[u8]) -> bool {
    let stems: &[&[u8]] = match text[0].to_ascii_lowercase() {
        b'a' => &[b"auth"],
        b'b' => &[b"bearer"],
        b'c' => &[b"cookie", b"credential"],
        b'k' => &[b"key"],
        b'p' => &[b"pass", b"pwd"],
        b's' => &[b"secret", b"string"],
        b't' => &[b"token"],
        _ => &[],
    };
    let begins =
        |stem: &&[u8]| text.get(..stem.len()).is_some_and(|it| it.eq_ignore_ascii_case(stem));
    stems.iter().any(begins)
}

fn is_pair(before: &str, word: &str, (first, second): (&str, &str)) -> bool {
    word.strip_suffix(second)
        .is_some_and(|rest| rest.ends_with(first) || (rest.is_empty() && before.ends_with(first)))
}

/// The words of a name, in lower case: parted by what is neither letter nor digit, and where a capital
/// follows a small letter.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for char in name.chars() {
        if !char.is_alphanumeric() || (was_small && char.is_uppercase()) {
            words.push(String::new());
        }
        was_small = char.is_lowercase();
        if char.is_alphanumeric() {
            words.last_mut().expect("begins with one").extend(char.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The text without what addresses in it hold of secrets: a name and a password before an `@`, and a
/// query or a fragment, which may hold a key.
///
/// A password may hold signs that it should not, such as slashes, blanks and question marks. So all that
/// stands between a scheme and the last `@` is left out, and rather too much than too little.
pub(crate) fn without_credentials(text: &str) -> String {
    let Some((before, after)) = text.rsplit_once('@').filter(|(before, _)| before.contains(':'))
    else {
        return without_queries(text, false);
    };
    let scheme = match before.split_once("://") {
        Some((scheme, _)) if is_scheme(scheme) => format!("{scheme}://"),
        _ => String::new(),
    };
    // The `@` may stand in a query as well, and what follows it then.
    if before.contains(['?', '#']) {
        let rest = &after[after.find(is_end).unwrap_or(after.len())..];
        return format!("{scheme}{REDACTED}{}", without_queries(rest, false));
    }
    format!("{scheme}{REDACTED}@{}", without_queries(after, true))
}

/// Whether what stands before `://` ends with a scheme, and is not a part of a password.
fn is_scheme(text: &str) -> bool {
    let before = text.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let is_apart = |c: char| c.is_whitespace() || "\"'`,;(=".contains(c);
    before.chars().next_back().is_none_or(is_apart) && !text.contains('@')
}

/// Cuts addresses off where their queries begin; `is_within` says that the text begins in one.
fn without_queries(text: &str, is_within: bool) -> String {
    let mut shown = String::new();
    for (number, part) in text.split_inclusive(is_end).enumerate() {
        let address = if is_within && number == 0 { Some(0) } else { part.find("://") };
        match address.and_then(|at| Some(at + part[at..].find(['?', '#'])?)) {
            Some(query) => {
                shown.extend([&part[..=query], REDACTED]);
                shown.extend(part.chars().next_back().filter(|&c| is_end(c)));
            }
            None => shown.push_str(part),
        }
    }
    shown
}

/// What ends an address.
fn is_end(char: char) -> bool {
    char.is_whitespace() || "\"`".contains(char)
}

/// Attributes without the values of secrets.
pub(crate) struct Shown<'a>(pub(crate) &'a Attributes);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value) in self.0.iter() {
            match value {
                _ if is_secret_key(name.as_str()) => map.entry(name, &REDACTED),
                Value::String(text) => map.entry(name, &without_credentials(text)),
                Value::StringList(texts) => {
                    let shown: Vec<_> =
                        texts.iter().map(|text| without_credentials(text)).collect();
                    map.entry(name, &shown)
                }
                _ => map.entry(name, value),
            };
        }
        map.finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_word_has_a_stem() {
        let words = WORDS.iter().chain(LAST_WORDS).chain(PAIRS.iter().map(|(_, second)| second));
        for word in words {
            assert!(has_stem(&word.to_uppercase()), "{word}");
        }
        assert!(!has_stem("learning_rate"));
    }

    #[test]
    fn secrets_are_known_by_their_keys() {
        for key in [
            "password",
            "db.Password",
            "WANDB_API_KEY",
            "x-api-key",
            "apiKey",
            "apikey",
            "Authorization",
            "proxy-authorization",
            "Set-Cookie",
            "client_secret",
            "aws.secret_access_key",
            "HF_TOKEN",
            "access_token_of_hub",
            "credentials",
            "private-key",
            "connectionString",
            "DBPassword",
            "dbpassword",
            "HFToken",
            "accesskey",
            "NEW_RELIC_LICENSE_KEY",
        ] {
            assert!(is_secret_key(key), "{key}");
        }
        for key in [
            "",
            "path",
            "token_count",
            "tokens_per_second",
            "key",
            "monkey",
            "author",
            "secretary",
            "client_key_file",
            "auth_mode",
            "primary_key",
            "forward_pass",
        ] {
            assert!(!is_secret_key(key), "{key}");
        }
    }

    #[test]
    fn addresses_are_shown_without_their_credentials() {
        for (text, shown) in [
            ("run.jsonl", "run.jsonl"),
            ("http://host:4318/a", "http://host:4318/a"),
            ("https://me:pw@host/a?key=1", "https://<redacted>@host/a?<redacted>"),
            ("`amqp://u:p/w@h`, s3://b?sig=1", "`amqp://<redacted>@h`, s3://b?<redacted>"),
            ("mail@host", "mail@host"),
            ("me@host of http://host?key=1", "me@host of http://host?<redacted>"),
            ("me:pw@host:4318", "<redacted>@host:4318"),
            ("https://me:p,w@host, or", "https://<redacted>@host, or"),
            ("https://me:p?w@host/a or", "https://<redacted> or"),
            ("https://host/a?of=a@b&key=1", "https://<redacted>"),
            ("https://me:p w@host/a", "https://<redacted>@host/a"),
            ("https://me:p://w@host/a", "https://<redacted>@host/a"),
            ("me:p://w@host/a", "<redacted>@host/a"),
            ("me:pw@host, http://other", "<redacted>@host, http://other"),
            ("https://host/a?key=1,2;3 is wrong", "https://host/a?<redacted> is wrong"),
            ("https://host/a#key=1", "https://host/a#<redacted>"),
            ("jdbc:x://host?key=1", "jdbc:x://host?<redacted>"),
            ("a://u:p@h1,b://u:p@h2", "a://<redacted>@h2"),
            ("run#1? a.jsonl", "run#1? a.jsonl"),
        ] {
            assert_eq!(without_credentials(text), shown);
        }
    }

    proptest! {
        #[test]
        fn whatever_a_password_is_made_of_it_is_not_shown(
            password in "[ :/@?#,;'\"`a-z0-9]{0,8}",
            address in prop::sample::select(vec!["", "http://", "`http://", "see jdbc:x://"]),
        ) {
            let text = format!("{address}me:S3CR3T{password}S3CR3T@host/a?key=S3CR3T is wrong");
            let shown = without_credentials(&text);
            prop_assert!(!shown.contains("S3CR3T") && shown.ends_with("is wrong"), "{shown}");
        }
    }

    #[test]
    fn attributes_are_shown_without_secrets() {
        let attributes = Attributes::new()
            .with("step", 1)
            .with("api_key", "s3cret")
            .with("hosts", vec!["http://me:pw@host"]);
        assert_eq!(
            format!("{:?}", Shown(&attributes)),
            r#"{"step": I64(1), "api_key": "<redacted>", "hosts": ["http://<redacted>@host"]}"#
        );
    }
}
