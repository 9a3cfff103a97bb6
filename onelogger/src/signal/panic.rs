//! What a thread's last panic said, for the spans that it unwinds through.

use std::cell::RefCell;
use std::panic::PanicHookInfo;

use crate::data::{Attributes, ErrorEvent};
use crate::sync::Counter;

/// What a panic said, and where.
#[derive(Clone)]
struct PanicNote {
    /// How many panics there were before.
    before: u64,
    message: String,
    file: String,
    line: u32,
    column: u32,
}

/// How many panics the hook has told of, of all threads: a future may panic on another thread than the
/// one where its span began.
static PANICS: Counter = Counter::new(0);

thread_local! {
    static LAST: RefCell<Option<PanicNote>> = const { RefCell::new(None) };
}

/// Takes a note of a panic, on its own thread. Called by the panic hook.
pub(crate) fn note_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location();
    let note = PanicNote {
        before: PANICS.add(1),
        message: panic.payload_as_str().unwrap_or("a panic without a text").to_owned(),
        file: location.map_or_else(String::new, |location| location.file().to_owned()),
        line: location.map_or(0, std::panic::Location::line),
        column: location.map_or(0, std::panic::Location::column),
    };
    let _ = LAST.try_with(|last| {
        if let Ok(mut last) = last.try_borrow_mut() {
            *last = Some(note);
        }
    });
}

/// How things stood when a span began: whether what ends it is a panic is told by what has changed.
///
/// The count of panics, and in the lowest bit whether the thread was unwinding.
#[derive(Clone, Copy, Debug)]
pub(super) struct PanicMark(u32);

impl PanicMark {
    pub(super) const NONE: PanicMark = PanicMark(0);

    #[inline]
    pub(super) fn now() -> PanicMark {
        PanicMark((PANICS.get() as u32) << 1 | u32::from(std::thread::panicking()))
    }

    /// Whether the thread unwinds, and did not when the mark was made. A span that begins and ends in
    /// a destructor while the thread unwinds is not ended by the panic.
    #[inline]
    pub(super) fn is_unwinding_since(self) -> bool {
        std::thread::panicking() && self.is_unwinding_anew()
    }

    #[cold]
    fn is_unwinding_anew(self) -> bool {
        let was_panicking = self.0 & 1 == 1;
        !was_panicking || self.last_since().is_some()
    }

    /// What the last panic of this thread said, if that came after the mark was made.
    fn last_since(self) -> Option<PanicNote> {
        let last = LAST.try_with(|last| last.try_borrow().ok()?.clone());
        last.ok().flatten().filter(|note| {
            // A few bits of the count will do: it wraps around.
            let since = (note.before as u32).wrapping_sub(self.0 >> 1) << 1;
            since.cast_signed() >= 0
        })
    }
}

/// The error that stands in a span which began at `since` and ends by the panic that is under way on this
/// thread. One that no hook tells of (`resume_unwind`) is not taken for an older one.
pub(super) fn panic_error(span: &str, since: PanicMark) -> ErrorEvent {
    let Some(note) = since.last_since() else {
        return ErrorEvent::new(format!("panic in {span}")).exception("panic", "");
    };
    let place = Attributes::new()
        .with("code.file.path", note.file)
        .with("code.line.number", note.line)
        .with("code.column.number", note.column);
    ErrorEvent {
        attributes: place,
        ..ErrorEvent::new(format!("panic in {span}: {}", note.message))
            .exception("panic", note.message)
    }
}
