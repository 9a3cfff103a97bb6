//! A provider, walked through random steps beside its model.

use std::time::Duration;

use onelogger::recorder::RecordError;
use onelogger::{
    ConfigureError, DefaultRecorder, ErrorHandlingStrategy, Event, LogLevel, LoggerConfig,
    LossReason, ManualClock, OneLoggerConfig, OneLoggerGuard, OneLoggerProvider, RecorderHandle,
    Span, SpanBuilder, SpanFilter, TelemetryDataError, Timestamp,
};

use crate::backend::{Backend, Script};
use crate::model::ExporterModel;
use crate::steps::{Call, Setting, Step};
use crate::tables::{PROVIDER_ROWS, Taken};

const PATIENCE: Duration = Duration::from_secs(60);
const LANE_BYTES: usize = 16 << 10;

/// The provider and all that it was configured with, one after the other.
pub(crate) struct Walk {
    provider: OneLoggerProvider,
    state: &'static str,
    is_forced_off: bool,
    guard: Option<OneLoggerGuard>,
    clock: ManualClock,
    is_synchronous: bool,
    lives: Vec<Life>,
    pub(crate) taken_by_provider: Taken,
    pub(crate) taken_by_exporters: Taken,
}

/// A recorder, from its configuration on.
struct Life {
    recorder: RecorderHandle,
    strategy: ErrorHandlingStrategy,
    /// The first fails as it is told, the second never.
    exporters: [(Backend, ExporterModel); 2],
    spans: Vec<ModelSpan>,
    is_off: bool,
    is_closed: bool,
    recorded: u64,
    /// By the filter.
    withheld: u64,
    too_large: u64,
    /// Of those recorded, telemetry data errors: each exporter gets one.
    data_errors: u64,
    refused: u64,
    stopped_late: u64,
    has_misuse: bool,
}

struct ModelSpan {
    span: Span,
    is_open: bool,
    is_hidden: bool,
    /// Started while telemetry was off: nobody knows it.
    is_nothing: bool,
}

/// What is to become of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// It has no effect.
    Nothing,
    Recorded,
    Withheld,
    TooLarge,
    /// A span that ends after the close.
    Late,
    Misuse,
}

impl Walk {
    pub(crate) fn new(is_synchronous: bool) -> Walk {
        Walk {
            provider: OneLoggerProvider::new(),
            state: "unconfigured",
            is_forced_off: false,
            guard: None,
            clock: ManualClock::new(0),
            is_synchronous,
            lives: Vec::new(),
            taken_by_provider: Taken::default(),
            taken_by_exporters: Taken::default(),
        }
    }

    pub(crate) fn step(&mut self, step: &Step) {
        match step {
            Step::Configure(setting) => self.configure(setting),
            Step::Call(call) => match self.lives.last_mut() {
                Some(life) if !life.is_closed => life.call(*call, &self.clock),
                // Not configured, or silent: nothing is done, and nothing fails.
                _ => {
                    let recorder = self.provider.recorder();
                    let span = recorder.start_detached("nothing").unwrap();
                    recorder.event(&span, "nothing").unwrap();
                    recorder.stop(&span).unwrap();
                }
            },
            Step::CallEarlier(place, call) => {
                if let Some(place) = place.checked_rem(self.lives.len()) {
                    self.lives[place].call(*call, &self.clock);
                }
            }
            Step::Change(script) => {
                if let Some(life) = self.lives.last() {
                    life.exporters[0].0.change(*script);
                }
            }
            Step::Advance { millis } => self.clock.advance(Duration::from_millis(*millis)),
            Step::ForceDisable => {
                self.provider.force_disable_logging();
                self.is_forced_off = true;
                if let Some(life) = self.lives.last_mut().filter(|life| !life.is_closed) {
                    life.is_off = true;
                }
            }
            Step::Flush => {
                let recorder = self.provider.recorder();
                assert_eq!(recorder.force_flush(PATIENCE), Ok(()));
            }
            Step::Close => self.close(|provider, _| provider.close(PATIENCE).unwrap()),
            Step::DropGuard => self.close(|_, guard| drop(guard)),
        }
        self.check(matches!(step, Step::Flush));
    }

    /// Closes what is open, and compares for the last time.
    pub(crate) fn end(&mut self) {
        self.step(&Step::DropGuard);
        for life in &mut self.lives {
            for (_, model) in &mut life.exporters {
                self.taken_by_exporters.merge(std::mem::take(&mut model.taken));
            }
        }
    }

    fn configure(&mut self, setting: &Setting) {
        let script = Script::default();
        let backends = [setting.script, script].map(|script| Backend::new(script, &self.clock));
        let mut builder = DefaultRecorder::builder()
            .manual_clock(self.clock.clone())
            .filter(SpanFilter::except(["hidden"]))
            .lane_bytes(LANE_BYTES)
            .drain_interval(Duration::from_secs(3600))
            .disable_rule(setting.rule);
        if self.is_synchronous {
            builder = builder.synchronous();
        }
        for backend in &backends {
            builder = builder.exporter(backend.clone());
        }
        let silence = LoggerConfig { log_level: LogLevel::Off, ..LoggerConfig::default() };
        let config = OneLoggerConfig::builder("failures")
            .world_size(1)
            .session_tag("")
            .error_handling_strategy(setting.strategy)
            .enable_for_current_rank(setting.is_enabled)
            .logger_config(silence)
            .build()
            .unwrap();
        let was_ready = self.state != "unconfigured" && self.state != "closed";
        let configured = self.provider.configure(config, builder.build().unwrap());
        if was_ready {
            let is_refused = matches!(configured, Err(ConfigureError::AlreadyConfigured));
            return assert!(is_refused, "configured while it is {}", self.state);
        }
        let is_opened = setting.is_enabled && !self.is_forced_off;
        let mut life = Life {
            recorder: self.provider.recorder(),
            strategy: setting.strategy,
            exporters: backends.map(|backend| (backend, ExporterModel::new(setting.rule))),
            spans: Vec::new(),
            is_off: false,
            is_closed: false,
            recorded: 0,
            withheld: 0,
            too_large: 0,
            data_errors: 0,
            refused: 0,
            stopped_late: 0,
            has_misuse: false,
        };
        match configured {
            Ok(guard) => {
                // An earlier one stands for nothing any more.
                self.guard = Some(guard);
                if is_opened {
                    self.lives.push(life);
                }
                let state = match (is_opened, self.is_forced_off) {
                    (true, _) => "enabled",
                    (false, true) => "off",
                    (false, false) => "silent",
                };
                self.go(0, state);
            }
            Err(ConfigureError::Open(_)) => {
                // Whatever was opened is closed again; the provider is what it was.
                assert!(
                    is_opened && setting.strategy == ErrorHandlingStrategy::PropagateExceptions
                );
                life.takes_in(true);
                assert!(life.exporters[0].1.has_failed(), "nothing has failed");
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn close(&mut self, close: impl FnOnce(&OneLoggerProvider, Option<OneLoggerGuard>)) {
        close(&self.provider, self.guard.take());
        if self.state == "unconfigured" || self.state == "closed" {
            return;
        }
        self.go(2, "closed");
        if let Some(life) = self.lives.last_mut().filter(|life| !life.is_closed) {
            life.is_closed = true;
            for span in life.spans.iter().filter(|span| span.is_open && !span.is_hidden) {
                life.recorded += !span.is_nothing as u64;
            }
        }
    }

    fn go(&mut self, row: usize, to: &'static str) {
        self.taken_by_provider.note(&PROVIDER_ROWS, row, self.state, to);
        self.state = to;
    }

    fn check(&mut self, is_flushed: bool) {
        if self.state == "enabled" && self.lives.last().is_some_and(|life| life.is_off) {
            self.go(1, "off");
        }
        let is_ready = !matches!(self.state, "unconfigured" | "closed");
        assert_eq!(self.provider.is_ready(), is_ready, "{}", self.state);
        assert_eq!(self.provider.is_enabled(), self.state == "enabled", "{}", self.state);
        if let Some(life) = self.lives.last_mut() {
            let is_quiet = self.is_synchronous || is_flushed || life.is_closed;
            life.takes_in(life.is_closed);
            if is_quiet {
                let now = Duration::from_nanos(self.clock.unix_nanos());
                life.check(self.is_synchronous.then_some(now));
            }
        }
        for life in &self.lives {
            assert_eq!(life.recorder.refused_calls(), life.refused);
            assert_eq!(life.recorder.health().stopped_after_close, life.stopped_late);
        }
    }
}

impl Life {
    fn call(&mut self, call: Call, clock: &ManualClock) {
        let Some(place) = self.place_of(call) else { return };
        let fate = self.fate(call, place);
        let is_error = matches!(fate, Fate::Misuse | Fate::Late)
            && self.strategy == ErrorHandlingStrategy::PropagateExceptions;
        let result = self.make(call, place, clock);
        assert_eq!(result.is_err(), is_error, "{call:?}: {result:?}, {fate:?}");
        match fate {
            Fate::Nothing | Fate::Late => {}
            Fate::Recorded => {
                self.recorded += 1;
                self.data_errors += matches!(call, Call::DataError) as u64;
            }
            Fate::Withheld => {
                (self.recorded, self.withheld) = (self.recorded + 1, self.withheld + 1);
            }
            Fate::TooLarge => {
                (self.recorded, self.too_large) = (self.recorded + 1, self.too_large + 1);
            }
            Fate::Misuse => {
                self.refused += 1;
                self.has_misuse |= !self.is_closed;
                let quiet = ErrorHandlingStrategy::DisableQuietlyAndReportMetricError;
                self.is_off |= self.strategy == quiet;
            }
        }
        if let (Call::Stop(_), false) = (call, self.is_off && fate == Fate::Nothing) {
            let span = &mut self.spans[place];
            self.stopped_late += (fate == Fate::Late && span.is_open && !span.is_nothing) as u64;
            span.is_open = false;
        }
    }

    /// The place of the span that a call names, or any; `None` if it names one and there is none.
    fn place_of(&self, call: Call) -> Option<usize> {
        match call {
            Call::Stop(span) | Call::Event(span) => span.checked_rem(self.spans.len()),
            _ => Some(0),
        }
    }

    fn fate(&self, call: Call, place: usize) -> Fate {
        if self.is_off {
            return Fate::Nothing;
        }
        let span = self.spans.get(place);
        match (call, span) {
            (Call::Stop(_) | Call::Event(_), Some(span)) if span.is_nothing => Fate::Nothing,
            (Call::Stop(_), _) if self.is_closed => Fate::Late,
            _ if self.is_closed => Fate::Misuse,
            (Call::Stop(_) | Call::Event(_), Some(span)) => match (span.is_open, span.is_hidden) {
                (false, _) => Fate::Misuse,
                (true, true) => Fate::Withheld,
                (true, false) => Fate::Recorded,
            },
            (Call::Start { is_hidden: true }, _) => Fate::Withheld,
            (Call::LargeEvent, _) => Fate::TooLarge,
            (Call::FarEvent, _) => Fate::Misuse,
            _ => Fate::Recorded,
        }
    }

    fn make(&mut self, call: Call, place: usize, clock: &ManualClock) -> Result<(), RecordError> {
        let Life { recorder, spans, .. } = self;
        match call {
            Call::Start { is_hidden } => {
                let name = if is_hidden { "hidden" } else { "span" };
                let span = recorder.start_detached(SpanBuilder::new(name).root())?;
                let is_nothing = self.is_off || self.is_closed;
                spans.push(ModelSpan { span, is_open: true, is_hidden, is_nothing });
                Ok(())
            }
            Call::Stop(_) => recorder.stop(&spans[place].span),
            Call::Event(_) => recorder.event(&spans[place].span, "event"),
            Call::EventOfNone => recorder.event(None, "event"),
            Call::LargeEvent => {
                let text = "x".repeat(LANE_BYTES + 1);
                recorder.event(None, Event::new("large").with("text", text))
            }
            Call::FarEvent => {
                let ahead = Duration::from_secs(3600).as_nanos() as u64;
                let time = Timestamp::from_unix_nanos(clock.unix_nanos() + ahead);
                recorder.event(None, Event::new("far").at(time))
            }
            Call::DataError => recorder.telemetry_data_error(TelemetryDataError::new("bad sensor")),
        }
    }

    /// Tells the models what their exporters were asked.
    fn takes_in(&mut self, is_closed: bool) {
        for (backend, model) in &mut self.exporters {
            if is_closed {
                model.begins_to_close();
            }
            for call in backend.take_log() {
                model.called(&call);
            }
            if is_closed {
                model.is_closed();
            }
        }
    }

    /// `now` is the time of the step, where every record was offered within it.
    fn check(&mut self, now: Option<Duration>) {
        let health = self.recorder.health();
        for (place, (backend, model)) in self.exporters.iter_mut().enumerate() {
            let exporter = &health.exporters[place];
            let counts = exporter.counts;
            model.check(exporter, backend.kept());
            model.check_disabled(counts.lost(LossReason::ExporterDisabled), now);
            assert_eq!(counts.recorded, self.recorded, "{exporter:?}");
            assert_eq!(counts.lost(LossReason::RecordTooLarge), self.too_large, "{exporter:?}");
            // Beside those that the filter hides, further telemetry data errors are held back.
            let further = counts.withheld - self.withheld;
            assert!(further <= self.data_errors, "{exporter:?}");
            assert!(further == 0 || model.has_report, "{exporter:?}");
            // The other exporter's failures are none of this one's.
            if place == 1 {
                assert_eq!((exporter.failures, counts.lost_total()), (0, self.too_large));
                assert!(model.has_report || !self.has_misuse, "{exporter:?}");
                assert!(self.too_large == 0 || model.losses_told > 0, "{exporter:?}");
            }
        }
    }
}
