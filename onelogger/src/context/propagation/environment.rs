//! The environment of a process as a carrier: the names of the fields, in upper case.

use std::env;

use super::{BAGGAGE, Injector, TRACEPARENT, TRACESTATE, extractor};
use crate::context::Context;

impl Context {
    /// What the process that started this one has put into the environment: `TRACEPARENT`,
    /// `TRACESTATE` and `BAGGAGE`. For `main`, in all else as [`extract`](Context::extract).
    ///
    /// ```
    /// use onelogger::context::Context;
    /// use onelogger::timed_span;
    ///
    /// #[timed_span(name = "job")]
    /// fn job() {}
    ///
    /// fn main() {
    ///     // Configure, and then:
    ///     let _attached = Context::from_environment().attach();
    ///     job(); // under the span that has started this process
    /// }
    /// ```
    #[must_use]
    pub fn from_environment() -> Context {
        Context::extract(&extractor(|name| env::var(name.to_ascii_uppercase()).ok()))
    }

    /// What a process that is started in this context is to find in its environment.
    ///
    /// What the context does not have is not among it, and the child inherits what this process found:
    /// `Command::env_remove("BAGGAGE")` keeps that back.
    ///
    /// ```
    /// use onelogger::context::Context;
    /// let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    /// let context = Context::extract(&[("traceparent", parent)]);
    /// assert_eq!(context.to_environment(), [("TRACEPARENT", parent.to_owned())]);
    /// ```
    pub fn to_environment(&self) -> Vec<(&'static str, String)> {
        let mut variables = Variables::default();
        self.inject(&mut variables);
        variables.without_stale_tracestate(env::var_os(variable(TRACESTATE)).is_some())
    }
}

/// What a process that is started now is to find in its environment; see
/// [`Context::to_environment`].
///
/// ```
/// use std::process::Command;
/// use onelogger::{context, span};
///
/// # let capture = onelogger::testing::capture();
/// let _step = span!("compress");
/// let mut command = Command::new("gzip");
/// command.arg("run.jsonl").envs(context::environment());
/// # assert!(command.get_envs().any(|(name, _)| name == "TRACEPARENT"));
/// ```
pub fn environment() -> Vec<(&'static str, String)> {
    Context::current().to_environment()
}

#[derive(Default)]
struct Variables(Vec<(&'static str, String)>);

impl Variables {
    /// A child would take the `tracestate` that this process found for one of the trace that it is
    /// told. An empty one says that there is none.
    fn without_stale_tracestate(mut self, is_inherited: bool) -> Vec<(&'static str, String)> {
        let has = |field| self.0.iter().any(|&(name, _)| name == variable(field));
        if is_inherited && has(TRACEPARENT) && !has(TRACESTATE) {
            self.0.push((variable(TRACESTATE), String::new()));
        }
        self.0
    }
}

impl Injector for Variables {
    fn set(&mut self, name: &'static str, value: String) {
        self.0.push((variable(name), value));
    }
}

fn variable(field: &'static str) -> &'static str {
    match field {
        TRACEPARENT => "TRACEPARENT",
        TRACESTATE => "TRACESTATE",
        BAGGAGE => "BAGGAGE",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn variables(fields: &[(&'static str, &str)], is_inherited: bool) -> Vec<&'static str> {
        let mut variables = Variables::default();
        Context::extract(fields).inject(&mut variables);
        let variables = variables.without_stale_tracestate(is_inherited);
        variables.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn a_tracestate_is_not_inherited_by_another_trace() {
        let (parent, state) = (("traceparent", PARENT), ("tracestate", "a=1"));
        assert_eq!(variables(&[parent], false), ["TRACEPARENT"]);
        assert_eq!(variables(&[parent], true), ["TRACEPARENT", "TRACESTATE"]);
        assert_eq!(variables(&[parent, state], true), ["TRACEPARENT", "TRACESTATE"]);
        assert_eq!(variables(&[("baggage", "a=1")], true), ["BAGGAGE"]);
        let attached = Context::extract(&[parent]).attach();
        assert!(environment().contains(&("TRACEPARENT", PARENT.to_owned())));
        drop(attached);
    }
}
