//! What may move between threads, be shared by them and be shown is API: a field that takes it away
//! breaks users as a removed method does.

use std::fmt::Debug;

use onelogger_otel::detectors::Detector;
use onelogger_otel::*;

fn send<T: Send + Debug>() {}

fn send_and_sync<T: Send + Sync + Debug>() {}

#[test]
fn what_is_set_up_is_shared_by_all_threads() {
    send_and_sync::<OtelGuard>();
    send_and_sync::<OtlpMetricExporter>();
    send_and_sync::<MetricCounts>();
    send_and_sync::<OtelTracerProvider>();
    send_and_sync::<OtelTracer>();
    send_and_sync::<OtelSpan>();
    send_and_sync::<OtelLoggerProvider>();
    send_and_sync::<OtelLogger>();
    send_and_sync::<OtelLogRecord>();
    send_and_sync::<OtelPropagator>();
}

#[test]
fn settings_errors_and_answers_are_shared_by_all_threads() {
    send_and_sync::<OtlpConnection>();
    send_and_sync::<OtlpExporterBuilder>();
    send_and_sync::<RetryPolicy>();
    send_and_sync::<SpanLimits>();
    send_and_sync::<LogLimits>();
    send_and_sync::<(Protocol, Compression, EventMode, Detector)>();
    send_and_sync::<(OtlpConfigError, TlsError, SetupError)>();
    send_and_sync::<(MetricHealth, SignalCheck, Verification)>();
}

#[test]
fn exporters_and_what_makes_them_move_to_other_threads() {
    send::<OtlpExporter>();
    send::<OTelExporter>();
    send::<Setup>();
}
