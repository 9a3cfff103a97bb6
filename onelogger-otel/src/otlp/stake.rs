//! What items stand for in the exporter's counts.

/// The records that are lost with an item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stake {
    /// Records of the call that made the item.
    pub(super) own: usize,
    /// Records that were accepted before, and wait for the item to be seen.
    pub(super) waiting: usize,
    /// How many of all these are additions of attributes, which are counted apart as well.
    pub(super) updates: usize,
}

impl Stake {
    /// What shows no record, or shows it a second time.
    pub(super) const NONE: Stake = Stake { own: 0, waiting: 0, updates: 0 };
    /// One record, which nothing else shows.
    pub(super) const OWN: Stake = Stake { own: 1, ..Stake::NONE };
    /// The same, and it is an addition of attributes.
    pub(super) const OWN_UPDATE: Stake = Stake { updates: 1, ..Stake::OWN };

    pub(super) fn total(self) -> usize {
        self.own + self.waiting
    }

    pub(super) fn plus(self, other: Stake, times: usize) -> Stake {
        Stake {
            own: self.own + other.own * times,
            waiting: self.waiting + other.waiting * times,
            updates: self.updates + other.updates * times,
        }
    }
}

/// The stakes of the items of a request. Most are like their neighbors: each stands with how many
/// items in a row have it.
#[derive(Clone, Debug, Default)]
pub(super) struct Stakes {
    runs: Vec<(Stake, usize)>,
    items: usize,
}

impl Stakes {
    #[inline]
    pub(super) fn push(&mut self, stake: Stake) {
        self.items += 1;
        match self.runs.last_mut() {
            Some((last, count)) if *last == stake => *count += 1,
            _ => self.runs.push((stake, 1)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.runs.clear();
        self.items = 0;
    }

    /// How many items there are.
    pub(super) fn items(&self) -> usize {
        self.items
    }

    /// What is lost if the request is.
    pub(super) fn total(&self) -> Stake {
        self.runs.iter().fold(Stake::NONE, |sum, (stake, count)| sum.plus(*stake, *count))
    }

    /// What is lost if so many items are. Which ones the protocol does not tell; those that stand
    /// for most records are assumed, so that none counts as delivered that is not.
    pub(super) fn of_rejected(&self, mut items: usize) -> Stake {
        let mut stakes = self.runs.clone();
        stakes.sort_unstable_by_key(|(stake, _)| std::cmp::Reverse(stake.total()));
        stakes.into_iter().fold(Stake::NONE, |sum, (stake, count)| {
            let count = count.min(items);
            items -= count;
            sum.plus(stake, count)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_rejected_is_taken_to_be_what_weighs_most() {
        let mut stakes = Stakes::default();
        for waiting in [1, 5, 1, 1] {
            stakes.push(Stake { own: 1, waiting, updates: waiting - 1 });
        }
        assert_eq!(stakes.of_rejected(0), Stake::NONE);
        assert_eq!(stakes.of_rejected(1), Stake { own: 1, waiting: 5, updates: 4 });
        assert_eq!(stakes.of_rejected(3), Stake { own: 3, waiting: 7, updates: 4 });
        assert_eq!(stakes.of_rejected(9), stakes.total());
        assert_eq!(stakes.total(), Stake { own: 4, waiting: 8, updates: 4 });
        stakes.clear();
        assert_eq!(stakes.total(), Stake::NONE);
    }
}
