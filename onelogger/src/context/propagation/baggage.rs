use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::baggage_text::{WrittenMember, WrittenMetadata, decode, encode, encoded_len, is_key};
use super::{BAGGAGE, Extractor, trimmed};

/// Members that baggage may have.
const MAX_MEMBERS: usize = 64;
/// Bytes that it may have as it is written, commas included.
const MAX_BYTES: usize = 8192;

/// What the application wants known wherever a request or a job goes: names and values, as in W3C
/// Baggage.
///
/// It goes to each process that is called from a context that has it
/// ([`Context::with_baggage`](super::Context::with_baggage)), and anybody on the way can read it: it is
/// no place for secrets.
///
/// Values are any texts; they are encoded where they are written. Members keep their order. There are
/// 64 at most, and 8192 bytes as they are written: what the standard wants every process to hand on.
/// Clones are cheap.
///
/// ```
/// use onelogger::context::Baggage;
/// let baggage = Baggage::new().with("userId", "Amélie")?.with("serverNode", "DF 28")?;
/// assert_eq!(baggage.get("userId"), Some("Amélie"));
/// assert_eq!(baggage.to_string(), "userId=Am%C3%A9lie,serverNode=DF%2028");
/// # Ok::<(), onelogger::context::BaggageError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Baggage {
    /// Never without a member.
    members: Option<Arc<Members>>,
}

#[derive(Clone, Default, PartialEq, Eq)]
struct Members {
    list: Vec<Member>,
    /// How long they are as they are written, each with a comma.
    bytes: usize,
}

#[derive(Clone, PartialEq, Eq)]
struct Member {
    key: String,
    value: String,
    /// As it is written.
    metadata: Option<String>,
}

/// Something cannot be baggage.
///
/// ```
/// use onelogger::context::{Baggage, BaggageError};
/// let error = Baggage::new().with("a b", "1").unwrap_err();
/// assert_eq!(error, BaggageError::Key { key: "a b".into() });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BaggageError {
    /// The key has other characters, or none.
    #[error(
        "`{key}` is no key of baggage; expected ASCII letters, digits and any of !#$%&'*+-.^_`|~"
    )]
    Key {
        /// The key.
        key: String,
    },
    /// The metadata is not as the standard wants it.
    #[error(
        "`{metadata}` is no metadata of baggage; expected `key` or `key=value`, several with `;` \
         between them, and percent-encoded"
    )]
    Metadata {
        /// The metadata.
        metadata: String,
    },
    /// There is no room for another member: remove one.
    #[error("baggage has {MAX_MEMBERS} members at most")]
    TooManyMembers,
    /// There is no room for the member: remove others, or make it shorter.
    #[error("baggage would be {bytes} bytes long, and has {MAX_BYTES} at most")]
    TooLong {
        /// How long it would be.
        bytes: usize,
    },
    /// A text that was to be read has a member that is not as the standard wants it.
    #[error("member {member} of the baggage is malformed; expected `key=value;metadata`")]
    Malformed {
        /// Which one, counted from 1.
        member: usize,
    },
}

impl Baggage {
    /// Without a member.
    ///
    /// ```
    /// assert!(onelogger::context::Baggage::new().is_empty());
    /// ```
    pub const fn new() -> Baggage {
        Baggage { members: None }
    }

    /// Adds or replaces a member. One that is replaced keeps its place, and loses its metadata.
    ///
    /// # Errors
    /// If the key is not allowed, or the limits leave no room. Then the baggage is as it was.
    ///
    /// ```
    /// use onelogger::context::Baggage;
    /// let mut baggage = Baggage::new();
    /// baggage.set("tenant", "a b")?;
    /// assert_eq!(baggage.to_string(), "tenant=a%20b");
    /// assert!(baggage.set("the tenant", "a b").is_err());
    /// # Ok::<(), onelogger::context::BaggageError>(())
    /// ```
    pub fn set(
        &mut self,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<(), BaggageError> {
        self.insert(Member { key: checked_key(key.into())?, value: value.into(), metadata: None })
    }

    /// Adds or replaces a member that has metadata: what there is to say of it, as it is written.
    ///
    /// # Errors
    /// As for [`set`](Baggage::set), and if the metadata is malformed.
    ///
    /// ```
    /// use onelogger::context::Baggage;
    /// let mut baggage = Baggage::new();
    /// baggage.set_with_metadata("tenant", "a", "ttl=30; private")?;
    /// assert_eq!(baggage.to_string(), "tenant=a;ttl=30;private");
    /// # Ok::<(), onelogger::context::BaggageError>(())
    /// ```
    pub fn set_with_metadata(
        &mut self,
        key: impl Into<String>,
        value: impl Into<String>,
        metadata: &str,
    ) -> Result<(), BaggageError> {
        let key = checked_key(key.into())?;
        let malformed = || BaggageError::Metadata { metadata: metadata.to_owned() };
        let metadata = WrittenMetadata::of(metadata).ok_or_else(malformed)?.text();
        self.insert(Member { key, value: value.into(), metadata: Some(metadata) })
    }

    /// The same with a member added or replaced.
    ///
    /// # Errors
    /// As for [`set`](Baggage::set).
    ///
    /// ```
    /// use onelogger::context::Baggage;
    /// let baggage = Baggage::new().with("tenant", "a")?.with("tenant", "b")?;
    /// assert_eq!(baggage.get("tenant"), Some("b"));
    /// # Ok::<(), onelogger::context::BaggageError>(())
    /// ```
    pub fn with(
        mut self,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Baggage, BaggageError> {
        self.set(key, value)?;
        Ok(self)
    }

    /// Removes a member, and returns its value.
    ///
    /// ```
    /// use onelogger::context::Baggage;
    /// let mut baggage = Baggage::new().with("tenant", "a")?;
    /// assert_eq!(baggage.remove("tenant").as_deref(), Some("a"));
    /// assert!(baggage.is_empty());
    /// # Ok::<(), onelogger::context::BaggageError>(())
    /// ```
    pub fn remove(&mut self, key: &str) -> Option<String> {
        let place = self.place(key)?;
        let members = Arc::make_mut(self.members.as_mut()?);
        let removed = members.list.remove(place);
        members.bytes -= removed.written_len();
        if members.list.is_empty() {
            self.members = None;
        }
        Some(removed.value)
    }

    /// The value of a key. Keys are told apart by case.
    ///
    /// ```
    /// # use onelogger::context::Baggage;
    /// let baggage: Baggage = "userId=alice".parse()?;
    /// assert_eq!((baggage.get("userId"), baggage.get("userid")), (Some("alice"), None));
    /// # Ok::<(), onelogger::context::BaggageError>(())
    /// ```
    pub fn get(&self, key: &str) -> Option<&str> {
        Some(&self.members()[self.place(key)?].value)
    }

    /// The metadata of a key, as it is written.
    ///
    /// ```
    /// # use onelogger::context::Baggage;
    /// let baggage: Baggage = "key1=value1; property1; property2 = a%20b".parse()?;
    /// assert_eq!(baggage.metadata("key1"), Some("property1;property2=a%20b"));
    /// # Ok::<(), onelogger::context::BaggageError>(())
    /// ```
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.members()[self.place(key)?].metadata.as_deref()
    }

    /// Keys and values, in their order.
    ///
    /// ```
    /// # use onelogger::context::Baggage;
    /// let baggage: Baggage = "userId=alice,isProduction=false".parse()?;
    /// assert!(baggage.iter().eq([("userId", "alice"), ("isProduction", "false")]));
    /// # Ok::<(), onelogger::context::BaggageError>(())
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.members().iter().map(|member| (member.key.as_str(), member.value.as_str()))
    }

    /// How many members there are.
    ///
    /// ```
    /// # use onelogger::context::Baggage;
    /// assert_eq!("userId=alice,isProduction=false".parse::<Baggage>()?.len(), 2);
    /// # Ok::<(), onelogger::context::BaggageError>(())
    /// ```
    pub fn len(&self) -> usize {
        self.members().len()
    }

    /// Whether there is none.
    ///
    /// ```
    /// # use onelogger::context::Baggage;
    /// assert!("".parse::<Baggage>()?.is_empty());
    /// # Ok::<(), onelogger::context::BaggageError>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.members.is_none()
    }

    /// These members, and those of others whose keys are not among them, as far as there is room.
    pub(super) fn merged(mut self, others: &Baggage) -> Baggage {
        for member in others.members() {
            if self.place(&member.key).is_none() {
                let _ = self.insert(member.clone());
            }
        }
        self
    }

    /// What the carrier has; none if it has nothing, or a part of it is malformed. Several fields are
    /// one list.
    pub(super) fn read<C: Extractor + ?Sized>(carrier: &C) -> Option<Baggage> {
        let mut list = List::default();
        let mut outcome = Ok(());
        carrier.for_each_value(BAGGAGE, &mut |value| {
            if outcome.is_ok() {
                outcome = list.add(value);
            }
        });
        outcome.ok().map(|()| list.baggage).filter(|baggage| !baggage.is_empty())
    }

    fn members(&self) -> &[Member] {
        self.members.as_ref().map_or(&[], |members| members.list.as_slice())
    }

    fn place(&self, key: &str) -> Option<usize> {
        self.members().iter().position(|member| member.key == key)
    }

    fn insert(&mut self, member: Member) -> Result<(), BaggageError> {
        let place = self.place(&member.key);
        if place.is_none() && self.len() == MAX_MEMBERS {
            return Err(BaggageError::TooManyMembers);
        }
        let replaced = place.map_or(0, |place| self.members()[place].written_len());
        let bytes = self.members.as_ref().map_or(0, |members| members.bytes);
        let bytes = bytes - replaced + member.written_len();
        // The last one has no comma.
        if bytes > MAX_BYTES + 1 {
            return Err(BaggageError::TooLong { bytes: bytes - 1 });
        }
        let members = Arc::make_mut(self.members.get_or_insert_default());
        members.bytes = bytes;
        match place {
            Some(place) => members.list[place] = member,
            None => members.list.push(member),
        }
        Ok(())
    }
}

impl Member {
    /// With a comma.
    fn written_len(&self) -> usize {
        let metadata = self.metadata.as_ref().map_or(0, |metadata| 1 + metadata.len());
        self.key.len() + 1 + encoded_len(&self.value) + metadata + 1
    }
}

fn checked_key(key: String) -> Result<String, BaggageError> {
    if is_key(&key) { Ok(key) } else { Err(BaggageError::Key { key }) }
}

/// The members read so far.
#[derive(Default)]
struct List {
    baggage: Baggage,
    len: usize,
}

impl List {
    fn add(&mut self, text: &str) -> Result<(), BaggageError> {
        // A list of HTTP may have members without anything.
        for text in text.split(',').filter(|text| !trimmed(text).is_empty()) {
            self.len += 1;
            let malformed = BaggageError::Malformed { member: self.len };
            let member = WrittenMember::of(text).ok_or(malformed)?;
            // Not decoded in vain.
            if member.least_len() <= MAX_BYTES {
                // What the limits leave no room for is left out, and a shorter one may still fit.
                let _ = self.baggage.insert(Member {
                    key: member.key.to_owned(),
                    value: decode(member.value).into_owned(),
                    metadata: member.metadata.map(|metadata| metadata.text()),
                });
            }
        }
        Ok(())
    }
}

/// Reads the field. Of members with the same key, the last is taken; members that the limits leave no
/// room for are left out.
impl FromStr for Baggage {
    type Err = BaggageError;

    fn from_str(text: &str) -> Result<Baggage, BaggageError> {
        let mut list = List::default();
        list.add(text)?;
        Ok(list.baggage)
    }
}

/// As the field is written.
impl fmt::Display for Baggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, member) in self.members().iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}{}=", member.key)?;
            encode(&member.value, f)?;
            if let Some(metadata) = &member.metadata {
                write!(f, ";{metadata}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Baggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
