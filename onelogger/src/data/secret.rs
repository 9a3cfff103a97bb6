//! What must not be shown, by its name.

use std::borrow::Cow;
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
/// A password may hold signs that it should not: slashes, commas, question marks, blanks. So rather too much
/// is left out than too little.
pub(crate) fn without_credentials(text: &str) -> Cow<'_, str> {
    let signs = text.match_indices("://").map(|(at, _)| at).enumerate();
    let mut starts = signs.filter(|&(number, at)| number == 0 || has_scheme(&text[..at]));
    let Some((_, first)) = starts.next() else {
        return without_name(text).map_or(Cow::Borrowed(text), Cow::Owned);
    };
    let (scheme, after) = (&text[..first], first + "://".len());
    let mut shown = without_name(scheme).unwrap_or_else(|| scheme.to_owned()) + "://";
    let mut begin = after;
    for end in starts.map(|(_, at)| at + "://".len()).chain([text.len()]) {
        let address = &text[begin..end];
        if begin == after && !has_scheme(scheme) && address.contains('@') {
            // It was no scheme, but a part of the password.
            shown.clear();
        }
        shown.push_str(&address_without_credentials(address));
        begin = end;
    }
    Cow::Owned(shown)
}

/// Whether a text ends with the scheme of an address, and not with what belongs to the one before.
fn has_scheme(text: &str) -> bool {
    let is_of_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let before = text.trim_end_matches(is_of_scheme);
    let is_apart = |c: char| c.is_whitespace() || "\"'`,;(<[{=".contains(c);
    before.len() < text.len() && before.chars().next_back().is_none_or(is_apart)
}

/// What is before the `@` is left out, if it is a name with a password.
fn without_name(text: &str) -> Option<String> {
    let (name, host) = text.rsplit_once('@')?;
    name.contains(':').then(|| format!("{REDACTED}@{host}"))
}

/// An address behind its scheme, with what follows it.
fn address_without_credentials(text: &str) -> String {
    let (name, text) = match text.rsplit_once('@') {
        Some((_, text)) => (format!("{REDACTED}@"), text),
        None => (String::new(), text),
    };
    let end = text.find(|c: char| c.is_whitespace() || "\"`".contains(c)).unwrap_or(text.len());
    let (address, rest) = text.split_at(end);
    match address.find(['?', '#']) {
        Some(at) => format!("{name}{}{REDACTED}{rest}", &address[..=at]),
        None => format!("{name}{text}"),
    }
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
    use super::*;

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
            ("me:pw@host:4318", "<redacted>@host:4318"),
            ("https://me:p,w@host, or", "https://<redacted>@host, or"),
            ("https://me:p?w@host/a", "https://<redacted>@host/a"),
            ("https://me:p w@host/a", "https://<redacted>@host/a"),
            ("https://me:p://w@host/a", "https://<redacted>@host/a"),
            ("me:p://w@host/a", "<redacted>@host/a"),
            ("me:pw@host, http://other", "<redacted>@host, http://other"),
            ("https://host/a?key=1,2;3 is wrong", "https://host/a?<redacted> is wrong"),
            ("https://host/a#key=1", "https://host/a#<redacted>"),
            ("jdbc:x://host?key=1", "jdbc:x://host?<redacted>"),
            ("a://u:p@h1,b://u:p@h2", "a://<redacted>@h1,b://<redacted>@h2"),
        ] {
            assert_eq!(without_credentials(text), shown);
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
