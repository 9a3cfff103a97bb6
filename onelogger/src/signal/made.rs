//! Makes the texts of values that are formatted, before anything is recorded of them: code of the
//! application's own runs for that, which may record as well.

use std::cell::Cell;

use crate::data::{Argument, ToValue};

thread_local! {
    /// Where the texts stand, so that no memory is asked for each time.
    static TEXTS: Cell<String> = const { Cell::new(String::new()) };
}

/// Values up to this number need no memory but the texts'.
const FEW: usize = 16;

/// Calls `record` with the values, of which none is still to be formatted.
#[inline]
pub(super) fn with_made<R>(
    values: &[Argument<'_>],
    record: impl FnOnce(&[Argument<'_>]) -> R,
) -> R {
    if !values.iter().any(Argument::is_formatted) {
        return record(values);
    }
    with_texts(values, record)
}

#[cold]
fn with_texts<R>(values: &[Argument<'_>], record: impl FnOnce(&[Argument<'_>]) -> R) -> R {
    /// Texts that are longer are not kept.
    const LARGE: usize = 1 << 16;
    /// For texts that are a little longer than those before.
    const ROOM: usize = 256;
    // Taken: what is formatted may come here as well.
    let mut texts = TEXTS.try_with(Cell::take).unwrap_or_default();
    texts.clear();
    texts.reserve(ROOM);
    let (mut few_ends, mut many_ends) = ([0; FEW], Vec::new());
    let ends = first(&mut few_ends, &mut many_ends, values.len());
    for (end, value) in ends.iter_mut().zip(values) {
        value.write_text(&mut texts);
        *end = texts.len();
    }
    let (mut few_made, mut many_made) = ([false.to_value(); FEW], Vec::new());
    let made = first(&mut few_made, &mut many_made, values.len());
    let mut start = 0;
    for ((made, value), &mut end) in made.iter_mut().zip(values).zip(ends) {
        *made = if value.is_formatted() { texts[start..end].to_value() } else { *value };
        start = end;
    }
    let result = record(made);
    if texts.capacity() <= LARGE {
        let _ = TEXTS.try_with(|place| place.set(texts));
    }
    result
}

/// So many places: of the few, if these are enough.
fn first<'a, T: Clone>(few: &'a mut [T; FEW], many: &'a mut Vec<T>, count: usize) -> &'a mut [T] {
    if count <= FEW {
        return &mut few[..count];
    }
    many.resize(count, few[0].clone());
    many
}
