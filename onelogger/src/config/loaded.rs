//! A configuration that is ready to be put in force.

use std::fmt;

use super::explain::Explanation;
use crate::callsite::{self, Filter};
use crate::diagnostics;
use crate::recorder::{DefaultRecorder, Recorder};
use crate::setup::{ConfigureError, OneLoggerConfig, OneLoggerGuard, OneLoggerProvider};

/// A configuration that has been loaded and checked. Nothing is opened yet.
#[must_use = "nothing is recorded before the provider is configured"]
pub struct Loaded {
    pub(super) config: OneLoggerConfig,
    pub(super) recorder: DefaultRecorder,
    pub(super) filter: Option<Filter>,
    pub(super) explanation: Explanation,
}

impl Loaded {
    /// Configures the provider of the process; see [`OneLoggerProvider::configure`]. The callsite filter
    /// is put in force if a source sets it, and the warnings are said, unless this rank is disabled.
    ///
    /// # Errors
    /// Those of [`OneLoggerProvider::configure`].
    pub fn configure(self) -> Result<OneLoggerGuard, ConfigureError> {
        self.configure_with(OneLoggerProvider::instance(), |config, recorder| (config, recorder))
    }

    /// Configures a provider with what `change` makes of the configuration and the recorder: one of its own
    /// around this one, say. Else as [`configure`](Loaded::configure).
    ///
    /// # Errors
    /// Those of [`OneLoggerProvider::configure`].
    pub fn configure_with<R: Recorder>(
        self,
        provider: &OneLoggerProvider,
        change: impl FnOnce(OneLoggerConfig, DefaultRecorder) -> (OneLoggerConfig, R),
    ) -> Result<OneLoggerGuard, ConfigureError> {
        let Loaded { config, recorder, filter, explanation } = self;
        let (config, recorder) = change(config, recorder);
        let is_enabled = config.enable_for_current_rank();
        let guard = provider.configure(config, recorder)?;
        if !is_enabled {
            return Ok(guard);
        }
        if let Some(filter) = filter {
            callsite::set_filter(filter);
        }
        // Only now do messages go where the configuration wants them.
        for warning in &explanation.warnings {
            diagnostics::warn(format_args!("{warning}"));
        }
        Ok(guard)
    }

    /// What the provider of the process, or another, is configured with. The [filter](Loaded::filter) and
    /// the warnings that [`explain`](Loaded::explain) has are the caller's affair then.
    pub fn into_parts(self) -> (OneLoggerConfig, DefaultRecorder) {
        (self.config, self.recorder)
    }

    /// What the sources say of the run.
    pub fn config(&self) -> &OneLoggerConfig {
        &self.config
    }

    /// Which callsites are to be on, if a source says so.
    pub fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    /// Which value came from where.
    pub fn explain(&self) -> &Explanation {
        &self.explanation
    }
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded").field("explanation", &self.explanation).finish_non_exhaustive()
    }
}
