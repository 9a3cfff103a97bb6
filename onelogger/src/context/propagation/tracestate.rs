use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::{Extractor, TRACESTATE, trimmed};

/// Members that a list may have.
const MAX_MEMBERS: usize = 32;
/// Bytes that a key may have, and a value.
const MAX_TEXT: usize = 256;

/// What tracing systems have to say of a trace, in their own words: the `tracestate` of W3C Trace
/// Context.
///
/// This library adds nothing to it and hands it on as it came, in its order, however long: the
/// standard's limits are 32 members, and 256 characters for a key and for a value. Clones are cheap.
///
/// ```
/// use onelogger::context::TraceState;
/// let state: TraceState = "rojo=00f067aa0ba902b7, congo=t61rcWkgMzE".parse()?;
/// assert_eq!(state.get("congo"), Some("t61rcWkgMzE"));
/// assert_eq!(state.to_string(), "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
/// # Ok::<(), onelogger::context::TraceStateError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TraceState {
    /// The members as they are written.
    text: Option<Arc<str>>,
}

/// A text is no `tracestate`.
///
/// ```
/// use onelogger::context::{TraceState, TraceStateError};
/// let error = "rojo=1,Congo=2".parse::<TraceState>().unwrap_err();
/// assert_eq!(error, TraceStateError::Malformed { member: 2 });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TraceStateError {
    /// A member is not as the standard wants it.
    #[error(
        "member {member} of the tracestate is malformed; expected `key=value`, with 1 to 256 of \
         `a-z 0-9 _ - * / @` and 1 to 256 printable ASCII characters without comma and equals sign"
    )]
    Malformed {
        /// Which one, counted from 1.
        member: usize,
    },
    /// There are more members than the standard allows.
    #[error("the tracestate has more than {MAX_MEMBERS} members")]
    TooManyMembers,
}

impl TraceState {
    /// An empty one.
    ///
    /// ```
    /// assert!(onelogger::context::TraceState::new().is_empty());
    /// ```
    pub const fn new() -> TraceState {
        TraceState { text: None }
    }

    /// The value of a key. If it is there several times, the first, which is the latest.
    ///
    /// ```
    /// # use onelogger::context::TraceState;
    /// let state: TraceState = "rojo=1,rojo=2".parse()?;
    /// assert_eq!(state.get("rojo"), Some("1"));
    /// # Ok::<(), onelogger::context::TraceStateError>(())
    /// ```
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|&(other, _)| other == key).map(|(_, value)| value)
    }

    /// Keys and values, the latest first.
    ///
    /// ```
    /// # use onelogger::context::TraceState;
    /// let state: TraceState = "rojo=1,congo=2".parse()?;
    /// assert!(state.iter().eq([("rojo", "1"), ("congo", "2")]));
    /// # Ok::<(), onelogger::context::TraceStateError>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let members = self.text.as_deref().into_iter().flat_map(|text| text.split(','));
        members.filter_map(|member| member.split_once('='))
    }

    /// How many members there are.
    ///
    /// ```
    /// # use onelogger::context::TraceState;
    /// assert_eq!("rojo=1,,congo=2".parse::<TraceState>()?.len(), 2);
    /// # Ok::<(), onelogger::context::TraceStateError>(())
    /// ```
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there is none.
    ///
    /// ```
    /// # use onelogger::context::TraceState;
    /// assert!(" , ".parse::<TraceState>()?.is_empty());
    /// # Ok::<(), onelogger::context::TraceStateError>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.text.is_none()
    }

    /// What the carrier has; nothing if a part of it is malformed. Several fields are one list.
    pub(super) fn read<C: Extractor + ?Sized>(carrier: &C) -> TraceState {
        let mut list = List::default();
        let mut outcome = Ok(());
        carrier.for_each_value(TRACESTATE, &mut |value| {
            if outcome.is_ok() {
                outcome = list.add(value);
            }
        });
        outcome.map_or_else(|_| TraceState::new(), |()| list.finish())
    }
}

/// The members read so far, as they are written.
#[derive(Default)]
struct List {
    text: String,
    len: usize,
}

impl List {
    fn add(&mut self, value: &str) -> Result<(), TraceStateError> {
        // Members without anything are allowed, and come from joining fields. They do not count.
        for member in value.split(',').map(trimmed).filter(|member| !member.is_empty()) {
            if self.len == MAX_MEMBERS {
                return Err(TraceStateError::TooManyMembers);
            }
            self.len += 1;
            if !is_member(member) {
                return Err(TraceStateError::Malformed { member: self.len });
            }
            if !self.text.is_empty() {
                self.text.push(',');
            }
            self.text.push_str(member);
        }
        Ok(())
    }

    fn finish(self) -> TraceState {
        TraceState { text: (!self.text.is_empty()).then(|| self.text.into()) }
    }
}

fn is_member(member: &str) -> bool {
    let Some((key, value)) = member.split_once('=') else { return false };
    let has_length = |text: &str| (1..=MAX_TEXT).contains(&text.len());
    let begins_well = key.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let is_of_key =
        |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
    // The end of the value is no space: it is the end of the member, which is trimmed.
    let is_of_value = |byte| matches!(byte, b' '..=b'~') && byte != b'=';
    has_length(key)
        && begins_well
        && key.bytes().all(is_of_key)
        && has_length(value)
        && value.bytes().all(is_of_value)
}

impl FromStr for TraceState {
    type Err = TraceStateError;

    fn from_str(text: &str) -> Result<TraceState, TraceStateError> {
        let mut list = List::default();
        list.add(text)?;
        Ok(list.finish())
    }
}

/// As the field is written.
impl fmt::Display for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.as_deref().unwrap_or_default())
    }
}

impl fmt::Debug for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> Result<String, TraceStateError> {
        text.parse::<TraceState>().map(|state| state.to_string())
    }

    fn members(count: usize) -> String {
        (0..count).map(|n| format!("bar{n:02}={n:02}")).collect::<Vec<_>>().join(",")
    }

    #[track_caller]
    fn is_handed_on(text: &str) {
        assert_eq!(written(text).as_deref(), Ok(text));
    }

    #[test]
    fn the_examples_of_the_standard() {
        is_handed_on("congo=t61rcWkgMzE");
        is_handed_on("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
        is_handed_on("congo=ucfJifl5GOE,rojo=00f067aa0ba902b7");
        is_handed_on("vendorname1=opaqueValue1,vendorname2=opaqueValue2");
    }

    #[test]
    fn all_characters_that_are_allowed() {
        let value: String = (' '..='~').filter(|c| !",=".contains(*c)).chain("~".chars()).collect();
        is_handed_on(&format!("abcdefghijklmnopqrstuvwxyz0123456789_-*/@a-z0-9_-*/={value}"));
        for key in ["foo@", "foo@@bar", "foo@bar@baz", "0", "a*"] {
            is_handed_on(&format!("{key}=1,bar=2"));
        }
        let (state, inner) = ("foo=  1  2 \t,bar=2".parse::<TraceState>().unwrap(), "  1  2");
        assert_eq!(state.get("foo"), Some(inner));
    }

    #[test]
    fn spaces_tabs_and_empty_members_between_members_go() {
        for text in [
            "foo=1 \t , \t bar=2, \t baz=3",
            "foo=1\t \t,\t \tbar=2,\t \tbaz=3",
            "\t foo=1,bar=2,baz=3 \t",
            ",foo=1,, ,\t,bar=2,baz=3,",
        ] {
            assert_eq!(written(text).as_deref(), Ok("foo=1,bar=2,baz=3"), "{text}");
        }
        assert_eq!(written("").as_deref(), Ok(""));
    }

    #[test]
    fn one_malformed_member_is_the_end_of_all() {
        for member in [
            "foo",
            "=1",
            "foo=",
            "foo= ",
            "foo =1",
            "foo=bar=baz",
            "FOO=1",
            "foo.bar=1",
            "@foo=1",
            "_foo=1",
            "föö=1",
            "foo=ö",
            "foo=a\tb",
            "foo=\t1",
            "foo=a\nb",
            "foo=\u{7f}",
            "foo=1;\0",
        ] {
            let error = written(&format!("bar=2,,{member},baz=3")).unwrap_err();
            assert_eq!(error, TraceStateError::Malformed { member: 2 }, "{member:?}");
        }
        assert!(TraceStateError::Malformed { member: 2 }.to_string().starts_with("member 2 of"));
    }

    #[test]
    fn keys_and_values_have_256_characters_at_most() {
        let (most, more) = ("z".repeat(256), "z".repeat(257));
        is_handed_on(&format!("foo=1,{most}={most}"));
        assert!(written(&format!("foo=1,{more}=1")).is_err());
        assert!(written(&format!("foo=1,a={more}")).is_err());
    }

    #[test]
    fn there_are_32_members_at_most_and_none_is_cut() {
        is_handed_on(&members(32));
        assert_eq!(written(&format!(",,{},,", members(32))), Ok(members(32)));
        assert_eq!(written(&members(33)), Err(TraceStateError::TooManyMembers));
        let long: Vec<_> = (0..32).map(|n| format!("{n}={}", "x".repeat(256))).collect();
        is_handed_on(&long.join(","));
    }

    #[test]
    fn the_same_key_twice_is_handed_on_and_the_first_is_the_latest() {
        is_handed_on("foo=1,bar=2,foo=3");
        assert_eq!("foo=1,bar=2,foo=3".parse::<TraceState>().unwrap().get("foo"), Some("1"));
    }

    #[test]
    fn several_fields_are_one_list() {
        let fields = [
            ("tracestate", "foo=1,bar=2"),
            ("TraceState", ""),
            ("TRACESTATE", " rojo=1,congo=2 "),
            ("trace-state", "not=this"),
            ("tracestate", "baz=3"),
        ];
        let joined = "foo=1,bar=2,rojo=1,congo=2,baz=3";
        assert_eq!(TraceState::read(&fields).to_string(), joined);
        let (some, more) = (members(20), members(13));
        assert_eq!(TraceState::read(&[("tracestate", &some), ("tracestate", &more)]).len(), 0);
        assert!(TraceState::read(&[("tracestate", "a=1"), ("tracestate", "A=1")]).is_empty());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            members in prop::collection::vec(
                ("[a-z0-9][a-z0-9_*/@-]{0,40}", "[ -+\\--<>-~]{0,40}[!-+\\--<>-~]"), 0..=32,
            ),
        ) {
            let text: Vec<_> = members.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let state: TraceState = text.join(",").parse().unwrap();
            let members = members.iter().map(|(key, value)| (key.as_str(), value.as_str()));
            prop_assert!(state.iter().eq(members));
            prop_assert_eq!(state.to_string().parse(), Ok(state));
        }

        #[test]
        fn nothing_panics(text in "([a-z=, \t]|.){0,200}") {
            if let Ok(state) = text.parse::<TraceState>() {
                prop_assert!(state.len() <= 32);
                prop_assert_eq!(state.to_string().parse(), Ok(state));
            }
        }
    }
}
