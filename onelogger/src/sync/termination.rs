//! SIGTERM: what a handler may do, and nothing else.
//!
//! Protocol. The handler reads three statics and changes none. `PREVIOUS` is set once, before the
//! handler is installed for the first time; `PIPE` and `OWNER` are stored before it is installed in a
//! process, and in a forked child only by that child, which has inherited the handler: until then
//! `OWNER` tells the child that the pipe is its parent's. The handler writes a byte into the pipe, whose
//! end is never closed, and a thread reads that: all that needs a lock or memory happens there.

use std::io::{self, PipeWriter};
use std::os::fd::{AsRawFd, IntoRawFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};

/// The write end of the pipe.
static PIPE: AtomicI32 = AtomicI32::new(-1);
/// The process whose pipe it is.
static OWNER: AtomicI32 = AtomicI32::new(-1);
/// What was done at SIGTERM before.
static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();

type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

/// From now on writes a byte into the pipe at each SIGTERM, and calls the handler that was in place
/// before, if one was. Where SIGTERM is ignored nothing is changed, and the answer is false.
///
/// # Errors
/// If the system refuses.
pub(crate) fn write_at_sigterm(pipe: PipeWriter) -> io::Result<bool> {
    let now = disposition()?;
    if now.sa_sigaction == libc::SIG_IGN {
        return Ok(false);
    }
    if !is_ours(&now) {
        // A second time after somebody else has taken the place: what they do is theirs to chain.
        let _ = PREVIOUS.set(now);
    }
    // So that a handler never waits.
    // SAFETY: the descriptor is open, and the call changes nothing else.
    if unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) } == -1 {
        return Err(io::Error::last_os_error());
    }
    PIPE.store(pipe.into_raw_fd(), Ordering::Relaxed);
    // SAFETY: has no preconditions.
    OWNER.store(unsafe { libc::getpid() }, Ordering::Relaxed);
    let mut ours = plain();
    ours.sa_sigaction = handler() as usize;
    ours.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
    set(&ours)?;
    Ok(true)
}

/// Whether SIGTERM would have ended this process, had nobody asked for the pipe: then whoever reads that
/// has to end it.
pub(crate) fn is_sigterm_unhandled() -> bool {
    let is_default = PREVIOUS.get().is_some_and(|before| before.sa_sigaction == libc::SIG_DFL);
    is_default && disposition().is_ok_and(|now| is_ours(&now))
}

/// Ends the process by SIGTERM, as if nobody had asked for the pipe.
pub(crate) fn end_by_sigterm() -> io::Result<()> {
    set(&plain())?;
    // SAFETY: sends a signal to this very process.
    match unsafe { libc::kill(libc::getpid(), libc::SIGTERM) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

extern "C" fn on_sigterm(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: may be called in a handler; whom the signal interrupts finds its `errno` again.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: the address is that of the thread's own variable.
    let before = unsafe { *errno };
    let previous = PREVIOUS.get();
    let is_default = previous.is_none_or(|previous| previous.sa_sigaction == libc::SIG_DFL);
    // SAFETY: has no preconditions, and may be called in a handler.
    if OWNER.load(Ordering::Relaxed) == unsafe { libc::getpid() } {
        let byte = 1_u8;
        // If the pipe is full its reader has enough to do.
        // SAFETY: one byte is readable there, and `write` may be called in a handler.
        unsafe { libc::write(PIPE.load(Ordering::Relaxed), (&raw const byte).cast(), 1) };
    } else if is_default {
        // A forked child, in which nobody reads. The signal comes again as soon as this returns.
        // SAFETY: both may be called in a handler, and the value is a whole one.
        unsafe {
            libc::sigaction(libc::SIGTERM, &plain(), std::ptr::null_mut());
            libc::raise(libc::SIGTERM);
        }
    }
    if let Some(previous) = previous.filter(|_| !is_default) {
        call(previous, signal, info, context);
    }
    // SAFETY: as above.
    unsafe { *errno = before };
}

/// Calls a handler as the system would.
fn call(
    handler: &libc::sigaction,
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    if handler.sa_flags & libc::SA_SIGINFO == 0 {
        // SAFETY: neither of the two numbers that are no function comes here, and without the flag the
        // function takes the signal alone: whoever has installed it has said so.
        let handler: extern "C" fn(libc::c_int) =
            unsafe { std::mem::transmute(handler.sa_sigaction) };
        handler(signal);
    } else {
        // SAFETY: as above, and with the flag it takes all three.
        let handler: Handler = unsafe { std::mem::transmute(handler.sa_sigaction) };
        handler(signal, info, context);
    }
}

fn handler() -> Handler {
    on_sigterm
}

fn is_ours(disposition: &libc::sigaction) -> bool {
    disposition.sa_sigaction == handler() as usize
}

/// The default action.
fn plain() -> libc::sigaction {
    // SAFETY: all zeros are a value of it: the default action, no flags, no signals blocked.
    unsafe { std::mem::zeroed() }
}

fn disposition() -> io::Result<libc::sigaction> {
    let mut now = plain();
    // SAFETY: nothing is changed, and `now` is valid for writing.
    match unsafe { libc::sigaction(libc::SIGTERM, std::ptr::null(), &raw mut now) } {
        0 => Ok(now),
        _ => Err(io::Error::last_os_error()),
    }
}

fn set(disposition: &libc::sigaction) -> io::Result<()> {
    // SAFETY: the disposition is a whole one, whose handler, if any, is a function that lives as long
    // as the program and does what a handler may do.
    match unsafe { libc::sigaction(libc::SIGTERM, disposition, std::ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
