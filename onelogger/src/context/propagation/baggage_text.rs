//! How baggage is written: which characters a key and a value may have, and percent-encoding.

use std::borrow::Cow;

use super::trimmed;

/// A member as it stands in the field, and well-formed: value and metadata are still encoded.
pub(super) struct WrittenMember<'a> {
    pub(super) key: &'a str,
    pub(super) value: &'a str,
    pub(super) metadata: Option<WrittenMetadata<'a>>,
}

/// Metadata as it stands in the field, and well-formed.
pub(super) struct WrittenMetadata<'a>(&'a str);

impl<'a> WrittenMember<'a> {
    /// Reads `key = value; metadata`. None if it is malformed.
    pub(super) fn of(text: &'a str) -> Option<WrittenMember<'a>> {
        let (pair, metadata) = match text.split_once(';') {
            Some((pair, metadata)) => (pair, Some(WrittenMetadata::of(metadata)?)),
            None => (text, None),
        };
        let (key, value) = pair.split_once('=')?;
        let (key, value) = (trimmed(key), trimmed(value));
        (is_key(key) && is_value(value)).then_some(WrittenMember { key, value, metadata })
    }

    /// The least that it can be long when it is written again: each code may be one character.
    pub(super) fn least_len(&self) -> usize {
        let metadata =
            self.metadata.as_ref().map_or(0, |metadata| metadata.parts().map(str::len).sum());
        self.key.len() + self.value.len() / 3 + metadata
    }
}

impl<'a> WrittenMetadata<'a> {
    /// Reads `key; key = value`. None if it is malformed.
    pub(super) fn of(text: &'a str) -> Option<WrittenMetadata<'a>> {
        let is_property = |property: &str| match property.split_once('=') {
            Some((key, value)) => is_key(trimmed(key)) && is_value(trimmed(value)),
            None => is_key(trimmed(property)),
        };
        text.split(';').all(is_property).then_some(WrittenMetadata(text))
    }

    /// Without the spaces and tabs that mean nothing.
    pub(super) fn text(&self) -> String {
        self.parts().collect()
    }

    fn parts(&self) -> impl Iterator<Item = &'a str> {
        // White space stands around signs only, or the metadata would be malformed.
        self.0.split_inclusive([';', '=']).flat_map(|part| {
            let (text, sign) = part.split_at(part.trim_end_matches([';', '=']).len());
            [trimmed(text), sign]
        })
    }
}

/// Whether this is a `token` of HTTP.
pub(super) fn is_key(text: &str) -> bool {
    let is_of_key = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_of_key)
}

fn is_value(text: &str) -> bool {
    text.bytes().all(is_of_value)
}

/// Printable ASCII without space, quotation mark, comma, semicolon and backslash.
fn is_of_value(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\",;\\".contains(&byte)
}

fn is_plain(byte: u8) -> bool {
    is_of_value(byte) && byte != b'%'
}

/// How many bytes [`encode`] makes of a value.
pub(super) fn encoded_len(value: &str) -> usize {
    value.bytes().map(|byte| if is_plain(byte) { 1 } else { 3 }).sum()
}

pub(super) fn encode(value: &str, out: &mut impl std::fmt::Write) -> std::fmt::Result {
    for byte in value.bytes() {
        match is_plain(byte) {
            true => out.write_char(byte.into())?,
            false => write!(out, "%{byte:02X}")?,
        }
    }
    Ok(())
}

/// The value that was encoded. What is no UTF-8 becomes U+FFFD, as the standard wants it; a `%` that
/// begins no code stands for itself.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = after.split_first_chunk().filter(|_| first == b'%');
        match code.and_then(|(&digits, after)| Some((byte(digits)?, after))) {
            Some((byte, after)) => {
                bytes.push(byte);
                rest = after;
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn byte([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |digit: u8| (digit as char).to_digit(16);
    Some((digit(high)? << 4 | digit(low)?) as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(value: &str) -> String {
        let mut text = String::new();
        encode(value, &mut text).unwrap();
        text
    }

    #[test]
    fn what_a_value_may_not_have_is_encoded() {
        assert_eq!(encoded("DF 28"), "DF%2028");
        assert_eq!(encoded("Amélie"), "Am%C3%A9lie");
        assert_eq!(encoded("100%,\";\\\n\u{7f}"), "100%25%2C%22%3B%5C%0A%7F");
        let plain = "!#$&'()*+-./09:<=>?@AZ[]^_`az{|}~";
        assert_eq!(encoded(plain), plain);
    }

    #[test]
    fn what_is_encoded_in_whatever_way_is_decoded() {
        let encoded = "%09%20%22%27%3B%3dasdf%21%40%23%24%25%5e%26%2A%28%29";
        assert_eq!(decode(encoded), "\t \"';=asdf!@#$%^&*()");
        assert_eq!(decode("%E4%B8%96%41"), "世A");
    }

    #[test]
    fn what_is_no_utf_8_is_replaced_and_what_is_no_code_is_itself() {
        assert_eq!(decode("a%ffb"), "a\u{fffd}b");
        assert_eq!(decode("%C3%28"), "\u{fffd}(");
        assert_eq!(decode("%E4%B8"), "\u{fffd}");
        for text in ["%", "%4", "%zz", "%%", "%-1", "a%g0"] {
            assert_eq!(decode(text), text);
        }
        assert_eq!(decode("%%41"), "%A");
    }

    proptest! {
        #[test]
        fn what_is_encoded_comes_back(value in ".*", other: String) {
            for value in [value, other] {
                let text = encoded(&value);
                prop_assert!(is_value(&text));
                prop_assert_eq!(text.len(), encoded_len(&value));
                prop_assert_eq!(decode(&text), value);
            }
        }
    }
}
