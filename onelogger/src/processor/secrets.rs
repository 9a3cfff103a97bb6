use super::{Draft, Processor, Verdict};
use crate::data::{REDACTED, is_secret_key};

/// Replaces the values of attributes whose names sound like secrets by `<redacted>`: `password`,
/// `api_key`, `http.request.header.authorization` and the like.
///
/// It looks at names alone: a password in a message or under a harmless name is not found. More names can
/// be given. The library's own records come by no processor: what a job says of itself in its
/// [configuration](crate::OneLoggerConfig) stands in the opening record as it was given.
///
/// ```
/// use onelogger::processor::SecretKeys;
/// let secrets = SecretKeys::new().and("license");
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct SecretKeys {
    more: Vec<String>,
}

impl SecretKeys {
    /// The names that the library knows.
    pub fn new() -> SecretKeys {
        SecretKeys::default()
    }

    /// This name as well, exactly.
    pub fn and(mut self, name: impl Into<String>) -> SecretKeys {
        self.more.push(name.into());
        self
    }

    fn is_secret(&self, key: &str) -> bool {
        is_secret_key(key) || self.more.iter().any(|name| name == key)
    }
}

impl Processor for SecretKeys {
    fn name(&self) -> &str {
        "secret_keys"
    }

    fn process(&mut self, draft: &mut Draft<'_>) -> Verdict {
        if draft.has_attribute(|key| self.is_secret(key)) {
            for attributes in draft.all_attributes_mut() {
                let secret = attributes.iter().filter(|(key, _)| self.is_secret(key.as_str()));
                let secret: Vec<_> = secret.map(|(key, _)| key.clone()).collect();
                for key in secret {
                    attributes.set(key, REDACTED);
                }
            }
        }
        Verdict::Keep
    }
}
