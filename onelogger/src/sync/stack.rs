//! A list that any thread adds to without waiting, and that is taken as a whole.
//!
//! Protocol. `head` points to the node added last, each node to the one before. `push` makes its
//! node point to the head it saw and swaps it in with a Release compare-exchange; whoever takes
//! swaps the head out with Acquire and thereby owns every node behind it. Nodes are never taken one
//! by one, and a pusher never looks into the head that it saw: if that was freed meanwhile, and a new
//! node has its address, then that new node is the head, and to point to it is right.
//! Once sealed, the head is a mark that no node has, and every later push gives its value back.

use std::ptr;

use super::primitive::{AtomicPtr, Ordering};

pub(crate) struct Stack<T> {
    head: AtomicPtr<Node<T>>,
}

struct Node<T> {
    value: T,
    next: *mut Node<T>,
}

// SAFETY: the stack owns its values and hands each to one thread only, so it is as free to move
// and to share as a channel of `T`: `T: Send` is all it takes.
unsafe impl<T: Send> Send for Stack<T> {}
// SAFETY: as above; no `&T` is ever given out.
unsafe impl<T: Send> Sync for Stack<T> {}

impl<T> Stack<T> {
    pub(crate) fn new() -> Stack<T> {
        Stack { head: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Adds a value; gives it back if the stack is sealed. Never waits.
    pub(crate) fn push(&self, value: T) -> Result<(), T> {
        let node = Box::into_raw(Box::new(Node { value, next: ptr::null_mut() }));
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            if head == sealed() {
                // SAFETY: the node comes from the box above and was not published.
                return Err(unsafe { Box::from_raw(node) }.value);
            }
            // SAFETY: the node is ours until it is published below.
            unsafe { (*node).next = head };
            // Release: pairs with the Acquire swap in `replace`, which then sees value and `next`
            // of this node, and through the release sequence those of the nodes behind it.
            match self.head.compare_exchange_weak(head, node, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => return Ok(()),
                Err(seen) => head = seen,
            }
        }
    }

    /// Takes all values, the oldest first.
    pub(crate) fn take_all(&self) -> Vec<T> {
        // Without this look the swap would unseal. Only the one consumer seals and takes, so the
        // answer cannot change before the swap; a stale "empty" is as good as having come earlier.
        let head = self.head.load(Ordering::Relaxed);
        if head.is_null() || head == sealed() {
            return Vec::new();
        }
        self.replace(ptr::null_mut())
    }

    /// Takes all values, the oldest first, and refuses all later ones.
    pub(crate) fn seal(&self) -> Vec<T> {
        self.replace(sealed())
    }

    fn replace(&self, with: *mut Node<T>) -> Vec<T> {
        // Acquire: pairs with the Release of `push`.
        let mut node = self.head.swap(with, Ordering::Acquire);
        let mut values = Vec::new();
        while !node.is_null() && node != sealed() {
            // SAFETY: the swap made us the only owner of this node and of all behind it, each of
            // which came from a box in `push`; it is left behind before it is freed.
            let owned = unsafe { Box::from_raw(node) };
            node = owned.next;
            values.push(owned.value);
        }
        values.reverse();
        values
    }
}

impl<T> Drop for Stack<T> {
    fn drop(&mut self) {
        self.replace(ptr::null_mut());
    }
}

/// An address that no node has: it is not aligned for one.
fn sealed<T>() -> *mut Node<T> {
    ptr::without_provenance_mut(1)
}

#[cfg(all(test, not(onelogger_loom)))]
mod tests {
    use super::*;

    #[test]
    fn values_come_in_the_order_of_their_pushes() {
        let stack = Stack::new();
        for i in 0..5 {
            stack.push(i).unwrap();
        }
        assert_eq!(stack.take_all(), [0, 1, 2, 3, 4]);
        assert!(stack.take_all().is_empty());
        stack.push(5).unwrap();
        assert_eq!(stack.seal(), [5]);
        assert_eq!(stack.push(6), Err(6));
        assert!(stack.take_all().is_empty());
        assert_eq!(stack.push(7), Err(7));
    }

    #[test]
    fn many_threads_lose_nothing() {
        let stack = Stack::new();
        let taken = std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let stack = &stack;
                scope
                    .spawn(move || (0..10_000).for_each(|i| stack.push(thread << 32 | i).unwrap()));
            }
            let mut taken = Vec::new();
            while taken.len() < 40_000 {
                taken.extend(stack.take_all());
            }
            taken
        });
        for thread in 0..4 {
            let of_thread = taken.iter().filter(|&&value| value >> 32 == thread);
            assert!(of_thread.map(|value| value & 0xffff_ffff).eq(0..10_000));
        }
    }
}

#[cfg(all(test, onelogger_loom))]
mod loom_tests {
    use std::sync::Arc;

    use loom::cell::UnsafeCell;

    use super::*;

    /// Two pushes against a take and a seal: every accepted value is taken exactly once, and what
    /// its thread did before is visible to the taker. Loom does not see the memory of a node, so
    /// the value is a place that loom does see.
    #[test]
    fn loom_every_accepted_value_is_taken_once() {
        loom::model(|| {
            let stack = Arc::new(Stack::new());
            let pushers = [1_u32, 2].map(|number| {
                let stack = Arc::clone(&stack);
                loom::thread::spawn(move || {
                    let value = Box::new(UnsafeCell::new(0));
                    // SAFETY: the value was not handed on yet.
                    value.with_mut(|place| unsafe { *place = number });
                    stack.push(value).map_or(0, |()| number)
                })
            });
            let mut taken = stack.take_all();
            taken.extend(stack.seal());
            // SAFETY: whoever takes a value owns it; loom checks that its writer is done.
            let taken = taken.iter().map(|value| value.with(|place| unsafe { *place }));
            let taken: u32 = taken.sum();
            let accepted: u32 = pushers.map(|pusher| pusher.join().unwrap()).iter().sum();
            assert_eq!(taken, accepted);
        });
    }
}
