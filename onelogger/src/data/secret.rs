//! Names that sound like secrets.

/// Words that make a name one of a secret wherever they stand in it.
const ANYWHERE: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "authorization",
    "credential",
    "credentials",
];

/// Words that do so at the end. `token` alone at the end: `token_count` and `tokens` are what language
/// models are measured by.
const AT_THE_END: &[&str] = &["token", "apikey", "cookie", "cookies", "jwt", "bearer"];

/// The word before a `key` at the end.
const BEFORE_KEY: &[&str] =
    &["api", "private", "access", "secret", "signing", "encryption", "account", "license", "ssh"];

/// Whether the value under such a name had better not be shown: `password`, `http.header.authorization`,
/// `ApiKey`. Upper and lower case and what stands between words make no difference.
pub(crate) fn is_secret_key(key: &str) -> bool {
    let words = words(key);
    let words: Vec<&str> = words.split(' ').filter(|word| !word.is_empty()).collect();
    match words.as_slice() {
        [.., before, "key"] if BEFORE_KEY.contains(before) => true,
        [.., last] if AT_THE_END.contains(last) => true,
        words => words.iter().any(|word| ANYWHERE.contains(word)),
    }
}

/// The words of a name in lower case with blanks between them: `api_key`, `api.key`, `apiKey`, `APIKey`.
fn words(key: &str) -> String {
    let mut words = String::with_capacity(key.len() + 4);
    let characters: Vec<char> = key.chars().collect();
    for (place, &character) in characters.iter().enumerate() {
        let before = place.checked_sub(1).map(|place| characters[place]);
        let after = characters.get(place + 1);
        let begins = character.is_uppercase()
            && (before.is_some_and(|before| !before.is_uppercase())
                || after.is_some_and(|after| after.is_lowercase()));
        if begins || !character.is_alphanumeric() {
            words.push(' ');
        }
        if character.is_alphanumeric() {
            words.extend(character.to_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::is_secret_key;

    #[test]
    fn secrets_are_known_by_their_names() {
        for key in [
            "password",
            "db.password",
            "PASSWORD_FILE",
            "client_secret",
            "secretKey",
            "api_key",
            "api-key",
            "apiKey",
            "APIKey",
            "x-api-key",
            "WANDB_API_KEY",
            "apikey",
            "access_token",
            "token",
            "http.request.header.authorization",
            "Authorization",
            "set-cookie",
            "aws_access_key",
            "ssh.privateKey",
            "credentials",
        ] {
            assert!(is_secret_key(key), "{key}");
        }
    }

    #[test]
    fn other_names_are_not() {
        for key in [
            "",
            "key",
            "key_count",
            "tokens",
            "token_count",
            "tokens_per_second",
            "num_tokens",
            "author",
            "monkey",
            "cache.key",
            "primary_key",
            "passed",
            "secretary",
            "path",
            "session.id",
            "cookie_count",
        ] {
            assert!(!is_secret_key(key), "{key}");
        }
    }
}
