use std::hash::{BuildHasher, RandomState};

use super::{Condition, Draft, Processor, Verdict};
use crate::data::{Attributes, Name, REDACTED, Value};

/// Sets, renames, drops, hashes and redacts attributes, in the order in which that was asked for.
///
/// It looks at every set of attributes of a record: its own, those of the start and the stop event, those
/// of links. With [`when`](EditAttributes::when) it changes only records that meet a condition: mind that
/// a span has several, and that one of them may not meet it.
///
/// ```
/// use onelogger::processor::EditAttributes;
/// let edit = EditAttributes::new()
///     .rename("host", "host.name")
///     .drop("debug.dump")
///     .hash("user.id")
///     .redact("query")
///     .set("deployment", "blue");
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct EditAttributes {
    edits: Vec<Edit>,
    condition: Option<Condition>,
    /// Keys the hashes.
    state: RandomState,
}

#[derive(Clone, Debug)]
enum Edit {
    Set(Name, Value),
    Rename(String, Name),
    Drop(String),
    Hash(String),
    Redact(String),
}

impl EditAttributes {
    /// No change yet.
    pub fn new() -> EditAttributes {
        EditAttributes::default()
    }

    /// Changes only records that meet this condition, as they came to this processor.
    pub fn when(mut self, condition: Condition) -> EditAttributes {
        self.condition = Some(condition);
        self
    }

    /// Gives each record an attribute of its own, or replaces it.
    pub fn set(self, name: impl Into<Name>, value: impl Into<Value>) -> EditAttributes {
        self.with(Edit::Set(name.into(), value.into()))
    }

    /// Gives an attribute another name. One that has that name already is replaced.
    pub fn rename(self, name: impl Into<String>, to: impl Into<Name>) -> EditAttributes {
        self.with(Edit::Rename(name.into(), to.into()))
    }

    /// Leaves an attribute out.
    pub fn drop(self, name: impl Into<String>) -> EditAttributes {
        self.with(Edit::Drop(name.into()))
    }

    /// Replaces a value by 16 hexadecimal digits that are the same for the same value, from this processor
    /// and its clones: to tell users apart without knowing them. Keyed at random, so that nobody finds the
    /// value by trying, and other processes, and processors that were made apart, give other digits; not
    /// for signatures.
    pub fn hash(self, name: impl Into<String>) -> EditAttributes {
        self.with(Edit::Hash(name.into()))
    }

    /// Replaces a value by `<redacted>`.
    pub fn redact(self, name: impl Into<String>) -> EditAttributes {
        self.with(Edit::Redact(name.into()))
    }

    fn with(mut self, edit: Edit) -> EditAttributes {
        self.edits.push(edit);
        self
    }

    /// Whether a record with such an attribute is changed.
    fn concerns(&self, key: &str) -> bool {
        self.edits.iter().any(|edit| match edit {
            Edit::Set(..) => false,
            Edit::Rename(name, _) | Edit::Drop(name) | Edit::Hash(name) | Edit::Redact(name) => {
                name == key
            }
        })
    }

    fn change(&self, edit: &Edit, attributes: &mut Attributes) {
        match edit {
            Edit::Set(..) => {}
            Edit::Rename(name, to) => {
                if let Some(value) = attributes.remove(name) {
                    attributes.set(to.clone(), value);
                }
            }
            Edit::Drop(name) => {
                attributes.remove(name);
            }
            Edit::Hash(name) => {
                if let Some(value) = attributes.get(name) {
                    let hash = format!("{:016x}", self.state.hash_one(format!("{value:?}")));
                    attributes.set(name.clone(), hash);
                }
            }
            Edit::Redact(name) => {
                if attributes.get(name).is_some() {
                    attributes.set(name.clone(), REDACTED);
                }
            }
        }
    }
}

impl Processor for EditAttributes {
    fn name(&self) -> &str {
        "attributes"
    }

    fn process(&mut self, draft: &mut Draft<'_>) -> Verdict {
        if self.condition.as_ref().is_some_and(|condition| !condition.matches(draft.record())) {
            return Verdict::Keep;
        }
        let is_set = self.edits.iter().any(|edit| matches!(edit, Edit::Set(..)));
        if !is_set && !draft.has_attribute(|key| self.concerns(key)) {
            return Verdict::Keep;
        }
        for edit in &self.edits {
            if let Edit::Set(name, value) = edit {
                draft.attributes_mut().set(name.clone(), value.clone());
                continue;
            }
            for attributes in draft.all_attributes_mut() {
                self.change(edit, attributes);
            }
        }
        Verdict::Keep
    }
}
