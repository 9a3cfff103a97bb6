//! What is found out about this very process; what files and variables say is tested beside the
//! detectors.

use std::collections::HashSet;

use onelogger_otel::detectors::{Detector, detect};

#[test]
fn each_detector_can_be_switched_by_its_name() {
    let mut names = HashSet::new();
    for detector in Detector::ALL {
        assert!(names.insert(detector.name()), "{detector:?}");
        assert_eq!(Detector::from_name(detector.name()), Some(detector));
        assert_eq!(
            Detector::from_name(&format!(" {} ", detector.name().to_uppercase())),
            Some(detector)
        );
    }
    for name in ["", "all", "proc", "process,host"] {
        assert_eq!(Detector::from_name(name), None);
    }
}

#[test]
fn secrets_of_the_command_line_are_told_only_on_request() {
    assert_eq!(Detector::ALL.len(), Detector::DEFAULT.len() + 1);
    let found = detect(Detector::DEFAULT);
    assert!(found.get("process.command_args").is_none());
    assert!(detect([Detector::ProcessCommand]).get("process.command_args").is_some());
}

#[test]
fn what_was_not_asked_for_is_not_told() {
    let sdk = detect([Detector::TelemetrySdk]);
    let names: Vec<_> = sdk.iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names, ["telemetry.sdk.name", "telemetry.sdk.language", "telemetry.sdk.version"]);
    assert!(detect([]).is_empty());
}

#[test]
fn this_process_and_its_host_are_known() {
    let found = detect([Detector::Host, Detector::Process, Detector::OperatingSystem]);
    assert_eq!(found.get_i64("process.pid"), Ok(Some(i64::from(std::process::id()))));
    let text = |name: &str| found.get_str(name).unwrap().map(str::to_owned);
    let name = text("process.executable.name").unwrap();
    assert!(name.starts_with("detectors"), "{name}");
    assert!(text("host.arch").is_some());
    if cfg!(target_os = "linux") {
        assert!(text("host.name").is_some());
        assert_eq!(text("os.type").as_deref(), Some("linux"));
    }
}
