//! Words seen as bytes, and back.

/// The bytes of words, in the machine's order.
pub(crate) fn as_bytes(words: &[u64]) -> &[u8] {
    // SAFETY: every bit pattern of a `u64` is eight valid `u8`, whose alignment is 1; the length
    // in bytes of an existing slice does not overflow; the borrow is passed on.
    unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), size_of_val(words)) }
}

/// The bytes of words, in the machine's order, to write to.
pub(crate) fn as_bytes_mut(words: &mut [u64]) -> &mut [u8] {
    // SAFETY: as in `as_bytes`, and whatever bytes are written make valid `u64`s; the exclusive
    // borrow is passed on.
    unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), size_of_val(words)) }
}
