//! The CPU's counter: the cheapest clock there is, where it can be trusted.
//!
//! A reading may be a little older than what came before it on the same thread: the CPU reads ahead
//! while it waits for memory. To make it wait ([`ticks_between`]) would double what a record costs.
//! By how much a reading can be early is bounded by what a CPU holds in flight: some hundred
//! instructions, far less than a microsecond but for a chain of loads that all miss.

/// Whether the counter runs at one rate, whatever the CPU does to save power.
#[cfg(all(target_arch = "x86_64", not(miri)))]
pub(crate) fn are_invariant() -> bool {
    use std::arch::x86_64::__cpuid;
    const HIGHEST: u32 = 0x8000_0000;
    const POWER: u32 = 0x8000_0007;
    const INVARIANT: u32 = 1 << 8;
    __cpuid(HIGHEST).eax >= POWER && __cpuid(POWER).edx & INVARIANT != 0
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
pub(crate) fn are_invariant() -> bool {
    false
}

/// The counter now.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline]
pub(crate) fn ticks() -> u64 {
    // SAFETY: the instruction is part of every x86-64 CPU and touches nothing but registers. Where an
    // operating system forbids it, it has no counter to offer as its own clock source either, and the
    // clock does not come here.
    unsafe { std::arch::x86_64::_rdtsc() }
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
#[inline]
pub(crate) fn ticks() -> u64 {
    0
}

/// The same, after everything that comes before it is done, and before anything that comes after it.
#[inline]
pub(crate) fn ticks_between() -> u64 {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    wait_for_what_came_before();
    let now = ticks();
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    wait_for_what_came_before();
    now
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
fn wait_for_what_came_before() {
    // SAFETY: the instruction belongs to SSE2, which every x86-64 CPU has, and changes nothing.
    unsafe { std::arch::x86_64::_mm_lfence() }
}

#[cfg(all(test, not(onelogger_loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_invariant_counter_never_runs_backwards() {
        if are_invariant() {
            let readings: Vec<u64> = (0..1000).map(|_| ticks_between()).collect();
            assert!(readings.is_sorted() && readings[0] < readings[999]);
        }
    }
}
