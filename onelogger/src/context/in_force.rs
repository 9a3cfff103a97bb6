//! Which recorder is in force: that of the context, else that of the process.

use std::sync::{Arc, PoisonError, RwLock};

use super::{InForce, with_current};
use crate::recorder::Configured;
use crate::sync::ForkLocal;

/// What the provider of the process is configured with. A forked child begins without.
static OF_PROCESS: ForkLocal<RwLock<Option<Arc<Configured>>>> =
    ForkLocal::new(|| RwLock::new(None));

/// Puts a recorder in force for the process, or none.
pub(crate) fn set_of_process(configured: Option<Arc<Configured>>) {
    let mut place = OF_PROCESS.get().write().unwrap_or_else(PoisonError::into_inner);
    let before = std::mem::replace(&mut *place, configured);
    // Not held while a recorder ends.
    drop(place);
    drop(before);
}

/// The recorder in force here; none where nothing is recorded. A provider of the context's own that is
/// closed is as if it were not there.
pub(crate) fn in_force() -> Option<Arc<Configured>> {
    let own = with_current(|current| match &current.provider {
        InForce::Own(Some(closed)) if closed.is_closed() => None,
        InForce::Own(configured) => Some(configured.clone()),
        InForce::Global => None,
    });
    match own.flatten() {
        Some(own) => own,
        None => OF_PROCESS.get().read().unwrap_or_else(PoisonError::into_inner).clone(),
    }
}

/// The recorder of the process, unless somebody is changing it just now.
pub(crate) fn try_of_process() -> Option<Arc<Configured>> {
    OF_PROCESS.get().try_read().ok()?.clone()
}
