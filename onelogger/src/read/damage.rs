use std::fmt;

/// A line that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// Which of the files it stands in, counted from 0 in the order in which they were given.
    pub file: usize,
    /// Its number in that file, from 1.
    pub number: u64,
    /// What is wrong with it.
    pub reason: DamageReason,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DamageReason {
    /// It breaks off: whoever wrote it was killed, or had no room on the disk.
    Torn,
    /// It holds bytes that are no text.
    NotUtf8 {
        /// The place of the first such byte in the line, from 0.
        at: usize,
    },
    /// It is longer than any record: 64 MiB.
    TooLong,
    /// It is no JSON.
    NotJson(String),
    /// It is JSON, and not a record as it should be.
    NotARecord(String),
}

impl DamageReason {
    pub(super) fn from_json(error: &serde_json::Error) -> DamageReason {
        if error.is_eof() {
            return DamageReason::Torn;
        }
        // The message ends in a position, of which only the column means something in one line.
        let text = error.to_string();
        let message = text.rsplit_once(" at line ").map_or(&*text, |(text, _)| text);
        let message = format!("{} at column {}", shortened(message), error.column());
        match error.is_data() {
            true => DamageReason::NotARecord(message),
            false => DamageReason::NotJson(message),
        }
    }
}

/// A message quotes what it speaks of, and that may be the whole line.
fn shortened(message: &str) -> String {
    const LONGEST: usize = 200;
    match message.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.number, self.reason)
    }
}

impl fmt::Display for DamageReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DamageReason::Torn => f.write_str("breaks off"),
            DamageReason::NotUtf8 { at } => write!(f, "is no text from byte {at} on"),
            DamageReason::TooLong => f.write_str("is too long for a record"),
            DamageReason::NotJson(message) => write!(f, "is no JSON: {message}"),
            DamageReason::NotARecord(message) => write!(f, "is no record: {message}"),
        }
    }
}
