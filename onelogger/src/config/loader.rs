//! From all sources to what a provider is configured with.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::code::{self, Set};
use super::document::{Content, Format, NO_FIELDS, Node, Origin, Table, parse};
use super::explain::Explanation;
use super::exporters::{self, Made};
use super::loaded::Loaded;
use super::problem::{LoadError, Report};
use super::settings::{Reading, Settings};
use super::variables::Variables;
use super::{forms, layers, recorder, registry, run, search};
use crate::callsite::Filter;
use crate::data::{Attributes, Value};
use crate::exporter::Exporter;
use crate::recorder::{DefaultRecorder, DefaultRecorderBuilder};
use crate::setup::OneLoggerConfig;

/// Loads a configuration out of all its sources: what linked crates register, a file, the environment,
/// and what is set here, which goes before all others.
///
/// ```no_run
/// use onelogger::config::Loader;
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let _onelogger = Loader::new()
///         .set("application_name", "trainer")
///         .set_fn("session_tag", || format!("run-{}", std::process::id()))
///         .load()?
///         .configure()?;
///     Ok(())
/// }
/// ```
#[must_use = "nothing is read before `load` is called"]
pub struct Loader {
    source: Source,
    directory: PathBuf,
    variables: Option<Variables>,
    /// In the order in which they were set.
    fields: Vec<(String, Set)>,
    exporters: Made,
    adjust: Option<Adjust>,
}

type Adjust = Box<dyn FnOnce(DefaultRecorderBuilder) -> DefaultRecorderBuilder>;

/// Where the file is.
enum Source {
    Searched,
    Named(PathBuf),
    Given(Format, String),
    Nowhere,
}

impl Loader {
    /// Of the default sources: the file that `ONE_LOGGER_EXPORTER_CONFIG_PATH` names, or one in the
    /// working directory, and the environment of the process.
    pub fn new() -> Loader {
        Loader {
            source: Source::Searched,
            directory: PathBuf::new(),
            variables: None,
            fields: Vec::new(),
            exporters: Made::new(),
            adjust: None,
        }
    }

    /// Reads this file, and looks for no other. That it is not there is a problem. A leading `~`,
    /// `{rank}` and `{pid}` are replaced.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Loader {
        self.source = Source::Named(path.into());
        self
    }

    /// Takes this text in place of a file: one that is compiled in, or comes from elsewhere.
    pub fn document(mut self, format: Format, text: impl Into<String>) -> Loader {
        self.source = Source::Given(format, text.into());
        self
    }

    /// Reads no file.
    pub fn without_file(mut self) -> Loader {
        self.source = Source::Nowhere;
        self
    }

    /// Looks for a file here, in place of the working directory.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Loader {
        self.directory = directory.into();
        self
    }

    /// Takes these variables, in place of the environment of the process: for tests.
    pub fn environment<N: Into<String>, V: Into<String>>(
        mut self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Loader {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        self.variables = Some(Variables::new(variables));
        self
    }

    /// Sets a field: `session_tag`, `recorder.lane_bytes`, `exporters.run.path`. Later calls go before
    /// earlier ones. The value is what it is: `${…}` in a text is not replaced.
    pub fn set(mut self, field: impl Into<String>, value: impl Into<Value>) -> Loader {
        self.fields.push((field.into(), Set::Value(value.into())));
        self
    }

    /// Sets a field to what the function returns. It is called once, when the configuration is loaded.
    pub fn set_fn<V: Into<Value>>(
        mut self,
        field: impl Into<String>,
        function: impl FnOnce() -> V + 'static,
    ) -> Loader {
        self.fields.push((field.into(), Set::Function(Box::new(|| function().into()))));
        self
    }

    /// An entry for an exporter, which takes the place of one of that name in lower sources unless it
    /// says `extends`. Names of attributes are those of fields, tables before them with dots between.
    pub fn entry(mut self, name: impl Into<String>, entry: Attributes) -> Loader {
        self.fields.push((name.into(), Set::Entry(entry)));
        self
    }

    /// An exporter, which takes the place of one of that name in lower sources.
    pub fn exporter(mut self, name: impl Into<String>, exporter: impl Exporter) -> Loader {
        let name = name.into();
        self.exporters.insert(name.clone(), Box::new(exporter));
        self.fields.push((name, Set::Exporter));
        self
    }

    /// Changes the settings of the recorder when all sources are read, and after the changes that were
    /// asked for before: a clock, say, that no file can hold.
    pub fn recorder(
        mut self,
        adjust: impl FnOnce(DefaultRecorderBuilder) -> DefaultRecorderBuilder + 'static,
    ) -> Loader {
        self.adjust = Some(match self.adjust {
            Some(before) => Box::new(|builder| adjust(before(builder))),
            None => Box::new(adjust),
        });
        self
    }

    /// Reads all sources and checks everything. Nothing is opened and no thread started.
    ///
    /// Where the configuration disables this rank, no exporter is made, and their settings are not looked
    /// at. What else is wrong is wrong on every rank, so that a job fails everywhere in the same way.
    ///
    /// # Errors
    /// If something is wrong; the error holds all of it.
    pub fn load(self) -> Result<Loaded, LoadError> {
        let (parts, explanation) = self.read();
        let Some((config, recorder, filter)) = parts.filter(|_| explanation.problems.is_empty())
        else {
            return Err(LoadError { problems: explanation.problems });
        };
        Ok(Loaded { config, recorder, filter, explanation })
    }

    /// Reads all sources, and says which value came from where, and what is wrong. What is set by a
    /// function is asked for.
    pub fn explain(self) -> Explanation {
        self.read().1
    }

    fn read(mut self) -> (Option<Parts>, Explanation) {
        let variables = self.variables.take().unwrap_or_else(Variables::of_process);
        let mut explanation = Explanation::default();
        let mut report = Report::default();
        let mut tree = Table::default();
        let file = self.document_of(&variables, &mut report, &mut explanation);
        let is_readable = file.is_ok();
        let (file, root) = file.unwrap_or((Table::default(), Origin::Nowhere));
        let code = code::layer(std::mem::take(&mut self.fields));
        for mut layer in [registered(&mut report), file, variables.fields(), code] {
            forms::by_name(&mut layer, &mut report);
            layers::put(layer, &mut tree, &mut report);
        }
        explanation.collect(&tree, &variables);
        let reading = Reading::new(variables, report);
        // Without the file the rest would be refused for what stands in it.
        let parts = is_readable.then(|| self.build(&tree, &root, &reading)).flatten();
        let report = reading.report.into_inner();
        explanation.unset = reading.unset.into_inner();
        explanation.set_warnings(report.warnings.clone());
        explanation.problems = report.into_problems();
        (parts, explanation)
    }

    /// The layer of the file, and its place as a whole.
    fn document_of(
        &self,
        variables: &Variables,
        report: &mut Report,
        explanation: &mut Explanation,
    ) -> Result<(Table, Origin), Unreadable> {
        let named = match &self.source {
            Source::Nowhere => return Ok((Table::default(), Origin::Nowhere)),
            Source::Given(format, text) => {
                explanation.file = Some("a document, given in code".to_owned());
                return fields(parse(&"document".into(), *format, text, report), report);
            }
            Source::Named(path) => Some(path.as_path()),
            Source::Searched => None,
        };
        let Some(found) = search::find(named, &self.directory, variables, report) else {
            return Ok((Table::default(), Origin::Nowhere));
        };
        explanation.file = Some(format!("{}, {}", found.path.display(), found.by));
        fields(search::read(&found, variables, report), report)
    }

    /// What the sources come to. What is wrong with one part does not keep the others from being read.
    fn build(self, tree: &Table, root: &Origin, reading: &Reading) -> Option<Parts> {
        let mut settings = Settings::new(reading, tree, root, "");
        let is_enabled = run::is_enabled(&mut settings);
        let config = run::read(&mut settings, is_enabled);
        let filter: Option<Filter> = settings.parsed("filter");
        let builder = settings.table(recorder::TABLE, recorder::read);
        let mut builder = builder.unwrap_or_else(DefaultRecorder::builder);
        let entries = settings.ask(layers::EXPORTERS).and_then(Node::table);
        let entries = entries.unwrap_or(&NO_FIELDS);
        // Code that changes the recorder may add some.
        if entries.fields.is_empty() && self.adjust.is_none() {
            let message = "there are none, so what is recorded goes nowhere";
            reading.report.borrow_mut().warning(&Origin::Nowhere, layers::EXPORTERS, message);
        }
        for (exporter, processors) in exporters::make(entries, self.exporters, reading, is_enabled)
        {
            builder = builder.boxed_exporter_with(exporter, processors);
        }
        if let Some(adjust) = self.adjust {
            builder = adjust(builder);
        }
        let recorder = match builder.build() {
            Ok(recorder) => Some(recorder),
            Err(error) => {
                recorder::report(&error, tree, root, reading);
                None
            }
        };
        settings.finish();
        config.zip(recorder).map(|(config, recorder)| (config, recorder, filter))
    }
}

impl Default for Loader {
    fn default() -> Loader {
        Loader::new()
    }
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values may be secrets.
        let fields: Vec<&str> = self.fields.iter().map(|(field, _)| field.as_str()).collect();
        f.debug_struct("Loader").field("set", &fields).finish_non_exhaustive()
    }
}

type Parts = (OneLoggerConfig, DefaultRecorder, Option<Filter>);

/// A document that is no layer; why, has been said.
struct Unreadable;

/// A document as a layer, and its place as a whole.
fn fields(node: Option<Node>, report: &mut Report) -> Result<(Table, Origin), Unreadable> {
    let Node { origin, content, .. } = node.ok_or(Unreadable)?;
    match content {
        Content::Table(table) => Ok((table, origin.whole())),
        Content::Nothing => Ok((Table::default(), origin.whole())),
        _ => {
            report.problem(origin, "", "expected a table of fields");
            Err(Unreadable)
        }
    }
}

/// The layer of linked crates.
fn registered(report: &mut Report) -> Table {
    let mut entries = Table::default();
    for kind in registry::types() {
        let Some(text) = kind.default_entry else { continue };
        let name: Arc<str> = format!("registered by {}", kind.crate_name).into();
        let entry = parse(&name, Format::Json, text, report);
        let Ok((mut table, origin)) = fields(entry, report) else { continue };
        if table.get("type").is_none() {
            let value = Node::new(origin.clone(), Content::Text(kind.name.to_owned()));
            table.push("type", origin.clone(), value);
        }
        entries.push(kind.name, origin.clone(), Node::new(origin, Content::Table(table)));
    }
    let mut layer = Table::default();
    if !entries.fields.is_empty() {
        let entries = Node::new(Origin::Nowhere, Content::Table(entries));
        layer.push(layers::EXPORTERS, Origin::Nowhere, entries);
    }
    layer
}

/// Which value the default sources give, and where it came from: for whoever asks why a job is
/// configured as it is. See [`Loader::explain`].
pub fn explain() -> Explanation {
    Loader::new().explain()
}
