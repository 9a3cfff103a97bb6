//! What must not be shown, by its name.

use std::borrow::Cow;
use std::fmt;

use super::Attributes;

/// Stands where a secret would.
pub(crate) const REDACTED: &str = "<redacted>";

/// Words that make a secret of whatever has them in its name.
const WORDS: &[&str] = &[
    "apikey",
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

/// The same for two words, one after the other.
const PAIRS: &[(&str, &str)] = &[
    ("access", "key"),
    ("access", "token"),
    ("account", "key"),
    ("api", "key"),
    ("auth", "token"),
    ("connection", "string"),
    ("encryption", "key"),
    ("private", "key"),
    ("signing", "key"),
];

/// Words that do so at the end only: a `token_count` is no secret, a `hub_token` is.
const LAST_WORDS: &[&str] = &["auth", "bearer", "token"];

/// Whether a key looks like that of a secret, however it is written: `API_KEY`, `x-api-key`,
/// `apiKey`, `wandb.api.key`.
pub(crate) fn is_secret_key(key: &str) -> bool {
    let words = words(key);
    words.iter().any(|word| WORDS.contains(&word.as_str()))
        || words.windows(2).any(|two| PAIRS.contains(&(&*two[0], &*two[1])))
        || words.last().is_some_and(|word| LAST_WORDS.contains(&word.as_str()))
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
/// query, which may hold a key.
pub(crate) fn without_credentials(text: &str) -> Cow<'_, str> {
    let Some((scheme, after)) = text.split_once("://") else {
        return match text.rsplit_once('@') {
            Some((name, host)) if name.contains(':') => Cow::Owned(format!("{REDACTED}@{host}")),
            _ => Cow::Borrowed(text),
        };
    };
    let end = after.find(|c: char| c.is_whitespace() || "\"'`,;".contains(c));
    let (address, rest) = after.split_at(end.unwrap_or(after.len()));
    let (before_query, query) = match address.split_once('?') {
        Some((before, _)) => (before, format!("?{REDACTED}")),
        None => (address, String::new()),
    };
    // A password may hold a slash, where it should not.
    let host = match before_query.rsplit_once('@') {
        Some((_, host)) => format!("{REDACTED}@{host}"),
        None => before_query.to_owned(),
    };
    Cow::Owned(format!("{scheme}://{host}{query}{}", without_credentials(rest)))
}

/// Attributes without the values of secrets.
pub(crate) struct Shown<'a>(pub(crate) &'a Attributes);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value) in self.0.iter() {
            match value.as_str() {
                _ if is_secret_key(name.as_str()) => map.entry(name, &REDACTED),
                Some(text) => map.entry(name, &without_credentials(text)),
                None => map.entry(name, value),
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
        ] {
            assert_eq!(without_credentials(text), shown);
        }
    }

    #[test]
    fn attributes_are_shown_without_secrets() {
        let attributes = Attributes::new().with("step", 1).with("api_key", "s3cret");
        assert_eq!(
            format!("{:?}", Shown(&attributes)),
            r#"{"step": I64(1), "api_key": "<redacted>"}"#
        );
    }
}
