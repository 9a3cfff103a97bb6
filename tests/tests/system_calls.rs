//! Recording by macros makes no system call on the instrumented thread, but for the one that wakes
//! the pipeline when a quarter of the lane is full.
//!
//! A thread has the kernel trap each of its calls (seccomp, for that thread alone), and the handler
//! of the trap counts them. The filter cannot be taken off again, so the thread never runs what a
//! thread runs at its end; it ends by the one call that is let through.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use libc::{c_long, sock_filter};
use onelogger::{
    DefaultRecorder, OneLoggerConfig, OneLoggerProvider, RecorderHandle, event, span, timed_span,
};
use onelogger_tests::Null;

/// How often each call was trapped.
static TRAPPED: [AtomicU64; 512] = [const { AtomicU64::new(0) }; 512];

/// The sixth argument of a call that wakes another thread, which has five: the handler passes it so
/// that the filter lets its own call through.
const LET_THROUGH: u32 = 0x6f6e_656c;

/// Counts the call; one that wakes another thread is then made.
extern "C" fn on_trap(_: c_int, _: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel hands a handler that was installed with `SA_SIGINFO` a `ucontext_t`, which
    // nobody else uses while the handler runs.
    let registers = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    let register = |of: c_int| registers[of as usize];
    let call = register(libc::REG_RAX);
    if let Some(count) = TRAPPED.get(call as usize) {
        count.fetch_add(1, Ordering::Relaxed);
    }
    let is_wake = register(libc::REG_RSI) & 0x7f == c_long::from(libc::FUTEX_WAKE);
    let result = if call == libc::SYS_futex && is_wake {
        let [futex, operation, count] = [libc::REG_RDI, libc::REG_RSI, libc::REG_RDX].map(register);
        let none: c_long = 0;
        // SAFETY: the call that was trapped, with arguments that it does not look at.
        unsafe { libc::syscall(call, futex, operation, count, none, none, LET_THROUGH) }
    } else {
        c_long::from(-libc::ENOSYS)
    };
    registers[libc::REG_RAX as usize] = result;
}

/// Has each system call of this thread trapped from here on, but for those that the test itself needs.
fn trap_calls() -> std::io::Result<()> {
    let check = |result: c_int| match result {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    };
    // SAFETY: zeros are a `sigaction` without flags, with an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_flags = libc::SA_SIGINFO;
    action.sa_sigaction = on_trap as *const () as libc::sighandler_t;
    // SAFETY: the handler has the signature that `SA_SIGINFO` asks for, and does what a handler may
    // do: it adds to atomics and makes a system call.
    check(unsafe { libc::sigaction(libc::SIGSYS, &action, std::ptr::null_mut()) })?;

    let load = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    let equal = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    let answer = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    let number = std::mem::offset_of!(libc::seccomp_data, nr) as u32;
    let sixth = std::mem::offset_of!(libc::seccomp_data, args) as u32 + 5 * 8;
    let mut program = [
        step(load, 0, 0, number),
        step(equal, 4, 0, libc::SYS_rt_sigreturn as u32),
        step(equal, 3, 0, libc::SYS_exit as u32),
        step(equal, 0, 3, libc::SYS_futex as u32),
        step(load, 0, 0, sixth),
        step(equal, 0, 1, LET_THROUGH),
        step(answer, 0, 0, libc::SECCOMP_RET_ALLOW),
        step(answer, 0, 0, libc::SECCOMP_RET_TRAP),
    ];
    let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the call takes numbers.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
    let mode = libc::SECCOMP_MODE_FILTER;
    // SAFETY: the program lives through the call, which copies it, and is as long as it says.
    check(unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program) })
}

/// The calls that `work` makes on a thread on which it ran before, by their numbers.
fn calls_of(work: fn()) -> BTreeMap<c_long, u64> {
    static IS_DONE: AtomicBool = AtomicBool::new(false);
    IS_DONE.store(false, Ordering::Relaxed);
    TRAPPED.iter().for_each(|count| count.store(0, Ordering::Relaxed));
    thread::Builder::new()
        .spawn(move || {
            // The first time a thread gets its lane, and callsites are met.
            record();
            trap_calls().expect("the kernel lets a thread have its own calls trapped");
            work();
            // Pairs with the Acquire below: the counts are complete.
            IS_DONE.store(true, Ordering::Release);
            // SAFETY: ends this thread, and runs no destructor of it. Nobody joins it, and what it
            // owns stays where it is.
            unsafe { libc::syscall(libc::SYS_exit, 0) };
        })
        .expect("there is a thread");
    // Pairs with the Release above.
    while !IS_DONE.load(Ordering::Acquire) {
        thread::sleep(Duration::from_millis(1));
    }
    let counts = (0..).zip(&TRAPPED).map(|(call, count)| (call, count.load(Ordering::Relaxed)));
    counts.filter(|&(_, count)| count > 0).collect()
}

#[timed_span(attrs(step, lr = 0.1, phase = "warm-up"))]
fn annotated(step: u64) -> u64 {
    event!("inside", step);
    step + 1
}

#[timed_span]
fn fallible(step: u64) -> Result<u64, std::fmt::Error> {
    Ok(step)
}

/// 4 spans and 3 events.
fn record() {
    let mut outer = span!("outer", a = 1, b = 0.5, c = "8-bytes!");
    annotated(2);
    let _ = fallible(3);
    span!(kind: client, "inner", text = "some longer text than eight bytes"; {
        event!("progress", done = 1, total = 3);
    });
    event!(in outer, "of the outer one");
    outer.set_outcome(onelogger::Outcome::Ok);
}

const RECORDS: u64 = 4 * 2 + 3;
/// More than what `record` takes up in a lane.
const BYTES: u64 = 1 << 10;

/// Counts the calls of `work` with lanes of so many bytes. It calls `record` so often.
fn trial(lane_bytes: u64, rounds: u64, work: fn()) -> BTreeMap<c_long, u64> {
    let config = OneLoggerConfig::builder("test").session_tag("").world_size(1).build().unwrap();
    let recorder = DefaultRecorder::builder().exporter(Null).lane_bytes(lane_bytes as usize);
    let provider = OneLoggerProvider::instance();
    let guard = provider.configure(config, recorder.build().unwrap()).unwrap();
    let handle: RecorderHandle = onelogger::recorder();
    let calls = calls_of(work);
    drop(guard);
    let counts = handle.health().exporters[0].counts;
    assert_eq!(counts.recorded, (rounds + 1) * RECORDS, "{counts:?}");
    assert!(counts.is_balanced(), "{counts:?}");
    calls
}

/// One test, for the handler is the process's, and so is the provider.
#[test]
fn macros_make_no_system_call_but_to_wake_the_pipeline() {
    // The trap sees what is done.
    let known = || {
        // SAFETY: the call takes nothing.
        unsafe { libc::getppid() };
    };
    assert_eq!(trial(1 << 20, 0, known), BTreeMap::from([(libc::SYS_getppid, 1)]));

    // Below a quarter of the lane.
    const FEW: u64 = 10_000;
    let few = || (0..FEW).for_each(|_| record());
    assert_eq!(trial(4 * FEW * BYTES, FEW, few), BTreeMap::new());

    // Far more than a lane holds: at most one for each quarter that is filled.
    const MANY: u64 = 100_000;
    const LANE: u64 = 1 << 20;
    let many = || (0..MANY).for_each(|_| record());
    let mut calls = trial(LANE, MANY, many);
    let wakes = calls.remove(&libc::SYS_futex).unwrap_or_default();
    assert_eq!(calls, BTreeMap::new());
    assert!((1..=MANY * BYTES / (LANE / 4)).contains(&wakes), "{wakes} wakes");
}
