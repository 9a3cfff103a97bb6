//! Attributes and links as they lie in the words of a batch, read without copying.

use super::codec::{
    Reader, TAG_ABSENT, TAG_BOOL, TAG_BOOL_LIST, TAG_F64, TAG_F64_LIST, TAG_I64, TAG_I64_LIST,
    TAG_STRING, TAG_STRING_LIST,
};
use super::{Attributes, Link, SpanContext, SpanId, TraceFlags, TraceId, Value};

/// The attributes of a record: names and values in the order in which they were given.
#[derive(Clone, Copy, Debug, Default)]
pub struct AttributesRef<'a> {
    words: &'a [u64],
    count: usize,
    /// The keys of a callsite, for values that stand without.
    keys: Option<&'static [&'static str]>,
}

impl<'a> AttributesRef<'a> {
    pub(crate) fn new(
        words: &'a [u64],
        count: usize,
        keys: Option<&'static [&'static str]>,
    ) -> AttributesRef<'a> {
        AttributesRef { words, count, keys }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The entries in order.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, ValueRef<'a>)> + use<'a> {
        let mut reader = Reader { words: self.words };
        let mut keys = self.keys.map(|keys| keys.iter());
        (0..self.count).map_while(
            #[inline(always)]
            move |_| {
                let key = match &mut keys {
                    None => reader.text()?,
                    Some(keys) => loop {
                        let key = keys.next()?;
                        if *reader.words.first()? as u8 != TAG_ABSENT {
                            break *key;
                        }
                        reader.word();
                    },
                };
                Some((key, ValueRef::read(&mut reader)?))
            },
        )
    }

    /// The value of a name. Searches one by one.
    pub fn get(&self, name: &str) -> Option<ValueRef<'a>> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// A copy of its own.
    pub fn to_owned(&self) -> Attributes {
        self.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

/// The value of an attribute.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// A text.
    String(&'a str),
    /// A boolean.
    Bool(bool),
    /// A whole number.
    I64(i64),
    /// A number with a fraction.
    F64(f64),
    /// A list of one such kind.
    List(ListRef<'a>),
}

/// A list of texts, booleans, whole numbers or numbers with a fraction.
#[derive(Clone, Copy, Debug)]
pub struct ListRef<'a> {
    tag: u8,
    words: &'a [u64],
    count: usize,
}

impl<'a> ValueRef<'a> {
    /// In the place of each call: a value that is handed over in memory costs more than to read it.
    #[inline(always)]
    fn read(reader: &mut Reader<'a>) -> Option<ValueRef<'a>> {
        let head = reader.word()?;
        let (tag, length) = (head as u8, usize::try_from(head >> 8).ok()?);
        Some(match tag {
            TAG_STRING => ValueRef::String(reader.text_of(length)?),
            TAG_BOOL => ValueRef::Bool(length != 0),
            TAG_I64 => ValueRef::I64(reader.word()? as i64),
            TAG_F64 => ValueRef::F64(f64::from_bits(reader.word()?)),
            _ => ValueRef::List(ListRef::read(tag, length, reader)?),
        })
    }

    /// A copy of its own.
    pub fn to_owned(&self) -> Value {
        match self {
            ValueRef::String(text) => Value::String((*text).to_owned()),
            ValueRef::Bool(value) => Value::Bool(*value),
            ValueRef::I64(value) => Value::I64(*value),
            ValueRef::F64(value) => Value::F64(*value),
            ValueRef::List(list) => list.to_owned(),
        }
    }
}

impl<'a> ListRef<'a> {
    fn read(tag: u8, count: usize, reader: &mut Reader<'a>) -> Option<ListRef<'a>> {
        let words = match tag {
            TAG_STRING_LIST => {
                let words = reader.words;
                for _ in 0..count {
                    reader.text()?;
                }
                &words[..words.len() - reader.words.len()]
            }
            TAG_BOOL_LIST | TAG_I64_LIST | TAG_F64_LIST => reader.take(count)?,
            _ => return None,
        };
        Some(ListRef { tag, words, count })
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The elements in order, all of one kind and none of them a list.
    pub fn iter(&self) -> impl Iterator<Item = ValueRef<'a>> + use<'a> {
        let (tag, mut reader) = (self.tag, Reader { words: self.words });
        (0..self.count).map_while(move |_| {
            Some(match tag {
                TAG_STRING_LIST => ValueRef::String(reader.text()?),
                TAG_BOOL_LIST => ValueRef::Bool(reader.word()? != 0),
                TAG_I64_LIST => ValueRef::I64(reader.word()? as i64),
                _ => ValueRef::F64(f64::from_bits(reader.word()?)),
            })
        })
    }

    /// A copy of its own.
    pub fn to_owned(&self) -> Value {
        fn collect<'a, T>(
            list: &ListRef<'a>,
            convert: impl Fn(ValueRef<'a>) -> Option<T>,
        ) -> Vec<T> {
            list.iter().filter_map(convert).collect()
        }
        match self.tag {
            TAG_STRING_LIST => Value::StringList(collect(self, |value| match value {
                ValueRef::String(text) => Some(text.to_owned()),
                _ => None,
            })),
            TAG_BOOL_LIST => Value::BoolList(collect(self, |value| match value {
                ValueRef::Bool(value) => Some(value),
                _ => None,
            })),
            TAG_I64_LIST => Value::I64List(collect(self, |value| match value {
                ValueRef::I64(value) => Some(value),
                _ => None,
            })),
            _ => Value::F64List(collect(self, |value| match value {
                ValueRef::F64(value) => Some(value),
                _ => None,
            })),
        }
    }
}

/// The links of a span.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinksRef<'a> {
    words: &'a [u64],
    count: usize,
}

impl<'a> LinksRef<'a> {
    pub(crate) fn new(words: &'a [u64], count: usize) -> LinksRef<'a> {
        LinksRef { words, count }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The spans linked to, and what is said of each relation.
    pub fn iter(&self) -> impl Iterator<Item = (SpanContext, AttributesRef<'a>)> + use<'a> {
        let mut reader = Reader { words: self.words };
        (0..self.count).map_while(move |_| {
            let trace = (reader.word()? as u128) << 64 | reader.word()? as u128;
            let (span, rest) = (reader.word()?, reader.word()?);
            let context = SpanContext {
                trace_id: TraceId::from_u128(trace),
                span_id: SpanId::from_u64(span),
                is_remote: rest & 1 != 0,
                trace_flags: TraceFlags::from_u8((rest >> 8) as u8),
            };
            Some((context, reader.attributes(&[])?))
        })
    }

    /// A copy of its own.
    pub fn to_owned(&self) -> Vec<Link> {
        let link = |(context, attributes): (_, AttributesRef<'_>)| Link {
            context,
            attributes: attributes.to_owned(),
        };
        self.iter().map(link).collect()
    }
}
