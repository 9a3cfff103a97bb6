//! Beside `tracing` and `log`: macros of the same names in one file, both attributes on one function,
//! attributes of others below and above ours.

use std::sync::{Arc, Mutex};

use onelogger::testing::capture;
use onelogger_tests::tree::assert_tree;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

mod theirs_by_name {
    use log::error;
    use onelogger::timed_span;
    use tracing::{event, instrument, span};

    #[timed_span(name = "ours first")]
    #[instrument(name = "theirs second")]
    pub(crate) fn ours_first(n: u32) -> Result<u32, String> {
        let _theirs = span!(tracing::Level::INFO, "their span").entered();
        event!(tracing::Level::INFO, "their event");
        error!("their error");
        let _ours = onelogger::span!("our span", n);
        onelogger::event!("our event");
        onelogger::error!("our error");
        Ok(n)
    }

    #[instrument(name = "theirs first")]
    #[timed_span(name = "ours second")]
    pub(crate) fn theirs_first(n: u32) -> Result<u32, String> {
        ours_first(n)
    }

    #[timed_span(name = "async ours first")]
    #[instrument(name = "async theirs second")]
    pub(crate) async fn async_ours_first(n: u32) -> Result<u32, String> {
        std::future::ready(()).await;
        onelogger::event!("in both", n);
        Ok(n)
    }

    #[instrument(name = "async theirs first")]
    #[timed_span(name = "async ours second")]
    pub(crate) async fn async_theirs_first(n: u32) -> Result<u32, String> {
        async_ours_first(n).await
    }
}

mod ours_by_name {
    use onelogger::{error, event, span, timed_span};

    #[timed_span(name = "ours")]
    pub(crate) fn f() {
        let _span = span!("our span");
        event!("our event");
        error!("our error");
        tracing::error!("their error");
        log::error!("their error");
    }
}

/// Notes the names of the spans that are made.
#[derive(Clone, Default)]
struct Names(Arc<Mutex<Vec<&'static str>>>);

impl Subscriber for Names {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut names = self.0.lock().unwrap();
        names.push(span.metadata().name());
        Id::from_u64(names.len() as u64)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn both_attributes_work_in_either_order() {
    let capture = capture();
    let names = Names::default();
    tracing::subscriber::with_default(names.clone(), || {
        theirs_by_name::theirs_first(1).unwrap();
        ours_by_name::f();
        futures::executor::block_on(theirs_by_name::async_theirs_first(2)).unwrap();
    });
    assert_tree(
        &capture.finish(),
        "
        ours second
          ours first
            our span n=1
              · our event
              ! our error
        ours
          our span
            · our event
            ! our error
        async ours second
          async ours first
            · in both n=2
        ",
    );
    let expected = [
        "theirs first",
        "theirs second",
        "their span",
        "async theirs first",
        "async theirs second",
    ];
    assert_eq!(*names.0.lock().unwrap(), expected);
}

mod attributes_of_others {
    use onelogger::timed_span;

    #[async_trait::async_trait]
    pub(crate) trait Fetch {
        async fn fetch(&self, key: &str) -> Result<usize, String>;

        #[timed_span(name = "provided", attrs(key))]
        async fn provided(&self, key: &str) -> Result<usize, String> {
            self.fetch(key).await
        }
    }

    pub(crate) struct Store(pub(crate) usize);

    #[async_trait::async_trait]
    impl Fetch for Store {
        #[timed_span(name = "fetch", attrs(key, store = self.0))]
        async fn fetch(&self, key: &str) -> Result<usize, String> {
            std::future::ready(()).await;
            onelogger::event!("inside");
            if key.is_empty() { Err("no key".into()) } else { Ok(key.len()) }
        }
    }

    #[tokio::main(flavor = "current_thread")]
    #[timed_span(name = "below tokio's")]
    pub(crate) async fn below() -> Result<(), String> {
        tokio::task::yield_now().await;
        Ok(())
    }

    #[timed_span(name = "above tokio's")]
    #[tokio::main(flavor = "current_thread")]
    pub(crate) async fn above() -> Result<(), String> {
        tokio::task::yield_now().await;
        Err("as it must".into())
    }
}

#[test]
fn attributes_of_others_stand_above_and_below() {
    use attributes_of_others::{Fetch as _, Store, above, below};
    let capture = capture();
    futures::executor::block_on(async {
        Store(3).provided("key").await.unwrap();
        Store(3).fetch("").await.unwrap_err();
    });
    below().unwrap();
    above().unwrap_err();
    assert_tree(
        &capture.finish(),
        "
        provided key=key
          fetch key=key store=3
            · inside
        fetch key= store=3 -> error
          · inside
          ! Error in fetch: no key [String]
        below tokio's
        above tokio's -> error
          ! Error in above tokio's: as it must [String]
        ",
    );
}
