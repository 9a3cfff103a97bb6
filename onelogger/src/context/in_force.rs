//! Which recorder is in force: that of the context, else that of the process.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, RwLock};

use super::{InForce, with_provider};
use crate::recorder::{Configured, Span};
use crate::sync::{ForkLocal, begin_epoch, epoch};

/// What the provider of the process is configured with. A forked child begins without.
static OF_PROCESS: ForkLocal<RwLock<Option<Arc<Configured>>>> =
    ForkLocal::new(|| RwLock::new(None));

/// What a thread has seen of it, so that recording takes no lock.
struct Seen {
    /// The [`epoch`] in which it was seen.
    at: u64,
    configured: Option<Arc<Configured>>,
}

impl Drop for Seen {
    /// It may be the last handle of a recorder of the application's own, whose destructor may panic:
    /// where the thread ends that would end the process, and elsewhere it is no affair of whoever
    /// records something else here.
    fn drop(&mut self) {
        let configured = self.configured.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(configured)));
    }
}

thread_local! {
    static SEEN: RefCell<Option<Seen>> = const { RefCell::new(None) };
}

/// Puts a recorder in force for the process, or none.
pub(crate) fn set_of_process(configured: Option<Arc<Configured>>) {
    let mut place = OF_PROCESS.get().write().unwrap_or_else(PoisonError::into_inner);
    let before = std::mem::replace(&mut *place, configured);
    // Not held while a recorder ends.
    drop(place);
    begin_epoch();
    drop(before);
}

/// The recorder in force here; none where nothing is recorded. A provider of the context's own that is
/// closed is as if it were not there.
pub(crate) fn in_force() -> Option<Arc<Configured>> {
    let own = with_provider(|provider| match provider {
        InForce::Own(Some(closed)) if closed.is_closed() => None,
        InForce::Own(configured) => Some(configured.clone()),
        InForce::Global => None,
    });
    match own.flatten() {
        Some(own) => own,
        None => of_process(),
    }
}

/// Calls `use_it` with the recorder in force here, without a handle of its own; `None` where nothing
/// is recorded. `use_it` is called once at most; it is not moved, which would cost much of what this
/// saves.
#[inline]
pub(crate) fn with_in_force<R>(mut use_it: impl FnMut(&Arc<Configured>) -> R) -> Option<R> {
    let mut use_seen = |seen: &RefCell<Option<Seen>>, at| {
        let seen = seen.try_borrow().ok()?;
        let seen = seen.as_ref().filter(|seen| seen.at == at)?;
        Some(seen.configured.as_ref().map(&mut use_it))
    };
    let is_global = with_provider(|provider| matches!(provider, InForce::Global));
    if is_global == Some(true) {
        let at = epoch();
        let used = SEEN.try_with(|seen| {
            use_seen(seen, at).or_else(|| {
                look_again(seen, at);
                use_seen(seen, at)
            })
        });
        if let Ok(Some(result)) = used {
            return result;
        }
        // The thread is ending, or the recorder has changed while this thread was calling it.
    }
    in_force().map(|configured| use_it(&configured))
}

/// Whether this is the recorder in force here, still.
pub(crate) fn is_in_force(configured: &Arc<Configured>) -> bool {
    with_in_force(|now| Arc::ptr_eq(now, configured)) == Some(true)
}

/// Calls `use_it` with what a span was started through, once; `None` where that is not there any more.
#[inline]
pub(crate) fn with_owner<R>(
    span: &Span,
    mut use_it: impl FnMut(&Arc<Configured>) -> R,
) -> Option<R> {
    // What the thread has seen serves also if it is not in force any more.
    let seen = SEEN.try_with(|seen| {
        let seen = seen.try_borrow().ok()?;
        let configured = seen.as_ref()?.configured.as_ref()?;
        if span.is_owned_by(configured) { Some(use_it(configured)) } else { None }
    });
    match seen {
        Ok(Some(result)) => Some(result),
        _ => span.owner().map(|owner| use_it(&owner)),
    }
}

/// Sees what is in force for the process, as of now or later.
#[cold]
fn look_again(seen: &RefCell<Option<Seen>>, at: u64) {
    let configured = of_process();
    // Dropped outside of the borrow: it may be the last handle of a recorder.
    let _before =
        seen.try_borrow_mut().ok().and_then(|mut seen| seen.replace(Seen { at, configured }));
}

fn of_process() -> Option<Arc<Configured>> {
    OF_PROCESS.get().read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The recorder of the process, unless somebody is changing it just now.
pub(crate) fn try_of_process() -> Option<Arc<Configured>> {
    OF_PROCESS.get().try_read().ok()?.clone()
}
