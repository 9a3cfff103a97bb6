//! What is evaluated, and when. In a process of its own: a callsite is on while any provider is
//! configured, and other tests configure theirs.

use std::cell::RefCell;

use onelogger::testing::capture;
use onelogger::{error, event, span};

#[test]
fn attributes_are_evaluated_once_in_order_and_only_when_on() {
    let order = RefCell::new(Vec::new());
    let note = |name: &'static str| {
        order.borrow_mut().push(name);
        name
    };
    let record = || {
        let outer = span!("outer", a = note("a"), b = %note("b"), c = ?note("c"));
        event!("event", d = note("d"), e = note("e"));
        error!(note("f"), "error", g = note("g"));
        span!("block", h = note("h"); { note("body"); });
        drop(outer);
    };
    record();
    // Without a provider nothing is recorded, and nothing evaluated but what the program itself does.
    assert_eq!(order.take(), ["body"]);
    let capture = capture();
    record();
    assert_eq!(order.take(), ["a", "b", "c", "d", "e", "f", "g", "h", "body"]);
    drop(capture);
    record();
    assert_eq!(order.take(), ["body"]);
}
