//! Whatever is written is read back, and whatever is read does no harm.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::data::{
    Argument, Attributes, Link, Outcome, SpanContext, Timestamp, ToValue, TraceId, Value,
};

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,20}|[\\x00-\\x20\"\\\\]{0,9}"
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        text().prop_map(Value::String),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::I64),
        any::<u64>().prop_map(|bits| Value::F64(f64::from_bits(bits))),
        vec(text(), 0..4).prop_map(Value::StringList),
        vec(any::<bool>(), 0..4).prop_map(Value::BoolList),
        vec(any::<i64>(), 0..4).prop_map(Value::I64List),
        vec(any::<f64>(), 0..4).prop_map(Value::F64List),
    ]
}

fn attributes() -> impl Strategy<Value = Attributes> {
    vec((text(), value()), 0..6).prop_map(|entries| entries.into_iter().collect())
}

fn time() -> impl Strategy<Value = Option<Timestamp>> {
    // The highest number stands for "none".
    let time = (any::<u64>(), option::of(0..u64::MAX));
    option::of(
        time.prop_map(|(unix_nanos, monotonic_nanos)| Timestamp { unix_nanos, monotonic_nanos }),
    )
}

fn link() -> impl Strategy<Value = Link> {
    (any::<u128>(), any::<u64>(), any::<bool>(), any::<u8>(), attributes()).prop_map(
        |(trace, span, is_remote, flags, attributes)| Link {
            context: SpanContext {
                trace_id: TraceId::from_u128(trace),
                span_id: crate::data::SpanId::from_u64(span),
                is_remote,
                trace_flags: crate::data::TraceFlags::from_u8(flags),
            },
            attributes,
        },
    )
}

fn kind() -> impl Strategy<Value = SpanKind> {
    (0..5_u8).prop_map(SpanKind::from_code)
}

fn level() -> impl Strategy<Value = Level> {
    (1..6_u8).prop_map(Level::from_code)
}

fn only(words: &[u64]) -> (LaneKind, LaneRecord<'_>) {
    assert_eq!(record_length(words[0]), words.len());
    read_record(words).unwrap()
}

/// Writes a record where there are a few words more than it takes, and one too few.
fn check_in_place(
    expected: &[u64],
    spare: usize,
    put: impl Fn(&mut [u64]) -> Option<usize>,
) -> Result<(), TestCaseError> {
    // What was there before does not show through.
    let mut words = vec![u64::MAX; expected.len() + spare];
    prop_assert_eq!(put(&mut words), Some(expected.len()));
    prop_assert_eq!(&words[..expected.len()], expected);
    prop_assert!(words[expected.len()..].iter().all(|&word| word == u64::MAX));
    prop_assert_eq!(put(&mut words[..expected.len() - 1]), None);
    Ok(())
}

static NONE_GIVEN: Option<i64> = None;

/// A value as code has it that is recorded.
#[derive(Clone, Debug)]
enum AsGiven {
    Absent,
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(f64),
    Text(String),
    Texts(Vec<String>),
    Bools(Vec<bool>),
    I8s(Vec<i8>),
    U64s(Vec<u64>),
    I128s(Vec<i128>),
    F32s(Vec<f32>),
}

impl AsGiven {
    fn argument(&self) -> Argument<'_> {
        match self {
            AsGiven::Absent => NONE_GIVEN.to_value(),
            AsGiven::Bool(value) => value.to_value(),
            AsGiven::I64(value) => value.to_value(),
            AsGiven::U64(value) => value.to_value(),
            AsGiven::F64(value) => value.to_value(),
            AsGiven::Text(value) => value.to_value(),
            AsGiven::Texts(value) => value.to_value(),
            AsGiven::Bools(value) => value.to_value(),
            AsGiven::I8s(value) => value.to_value(),
            AsGiven::U64s(value) => value.to_value(),
            AsGiven::I128s(value) => value.to_value(),
            AsGiven::F32s(value) => value.to_value(),
        }
    }
}

/// Plain values: texts of each length around a word's, and lists of all kinds.
fn given() -> impl Strategy<Value = AsGiven> {
    prop_oneof![
        Just(AsGiven::Absent),
        any::<bool>().prop_map(AsGiven::Bool),
        any::<i64>().prop_map(AsGiven::I64),
        (0..=i64::MAX.cast_unsigned()).prop_map(AsGiven::U64),
        any::<u64>().prop_map(|bits| AsGiven::F64(f64::from_bits(bits))),
        "[a-z]{0,18}|\\PC{0,20}".prop_map(AsGiven::Text),
        vec(text(), 0..4).prop_map(AsGiven::Texts),
        vec(any::<bool>(), 0..4).prop_map(AsGiven::Bools),
        vec(any::<i8>(), 0..4).prop_map(AsGiven::I8s),
        vec(any::<u64>(), 0..4).prop_map(AsGiven::U64s),
        vec(any::<i128>(), 0..4).prop_map(AsGiven::I128s),
        vec(any::<f32>(), 0..4).prop_map(AsGiven::F32s),
    ]
}

proptest! {
    #[test]
    fn a_start_is_read_as_it_was_written(
        (order, span, parent) in any::<(u64, u64, u64)>(),
        (remote_parent, is_reserved) in any::<(bool, bool)>(),
        (name, group) in (text(), option::of(text())),
        (kind, level, scope) in (kind(), level(), option::of((text(), option::of(text())))),
        time in time(),
        links in vec(link(), 0..3),
        (attributes, event_attributes) in (attributes(), attributes()),
    ) {
        let scope = scope.as_ref().map(|(name, version)| ScopeRef { name, version: version.as_deref() });
        let dynamic = Dynamic { name: &name, kind, level, group: group.as_deref(), scope };
        let fields = StartFields {
            is_reserved,
            span,
            parent,
            remote_parent,
            time,
            links: &links,
            attributes: Given::Set(&attributes),
            event_attributes: Given::Set(&event_attributes),
        };
        let mut words = Vec::new();
        put_start(&mut words, order, Origin::Dynamic(dynamic), &fields);
        let (found, record) = only(&words);
        prop_assert_eq!(found, LaneKind::Start);
        prop_assert_eq!((record.order, record.span, record.parent), (order, span, parent));
        prop_assert_eq!((record.remote_parent, record.time), (remote_parent, time));
        prop_assert_eq!(record.is_reserved, is_reserved);
        prop_assert_eq!(read_dynamic(record.name()), dynamic);
        prop_assert_eq!(read_links(record.links()).to_owned(), links);
        prop_assert_eq!(read_attributes(record.attributes(), &[]).to_owned(), attributes);
        prop_assert_eq!(read_attributes(record.event_attributes, &[]).to_owned(), event_attributes);
    }

    #[test]
    fn a_stop_is_read_as_it_was_written_and_has_its_room(
        (order, span) in any::<(u64, u64)>(),
        outcome in (0..4_u8).prop_map(Outcome::from_code),
        time in time(),
        event_attributes in attributes(),
    ) {
        let mut words = Vec::new();
        put_stop(&mut words, order, span, time, outcome, Given::Set(&event_attributes));
        prop_assert!(!event_attributes.is_empty() || words.len() <= STOP_WORDS);
        let (found, record) = only(&words);
        prop_assert_eq!(found, LaneKind::Stop);
        prop_assert_eq!((record.order, record.span), (order, span));
        prop_assert_eq!((record.time, record.outcome), (time, outcome));
        prop_assert_eq!(read_attributes(record.event_attributes, &[]).to_owned(), event_attributes);
    }

    #[test]
    fn an_event_is_read_as_it_was_written(
        (order, span) in any::<(u64, u64)>(),
        (is_own, is_id) in any::<(bool, bool)>(),
        kind in prop_oneof![
            Just(LaneKind::Event),
            Just(LaneKind::Error),
            Just(LaneKind::TelemetryDataError),
        ],
        (name, level) in (text(), level()),
        time in time(),
        attributes in attributes(),
    ) {
        let (kind_of_span, scope) = (SpanKind::Internal, Some(ScopeRef { name: &name, version: None }));
        let dynamic = Dynamic { name: &name, kind: kind_of_span, level, group: None, scope };
        let fields = EventFields { span, is_id, time, attributes: Given::Set(&attributes), is_own };
        let mut words = Vec::new();
        put_event(&mut words, kind, order, Origin::Dynamic(dynamic), &fields);
        let (found, record) = only(&words);
        prop_assert_eq!(found, kind);
        prop_assert_eq!((record.order, record.span, record.is_own), (order, span, is_own));
        prop_assert_eq!((record.time, record.remote_parent), (time, is_id));
        prop_assert_eq!(read_dynamic(record.name()), dynamic);
        prop_assert_eq!(read_attributes(record.attributes(), &[]).to_owned(), attributes);
    }

    #[test]
    fn values_of_a_callsite_are_read_with_its_keys(
        values in vec(option::of(value()), 4),
        start_value in value(),
        number in 1..=Origin::LAST,
        is_planted in any::<bool>(),
    ) {
        const KEYS: &[&str] = &["a", "b.c", "", "d"];
        let arguments: Vec<_> = values.iter().map(ToValue::to_value).collect();
        let start = [start_value.to_value()];
        let name = Name::from("x");
        let origin = match is_planted {
            true => Origin::Planted(number),
            false => Origin::Dynamic(Dynamic::named(&name)),
        };
        let fields = StartFields {
            is_reserved: true,
            span: 1,
            parent: 0,
            remote_parent: false,
            time: None,
            links: &[],
            attributes: Given::Values(KEYS, &arguments),
            event_attributes: Given::Values(&["s"], &start),
        };
        let mut words = Vec::new();
        put_start(&mut words, 1, origin, &fields);
        let (_, record) = only(&words);
        prop_assert_eq!(record.callsite, if is_planted { number } else { 0 });
        prop_assert_eq!(record.name().is_empty(), is_planted);
        let expected: Attributes = KEYS
            .iter()
            .zip(values)
            .filter_map(|(key, value)| Some((*key, value?)))
            .collect();
        // Keys that stand in the words are not asked for.
        let keys = if is_planted { KEYS } else { &[] };
        let found = read_attributes(record.attributes(), keys);
        prop_assert_eq!(found.len(), expected.len());
        prop_assert_eq!(found.to_owned(), expected);
        let keys: &[_] = if is_planted { &["s"] } else { &[] };
        let found = read_attributes(record.event_attributes, keys);
        prop_assert_eq!(found.to_owned(), Attributes::new().with("s", start_value));
    }

    /// Also where they are written into a lane, and there are fewer words than it takes.
    #[test]
    fn what_is_written_in_place_is_what_is_written_at_length(
        (order, span, parent) in any::<(u64, u64, u64)>(),
        number in 1..=Origin::LAST,
        values in vec(given(), 0..5),
        (key, added) in (text(), given()),
        spare in 0..3_usize,
    ) {
        const KEYS: &[&str] = &["a", "b.c", "", "d"];
        let values: Vec<_> = values.iter().map(AsGiven::argument).collect();
        let fields = StartFields {
            is_reserved: true,
            span,
            parent,
            remote_parent: false,
            time: None,
            links: &[],
            attributes: Given::Values(&KEYS[..values.len()], &values),
            event_attributes: Given::Values(&[], &[]),
        };
        let mut start = Vec::new();
        put_start(&mut start, order, Origin::Planted(number), &fields);
        if values.is_empty() {
            prop_assert_eq!(&start[..], short_start(number, order, span, parent));
        } else {
            check_in_place(&start, spare, |words| {
                short_start_with(words, number, [order, span, parent], &values)
            })?;
        }

        let attributes = Given::Values(&KEYS[..values.len()], &values);
        let fields = EventFields { span, is_id: false, time: None, attributes, is_own: false };
        let mut event = Vec::new();
        put_event(&mut event, LaneKind::Event, order, Origin::Planted(number), &fields);
        check_in_place(&event, spare, |words| short_event(words, number, [order, span], &values))?;

        // What is not there is not added.
        let added = added.argument();
        if !added.is_absent() {
            let mut update = Vec::new();
            put_addition(&mut update, order, span, &key, &added);
            check_in_place(&update, spare, |words| short_update(words, [order, span], &key, &added))?;
        }

        let mut stop = Vec::new();
        put_stop(&mut stop, order, span, None, Outcome::Ok, Given::Values(&[], &[]));
        prop_assert_eq!(&stop[..], short_stop(order, span, Outcome::Ok));
    }

    /// What is made in another way than it is written is left to others.
    #[test]
    fn what_is_no_plain_value_is_not_written_in_place(number in i128::from(i64::MAX) + 1..i128::MAX) {
        let value = Value::Bool(true);
        for argument in [number.to_value(), (-number - 2).to_value(), value.to_value(), 'x'.to_value()] {
            let mut words = [0; 64];
            prop_assert_eq!(short_event(&mut words, 1, [1, 1], &[argument]), None);
            prop_assert_eq!(short_start_with(&mut words, 1, [1; 3], &[argument]), None);
            prop_assert_eq!(short_update(&mut words, [1, 1], "x", &argument), None);
        }
    }

    #[test]
    fn an_update_and_a_context_are_read_as_they_were_written(
        (order, span, trace) in any::<(u64, u64, u128)>(),
        attributes in attributes(),
    ) {
        let mut words = Vec::new();
        put_context(&mut words, TraceId::from_u128(trace));
        prop_assert_eq!(record_kind(words[0]), Some(LaneKind::Context));
        prop_assert_eq!(read_context(&words), Some(TraceId::from_u128(trace)));
        words.clear();
        put_update(&mut words, order, span, &attributes);
        let (found, record) = only(&words);
        prop_assert_eq!((found, record.order, record.span), (LaneKind::Update, order, span));
        prop_assert_eq!(read_attributes(record.attributes(), &[]).to_owned(), attributes);
    }

    /// Floats that JSON has no number for come back as text, so they are left out here.
    #[test]
    fn values_come_back_from_json(attributes in attributes()) {
        let has_words = |value: &Value| serde_json::to_string(value).unwrap().contains("\"");
        let finite: Attributes = attributes
            .into_iter()
            .filter(|(_, value)| !matches!(value, Value::F64(_) | Value::F64List(_)) || !has_words(value))
            .collect();
        let event = crate::data::EventRecord { attributes: finite, ..Default::default() };
        let record = crate::data::Record::Event(event);
        let text = serde_json::to_string(&record).unwrap();
        prop_assert_eq!(serde_json::from_str::<crate::data::Record>(&text).unwrap(), record);
    }

    /// A record with words changed, cut off or made up is read as something or as nothing.
    #[test]
    fn damaged_words_do_no_harm(
        attributes in attributes(),
        damage in vec((any::<prop::sample::Index>(), any::<u64>(), 0..64_u32), 0..4),
        length in any::<prop::sample::Index>(),
    ) {
        let dynamic = Dynamic {
            name: "x",
            kind: SpanKind::Client,
            level: Level::Info,
            group: Some("g"),
            scope: Some(ScopeRef { name: "s", version: Some("1") }),
        };
        let links = [Link { context: SpanContext::default(), attributes: attributes.clone() }];
        let fields = StartFields {
            is_reserved: true,
            span: 1,
            parent: 0,
            remote_parent: false,
            time: None,
            links: &links,
            attributes: Given::Set(&attributes),
            event_attributes: Given::Set(&attributes),
        };
        let mut words = Vec::new();
        put_start(&mut words, 1, Origin::Dynamic(dynamic), &fields);
        for (place, word, shift) in damage {
            let place = place.index(words.len());
            words[place] ^= word >> shift;
        }
        words.truncate(length.index(words.len() + 1));
        if let Some((_, record)) = read_record(&words) {
            read_dynamic(record.name());
            let _ = read_attributes(record.attributes(), &["a", "b"]).to_owned();
            let _ = read_attributes(record.event_attributes, &[]).to_owned();
            let _ = read_links(record.links()).to_owned();
        }
    }
}
