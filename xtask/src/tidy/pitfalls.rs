//! Faults of the Python library that this one must not have. Each has a number, and a test whose name
//! bears it: `fn p05_a_call_after_the_close_is_refused_and_ends_there`.

use super::Finding;
use super::source::Source;

/// Those that lose or falsify data, break the application, or surprise.
const FAULTS: &[(u16, &str)] = &[
    (1, "explicit times are accepted within ten minutes only, and in the future"),
    (2, "a clock that reads zero counts as not given"),
    (3, "an exception without a message takes telemetry down"),
    (4, "starting a span where telemetry is off gives nothing that could be used"),
    (5, "a call after the close reports itself without end"),
    (6, "recording waits for each exporter"),
    (7, "one harmless misuse ends all telemetry"),
    (8, "what was switched off is not closed"),
    (9, "each skipped call of a disabled rank logs a line"),
    (10, "threads that record at once corrupt tables and files"),
    (11, "a file that cannot be written counts as written"),
    (12, "an exporter that cannot be opened takes the others with it"),
    (13, "a failure within the close leaves exporters open"),
    (14, "a restarted job destroys the file of the one before"),
    (15, "numbers are written that are no JSON"),
    (16, "a killed job loses the span that was running"),
    (17, "a set of attributes that is used twice changes"),
    (18, "a file names no parents"),
    (19, "ids cannot be serialized"),
    (20, "values are accepted that no exporter can write"),
    (21, "a start that cannot be written is tried again for ever"),
    (23, "what still runs counts in an average"),
    (24, "a span that was stopped on another thread stays current"),
    (25, "after a span with an explicit parent another one is current"),
    (26, "failures of a whole year switch an exporter off"),
    (27, "a report that fails once is never told"),
    (28, "a report comes before the span that it concerns"),
    (29, "a key with a dot cannot be logged"),
    (30, "a logged line is misread for what stands in its values"),
    (31, "nothing closes the recorder at the end of the process"),
    (32, "a span keeps all of its events in memory"),
    (33, "messages do not reach the files that were configured"),
    (34, "a name depends on what it was made of"),
    (35, "what is read back is not what was written"),
    (36, "what identifies a run is not exported"),
    (38, "a rank that is no number breaks the configuration"),
    (39, "unknown fields are ignored"),
    (40, "a function that gives a value is called at each read"),
    (41, "a file that is named and missing is passed over"),
    (42, "two exporters of one type become one"),
    (43, "an exporter that cannot be made is only a warning"),
    (44, "reading the environment changes it"),
    (45, "a format may be named that cannot be read"),
    (46, "times are truncated to milliseconds"),
    (47, "a forked process says that it is its parent"),
    (48, "errors of all types come through, under every strategy"),
    (49, "a file takes the place of what packages register"),
    (50, "where saves are not recorded their callbacks fail"),
    (51, "a save does not begin when it is said to"),
    (52, "an iteration without length is an error, and stays open"),
    (53, "extremes of the throughput are those of a running average"),
    (54, "an interval is always the configured one"),
    (55, "a switch that is off changes nothing"),
    (57, "metrics bear another time than their callback"),
    (58, "a second loop is measured with the first"),
    (59, "an iteration that fails counts as completed"),
    (60, "a configuration that comes too early cannot be told any more"),
    (62, "all spans cannot be exported"),
    (63, "overrides crash, or change what they were given"),
    (64, "spans of the application's own fail"),
    (65, "attributes are never filled in, and testing has no iterations"),
    (66, "a late success takes back what was safe"),
    (67, "a save that fails is not told, and is kept for ever"),
    (68, "what is refused has changed the state"),
    (69, "the application ends before what is within it"),
    (90, "telemetry stops a save"),
    (101, "spans of macros are not measured"),
    (103, "one fault is reported at each level"),
];

/// Each fault needs a test.
pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let tested: Vec<u16> = sources
        .iter()
        .flat_map(|source| source.code().split("fn ").skip(1).flat_map(numbers))
        .collect();
    let missing = FAULTS.iter().filter(|(number, _)| !tested.contains(number));
    let finding = |(number, fault): &(u16, &str)| Finding {
        path: "xtask/src/tidy/pitfalls.rs".to_owned(),
        line: 1,
        what: format!(
            "no test is called `p{number:02}_…`, which shows that this is not so: {fault}"
        ),
    };
    missing.map(finding).collect()
}

/// Those that a name begins with: 18 and 35 of `p18_p35_what_…`.
fn numbers(name: &str) -> Vec<u16> {
    let number =
        |part: &str| part.strip_prefix('p').filter(|digits| digits.len() >= 2)?.parse().ok();
    name.split('_').map_while(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_without_a_test_is_found() {
        assert_eq!(numbers("p18_p35_what_was_written_is_read() {"), [18, 35]);
        assert_eq!(numbers("p5_short() {"), []);
        assert_eq!(numbers("part_18() {"), []);
        let names = FAULTS.iter().skip(1).map(|(number, _)| format!("fn p{number:02}_a() {{}}\n"));
        let findings = check(&[Source::new("tests/a.rs", names.collect::<String>())]);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].what.contains("`p01_…`"), "{findings:?}");
        // Said in a comment only.
        assert_eq!(check(&[Source::new("tests/a.rs", "// fn p01_a() {}")]).len(), FAULTS.len());
    }
}
