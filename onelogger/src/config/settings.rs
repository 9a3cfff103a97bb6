//! A table of a configuration, which is read by asking for its fields.

use std::cell::RefCell;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::document::{Content, NO_FIELDS, Node, Origin, Table};
use super::given::Given;
use super::nearest::{nearest, one_of, way_out};
use super::problem::Report;
use super::variables::Variables;
use crate::data::{Attributes, is_secret_key};

/// What all tables of one configuration share while they are read.
pub(super) struct Reading {
    pub(super) variables: Variables,
    pub(super) report: RefCell<Report>,
    /// Fields that were asked for and are not set.
    pub(super) unset: RefCell<Vec<String>>,
}

/// The settings of one exporter, or of another table of a configuration.
///
/// Each field is asked for by its name and kind. One that is not set gives `None`. One that cannot be
/// understood gives `None` too, and is a problem that the configuration is refused for, with its place in
/// the file: so whoever reads settings goes on with a default, and what is made of them is never used.
/// What nobody has asked for is an unknown field. Therefore ask for all fields, whatever the others say.
///
/// Wherever texts are expected, `${VARIABLE}` is replaced. Texts that come from the environment are
/// understood as what the field needs; in a file a boolean is a boolean.
///
/// See [`register_exporter_type!`](crate::register_exporter_type) for an example.
pub struct Settings<'a> {
    reading: &'a Reading,
    table: &'a Table,
    origin: &'a Origin,
    path: String,
    is_secret: bool,
    asked: Vec<&'static str>,
    /// Nobody knows which fields there are.
    is_given_up: bool,
}

impl Reading {
    pub(super) fn new(variables: Variables, report: Report) -> Reading {
        Reading { variables, report: RefCell::new(report), unset: RefCell::default() }
    }

    /// Something is wrong with a field. Whoever says so may have got a secret out of a variable, and not
    /// know it.
    pub(super) fn problem(&self, origin: &Origin, field: &str, message: &str) {
        let message = self.variables.without_secrets(message);
        self.report.borrow_mut().problem(origin.clone(), field, message);
    }
}

impl<'a> Settings<'a> {
    pub(super) fn new(
        reading: &'a Reading,
        table: &'a Table,
        origin: &'a Origin,
        path: &str,
    ) -> Settings<'a> {
        let path = path.to_owned();
        Settings {
            reading,
            table,
            origin,
            path,
            is_secret: false,
            asked: Vec::new(),
            is_given_up: false,
        }
    }

    /// `true` or `false`.
    pub fn bool(&mut self, key: &'static str) -> Option<bool> {
        self.read(key, Given::bool)
    }

    /// A whole number that the type can hold.
    pub fn integer<T: TryFrom<i64>>(&mut self, key: &'static str) -> Option<T> {
        self.read(key, Given::integer)
    }

    /// A number.
    pub fn float(&mut self, key: &'static str) -> Option<f64> {
        self.read(key, Given::float)
    }

    /// A text.
    pub fn text(&mut self, key: &'static str) -> Option<String> {
        self.read(key, Given::text)
    }

    /// The path of a file. A leading `~`, `{rank}` and `{pid}` are replaced.
    pub fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        self.read(key, Given::path)
    }

    /// A number of bytes: `65536` or `16 MiB`.
    pub fn bytes(&mut self, key: &'static str) -> Option<usize> {
        self.read(key, Given::bytes)
    }

    /// A duration with its unit: `100ms`, `5s`, `2m`, `1h`, `7d`.
    pub fn duration(&mut self, key: &'static str) -> Option<Duration> {
        self.read(key, Given::duration)
    }

    /// A list of texts; from the environment with commas between.
    pub fn texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        self.read(key, Given::texts)
    }

    /// One of these words, in capitals or not.
    pub fn choice<T: Clone>(
        &mut self,
        key: &'static str,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        self.read(key, |given| given.choice(choices))
    }

    /// A text that is understood as the type understands it.
    pub fn parsed<T: FromStr<Err: fmt::Display>>(&mut self, key: &'static str) -> Option<T> {
        self.read(key, |given| {
            given.text()?.parse().map_err(|error: T::Err| match given.is_secret() {
                true => "cannot be used".to_owned(),
                false => error.to_string(),
            })
        })
    }

    /// A table with fields of its own.
    pub fn table<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Settings<'_>) -> T,
    ) -> Option<T> {
        let node = self.ask(key)?;
        let Content::Table(table) = &node.content else {
            self.refuse(key, node, |given| given.expected::<()>("a table"));
            return None;
        };
        let mut settings = self.below(key, node, table);
        let result = read(&mut settings);
        settings.finish();
        Some(result)
    }

    /// A list of tables, each with fields of its own.
    pub fn tables<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Settings<'_>) -> T,
    ) -> Option<Vec<T>> {
        let node = self.ask(key)?;
        let Content::List(list) = &node.content else {
            self.refuse(key, node, |given| given.expected::<()>("a list of tables"));
            return None;
        };
        let mut all = Vec::new();
        for (number, node) in list.iter().enumerate() {
            let name = format!("{key}[{number}]");
            let Content::Table(table) = &node.content else {
                self.refuse(&name, node, |given| given.expected::<()>("a table"));
                continue;
            };
            let mut settings = self.below(&name, node, table);
            all.push(read(&mut settings));
            settings.finish();
        }
        Some(all)
    }

    /// One of these words, or a table with one field, such as `always_on` or `{traceidratio: 0.1}`.
    pub fn variant<T: Clone>(
        &mut self,
        key: &'static str,
        words: &[(&'static str, T)],
        read: impl FnOnce(&mut Settings<'_>) -> Option<T>,
    ) -> Option<T> {
        let node = self.ask(key)?;
        match &node.content {
            Content::Table(table) if table.fields.len() == 1 => {
                let mut settings = self.below(key, node, table);
                let result = read(&mut settings);
                settings.refuse_unknown(true);
                result
            }
            Content::Table(_) => {
                let expected = self.expected(words, read);
                self.problem(key, format!("expected {expected}"));
                None
            }
            _ => {
                let expected = self.expected(words, read);
                self.refuse(key, node, |given| given.choice_of(words, &expected))
            }
        }
    }

    /// What a variant may be, in words.
    fn expected<T>(
        &self,
        words: &[(&'static str, T)],
        read: impl FnOnce(&mut Settings<'_>) -> Option<T>,
    ) -> String {
        let words = words.iter().map(|(word, _)| format!("`{word}`, or "));
        // Reading a table without fields tells which it may have; what it has to say is nothing to us.
        let reading = Reading::new(Variables::new([]), Report::default());
        let mut none = Settings::new(&reading, &NO_FIELDS, self.origin, "");
        read(&mut none);
        let fields = one_of(none.asked.iter().copied());
        format!("{}a table with {fields}", words.collect::<String>())
    }

    /// Attributes: names that the library does not know, each with a text, a boolean, a number or a list
    /// of these. The names of tables stand before those in them, with a dot between.
    pub fn attributes(&mut self, key: &'static str) -> Option<Attributes> {
        let mut attributes = Attributes::new();
        let values = self.named(key, Given::value)?;
        for (name, value) in values {
            attributes.set(name, value);
        }
        Some(attributes)
    }

    /// Texts under names that the library does not know, such as headers. None of them is shown.
    pub fn headers(&mut self, key: &'static str) -> Option<Vec<(String, String)>> {
        let is_secret = std::mem::replace(&mut self.is_secret, true);
        let headers = self.named(key, Given::text);
        self.is_secret = is_secret;
        headers
    }

    /// Whether a field is set, to whatever.
    pub fn is_set(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|node| !matches!(node.content, Content::Nothing))
    }

    /// A field that must be set: that it is not is a problem. The field is asked for beside this.
    pub fn require(&mut self, key: &'static str) {
        if !self.is_set(key) {
            self.problem(key, "is required");
        }
    }

    /// Something is wrong with a field, or, if the key is empty, with all of them together. Nothing of a
    /// secret belongs in the message.
    pub fn problem(&mut self, key: &str, message: impl fmt::Display) {
        let origin = self.table.get(key).map_or(self.origin, |node| &node.origin);
        self.reading.problem(origin, &joined(&self.path, key), &message.to_string());
    }

    /// Nothing can be said of the other fields: what they should be depends on one that is wrong.
    pub(super) fn give_up(&mut self) {
        self.is_given_up = true;
    }

    /// Complains about what nobody has asked for, and notes what is not set.
    pub(super) fn finish(self) {
        let known = self.asked.iter().filter(|key| !self.is_set(key));
        self.reading.unset.borrow_mut().extend(known.map(|key| joined(&self.path, key)));
        self.refuse_unknown(false);
    }

    /// With `is_strict` also what the environment sets: where that has taken the place of something.
    fn refuse_unknown(self, is_strict: bool) {
        if self.is_given_up {
            return;
        }
        let mut report = self.reading.report.borrow_mut();
        let known = || self.asked.iter().copied();
        for field in self.table.fields.iter().filter(|field| !known().any(|key| key == field.name))
        {
            // Other programs have variables of ours as well.
            if matches!(field.value.origin, Origin::Variable(_)) && !is_strict {
                report.warning(
                    &field.value.origin,
                    "",
                    format!("sets nothing{}", self.nearest_variable(&field.name)),
                );
                continue;
            }
            let message = format!("unknown field{}", way_out(&field.name, known()));
            report.problem(field.origin.clone(), &joined(&self.path, &field.name), message);
        }
    }

    fn nearest_variable(&self, name: &str) -> String {
        let Some(nearest) = nearest(name, self.asked.iter().copied()) else {
            return String::new();
        };
        let path = joined(&self.path, nearest).replace('.', "__").to_uppercase();
        format!("; did you mean `ONELOGGER_{path}`?")
    }

    fn below(&self, key: &str, node: &'a Node, table: &'a Table) -> Settings<'a> {
        let path = joined(&self.path, key);
        let is_secret = self.is_secret_at(&path);
        Settings { is_secret, ..Settings::new(self.reading, table, &node.origin, &path) }
    }

    /// By the whole path: `key` in a table `api` is one.
    fn is_secret_at(&self, path: &str) -> bool {
        self.is_secret || is_secret_key(path)
    }

    pub(super) fn ask(&mut self, key: &'static str) -> Option<&'a Node> {
        self.asked.push(key);
        self.table.get(key).filter(|node| !matches!(node.content, Content::Nothing))
    }

    fn read<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Given<'a>) -> Result<T, String>,
    ) -> Option<T> {
        let node = self.ask(key)?;
        self.refuse(key, node, read)
    }

    /// Reads a value; that it cannot be read is a problem of that field.
    fn refuse<T>(
        &self,
        key: &str,
        node: &'a Node,
        read: impl FnOnce(&Given<'a>) -> Result<T, String>,
    ) -> Option<T> {
        let path = joined(&self.path, key);
        let given = Given::new(node, self.is_secret_at(&path), &self.reading.variables);
        let result = given.and_then(|given| read(&given));
        result.map_err(|message| self.reading.problem(&node.origin, &path, &message)).ok()
    }

    /// Fields whose names are up to the user.
    fn named<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&Given<'a>) -> Result<T, String>,
    ) -> Option<Vec<(String, T)>> {
        let node = self.ask(key)?;
        let Content::Table(table) = &node.content else {
            self.refuse(key, node, |given| given.expected::<()>("a table"));
            return None;
        };
        let mut found = Vec::new();
        self.below(key, node, table).collect("", &read, &mut found);
        Some(found)
    }

    fn collect<T>(
        &self,
        prefix: &str,
        read: &impl Fn(&Given<'a>) -> Result<T, String>,
        found: &mut Vec<(String, T)>,
    ) {
        for field in &self.table.fields {
            let name = joined(prefix, &field.name);
            match &field.value.content {
                Content::Table(table) => {
                    self.below(&field.name, &field.value, table).collect(&name, read, found);
                }
                _ => {
                    let value = self.refuse(&field.name, &field.value, read);
                    found.extend(value.map(|value| (name, value)));
                }
            }
        }
    }
}

impl fmt::Debug for Settings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The name of a field with its table's before it.
pub(super) fn joined(path: &str, key: &str) -> String {
    match (path, key) {
        ("", only) | (only, "") => only.to_owned(),
        _ => format!("{path}.{key}"),
    }
}
