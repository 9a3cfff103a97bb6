//! A door for the fuzzer to what cannot be reached from outside: the words in lanes. Open to the tests,
//! which replay the corpus, and under `cfg(fuzzing)`, which `cargo fuzz` sets.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use crate::callsite::Callsite;
use crate::data::codec::record_length;
use crate::exporter::{Batch, Exporter, Folding, JsonLinesExporter, RecordKind, Run};
use crate::pipeline::arbitrary::{Assembled, assemble_words};
use crate::read;

/// Whatever words stand in lanes: each record is delivered, or counted as malformed, and what is delivered
/// can be written, and read again.
///
/// The bytes are words, the lowest byte first; the first says how many of the others are another lane's.
/// A record of callsite 1 is that of a callsite that exists.
///
/// # Panics
/// If that does not hold.
pub fn words(data: &[u8]) {
    let (chunks, _) = data.as_chunks::<8>();
    let mut words: Vec<u64> = chunks.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
    let Some((first, words)) = words.split_first_mut() else { return };
    let (one, other) = words.split_at_mut(usize::from(*first as u8).min(words.len()));
    name_callsite(one);
    name_callsite(other);
    let Some(assembled) = assemble_words(&[one, other]) else { return };
    let Assembled { batches, recorded, malformed } = assembled;

    let all = batches.iter().flat_map(|batch| batch.records().iter());
    let kinds: Vec<_> = all.filter(|record| !record.is_own()).map(|record| record.kind()).collect();
    assert_eq!(recorded, malformed + kinds.len() as u64, "the counts do not balance");
    for batch in &batches {
        let owned = |batch: &Batch| -> Vec<String> {
            batch.records().iter().map(|record| format!("{record:?}")).collect()
        };
        assert!(batch.select(|_| true).is_none());
        let mut is_first = true;
        let others = batch.select(|_| !std::mem::take(&mut is_first));
        assert_eq!(
            others.map(|it| owned(&it)).unwrap_or_default(),
            owned(batch).get(1..).unwrap_or_default()
        );
    }
    let file = written(&batches);
    let log = read::from_reader(&file[..]).unwrap();
    assert_eq!(log.damage(), []);
    let held: u64 = log.runs().iter().map(|run| run.completeness().records).sum();
    let with_lines = kinds.iter().filter(|kind| **kind != RecordKind::Attributes);
    assert_eq!(held, with_lines.count() as u64, "the file does not hold the records");
}

/// Has records that say 1 name a callsite, whose number depends on what else the process has met.
fn name_callsite(words: &mut [u64]) {
    const NUMBER_SHIFT: u32 = 40;
    static SITE: Callsite = Callsite::span("planted", module_path!(), file!(), line!(), "", "")
        .keys(&["a", "b.c", "a"])
        .start_keys(&["d"]);
    SITE.is_enabled();
    SITE.plant(false);
    let number = SITE.planted().map_or(0, |number| u64::from(number.get()));
    let mut at = 0;
    while let Some(header) = words.get_mut(at) {
        if *header >> NUMBER_SHIFT == 1 {
            *header ^= (number ^ 1) << NUMBER_SHIFT;
        }
        at += record_length(*header).max(1);
    }
}

/// The file of these batches.
fn written(batches: &[Batch]) -> Vec<u8> {
    #[derive(Clone, Default)]
    struct File(Arc<Mutex<Vec<u8>>>);
    impl Write for File {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let file = File::default();
    let mut exporter = JsonLinesExporter::new(file.clone()).folding(Folding::Always);
    exporter.open(&Run::new("fuzzed", 0)).unwrap();
    for batch in batches {
        exporter.export_batch(batch.records()).unwrap();
    }
    exporter.close().unwrap();
    drop(exporter);
    Arc::into_inner(file.0).unwrap().into_inner().unwrap()
}

#[cfg(all(test, not(onelogger_loom)))]
mod tests {
    use std::path::Path;

    #[test]
    fn all_words_that_are_kept_pass() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        let corpus = fuzz.join("corpus/words").read_dir().unwrap();
        let crashes = fuzz.join("crashes/words").read_dir().unwrap();
        for entry in corpus.chain(crashes) {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            super::words(&std::fs::read(path).unwrap());
        }
    }
}
