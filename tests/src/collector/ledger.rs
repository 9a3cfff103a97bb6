//! The ledger of a job against what the collector counts.

use onelogger::LossReason;
use onelogger::names::attribute;
use onelogger::names::event::CLOSE;

use super::job::Closed;
use super::received::{LogItem, Received};

/// What a test knows of what is missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Losses {
    /// Records that the collector has although it, or the way to it, has said otherwise.
    pub arrived_all_the_same: u64,
    /// Items that it was sent twice, because an answer was lost.
    pub repeated: usize,
}

/// Checks that every record is accounted for, that the collector has what the job counts as
/// delivered, and that the job's own totals and losses arrived there.
///
/// # Panics
/// If anything differs.
pub fn check_ledger(closed: &Closed, received: &Received, known: Losses) {
    let counts = closed.counts;
    let said = &closed.last_error;
    assert!(counts.is_balanced(), "{counts:?}; {said}");
    // Additions of attributes show in their span only.
    let delivered = counts.delivered - counts.delivered_updates;
    assert_eq!(
        delivered + known.arrived_all_the_same,
        received.record_count(),
        "what was delivered has arrived: {counts:?}; {said}"
    );
    assert_eq!(received.repeated(), known.repeated, "nothing is sent twice unless it must be");
    assert_eq!(received.problems(), Vec::<&String>::new());

    let closing = received.events(CLOSE);
    let closing = closing.last().expect("the closing record arrives");
    let total = |name: &str| closing.attributes.get(name).and_then(serde_json::Value::as_u64);
    assert_eq!(total(attribute::RECORDED), Some(counts.recorded), "{closing:?}");
    assert_eq!(total(attribute::ADDED), Some(counts.added), "{closing:?}");
    assert_eq!(total(attribute::DELIVERED), Some(counts.delivered), "{closing:?}");
    assert_eq!(total(attribute::DELIVERED_UPDATES), Some(counts.delivered_updates));
    assert_eq!(total(attribute::WITHHELD), Some(counts.withheld), "{closing:?}");
    for reason in LossReason::ALL {
        let lost = total(&format!("{}{reason}", attribute::LOST_PREFIX)).unwrap_or_default();
        assert_eq!(lost, counts.lost(reason), "{closing:?}");
    }
    let tells_of_losses = received.logs().iter().any(LogItem::tells_of_losses);
    assert_eq!(tells_of_losses, counts.lost_total() > 0, "losses are said: {counts:?}; {said}");
}
