use std::fmt;
use std::ops::RangeInclusive;

use super::totals::{Totals, check, held, is_loss_report, losses};
use super::{Line, LineKind, Run, text};
use crate::data::names::attribute;

/// Whether anything of a run is missing, and what is known of it. `Display` says it in sentences.
///
/// A complete run has a closing record, no gap in the numbers of its lines, no damaged line, no
/// loss, and as many records as the closing record says. One can tell that of this library's files.
/// The Python library's have no totals: of those one can only say that nothing is known to be
/// missing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Completeness {
    /// The answer.
    pub verdict: Verdict,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// How many records the lines hold: two for a `complete` line, none for a record of the
    /// library's own, one for any other.
    pub records: u64,
    /// What the closing record says.
    pub totals: Option<Totals>,
}

/// Whether anything is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Nothing is.
    Complete,
    /// Something is, or may be: see the findings.
    Incomplete,
    /// Nothing is known to be, and the file has no totals to check that against.
    NoTotals,
}

/// Something that makes a run incomplete.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// There is no closing record: the process was killed, it still runs, or it used an exporter
    /// without a recorder.
    NotClosed {
        /// How many spans have started and not stopped.
        open_spans: u64,
    },
    /// Lines are missing.
    Gap {
        /// The numbers that they have.
        counts: RangeInclusive<u64>,
    },
    /// A number occurs more than once: lines were copied, or runs could not be told apart.
    RepeatedCounts {
        /// How many lines have a number that another line has.
        lines: u64,
    },
    /// Lines could not be read; [`Run::damage`] has them.
    Damaged {
        /// How many.
        lines: u64,
    },
    /// The library could not deliver records.
    Lost {
        /// Why: a word such as `queue_full`.
        reason: String,
        /// How many.
        records: u64,
    },
    /// The lines do not hold the records that the closing record says were delivered.
    WrongCount {
        /// The records that should be found in lines: those delivered, but for additions of
        /// attributes, which have no line of their own.
        expected: u64,
        /// The records that are found.
        found: u64,
    },
    /// The totals of the closing record are missing, or contradict each other.
    BadTotals,
    /// A telemetry data error, of the application or of the library, says that the data is not to
    /// be trusted.
    TelemetryDataError {
        /// What it says.
        message: String,
    },
}

impl Completeness {
    pub(super) fn new(run: &Run) -> Completeness {
        let closing = run.closing();
        let totals = closing.and_then(Totals::of);
        let has_totals = run.is_ours();
        let mut findings = Vec::new();
        if closing.is_none() && has_totals {
            let open_spans = run.spans().iter().filter(|span| span.is_open()).count() as u64;
            findings.push(Finding::NotClosed { open_spans });
        }
        find_gaps(run.lines(), &mut findings);
        if !run.damage().is_empty() {
            let lines = run.damage().len() as u64;
            findings.push(Finding::Damaged { lines });
        }
        let lost = match &totals {
            Some(totals) => totals.lost.clone(),
            None => last_reported_losses(run.lines()),
        };
        let lost = lost.into_iter();
        findings.extend(lost.map(|(reason, records)| Finding::Lost { reason, records }));
        let held = held(run.lines());
        match &totals {
            Some(totals) => findings.extend(check(held, totals)),
            None if closing.is_some() => findings.push(Finding::BadTotals),
            None => {}
        }
        findings.extend(telemetry_data_errors(run.lines()));
        Completeness {
            verdict: match (findings.is_empty(), has_totals) {
                (false, _) => Verdict::Incomplete,
                (true, true) => Verdict::Complete,
                (true, false) => Verdict::NoTotals,
            },
            findings,
            records: held,
            totals,
        }
    }

    /// Whether the run is known to be complete.
    pub fn is_complete(&self) -> bool {
        self.verdict == Verdict::Complete
    }
}

fn find_gaps(lines: &[Line], findings: &mut Vec<Finding>) {
    let mut counts: Vec<u64> = lines.iter().filter_map(|line| line.count).collect();
    counts.sort_unstable();
    let (mut before, mut repeated) = (None, 0);
    for count in counts {
        if before == Some(count) {
            repeated += 1;
            continue;
        }
        let next = before.map_or(1, |before| before + 1);
        if next < count {
            findings.push(Finding::Gap { counts: next..=count - 1 });
        }
        before = Some(count);
    }
    if repeated > 0 {
        findings.push(Finding::RepeatedCounts { lines: repeated });
    }
}

/// What the last of the library's own reports of losses says.
fn last_reported_losses(lines: &[Line]) -> Vec<(String, u64)> {
    let last = lines.iter().rfind(|line| is_loss_report(line));
    last.map_or_else(Vec::new, |line| losses(&line.attributes))
}

/// Reports of losses are left out: the findings have the losses.
fn telemetry_data_errors(lines: &[Line]) -> impl Iterator<Item = Finding> {
    let errors = lines.iter().filter(|line| line.kind == LineKind::TelemetryDataError);
    errors.filter(|line| !is_loss_report(line)).map(|line| {
        let message = line.attributes.get(attribute::ERROR_MESSAGE);
        Finding::TelemetryDataError {
            message: message.map(ToString::to_string).unwrap_or_default(),
        }
    })
}

impl fmt::Display for Completeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records = text::counted(self.records, "record");
        match self.verdict {
            Verdict::Complete => write!(f, "complete: {records}, none missing")?,
            Verdict::Incomplete => write!(f, "incomplete: {records} found")?,
            Verdict::NoTotals => write!(
                f,
                "nothing is known to be missing: {records} found, and no totals in this file to \
                 check them against"
            )?,
        }
        let withheld = self.totals.as_ref().map_or(0, |totals| totals.withheld);
        if withheld > 0 {
            write!(f, "; {withheld} held back on purpose")?;
        }
        for finding in &self.findings {
            write!(f, "\n- {finding}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use text::counted;
        match self {
            Finding::NotClosed { open_spans } => write!(
                f,
                "no closing record: the process was killed, still runs, or used no recorder; {} \
                 open",
                counted(*open_spans, "span")
            ),
            Finding::Gap { counts } if counts.start() == counts.end() => {
                write!(f, "line with count {} missing", counts.start())
            }
            Finding::Gap { counts } => {
                write!(f, "lines with counts {} to {} missing", counts.start(), counts.end())
            }
            Finding::RepeatedCounts { lines } => {
                write!(f, "{} with a count that another line has", counted(*lines, "line"))
            }
            Finding::Damaged { lines } => {
                write!(f, "{} that cannot be read", counted(*lines, "line"))
            }
            Finding::Lost { reason, records } => {
                write!(f, "{} lost: {}", counted(*records, "record"), text::shown(reason))
            }
            Finding::WrongCount { expected, found } => {
                write!(f, "{} delivered, {found} found", counted(*expected, "record"))
            }
            Finding::BadTotals => f.write_str("the totals of the closing record make no sense"),
            Finding::TelemetryDataError { message } => {
                write!(f, "telemetry data error: {}", text::shown(message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::read::from_str;

    const CLOSING: &str = "\"onelogger.recorded\":6,\"onelogger.added\":0,\
                           \"onelogger.withheld\":1,\"onelogger.delivered.updates\":";

    fn line(kind: &str, count: u64, name: &str, attributes: &str) -> String {
        let id = "00000000-0000-8000-8000-000000000001";
        let body = if kind == "telemetry_data_error" { "error" } else { "event" };
        let rest = match kind {
            "event" | "telemetry_data_error" => {
                format!("\"{body}\":{{\"name\":\"{name}\",\"attributes\":{{{attributes}}}}}")
            }
            _ => format!("\"id\":\"{id}\",\"name\":\"{name}\",\"duration_nano\":1"),
        };
        format!("{{\"type\":\"{kind}\",{rest},\"count\":{count},\"time_unix_nano\":1}}\n")
    }

    /// A run of three records between its opening and the lines given.
    fn run(more: &[String]) -> String {
        own(&line("event", 1, "onelogger.open", ""))
            + &line("complete", 2, "load", "")
            + &line("event", 3, "e", "")
            + &more.concat()
    }

    /// One of the library's own lines.
    fn own(line: &str) -> String {
        line.replace("\"count\"", "\"own\":true,\"count\"")
    }

    /// The closing record: additions of attributes, records delivered, losses.
    fn closing(count: u64, updates: u64, delivered: &str) -> String {
        let attributes = format!("{CLOSING}{updates},\"onelogger.delivered\":{delivered}");
        own(&line("event", count, "onelogger.close", &attributes))
    }

    fn check(text: &str, expected: &str) {
        let log = from_str(text);
        assert_eq!(log.runs().len(), 1);
        assert_eq!(log.runs()[0].completeness().to_string(), expected);
    }

    #[test]
    fn a_run_whose_totals_fit_is_complete() {
        let complete = "complete: 3 records, none missing; 1 held back on purpose";
        // Two additions of attributes have no line of their own.
        check(&run(&[closing(4, 2, "5")]), complete);
        // One of the library's own lines does not count, an event of a higher layer does.
        let event = line("event", 4, "onelogger.x", "");
        check(&run(&[own(&event), closing(5, 2, "5")]), complete);
        check(&run(&[event, closing(5, 1, "5")]), &complete.replace("3 records", "4 records"));
    }

    #[test]
    fn totals_that_do_not_fit_are_found() {
        check(
            &run(&[closing(4, 0, "5")]),
            "incomplete: 3 records found; 1 held back on purpose\n\
             - 5 records delivered, 3 found",
        );
        check(
            &run(&[closing(4, 0, "2,\"onelogger.lost.queue_full\":3")]),
            "incomplete: 3 records found; 1 held back on purpose\n\
             - 3 records lost: queue_full\n\
             - 2 records delivered, 3 found",
        );
        check(
            &run(&[closing(4, 0, "3")]),
            "incomplete: 3 records found; 1 held back on purpose\n\
             - the totals of the closing record make no sense",
        );
        check(
            &run(&[closing(4, 0, "\"many\"")]),
            "incomplete: 3 records found\n- the totals of the closing record make no sense",
        );
    }

    #[test]
    fn gaps_and_damage_are_found() {
        let torn = "{\"type\":\n".to_owned();
        check(
            &run(&[torn, line("event", 5, "e", ""), closing(9, 1, "5")]),
            "incomplete: 4 records found; 1 held back on purpose\n\
             - line with count 4 missing\n\
             - lines with counts 6 to 8 missing\n\
             - 1 line that cannot be read",
        );
    }

    #[test]
    fn a_run_that_is_not_closed_says_what_it_knows() {
        let report = |count, lost| {
            let attributes = format!("\"error_message\":\"x\",\"onelogger.lost.lane_full\":{lost}");
            line("telemetry_data_error", count, "telemetry_data_error", &attributes)
        };
        check(
            &run(&[
                line("start", 4, "a", "").replace("0001", "0002"),
                own(&report(5, 1)),
                own(&report(6, 7)),
            ]),
            "incomplete: 4 records found\n\
             - no closing record: the process was killed, still runs, or used no recorder; \
             1 span open\n\
             - 7 records lost: lane_full",
        );
    }

    #[test]
    fn a_telemetry_data_error_of_the_application_counts_and_one_of_the_library_does_not() {
        let attributes = "\"error_message\":\"sensor missing\"";
        let error = line("telemetry_data_error", 4, "telemetry_data_error", attributes);
        for (error, records) in [(own(&error), 3), (error, 4)] {
            check(
                &run(&[error, closing(5, 5 - records, "5")]),
                &format!(
                    "incomplete: {records} records found; 1 held back on purpose\n\
                     - telemetry data error: sensor missing"
                ),
            );
        }
    }
}
