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

/// The recorder in force here; none where nothing is recorded.
pub(crate) fn in_force() -> Option<Arc<Configured>> {
    let own = with_current(|current| match &current.provider {
        InForce::Global => None,
        InForce::Own(configured) => Some(configured.clone()),
    });
    match own.flatten() {
        Some(own) => own,
        None => OF_PROCESS.get().read().unwrap_or_else(PoisonError::into_inner).clone(),
    }
}
