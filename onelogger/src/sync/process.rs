//! What the operating system tells a process of itself: that it has forked, that it ends.
//!
//! Protocol. `FORKS` counts the forks between the first process and this one. Only the handler that
//! runs in a child changes it, while that child has one thread; everyone else reads. `EPOCH` counts
//! whatever changes what is in force: who has done so adds to it afterwards (Release), so that a thread
//! which finds the number of after (Acquire) finds what was done.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

static FORKS: AtomicU64 = AtomicU64::new(0);
static EPOCH: AtomicU64 = AtomicU64::new(1);

/// A number that is another one in each forked child than in its parent.
pub(crate) fn generation() -> u64 {
    static WATCHING: OnceLock<()> = OnceLock::new();
    WATCHING.get_or_init(watch_forks);
    generation_since()
}

/// The same for a caller who knows that it was asked for before: by whoever made what it is compared
/// with.
#[inline]
pub(crate) fn generation_since() -> u64 {
    FORKS.load(Ordering::Relaxed)
}

/// A number, never 0, that is another one once anything has changed that concerns all threads: the
/// recorder in force, whether it is open, another library's bridge, the process itself.
#[inline]
pub(crate) fn epoch() -> u64 {
    // Acquire: pairs with the Release of `begin_epoch`.
    EPOCH.load(Ordering::Acquire)
}

/// Says that something of that has changed. The caller has asked for the [`generation`] before, so that
/// forks are watched.
pub(crate) fn begin_epoch() {
    EPOCH.fetch_add(1, Ordering::Release);
}

#[cfg(unix)]
fn watch_forks() {
    extern "C" fn in_child() {
        FORKS.fetch_add(1, Ordering::Relaxed);
        EPOCH.fetch_add(1, Ordering::Relaxed);
    }
    // SAFETY: the handler is a plain function that lives as long as the program, and does nothing
    // but atomic additions, which is allowed after a fork. If there is no memory to register it,
    // a child is not told from its parent; nothing else rests on it.
    unsafe {
        libc::pthread_atfork(None, None, Some(in_child));
    }
}

#[cfg(not(unix))]
fn watch_forks() {}

/// Has a function called when the process ends by `exit` or by the return of `main`.
///
/// The function must not panic. Elsewhere than on Unix nothing is called.
pub(crate) fn at_exit(function: extern "C" fn()) {
    #[cfg(unix)]
    // SAFETY: the function lives as long as the program.
    unsafe {
        libc::atexit(function);
    }
    #[cfg(not(unix))]
    let _ = function;
}

/// A value that each forked child has anew, so that it never meets a lock that was held by a
/// thread of its parent.
///
/// Protocol. `current` points to a value that is never freed, with the generation it was made in.
/// Who finds another generation makes a value and swaps it in; of two threads one is first, and the
/// other takes what it finds.
pub(crate) struct ForkLocal<T: 'static> {
    current: AtomicPtr<(u64, T)>,
    make: fn() -> T,
}

impl<T: Sync> ForkLocal<T> {
    pub(crate) const fn new(make: fn() -> T) -> ForkLocal<T> {
        ForkLocal { current: AtomicPtr::new(std::ptr::null_mut()), make }
    }

    /// This process's value. Each generation leaks one.
    pub(crate) fn get(&'static self) -> &'static T {
        let generation = generation();
        // Acquire: pairs with the Release below, so that the value is seen whole.
        let mut found = self.current.load(Ordering::Acquire);
        loop {
            // SAFETY: a pointer that is not null came from the box below, whose contents are never
            // freed and only lent as shared; `T: Sync` lets every thread read them.
            if let Some((made, value)) = unsafe { found.as_ref() }
                && *made == generation
            {
                return value;
            }
            let new = Box::into_raw(Box::new((generation, (self.make)())));
            match self.current.compare_exchange(found, new, Ordering::Release, Ordering::Acquire) {
                Ok(_) => found = new,
                Err(seen) => {
                    // SAFETY: it came from the box above and was not published.
                    drop(unsafe { Box::from_raw(new) });
                    found = seen;
                }
            }
        }
    }
}

#[cfg(all(test, unix, not(onelogger_loom)))]
mod tests {
    use super::*;

    static VALUE: ForkLocal<u64> = ForkLocal::new(generation);

    #[test]
    fn a_child_has_another_generation_and_its_own_value() {
        let before = generation();
        assert_eq!(*VALUE.get(), before);
        assert!(std::ptr::eq(VALUE.get(), VALUE.get()));
        // SAFETY: the child calls nothing but what is tested, and ends without cleaning up.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let is_right = generation() == before + 1 && *VALUE.get() == before + 1;
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(if is_right { 0 } else { 1 }) };
        }
        let mut status = -1;
        // SAFETY: `status` is valid for writing, and the child is ours.
        unsafe { libc::waitpid(child, &raw mut status, 0) };
        assert_eq!(status, 0);
        assert_eq!(generation(), before);
    }
}
