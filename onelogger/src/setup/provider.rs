use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use super::{OneLoggerConfig, process_end, termination};
use crate::callsite::{self, Interest};
use crate::context::{self, Context};
use crate::diagnostics;
use crate::recorder::{CloseError, Configured, ErrorHandlingStrategy, OpenError, Recorder};
use crate::signal::RecorderHandle;
use crate::sync::{ForkLocal, generation};

/// Where an application configures telemetry, once, in `main`.
///
/// [`instance`](OneLoggerProvider::instance) is the provider of the process. Others can be made and
/// put in force for a thread or a task with [`attach`](OneLoggerProvider::attach); tests do that.
///
/// | state | leaves it by | to |
/// | --- | --- | --- |
/// | unconfigured, closed | `configure` with a new recorder | enabled; silent, if the configuration disables this rank; off, after `force_disable_logging` |
/// | enabled | misuse under `DisableQuietlyAndReportMetricError`, `force_disable_logging` | off |
/// | enabled, off, silent | `close`, the guard's end | closed |
///
/// A provider that `force_disable_logging` has switched off stays off, whatever is configured.
#[derive(Clone, Default)]
pub struct OneLoggerProvider(Arc<RwLock<State>>);

#[derive(Default)]
struct State {
    configured: Option<Active>,
    /// `force_disable_logging` was called.
    is_off: bool,
    /// A call of `configure` is under way.
    is_being_configured: bool,
    /// What was closed last, or is being closed: whoever closes now waits for that.
    closing: Option<Arc<Configured>>,
}

struct Active {
    config: Arc<OneLoggerConfig>,
    /// `None` where this rank is disabled.
    recorder: Option<Arc<Configured>>,
    /// Keeps callsites switched on.
    _interest: Option<Interest>,
}

static INSTANCE: ForkLocal<OneLoggerProvider> = ForkLocal::new(OneLoggerProvider::new);

/// How long the end of a guard waits for the exporters.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// The provider could not be configured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigureError {
    /// It is configured already. Close it first.
    #[error("the provider is already configured; close it first")]
    AlreadyConfigured,
    /// The recorder, or under [`ErrorHandlingStrategy::PropagateExceptions`] one of its exporters,
    /// could not be opened.
    #[error("the recorder cannot be opened: {0}")]
    Open(#[from] OpenError),
}

impl OneLoggerProvider {
    /// A provider of its own.
    pub fn new() -> OneLoggerProvider {
        OneLoggerProvider::default()
    }

    /// The provider of the process. A forked child has one of its own, which is not configured: it
    /// records nothing until it configures it.
    pub fn instance() -> &'static OneLoggerProvider {
        INSTANCE.get()
    }

    /// Opens the recorder and puts it in force. The guard flushes and closes when it is dropped:
    /// keep it until the end of `main`.
    ///
    /// Where the configuration disables this rank, nothing is opened and nothing started.
    ///
    /// # Errors
    /// If the provider is configured already, or the recorder cannot be opened. An exporter that
    /// cannot be opened is an error under [`ErrorHandlingStrategy::PropagateExceptions`]; under the
    /// other strategies it is logged, and tried again later, because a job should not fail to start
    /// for its telemetry.
    pub fn configure(
        &self,
        config: OneLoggerConfig,
        recorder: impl Recorder,
    ) -> Result<OneLoggerGuard, ConfigureError> {
        let is_off = {
            let mut state = self.write();
            if state.configured.is_some() || state.is_being_configured {
                return Err(ConfigureError::AlreadyConfigured);
            }
            state.is_being_configured = true;
            state.is_off
        };
        let being_configured = BeingConfigured(self);
        process_end::watch();
        // Outside the lock: an exporter may take its time, and nobody else should wait for it.
        let configured = if is_off { None } else { open(&config, recorder)? };
        let mut state = self.write();
        if let Some(configured) = configured.as_ref().filter(|_| state.is_off) {
            configured.switch_off();
        }
        if self.is_of_process() {
            context::set_of_process(configured.clone());
        }
        let recorder = configured.clone();
        let _interest = configured.as_ref().map(|it| Interest::new(it.called_for()));
        state.configured = Some(Active { config: Arc::new(config), recorder, _interest });
        drop(state);
        drop(being_configured);
        Ok(OneLoggerGuard {
            provider: self.clone(),
            configured,
            timeout: CLOSE_TIMEOUT,
            generation: generation(),
        })
    }

    /// The recorder; one that does nothing before `configure` and where this rank is disabled.
    pub fn recorder(&self) -> RecorderHandle {
        RecorderHandle::new(self.configured())
    }

    /// The configuration, once there is one.
    pub fn config(&self) -> Option<Arc<OneLoggerConfig>> {
        let state = self.read();
        state.configured.as_ref().map(|active| Arc::clone(&active.config))
    }

    /// Whether the provider is configured.
    pub fn is_ready(&self) -> bool {
        let state = self.read();
        state.configured.is_some()
    }

    /// Whether records are taken: configured, this rank not disabled, not switched off, not closed.
    pub fn is_enabled(&self) -> bool {
        self.is_ready() && self.recorder().is_enabled()
    }

    /// Switches telemetry off for good. Closing still works.
    pub fn force_disable_logging(&self) {
        let mut state = self.write();
        state.is_off = true;
        if let Some(recorder) =
            state.configured.as_ref().and_then(|active| active.recorder.as_ref())
        {
            recorder.switch_off();
        }
    }

    /// Flushes and closes the recorder; waits for a close that is under way. After that the provider
    /// can be configured again. A handle that was asked for before refuses calls from here on, one
    /// that is asked for afterwards does nothing.
    ///
    /// # Errors
    /// If that takes longer than `timeout`; the work goes on.
    pub fn close(&self, timeout: Duration) -> Result<(), CloseError> {
        let (closing, _active, _closed_before) = {
            let mut state = self.write();
            let mut active = state.configured.take();
            let mut closed_before = None;
            if let Some(active) = &mut active {
                if self.is_of_process() {
                    context::set_of_process(None);
                }
                closed_before = std::mem::replace(&mut state.closing, active.recorder.take());
            }
            // What ends here ends outside the lock: it may be the application's own.
            (state.closing.clone(), active, closed_before)
        };
        // Outside the lock: others may record, and be refused, meanwhile.
        closing.map_or(Ok(()), |configured| configured.close(timeout))
    }

    /// From now on, SIGTERM closes the [provider of the process](OneLoggerProvider::instance), and ends
    /// the process then, by the signal as before: whoever waits for it sees the same status. The close
    /// takes no longer than `timeout`. Without this a SIGTERM ends the process where it stands, and what
    /// was recorded in the last tenth of a second is lost.
    ///
    /// What the application itself does at SIGTERM, it goes on doing. A handler that was installed
    /// before is called as before, and one that is installed later takes the place of ours, or calls it;
    /// the provider is then flushed and not closed, because the application goes on recording until it
    /// ends. Where
    /// SIGTERM is ignored it stays so. A thread, `onelogger-sigterm`, waits for the signal. A forked
    /// child that wants this calls it again.
    ///
    /// May be called before and after `configure`; the timeout of the last call counts.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use onelogger::OneLoggerProvider;
    /// OneLoggerProvider::close_on_sigterm(Duration::from_secs(5))?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// If there is no thread or no pipe to be had, and on systems other than Linux.
    pub fn close_on_sigterm(timeout: Duration) -> std::io::Result<()> {
        termination::watch(timeout)
    }

    /// Puts this provider, as it is configured now, in force for the current thread, without a
    /// current span, until the guard is dropped. What captures the context carries it on.
    pub fn attach(&self) -> context::Attached {
        Context::of(self.configured()).attach()
    }

    fn is_of_process(&self) -> bool {
        Arc::ptr_eq(&self.0, &OneLoggerProvider::instance().0)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn configured(&self) -> Option<Arc<Configured>> {
        let state = self.read();
        state.configured.as_ref().and_then(|active| active.recorder.clone())
    }
}

/// Says that a call of `configure` is under way, also if that ends by a panic.
struct BeingConfigured<'a>(&'a OneLoggerProvider);

impl Drop for BeingConfigured<'_> {
    fn drop(&mut self) {
        self.0.write().is_being_configured = false;
    }
}

/// Opens the recorder, unless the configuration disables this rank.
fn open(
    config: &OneLoggerConfig,
    recorder: impl Recorder,
) -> Result<Option<Arc<Configured>>, OpenError> {
    if !config.enable_for_current_rank() {
        return Ok(None);
    }
    diagnostics::configure(config.logger_config());
    if let Some(problem) = callsite::environment_problem() {
        diagnostics::error(format_args!("{problem}"));
    }
    let strategy = config.strategy();
    let recorder: Arc<dyn Recorder> = Arc::new(recorder);
    if let Err(error) = recorder.open(&config.run()) {
        if error.is_fatal() || strategy == ErrorHandlingStrategy::PropagateExceptions {
            // What was opened is closed again; what that may have to say is the same.
            let _ = recorder.close(CLOSE_TIMEOUT);
            return Err(error);
        }
        diagnostics::error(format_args!("{error}; it will be tried again"));
    }
    Ok(Some(Arc::new(Configured::new(recorder, strategy))))
}

impl fmt::Debug for OneLoggerProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneLoggerProvider").field("is_ready", &self.is_ready()).finish()
    }
}

/// Flushes and closes the recorder when dropped.
///
/// The drop waits for at most ten seconds ([`close_timeout`](OneLoggerGuard::close_timeout) changes
/// that) and never panics.
#[must_use = "telemetry ends when the guard is dropped: bind it to a name, as `let _onelogger`"]
pub struct OneLoggerGuard {
    provider: OneLoggerProvider,
    configured: Option<Arc<Configured>>,
    timeout: Duration,
    /// The process that configured it.
    generation: u64,
}

impl OneLoggerGuard {
    /// How long the drop may wait for the exporters.
    pub fn close_timeout(mut self, timeout: Duration) -> OneLoggerGuard {
        self.timeout = timeout;
        self
    }
}

impl fmt::Debug for OneLoggerGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneLoggerGuard").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Drop for OneLoggerGuard {
    fn drop(&mut self) {
        if self.generation != generation() {
            // In a forked child: the parent's recorder is the parent's affair.
            return;
        }
        // Only what this guard stands for: the provider may have been closed and configured anew.
        let is_in_force = match (&self.configured, &self.provider.configured()) {
            (Some(ours), Some(now)) => Arc::ptr_eq(ours, now),
            (None, None) => true,
            _ => false,
        };
        let close = || match &self.configured {
            _ if is_in_force => self.provider.close(self.timeout),
            // Another thread may be closing it right now; that is waited for.
            Some(ours) => ours.close(self.timeout),
            None => Ok(()),
        };
        match catch_unwind(AssertUnwindSafe(close)) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => diagnostics::error(format_args!("{error}")),
            // One of the application's own.
            Err(_) => diagnostics::error(format_args!("the recorder has panicked in its close")),
        }
    }
}
