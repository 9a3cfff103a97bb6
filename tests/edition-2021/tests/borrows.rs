//! An annotated `async fn` of edition 2021 captures what it borrows, although an `impl Future` that is
//! written by hand would not; temporaries of a last expression live as they do in that edition.

use std::future::{ready, Future};
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use onelogger::timed_span;

#[timed_span(attrs(a, b))]
async fn borrows_several(
    a: &str,
    b: &str,
    c: &mut Vec<String>,
) -> Result<usize, std::num::ParseIntError> {
    ready(()).await;
    c.push(a.to_owned());
    Ok(b.parse::<usize>()? + a.len())
}

struct Store<'a>(&'a str, Mutex<Vec<u8>>);

impl<'a> Store<'a> {
    #[timed_span]
    async fn chosen(&self, other: &'a str, which: &u8) -> Option<&'a str> {
        ready(()).await;
        Some(if *which > 1 { other } else { self.0 })
    }

    #[timed_span]
    async fn bytes(&self, text: &str) -> impl Iterator<Item = u8> {
        ready(()).await;
        text.bytes().collect::<Vec<_>>().into_iter().chain(self.0.bytes())
    }

    #[timed_span]
    fn first(&self) -> Option<usize> {
        self.1.lock().unwrap().first().copied().map(usize::from)
    }

    #[timed_span]
    fn length(&self) -> usize {
        self.1.lock().unwrap().len()
    }
}

fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("nothing here waits"),
    }
}

#[test]
fn they_borrow_and_run() {
    let capture = onelogger::testing::capture();
    let (text, mut list) = (String::from("ab"), Vec::new());
    assert_eq!(run(borrows_several(&text, "40", &mut list)), Ok(42));
    assert_eq!(list, ["ab"]);
    let store = Store(&text, Mutex::new(vec![7]));
    assert_eq!(run(store.chosen("other", &2)), Some("other"));
    assert_eq!(run(store.bytes("c")).count(), 3);
    assert_eq!((store.first(), store.length()), (Some(7), 1));
    assert_eq!(capture.finish().len(), 10);
}
