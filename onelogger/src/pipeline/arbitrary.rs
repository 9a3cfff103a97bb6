//! Arbitrary words, taken the way that records go from lanes into batches.

use super::assemble::Assembler;
use super::clock::Clock;
use super::drain::Drain;
use super::identity::IdSource;
use super::intake::{FullPolicy, Intake};
use super::timeline::Moment;
use crate::exporter::Batch;
use crate::sync::Claim;

/// What has become of words.
pub(crate) struct Assembled {
    pub(crate) batches: Vec<Batch>,
    pub(crate) recorded: u64,
    pub(crate) malformed: u64,
}

/// Publishes each of these words into a lane of its own, drains the lanes and assembles what is found.
/// `None` if a lane has no room for them. Batches are small, so that spans reach from one to the next.
pub(crate) fn assemble_words(lanes: &[&[u64]]) -> Option<Assembled> {
    const LANE_WORDS: usize = 1 << 12;
    const BATCH_RECORDS: usize = 3;
    let intake =
        Intake::new(Clock::system(), IdSource::fixed(), FullPolicy::DropNewest, LANE_WORDS);
    for words in lanes {
        let mut lane = intake.lane()?;
        lane.scratch.extend_from_slice(words);
        lane.publish(Claim::Nothing, &intake, FullPolicy::DropNewest).ok()?;
    }
    let (mut drain, mut assembler) = (Drain::default(), Assembler::default());
    let (mut batches, mut batch) = (Vec::new(), Batch::default());
    let made_at = |order| Moment { unix: order, monotonic: order };
    drain.run(&intake, u64::MAX, true, |stretch| {
        while let Some(record) = stretch.next() {
            assembler.add(&mut batch, record, stretch, &intake.ids, made_at);
            if batch.entries().len() >= BATCH_RECORDS {
                batches.push(std::mem::take(&mut batch));
            }
        }
    });
    assembler.stop_all(&mut batch, made_at(u64::MAX));
    batches.push(batch);
    let Assembler { recorded, malformed, .. } = assembler;
    Some(Assembled { batches, recorded, malformed })
}
