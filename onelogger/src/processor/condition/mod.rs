use std::fmt;
use std::time::Duration;

use crate::data::{Level, ListRef, Outcome, SpanKind, ValueRef, glob};
use crate::exporter::{RecordKind, RecordRef};

mod parse;

pub use parse::ConditionError;

/// What a record may or may not meet, as a text.
///
/// | test | is about |
/// | --- | --- |
/// | `kind = span` | `span`, `event`, `error` or `report` (a telemetry data error) |
/// | `name = "load"` | the name of the span or the event |
/// | `level <= info` | `error`, `warn`, `info`, `debug`, `trace`, each more detailed than the one before |
/// | `group = per_step`, `scope = my_crate` | a span's group; the crate that made it |
/// | `span_kind = client` | OpenTelemetry's kind of the span: `internal`, `server`, `client`, `producer`, `consumer` |
/// | `outcome != ok` | of a stop: `ok`, `error`, `panic`, `cancelled` |
/// | `duration > 250ms` | of a stop: a number with `ns`, `us`, `ms`, `s`, `m` or `h` |
/// | `.loss > 3`, `.host = "a"`, `.retry = true` | an attribute: a number, a text, a boolean |
/// | `.loss` | whether there is such an attribute |
///
/// Texts are compared by `=`, `!=`, and `~`, which takes a pattern with `*` and `?`; numbers, levels and
/// durations also by `<`, `<=`, `>` and `>=`. A text of letters, digits, `_`, `-`, `.`, `:`, `/`, `*` and `?`
/// needs no quotes; in quotes `\"` and `\\` stand for themselves. An attribute's name with other
/// characters is written `."like this"`. `and`, `or`, `not` and parentheses put tests together; `and` binds
/// closer than `or`.
///
/// A test of what a record does not have is not met, also one with `!=`: `.loss != 3` says that there is a
/// loss and that it is another one; `not .loss = 3` is met without a loss as well. Nor is one of a value of
/// another type. A list meets a test if one of its elements does. The attributes of a span are its own, then
/// those of the start or stop event.
///
/// ```
/// use onelogger::processor::Condition;
/// let condition: Condition = r#"kind = event and (.loss > 3 or name ~ "debug.*")"#.parse()?;
/// assert_eq!(condition.to_string(), r#"kind = event and (.loss > 3 or name ~ "debug.*")"#);
/// let error = "level <= inf".parse::<Condition>().unwrap_err();
/// assert_eq!(error.to_string(),
///     "at character 10: `inf` is no level; expected error, warn, info, debug or trace");
/// # Ok::<(), onelogger::processor::ConditionError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Condition(Expression);

#[derive(Clone, Debug, PartialEq)]
enum Expression {
    /// At least two.
    Any(Vec<Expression>),
    /// At least two.
    All(Vec<Expression>),
    Not(Box<Expression>),
    Test(Test),
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Kind(Order, Kind),
    Text(TextField, TextTest),
    Level(Order, Level),
    SpanKind(Order, SpanKind),
    Outcome(Order, Outcome),
    Duration(Order, Duration),
    Attribute(String, Option<ValueTest>),
}

/// What kinds of records are called here: a span has several.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Span,
    Event,
    Error,
    Report,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum TextField {
    Name,
    Group,
    Scope,
}

#[derive(Clone, Debug, PartialEq)]
struct TextTest {
    how: TextOrder,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum TextOrder {
    Equal,
    Other,
    Like,
}

#[derive(Clone, Debug, PartialEq)]
enum ValueTest {
    Text(TextTest),
    Number(Order, Number),
    Bool(Order, bool),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Number {
    Whole(i64),
    Fraction(f64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    Equal,
    Other,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Condition {
    /// Whether a record meets it.
    pub fn matches(&self, record: RecordRef<'_>) -> bool {
        self.0.matches(record)
    }
}

impl Expression {
    fn matches(&self, record: RecordRef<'_>) -> bool {
        match self {
            Expression::Any(parts) => parts.iter().any(|part| part.matches(record)),
            Expression::All(parts) => parts.iter().all(|part| part.matches(record)),
            Expression::Not(part) => !part.matches(record),
            Expression::Test(test) => test.matches(record),
        }
    }
}

impl Test {
    fn matches(&self, record: RecordRef<'_>) -> bool {
        let is_stop = record.kind() == RecordKind::Stop;
        match self {
            Test::Kind(order, kind) => order.holds(*kind == Kind::of(record.kind())),
            Test::Text(TextField::Name, test) => test.holds(record.name()),
            Test::Text(TextField::Group, test) => {
                record.group().is_some_and(|group| test.holds(group))
            }
            Test::Text(TextField::Scope, test) => {
                record.scope().is_some_and(|scope| test.holds(scope.name))
            }
            Test::Level(order, level) => order.compares(record.level().partial_cmp(level)),
            Test::SpanKind(order, kind) => {
                Kind::of(record.kind()) == Kind::Span && order.holds(record.span_kind() == *kind)
            }
            Test::Outcome(order, outcome) => is_stop && order.holds(record.outcome() == *outcome),
            Test::Duration(order, duration) => {
                is_stop && order.compares(record.duration().partial_cmp(duration))
            }
            Test::Attribute(key, test) => {
                let value = record.attributes().get(key);
                let value = value.or_else(|| record.event_attributes().get(key));
                match (value, test) {
                    (Some(value), Some(test)) => test.holds(value),
                    (value, None) => value.is_some(),
                    (None, _) => false,
                }
            }
        }
    }
}

impl Kind {
    fn of(kind: RecordKind) -> Kind {
        match kind {
            RecordKind::Start | RecordKind::Stop | RecordKind::Attributes => Kind::Span,
            RecordKind::Event => Kind::Event,
            RecordKind::Error => Kind::Error,
            RecordKind::TelemetryDataError => Kind::Report,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Kind::Span => "span",
            Kind::Event => "event",
            Kind::Error => "error",
            Kind::Report => "report",
        }
    }
}

impl TextTest {
    fn holds(&self, text: &str) -> bool {
        match self.how {
            TextOrder::Equal => text == self.text,
            TextOrder::Other => text != self.text,
            TextOrder::Like => glob::matches(&self.text, text),
        }
    }
}

impl ValueTest {
    fn holds(&self, value: ValueRef<'_>) -> bool {
        match (self, value) {
            (_, ValueRef::List(list)) => self.holds_in(list),
            (ValueTest::Text(test), ValueRef::String(text)) => test.holds(text),
            (ValueTest::Bool(order, wanted), ValueRef::Bool(value)) => {
                order.holds(value == *wanted)
            }
            (ValueTest::Number(order, Number::Whole(wanted)), ValueRef::I64(value)) => {
                order.compares(value.partial_cmp(wanted))
            }
            (ValueTest::Number(order, wanted), ValueRef::I64(value)) => {
                order.compares((value as f64).partial_cmp(&wanted.to_f64()))
            }
            (ValueTest::Number(order, wanted), ValueRef::F64(value)) => {
                order.compares(value.partial_cmp(&wanted.to_f64()))
            }
            _ => false,
        }
    }

    fn holds_in(&self, list: ListRef<'_>) -> bool {
        list.iter().any(|element| !matches!(element, ValueRef::List(_)) && self.holds(element))
    }
}

impl Number {
    fn to_f64(self) -> f64 {
        match self {
            Number::Whole(number) => number as f64,
            Number::Fraction(number) => number,
        }
    }
}

impl Order {
    /// Of what can only be equal or not.
    fn holds(self, is_equal: bool) -> bool {
        is_equal == (self == Order::Equal)
    }

    fn compares(self, ordering: Option<std::cmp::Ordering>) -> bool {
        // A NaN differs from every number.
        let Some(ordering) = ordering else { return self == Order::Other };
        match self {
            Order::Equal => ordering.is_eq(),
            Order::Other => ordering.is_ne(),
            Order::Less => ordering.is_lt(),
            Order::LessOrEqual => ordering.is_le(),
            Order::Greater => ordering.is_gt(),
            Order::GreaterOrEqual => ordering.is_ge(),
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Order::Equal => "=",
            Order::Other => "!=",
            Order::Less => "<",
            Order::LessOrEqual => "<=",
            Order::Greater => ">",
            Order::GreaterOrEqual => ">=",
        }
    }
}

/// As it would be written; [`parse`](str::parse) gives the same condition again.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expression::Any(parts) => write_joined(f, parts, OR),
            Expression::All(parts) => write_joined(f, parts, " and "),
            Expression::Not(part) => {
                f.write_str("not ")?;
                part.fmt_within(f, false)
            }
            Expression::Test(test) => test.fmt(f),
        }
    }
}

const OR: &str = " or ";

fn write_joined(f: &mut fmt::Formatter<'_>, parts: &[Expression], by: &str) -> fmt::Result {
    for (place, part) in parts.iter().enumerate() {
        f.write_str(if place == 0 { "" } else { by })?;
        part.fmt_within(f, by == OR)?;
    }
    Ok(())
}

impl Expression {
    /// Within a larger one. Without needless parentheses: what was read must not become deeper than what
    /// can be read.
    fn fmt_within(&self, f: &mut fmt::Formatter<'_>, is_in_any: bool) -> fmt::Result {
        match self {
            Expression::All(_) if is_in_any => write!(f, "{self}"),
            Expression::Any(_) | Expression::All(_) => write!(f, "({self})"),
            _ => write!(f, "{self}"),
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Test::Kind(order, kind) => write!(f, "kind {} {}", order.as_str(), kind.as_str()),
            Test::Text(field, test) => {
                let field = match field {
                    TextField::Name => "name",
                    TextField::Group => "group",
                    TextField::Scope => "scope",
                };
                write!(f, "{field} {test}")
            }
            Test::Level(order, level) => write!(f, "level {} {}", order.as_str(), level.as_str()),
            Test::SpanKind(order, kind) => {
                write!(f, "span_kind {} {}", order.as_str(), kind.as_str())
            }
            Test::Outcome(order, outcome) => {
                write!(f, "outcome {} {}", order.as_str(), outcome.as_str())
            }
            Test::Duration(order, duration) => {
                write!(f, "duration {} {}ns", order.as_str(), duration.as_nanos())
            }
            Test::Attribute(key, test) => {
                f.write_str(".")?;
                match !key.is_empty() && key.chars().all(parse::is_of_key) {
                    true => f.write_str(key)?,
                    false => f.write_str(&parse::quoted(key))?,
                }
                match test {
                    None => Ok(()),
                    Some(ValueTest::Text(test)) => write!(f, " {test}"),
                    Some(ValueTest::Bool(order, value)) => write!(f, " {} {value}", order.as_str()),
                    Some(ValueTest::Number(order, Number::Whole(number))) => {
                        write!(f, " {} {number}", order.as_str())
                    }
                    Some(ValueTest::Number(order, Number::Fraction(number))) => {
                        write!(f, " {} {number:?}", order.as_str())
                    }
                }
            }
        }
    }
}

impl fmt::Display for TextTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.how {
            TextOrder::Equal => "=",
            TextOrder::Other => "!=",
            TextOrder::Like => "~",
        };
        write!(f, "{how} {}", parse::quoted(&self.text))
    }
}

#[cfg(test)]
mod tests;
