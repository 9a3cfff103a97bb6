use onelogger::Name;
use onelogger::recorder::RecordError;

use crate::recorder::refused;

/// Units at most: a name that is made anew each time must not fill the memory.
const UNITS: usize = 16;

/// Work done, in the application's own units.
#[derive(Clone, Debug, Default)]
pub(crate) struct Work(Vec<(Name, u64)>);

impl Work {
    pub(crate) fn add(&mut self, unit: Name, amount: u64) -> Result<(), RecordError> {
        if let Some((_, sum)) = self.0.iter_mut().find(|(known, _)| *known == unit) {
            *sum = sum.saturating_add(amount);
            return Ok(());
        }
        if self.0.len() == UNITS {
            let reason = format!("there are {UNITS} units of work already; `{unit}` is one more");
            return Err(refused(reason));
        }
        self.0.push((unit, amount));
        Ok(())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Name, u64)> {
        self.0.iter().map(|(unit, sum)| (unit, *sum))
    }
}
