//! What may move between threads and what may be shared by them is API: a field that takes it away
//! breaks users as a removed method does.

use onelogger::config::{Explanation, LoadError, Loaded};
use onelogger::context::{
    Attached, Baggage, BaggageError, Context, ForeignContext, TraceState, TraceStateError,
};
use onelogger::exporter::{
    ExportError, FilePath, Folding, JsonLinesExporter, MemoryExporter, MemoryRecords, Run,
};
use onelogger::recorder::{
    BuildError, CloseError, DefaultRecorderBuilder, FlushError, OpenError, PatternError,
    RecordError,
};
use onelogger::testing::Capture;
use onelogger::*;

fn send<T: Send>() {}

fn send_and_sync<T: Send + Sync>() {}

/// Fails to compile if the type has the trait: there are then two ways to infer `_`.
macro_rules! assert_not {
    ($type:ty: $trait:ident) => {
        const _: fn() = || {
            trait AmbiguousIfImplemented<A> {
                fn check() {}
            }
            impl<T: ?Sized> AmbiguousIfImplemented<()> for T {}
            impl<T: ?Sized + $trait> AmbiguousIfImplemented<u8> for T {}
            <$type as AmbiguousIfImplemented<_>>::check();
        };
    };
}

#[test]
fn what_records_is_shared_by_all_threads() {
    send_and_sync::<Span>();
    send_and_sync::<RecorderHandle>();
    send_and_sync::<OneLoggerProvider>();
    send_and_sync::<DefaultRecorder>();
    send_and_sync::<Box<dyn Recorder>>();
    send_and_sync::<Context>();
    send_and_sync::<ForeignContext>();
    send_and_sync::<ManualClock>();
}

#[test]
fn plain_values_are_shared_by_all_threads() {
    send_and_sync::<Attributes>();
    send_and_sync::<Baggage>();
    send_and_sync::<AttributesRef<'static>>();
    send_and_sync::<ErrorEvent>();
    send_and_sync::<Event>();
    send_and_sync::<Explanation>();
    send_and_sync::<Health>();
    send_and_sync::<Name>();
    send_and_sync::<OneLoggerConfig>();
    send_and_sync::<Record>();
    send_and_sync::<Run>();
    send_and_sync::<SpanBuilder>();
    send_and_sync::<SpanContext>();
    send_and_sync::<SpanFilter>();
    send_and_sync::<SpanStop>();
    send_and_sync::<TelemetryDataError>();
    send_and_sync::<Timestamp>();
    send_and_sync::<TraceFlags>();
    send_and_sync::<TraceState>();
    send_and_sync::<Value>();
    send_and_sync::<ValueRef<'static>>();
}

#[test]
fn errors_go_where_boxed_errors_go() {
    fn check<E: std::error::Error + Send + Sync + 'static>() {}
    check::<AttributeTypeError>();
    check::<BaggageError>();
    check::<BuildError>();
    check::<CloseError>();
    check::<ConfigError>();
    check::<ConfigureError>();
    check::<ExportError>();
    check::<FlushError>();
    check::<LoadError>();
    check::<OpenError>();
    check::<ParseIdError>();
    check::<PatternError>();
    check::<RecordError>();
    check::<TimeWindowError>();
    check::<TraceStateError>();
}

#[test]
fn exporters_move_to_threads_of_their_own() {
    send::<DefaultRecorderBuilder>();
    send::<FileExporter>();
    send::<JsonLinesExporter>();
    send::<Loaded>();
    send::<MemoryExporter>();
    send::<Box<dyn Exporter>>();
    send_and_sync::<FilePath>();
    send_and_sync::<Folding>();
    send_and_sync::<MemoryRecords>();
}

#[test]
fn the_guard_may_be_kept_on_any_thread() {
    send::<OneLoggerGuard>();
}

#[test]
fn an_attached_context_stays_on_its_thread() {
    // Checked when this file is compiled.
    assert_not!(Attached: Send);
    assert_not!(Capture: Send);
}
