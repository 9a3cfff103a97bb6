//! A list of statics that only grows, and the byte that each of them keeps.
//!
//! Protocol. Each member brings its own [`Link`]. The thread that swaps `is_claimed` to true is the
//! only one that ever writes the member's `next`, and does so before it publishes the member by a
//! compare-exchange of `head` (Release). A reader loads `head` (Acquire): every later head was put
//! there by a read-modify-write, so the reader sees the `next` of each member that it can reach.
//! Members are numbered from 1 on, in the order in which they came: each knows its place before it is
//! published, and shows it as its number (Release) when it is. So whoever has read a number (Acquire),
//! or got it from one who has, finds that member in the list.
//! A member never leaves. A fork between the swap and the publication leaves a member out of the
//! child's list; nothing else rests on it.
//!
//! These live in statics, so they are the standard library's atomics and have no loom model.

use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, Ordering};

/// What makes a static a member of a [`Chain`].
pub(crate) struct Link<T: 'static> {
    is_claimed: AtomicBool,
    next: AtomicPtr<T>,
    /// The place in the list, counted from 1; valid in what is published.
    place: AtomicU32,
    /// The same once the member is published, 0 before.
    number: AtomicU32,
}

/// A type whose statics can be members of a [`Chain`].
pub(crate) trait Linked: Sync + Sized + 'static {
    /// The member's own link: the same one at each call.
    fn link(&self) -> &Link<Self>;
}

/// A list of statics.
pub(crate) struct Chain<T: 'static> {
    head: AtomicPtr<T>,
}

impl<T> Link<T> {
    pub(crate) const fn new() -> Link<T> {
        Link {
            is_claimed: AtomicBool::new(false),
            next: AtomicPtr::new(std::ptr::null_mut()),
            place: AtomicU32::new(0),
            number: AtomicU32::new(0),
        }
    }

    /// The member's number; 0 as long as it is in no list.
    #[inline]
    pub(crate) fn number(&self) -> u32 {
        // Acquire: pairs with the Release at the end of `add`.
        self.number.load(Ordering::Acquire)
    }
}

impl<T: Linked> Chain<T> {
    pub(crate) const fn new() -> Chain<T> {
        Chain { head: AtomicPtr::new(std::ptr::null_mut()) }
    }

    /// Adds a member, unless that was done before; whether this call did it.
    pub(crate) fn add(&self, member: &'static T) -> bool {
        let link = member.link();
        // Relaxed: of several threads one sees `false`, and nothing is read on the strength of it.
        if link.is_claimed.swap(true, Ordering::Relaxed) {
            return false;
        }
        // Acquire, here and below: pairs with the Release of the thread that added the head, whose
        // place is read.
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            link.next.store(head, Ordering::Relaxed);
            // SAFETY: as in `iter`.
            let before = unsafe { head.as_ref() };
            let place = before.map_or(0, |before| before.link().place.load(Ordering::Relaxed)) + 1;
            link.place.store(place, Ordering::Relaxed);
            let own = std::ptr::from_ref(member).cast_mut();
            // Release: pairs with the Acquire in `iter`.
            match self.head.compare_exchange(head, own, Ordering::Release, Ordering::Acquire) {
                Ok(_) => {
                    // Release: pairs with the Acquire of `number`.
                    link.number.store(place, Ordering::Release);
                    return true;
                }
                Err(seen) => head = seen,
            }
        }
    }

    /// The members after the first so many, the newest first.
    pub(crate) fn after(&self, count: u32) -> impl Iterator<Item = &'static T> + use<T> {
        // What stands in the list is published, so its place is valid.
        self.iter().take_while(move |member| member.link().place.load(Ordering::Relaxed) > count)
    }

    /// The members, the newest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'static T> + use<T> {
        // Acquire: pairs with the Release in `add`.
        let mut next = self.head.load(Ordering::Acquire);
        std::iter::from_fn(move || {
            // SAFETY: a pointer that is not null came from a `&'static T` in `add` and is never
            // written through; `T: Sync` lets every thread read what it points to.
            let member: &'static T = unsafe { next.as_ref() }?;
            next = member.link().next.load(Ordering::Relaxed);
            Some(member)
        })
    }
}

/// A byte that one thread changes now and then, and others read without anything else resting on it.
pub(crate) struct Byte(AtomicU8);

impl Byte {
    pub(crate) const fn new(value: u8) -> Byte {
        Byte(AtomicU8::new(value))
    }

    #[inline]
    pub(crate) fn get(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, value: u8) {
        self.0.store(value, Ordering::Relaxed);
    }
}

/// A number of a member's that others read: what its setter has seen of the list, they see.
pub(crate) struct Number(AtomicU32);

impl Number {
    pub(crate) const fn new(value: u32) -> Number {
        Number(AtomicU32::new(value))
    }

    #[inline]
    pub(crate) fn get(&self) -> u32 {
        // Acquire: pairs with the Release of `set`.
        self.0.load(Ordering::Acquire)
    }

    pub(crate) fn set(&self, value: u32) {
        self.0.store(value, Ordering::Release);
    }
}

#[cfg(all(test, not(onelogger_loom)))]
mod tests {
    use super::*;

    struct Member(usize, Link<Member>);

    impl Linked for Member {
        fn link(&self) -> &Link<Member> {
            &self.1
        }
    }

    /// Several threads add the same members at the same time: each is in the list once, and readers
    /// meanwhile see a list that only grows.
    #[test]
    fn each_member_is_added_once_by_one_of_many_threads() {
        const MEMBERS: usize = 2_000;
        static CHAIN: Chain<Member> = Chain::new();
        let members: &'static Vec<Member> =
            Box::leak(Box::new((0..MEMBERS).map(|i| Member(i, Link::new())).collect()));
        let added = std::thread::scope(|scope| {
            let adders: [_; 4] = std::array::from_fn(|thread| {
                scope.spawn(move || {
                    let order = (0..MEMBERS).map(|i| (i * 7 + thread * 501) % MEMBERS);
                    order.filter(|&i| CHAIN.add(&members[i])).count()
                })
            });
            let mut seen = 0;
            while seen < MEMBERS {
                let now = CHAIN.iter().count();
                assert!(now >= seen, "the list shrank from {seen} to {now}");
                seen = now;
            }
            adders.map(|adder| adder.join().unwrap()).iter().sum::<usize>()
        });
        assert_eq!(added, MEMBERS);
        let mut found: Vec<usize> = CHAIN.iter().map(|member| member.0).collect();
        found.sort_unstable();
        assert_eq!(found, (0..MEMBERS).collect::<Vec<_>>());
        let numbers = CHAIN.iter().map(|member| member.1.number() as usize);
        assert!(numbers.eq((1..=MEMBERS).rev()));
        assert_eq!(CHAIN.after(MEMBERS as u32 - 2).count(), 2);
    }
}
