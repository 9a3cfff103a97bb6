//! An annotated function is what it was: borrows, drop order, auto traits, sizes.

use std::cell::RefCell;
use std::future::{Future, ready};
use std::pin::pin;
use std::task::{Context, Waker};

use onelogger::testing::capture;
use onelogger::{span, timed_span};

thread_local! {
    static DROPPED: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// Says when it is dropped.
struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        DROPPED.with_borrow_mut(|dropped| dropped.push(self.0));
    }
}

fn dropped() -> Vec<&'static str> {
    DROPPED.take()
}

/// The same function with and without the attribute.
macro_rules! both {
    ($plain:ident, $timed:ident, { $($function:tt)* }) => {
        both!(@ [] $plain { $($function)* });
        both!(@ [#[timed_span]] $timed { $($function)* });
    };
    (@ [$($attribute:tt)*] $name:ident { async $parameters:tt -> $result:ty $body:block }) => {
        $($attribute)*
        async fn $name $parameters -> $result $body
    };
    (@ [$($attribute:tt)*] $name:ident { $parameters:tt -> $result:ty $body:block }) => {
        $($attribute)*
        fn $name $parameters -> $result $body
    };
}

both!(plain, timed, {
    ((x, _): (Noisy, Noisy), _: Noisy, c: Noisy, mut d: Noisy) -> Result<u8, String> {
        let _local = Noisy("local");
        let _ = (&x, &c);
        d.0 = "d";
        Ok(1)
    }
});

both!(plain_unit, timed_unit, {
    (_: Noisy, b: Noisy, _c: Noisy) -> () {
        let _local = Noisy("local");
        drop(b);
    }
});

both!(plain_async, timed_async, {
    async (_: Noisy, b: Noisy, (c, _): (Noisy, Noisy)) -> Result<u8, String> {
        let _local = Noisy("local");
        let _ = (&b, &c);
        ready(()).await;
        Ok(1)
    }
});

struct Owner {
    used: Noisy,
    _other: Noisy,
}

impl Owner {
    fn new() -> Owner {
        Owner { used: Noisy("used"), _other: Noisy("other") }
    }

    #[expect(clippy::needless_pass_by_value, reason = "it is to be dropped")]
    fn plain(self, a: Noisy) -> Result<(), String> {
        let _ = (&self.used, &a);
        Ok(())
    }

    #[timed_span]
    fn timed(self, a: Noisy) -> Result<(), String> {
        let _ = (&self.used, &a);
        Ok(())
    }

    async fn plain_async(self, a: Noisy) {
        let _ = (&self.used, &a);
    }

    #[timed_span]
    async fn timed_async(self, a: Noisy) {
        let _ = (&self.used, &a);
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    futures::executor::block_on(future)
}

#[test]
fn things_are_dropped_in_the_same_order() {
    let _capture = capture();
    let n = Noisy;
    plain((n("x"), n("x_")), n("_"), n("c"), n("?")).unwrap();
    let expected = dropped();
    assert_eq!(expected.len(), 6);
    timed((n("x"), n("x_")), n("_"), n("c"), n("?")).unwrap();
    assert_eq!(dropped(), expected);

    plain_unit(n("_"), n("b"), n("_c"));
    let expected = dropped();
    timed_unit(n("_"), n("b"), n("_c"));
    assert_eq!(dropped(), expected);

    block_on(plain_async(n("_"), n("b"), (n("c"), n("c_")))).unwrap();
    let expected = dropped();
    block_on(timed_async(n("_"), n("b"), (n("c"), n("c_")))).unwrap();
    assert_eq!(dropped(), expected);

    Owner::new().plain(n("a")).unwrap();
    let expected = dropped();
    Owner::new().timed(n("a")).unwrap();
    assert_eq!(dropped(), expected);

    block_on(Owner::new().plain_async(n("a")));
    let expected = dropped();
    block_on(Owner::new().timed_async(n("a")));
    assert_eq!(dropped(), expected);
}

#[test]
fn a_future_that_is_never_polled_drops_its_arguments_in_the_same_order() {
    let n = Noisy;
    drop(plain_async(n("_"), n("b"), (n("c"), n("c_"))));
    let expected = dropped();
    assert_eq!(expected.len(), 4);
    drop(timed_async(n("_"), n("b"), (n("c"), n("c_"))));
    assert_eq!(dropped(), expected);
}

struct Store {
    items: Vec<String>,
    name: String,
}

impl Store {
    #[timed_span]
    fn reborrowed(&mut self) -> &mut String {
        &mut self.name
    }

    #[timed_span]
    fn with_lifetime<'a>(
        &'a mut self,
        key: &'a str,
    ) -> Result<&'a mut String, std::num::ParseIntError> {
        let place: usize = key.parse()?;
        Ok(&mut self.items[place])
    }

    #[timed_span(err = false)]
    fn two_fields(&mut self) -> Option<(&mut Vec<String>, &str)> {
        Some((&mut self.items, &self.name))
    }

    #[timed_span(attrs(name))]
    async fn later(&mut self, name: &str) -> Result<&str, std::fmt::Error> {
        ready(()).await;
        self.name.push_str(name);
        Ok(&self.name)
    }

    #[timed_span]
    fn consumed(mut self) -> Result<Vec<String>, ()> {
        self.items.push(self.name);
        Ok(self.items)
    }
}

#[test]
fn borrows_live_as_long_as_without_the_attribute() {
    let _capture = capture();
    let mut store = Store { items: vec!["a".into()], name: "n".into() };
    store.reborrowed().push('m');
    store.with_lifetime("0").unwrap().push('b');
    let (items, name) = store.two_fields().unwrap();
    items.push(name.to_owned());
    assert_eq!(block_on(store.later("!")), Ok("nm!"));
    assert_eq!(store.consumed().unwrap(), ["ab", "nm", "nm!"]);
}

#[timed_span(attrs(x))]
async fn timed_future(x: [u8; 256]) -> Result<usize, String> {
    ready(()).await;
    Ok(x.len())
}

async fn plain_future(x: [u8; 256]) -> Result<usize, String> {
    ready(()).await;
    Ok(x.len())
}

#[timed_span]
async fn timed_unpin() {}

fn is_send<T: Send>(_: &T) {}
fn is_sync<T: Sync>(_: &T) {}
fn is_unpin<T: Unpin>(_: &T) {}
fn is_static<T: 'static>(_: &T) {}

#[timed_span]
fn timed_ready() -> impl Future<Output = u8> {
    ready(1)
}

#[test]
fn futures_keep_their_auto_traits() {
    let future = timed_future([0; 256]);
    is_send(&future);
    is_sync(&future);
    is_static(&future);
    is_unpin(&timed_ready());
    is_send(&timed_unpin());
    is_send(&span!(async "x"; { ready(()).await; }));
}

#[test]
fn a_future_is_at_most_64_bytes_larger() {
    let (plain, timed) =
        (size_of_val(&plain_future([0; 256])), size_of_val(&timed_future([0; 256])));
    assert!(timed <= plain + 64, "{plain} bytes without, {timed} with the attribute");
    #[timed_span]
    async fn outer(x: [u8; 256]) -> Result<usize, String> {
        timed_future(x).await
    }
    async fn outer_plain(x: [u8; 256]) -> Result<usize, String> {
        plain_future(x).await
    }
    let (plain, timed) = (size_of_val(&outer_plain([0; 256])), size_of_val(&outer([0; 256])));
    assert!(timed <= plain + 2 * 64, "two deep: {plain} bytes without, {timed} with the attribute");
}

/// A chain of annotated calls passes a `Send` check within the default recursion limit. As deep as
/// plain functions get only if what is called stands first: the compiler remembers what it has seen.
macro_rules! chain {
    ($first:ident $($rest:ident)*) => {
        #[timed_span]
        async fn $first(x: u64) -> u64 {
            ready(()).await;
            x
        }
        chain!(@ $first $($rest)*);
    };
    (@ $called:ident $calls:ident $($rest:ident)*) => {
        #[timed_span]
        async fn $calls(x: u64) -> u64 {
            $called(x).await
        }
        chain!(@ $calls $($rest)*);
    };
    (@ $last:ident) => {};
}

chain!(
    c1 c2 c3 c4 c5 c6 c7 c8 c9 c10 c11 c12 c13 c14 c15 c16 c17 c18 c19 c20 c21 c22 c23 c24 c25 c26 c27 c28
);

#[test]
fn a_chain_of_28_calls_is_send() {
    let _capture = capture();
    let mut future = Box::pin(c28(7));
    is_send(&future);
    // Polled here: an executor's own wrappers would count towards the limit as well.
    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!(future.as_mut().poll(&mut cx), std::task::Poll::Ready(7));
}

#[test]
fn a_value_that_is_no_longer_used_is_free_at_once() {
    let _capture = capture();
    let mut list = vec![1];
    {
        let _span = span!("x", length = list.len(), first = %list[0]);
        // The span holds no borrow of what its attributes were made of.
        list.push(2);
    }
    let mutex = std::sync::Mutex::new(3);
    let _span = span!("y", value = *mutex.lock().unwrap());
    assert!(mutex.try_lock().is_ok(), "temporaries of attributes live no longer than the macro");
}

#[test]
fn polling_after_a_pause_needs_no_runtime() {
    let _capture = capture();
    let mut future = pin!(timed_future([0; 256]));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut cx).is_ready());
}
