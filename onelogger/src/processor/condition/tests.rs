use super::*;
use crate::data::{Attributes, EventRecord, InstrumentationScope, Record, SpanRecord};
use crate::exporter::Batch;

fn matching(condition: &str, record: Record) -> bool {
    let condition: Condition = condition.parse().unwrap_or_else(|error| panic!("{error}"));
    let batch: Batch = [record].into_iter().collect();
    condition.matches(batch.records().iter().next().unwrap())
}

fn stop() -> Record {
    Record::Stop(SpanRecord {
        name: "load".into(),
        level: Level::Debug,
        group: Some("io".into()),
        kind: SpanKind::Client,
        scope: Some(InstrumentationScope::new("loader")),
        attributes: Attributes::new()
            .with("rows", 12)
            .with("ratio", 0.5)
            .with("host", "node-7")
            .with("retry", true)
            .with("like this", 1)
            .with("odd", f64::NAN)
            .with("tags", vec!["a", "b"])
            .with("sizes", vec![1, 20]),
        event_attributes: Attributes::new().with("late", 3).with("rows", 99),
        duration_nanos: 250_000_000,
        outcome: Outcome::Error,
        ..SpanRecord::default()
    })
}

fn event() -> Record {
    Record::Event(EventRecord { name: "progress".into(), ..EventRecord::default() })
}

#[test]
fn conditions_are_met_or_not() {
    for condition in [
        "kind = span",
        "kind != event",
        "name = load",
        r#"name = "load""#,
        "name ~ l*d",
        "name != step",
        "level = debug",
        "level > info",
        "level >= debug",
        "level < trace",
        "group = io",
        "scope ~ load*",
        "span_kind = client",
        "span_kind != server",
        "outcome = error",
        "outcome != ok",
        "duration = 250ms",
        "duration >= 0.25s",
        "duration < 1m",
        "duration > 249999us",
        ".rows = 12",
        ".rows == 12.0",
        ".rows > -3",
        ".rows < 1e3",
        ".ratio < 1",
        ".ratio != 1",
        ".host = node-7",
        ".host ~ node-*",
        ".host != other",
        ".retry = true",
        ".retry != false",
        r#"."like this" = 1"#,
        ".late = 3",
        ".late",
        ".odd != 3",
        ".tags = b",
        ".tags ~ ?",
        ".sizes > 19",
        "not .missing",
        "not .missing = 3",
        "kind = event or kind = span and .rows",
        "(kind = span or kind = event) and .rows",
        "not (kind = event) and not not .rows",
    ] {
        assert!(matching(condition, stop()), "{condition}");
    }
    for condition in [
        "kind = event",
        "kind = error",
        "name = loa",
        "name ~ oad",
        "level <= info",
        "group != io",
        "outcome = ok",
        "duration > 250ms",
        ".rows = 99",
        ".rows = text",
        ".rows = true",
        r#".rows = "12""#,
        ".missing",
        ".missing != 3",
        ".odd = 3",
        ".odd < 3",
        ".host = 7",
        ".tags = c",
        ".sizes > 20",
        "not .rows",
        ".rows and .missing",
    ] {
        assert!(!matching(condition, stop()), "{condition}");
    }
    assert!(matching("kind = event and name = progress and level = info", event()));
    for condition in
        ["duration >= 0s", "outcome = ok", "outcome != ok", "group = io", "span_kind = internal"]
    {
        assert!(!matching(condition, event()), "{condition}");
    }
}

#[test]
fn whole_numbers_compare_exactly() {
    let large = |value: i64| {
        Record::Event(EventRecord {
            attributes: Attributes::new().with("n", value),
            ..EventRecord::default()
        })
    };
    assert!(matching(".n < 9007199254740993", large(9_007_199_254_740_992)));
    assert!(matching(".n = -9223372036854775808", large(i64::MIN)));
}

#[test]
fn what_is_written_is_read_again() {
    for (text, written) in [
        ("kind=span", "kind = span"),
        ("name ~ a*", r#"name ~ "a*""#),
        (r#"."a \"b\"" = "\\""#, r#"."a \"b\"" = "\\""#),
        (".x = 1.50 or .y", ".x = 1.5 or .y"),
        ("(kind = span)", "kind = span"),
        ("not (.a or .b) and .c", "not (.a or .b) and .c"),
        (".a and (.b and .c)", ".a and (.b and .c)"),
        ("(.a or .b) or not not .c", "(.a or .b) or not not .c"),
        ("duration > 1.5ms", "duration > 1500000ns"),
        ("duration > 515555385m", "duration > 30933323100000000000ns"),
        (".big = 1e300", ".big = 1e300"),
        (".nan = -nan", r#".nan = "-nan""#),
        (".nan = nan", r#".nan = "nan""#),
    ] {
        let condition: Condition = text.parse().unwrap();
        assert_eq!(condition.to_string(), written);
        assert_eq!(written.parse(), Ok(condition), "{written}");
    }
}

#[test]
fn what_is_wrong_is_said_where_it_is() {
    for (text, error) in [
        (
            "",
            "at character 1: expected a test of kind, name, level, group, scope, span_kind, outcome, duration or `.ATTRIBUTE`, found the end",
        ),
        (
            "loss > 3",
            "at character 1: there is no `loss`; expected kind, name, level, group, scope, span_kind, outcome, duration or `.ATTRIBUTE`",
        ),
        ("kind = spam", "at character 8: `spam` is no kind; expected span, event, error or report"),
        ("name > a", "at character 6: expected `=`, `!=` or `~`, found `>`"),
        ("name =", "at character 7: expected a text, found the end"),
        (
            "level = 3 x",
            "at character 9: `3` is no level; expected error, warn, info, debug or trace",
        ),
        (
            "duration > 250",
            "at character 12: `250` is no duration; expected a number with ns, us, ms, s, m or h, such as 250ms",
        ),
        (
            "duration > -1s",
            "at character 12: `-1s` is no duration; expected a number with ns, us, ms, s, m or h, such as 250ms",
        ),
        (".a > x", "at character 4: `>` compares numbers; expected `=` or `!=`"),
        (".a < -1e999", "at character 6: `-1e999` is too large a number"),
        (".a = (", "at character 6: expected a number, a text, true or false, found `(`"),
        ("level info", "at character 7: expected `=`, `!=`, `<`, `<=`, `>` or `>=`, found `info`"),
        ("kind ~ span", "at character 6: expected `=` or `!=`, found `~`"),
        ("kind < span", "at character 6: `<` compares numbers; expected `=` or `!=`"),
        (".a ~ ", "at character 6: expected a text, found the end"),
        (". = 3", "at character 2: the name of an attribute is missing"),
        (".a = 'x'", "at character 6: unexpected `'`; texts stand in double quotes"),
        (".a && .b", "at character 4: unexpected `&`; expected `and`"),
        (".ä || .b", "at character 4: unexpected `|`; expected `or`"),
        ("!.a", "at character 1: unexpected `!`; expected `not` or `!=`"),
        (".a > true", "at character 4: `>` compares numbers; expected `=` or `!=`"),
        (".a .b", "at character 4: expected `and`, `or` or the end, found `.b`"),
        ("(.a", "at character 4: expected `and`, `or` or `)`, found the end"),
        (".a)", "at character 3: expected `and`, `or` or the end, found `)`"),
        (r#".a = "x"#, "at character 6: this text has no end"),
        (r#".a = "\n""#, r#"at character 7: a `\` stands before `"` and `\` only"#),
        (
            "not",
            "at character 4: expected a test of kind, name, level, group, scope, span_kind, outcome, duration or `.ATTRIBUTE`, found the end",
        ),
    ] {
        assert_eq!(text.parse::<Condition>().unwrap_err().to_string(), error, "{text}");
    }
    let deep = "(".repeat(65) + ".a" + &")".repeat(65);
    let error = deep.parse::<Condition>().unwrap_err().to_string();
    assert_eq!(error, "at character 65: more than 64 levels deep");
    assert!(deep[1..deep.len() - 1].parse::<Condition>().is_ok());
    // What could be read is written no deeper.
    let deep = "not (.a or .b and ".repeat(32) + ".c" + &")".repeat(32);
    let condition: Condition = deep.parse().unwrap();
    assert_eq!(condition.to_string().parse(), Ok(condition));
}
