use onelogger::{InstrumentationScope, Span, context};
use opentelemetry::logs::{self, Severity};

use super::{OtelLogRecord, active, convert};

/// Has the log records of OpenTelemetry's appenders (`opentelemetry-appender-log`, `-tracing`) recorded
/// by the recorder in force, as events.
///
/// An event belongs to the span that the record names, else to the inner one of our current span and
/// OpenTelemetry's active one. Its name is the record's event name, else `log`; its scope the record's
/// target. Body and severity are attributes (`onelogger.log.*`), which
/// [`OtlpExporter`](crate::OtlpExporter) turns back into what they were. A map, bytes, or a list
/// of mixed values is text: JSON, and base 64 for bytes.
///
/// Records that are made while an exporter works (OpenTelemetry's suppressed scope, and onelogger's own
/// threads) are left out: an exporter never feeds itself.
///
/// ```
/// use onelogger_otel::OtelLoggerProvider;
/// use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity};
/// # let capture = onelogger::testing::capture();
/// let logger = OtelLoggerProvider::new().logger("library");
/// let mut record = logger.create_log_record();
/// record.set_severity_number(Severity::Warn);
/// record.set_body(AnyValue::from("disk is nearly full"));
/// logger.emit(record);
/// # let onelogger::Record::Event(event) = &capture.finish()[0] else { panic!() };
/// # assert_eq!((event.name.as_str(), event.level), ("log", onelogger::Level::Warn));
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct OtelLoggerProvider {}

impl OtelLoggerProvider {
    /// A provider. All are the same: the recorder is asked for when a record is emitted.
    pub fn new() -> OtelLoggerProvider {
        active::install();
        OtelLoggerProvider {}
    }
}

impl logs::LoggerProvider for OtelLoggerProvider {
    type Logger = OtelLogger;

    fn logger_with_scope(&self, scope: opentelemetry::InstrumentationScope) -> OtelLogger {
        active::install();
        OtelLogger { scope: convert::scope(&scope) }
    }
}

/// Records log records for one instrumentation scope; see [`OtelLoggerProvider`].
#[derive(Clone, Debug)]
pub struct OtelLogger {
    scope: InstrumentationScope,
}

impl logs::Logger for OtelLogger {
    type LogRecord = OtelLogRecord;

    fn create_log_record(&self) -> OtelLogRecord {
        OtelLogRecord::default()
    }

    fn emit(&self, record: OtelLogRecord) {
        if active::is_suppressed() {
            return;
        }
        let named = record.span();
        // Where no span is current there may be a remote one.
        let named = match named.is_disabled() && context::current_span().is_none() {
            true => context::current().map_or(named, Span::from_context),
            false => named,
        };
        let event = record.into_event(&self.scope);
        let span = (!named.is_disabled()).then_some(&named);
        // A refusal is counted and reported, and OpenTelemetry's interface has no place for it.
        let _ = onelogger::recorder().event(span, event);
    }

    /// Whether anything is recorded here. Costs one uncontended read lock.
    fn event_enabled(&self, _level: Severity, _target: &str, _name: Option<&str>) -> bool {
        onelogger::recorder().is_enabled() && !active::is_suppressed()
    }
}
