//! What a thread's last panic said, for the spans that it unwinds through.

use std::cell::RefCell;
use std::panic::PanicHookInfo;

use crate::data::{Attributes, ErrorEvent};

/// Of one thread: its panics, and what the last one said.
#[derive(Default)]
struct Panics {
    count: u32,
    last: Option<PanicNote>,
}

/// What a panic said, and where.
#[derive(Clone)]
struct PanicNote {
    message: String,
    file: String,
    line: u32,
    column: u32,
}

thread_local! {
    static PANICS: RefCell<Panics> = const { RefCell::new(Panics { count: 0, last: None }) };
}

/// Takes a note of a panic, on its own thread. Called by the panic hook.
pub(crate) fn note_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location();
    let note = PanicNote {
        message: panic.payload_as_str().unwrap_or("a panic without a text").to_owned(),
        file: location.map_or_else(String::new, |location| location.file().to_owned()),
        line: location.map_or(0, std::panic::Location::line),
        column: location.map_or(0, std::panic::Location::column),
    };
    let _ = PANICS.try_with(|panics| {
        if let Ok(mut panics) = panics.try_borrow_mut() {
            panics.count = panics.count.wrapping_add(1);
            panics.last = Some(note);
        }
    });
}

/// How things stood when a span began: whether what ends it is a panic is told by what has changed.
///
/// The count of panics, and in the lowest bit whether the thread was unwinding.
#[derive(Clone, Copy, Debug)]
pub(super) struct PanicMark(u32);

impl PanicMark {
    pub(super) fn now() -> PanicMark {
        let is_panicking = std::thread::panicking();
        if !is_panicking {
            // A panic that nobody's hook tells of (`resume_unwind`) is not taken for an older one.
            forget();
        }
        PanicMark(count() << 1 | u32::from(is_panicking))
    }

    /// Whether the thread unwinds, and did not when the mark was made. A span that begins and ends in
    /// a destructor while the thread unwinds is not ended by the panic.
    pub(super) fn is_unwinding_since(self) -> bool {
        let was_panicking = self.0 & 1 == 1;
        std::thread::panicking() && (!was_panicking || self.0 >> 1 != count() << 1 >> 1)
    }
}

fn forget() {
    let _ = PANICS.try_with(|panics| Some(panics.try_borrow_mut().ok()?.last.take()));
}

fn count() -> u32 {
    PANICS.try_with(|panics| panics.try_borrow().map_or(0, |panics| panics.count)).unwrap_or(0)
}

/// The error that stands in a span which ends by the panic that is under way on this thread.
pub(super) fn panic_error(span: &str) -> ErrorEvent {
    let noted = PANICS.try_with(|panics| panics.try_borrow().ok()?.last.clone());
    let Some(note) = noted.ok().flatten() else {
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
