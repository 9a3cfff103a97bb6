//! What may happen to a provider: random steps.

use onelogger::{DisableRule, ErrorHandlingStrategy};
use proptest::prelude::*;

use crate::backend::{Manner, Script};

/// A step. Spans and recorders are named by their place, modulo their number; what names one while
/// there is none does nothing.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Configure(Setting),
    /// A call through the recorder in force.
    Call(Call),
    /// A call through a recorder that may be closed.
    CallEarlier(usize, Call),
    /// The first exporter behaves otherwise from now on.
    Change(Script),
    Advance {
        millis: u64,
    },
    ForceDisable,
    Flush,
    Close,
    DropGuard,
}

#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) strategy: ErrorHandlingStrategy,
    pub(crate) rule: DisableRule,
    pub(crate) is_enabled: bool,
    pub(crate) script: Script,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    /// Of a span that the filter hides, or not.
    Start {
        is_hidden: bool,
    },
    /// A second time it is misuse.
    Stop(usize),
    /// Of a span that is stopped it is misuse.
    Event(usize),
    EventOfNone,
    /// One that finds no room in an empty lane.
    LargeEvent,
    /// An event of the distant future: misuse.
    FarEvent,
    DataError,
}

fn manner() -> impl Strategy<Value = Manner> {
    prop_oneof![
        5 => Just(Manner::Healthy),
        2 => (0..3_usize).prop_map(Manner::RefusesAfter),
        3 => Just(Manner::RefusesAll),
        2 => (0..3_usize).prop_map(Manner::LosesEarlier),
        1 => Just(Manner::RefusesReports),
        1 => Just(Manner::Panics),
    ]
}

fn script() -> impl Strategy<Value = Script> {
    let chance = prop::bool::weighted;
    (manner(), chance(0.3), chance(0.2), chance(0.1), any::<bool>()).prop_map(
        |(manner, is_unopenable, fails_to_flush, fails_to_close, holds)| Script {
            manner,
            is_unopenable,
            fails_to_flush,
            fails_to_close,
            holds,
        },
    )
}

fn setting() -> impl Strategy<Value = Setting> {
    let strategy = prop_oneof![
        Just(ErrorHandlingStrategy::ReportAndContinue),
        Just(ErrorHandlingStrategy::PropagateExceptions),
        Just(ErrorHandlingStrategy::DisableQuietlyAndReportMetricError),
    ];
    let rule = prop_oneof![
        3 => (1..4_u32).prop_map(DisableRule::AfterConsecutive),
        2 => (1..4_u32).prop_map(DisableRule::AfterTotal),
    ];
    (strategy, rule, prop::bool::weighted(0.9), script()).prop_map(
        |(strategy, rule, is_enabled, script)| Setting { strategy, rule, is_enabled, script },
    )
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        5 => prop::bool::weighted(0.2).prop_map(|is_hidden| Call::Start { is_hidden }),
        6 => any::<usize>().prop_map(Call::Stop),
        5 => any::<usize>().prop_map(Call::Event),
        5 => Just(Call::EventOfNone),
        1 => Just(Call::LargeEvent),
        1 => Just(Call::FarEvent),
        2 => Just(Call::DataError),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    // A moment, some seconds, or longer than any back-off.
    let millis = prop_oneof![0..500_u64, 500..5_000_u64, 20_000..70_000_u64];
    prop_oneof![
        30 => setting().prop_map(Step::Configure),
        300 => call().prop_map(Step::Call),
        20 => (any::<usize>(), call()).prop_map(|(life, call)| Step::CallEarlier(life, call)),
        60 => script().prop_map(Step::Change),
        40 => millis.prop_map(|millis| Step::Advance { millis }),
        // It is for good: what comes after it is soon said.
        1 => Just(Step::ForceDisable),
        30 => Just(Step::Flush),
        10 => prop_oneof![Just(Step::Close), Just(Step::DropGuard)],
    ]
}

/// Some thirty steps. The first configures: what is before is soon said.
pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let first = prop_oneof![
        20 => setting().prop_map(Step::Configure),
        1 => step(),
    ];
    (first, prop::collection::vec(step(), 0..60)).prop_map(|(first, mut steps)| {
        steps.insert(0, first);
        steps
    })
}
