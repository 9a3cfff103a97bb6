//! Reads a condition: a descent through `or`, `and`, `not` and tests.

use std::str::FromStr;
use std::time::Duration;

use super::{
    Condition, Expression, Kind, Number, Order, Test, TextField, TextOrder, TextTest, ValueTest,
};
use crate::data::{Level, Outcome, SpanKind};

/// A text is no condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {at}: {what}")]
pub struct ConditionError {
    /// Where, from 1.
    pub at: usize,
    /// What is wrong there.
    pub what: String,
}

/// Parentheses and `not` within each other, at most.
const DEEPEST: usize = 64;

const FIELDS: &str =
    "kind, name, level, group, scope, span_kind, outcome, duration or `.ATTRIBUTE`";

impl FromStr for Condition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Condition, ConditionError> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        let expression = parser.any()?;
        match parser.next_with_place()? {
            (_, Token::End) => Ok(Condition(expression)),
            (end, found) => {
                parser.fail(end, format_args!("expected `and`, `or` or the end, found {found}"))
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token<'a> {
    Open,
    Close,
    /// Letters, digits and what else stands in names and numbers.
    Word(&'a str),
    Quoted(String),
    /// The name of an attribute.
    Key(String),
    Order(Order),
    Like,
    End,
}

impl std::fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Token::Open => f.write_str("`(`"),
            Token::Close => f.write_str("`)`"),
            Token::Word(word) => write!(f, "`{word}`"),
            Token::Quoted(text) => f.write_str(&quoted(text)),
            Token::Key(key) => write!(f, "`.{key}`"),
            Token::Order(order) => write!(f, "`{}`", order.as_str()),
            Token::Like => f.write_str("`~`"),
            Token::End => f.write_str("the end"),
        }
    }
}

type Parsed<T> = Result<T, ConditionError>;

struct Parser<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Parsed<Expression> {
        let first = self.all()?;
        self.joined(first, "or", Parser::all, Expression::Any)
    }

    fn all(&mut self) -> Parsed<Expression> {
        let first = self.one()?;
        self.joined(first, "and", Parser::one, Expression::All)
    }

    fn joined(
        &mut self,
        first: Expression,
        by: &str,
        part: fn(&mut Parser<'a>) -> Parsed<Expression>,
        join: fn(Vec<Expression>) -> Expression,
    ) -> Parsed<Expression> {
        if !self.skip_word(by)? {
            return Ok(first);
        }
        let mut parts = vec![first, part(self)?];
        while self.skip_word(by)? {
            parts.push(part(self)?);
        }
        Ok(join(parts))
    }

    /// A test, or something with `not` or parentheses around it.
    fn one(&mut self) -> Parsed<Expression> {
        let (begin, token) = self.next_with_place()?;
        match token {
            Token::Open | Token::Word("not") if self.depth == DEEPEST => {
                self.fail(begin, format_args!("more than {DEEPEST} levels deep"))
            }
            Token::Open => {
                self.depth += 1;
                let inner = self.any()?;
                self.depth -= 1;
                match self.next_with_place()? {
                    (_, Token::Close) => Ok(inner),
                    (at, found) => {
                        self.fail(at, format_args!("expected `and`, `or` or `)`, found {found}"))
                    }
                }
            }
            Token::Word("not") => {
                self.depth += 1;
                let inner = self.one()?;
                self.depth -= 1;
                Ok(Expression::Not(Box::new(inner)))
            }
            Token::Word(field) => self.field(begin, field).map(Expression::Test),
            Token::Key(key) => self.attribute(key).map(Expression::Test),
            found => self.fail(begin, format_args!("expected a test of {FIELDS}, found {found}")),
        }
    }

    fn field(&mut self, begin: usize, field: &str) -> Parsed<Test> {
        match field {
            "kind" => {
                const KINDS: [Kind; 4] = [Kind::Span, Kind::Event, Kind::Error, Kind::Report];
                let kind = |word: &str| KINDS.into_iter().find(|kind| kind.as_str() == word);
                let (order, kind) =
                    self.word("kind", "span, event, error or report", kind, false)?;
                Ok(Test::Kind(order, kind))
            }
            "level" => {
                const LEVELS: [Level; 5] =
                    [Level::Error, Level::Warn, Level::Info, Level::Debug, Level::Trace];
                let level = |word: &str| LEVELS.into_iter().find(|level| level.as_str() == word);
                let all = "error, warn, info, debug or trace";
                let (order, level) = self.word("level", all, level, true)?;
                Ok(Test::Level(order, level))
            }
            "span_kind" => {
                const KINDS: [SpanKind; 5] = [
                    SpanKind::Internal,
                    SpanKind::Server,
                    SpanKind::Client,
                    SpanKind::Producer,
                    SpanKind::Consumer,
                ];
                let kind = |word: &str| KINDS.into_iter().find(|kind| kind.as_str() == word);
                let all = "internal, server, client, producer or consumer";
                let (order, kind) = self.word("kind of span", all, kind, false)?;
                Ok(Test::SpanKind(order, kind))
            }
            "outcome" => {
                const OUTCOMES: [Outcome; 4] =
                    [Outcome::Ok, Outcome::Error, Outcome::Panic, Outcome::Cancelled];
                let outcome = |word: &str| OUTCOMES.into_iter().find(|it| it.as_str() == word);
                let all = "ok, error, panic or cancelled";
                let (order, outcome) = self.word("outcome", all, outcome, false)?;
                Ok(Test::Outcome(order, outcome))
            }
            "duration" => {
                let all = "a number with ns, us, ms, s, m or h, such as 250ms";
                let (order, duration) = self.word("duration", all, duration, true)?;
                Ok(Test::Duration(order, duration))
            }
            "name" => self.text_test(TextField::Name),
            "group" => self.text_test(TextField::Group),
            "scope" => self.text_test(TextField::Scope),
            _ => self.fail(begin, format_args!("there is no `{field}`; expected {FIELDS}")),
        }
    }

    fn text_test(&mut self, field: TextField) -> Parsed<Test> {
        let (at, how) = self.next_with_place()?;
        let how = match how {
            Token::Order(Order::Equal) => TextOrder::Equal,
            Token::Order(Order::Other) => TextOrder::Other,
            Token::Like => TextOrder::Like,
            found => {
                return self.fail(at, format_args!("expected `=`, `!=` or `~`, found {found}"));
            }
        };
        Ok(Test::Text(field, TextTest { how, text: self.text()? }))
    }

    fn text(&mut self) -> Parsed<String> {
        match self.next_with_place()? {
            (_, Token::Word(word)) => Ok(word.to_owned()),
            (_, Token::Quoted(text)) => Ok(text),
            (at, found) => self.fail(at, format_args!("expected a text, found {found}")),
        }
    }

    fn attribute(&mut self, key: String) -> Parsed<Test> {
        let before = self.at;
        let test = match self.next_with_place()? {
            (at, Token::Order(order)) => Some(self.value(at, order)?),
            (_, Token::Like) => {
                Some(ValueTest::Text(TextTest { how: TextOrder::Like, text: self.text()? }))
            }
            _ => {
                self.at = before;
                None
            }
        };
        Ok(Test::Attribute(key, test))
    }

    /// What an attribute is compared with, after the order that stands at a place.
    fn value(&mut self, order_at: usize, order: Order) -> Parsed<ValueTest> {
        let text = match self.next_with_place()? {
            (_, Token::Quoted(text)) => text,
            (_, Token::Word(word @ ("true" | "false"))) => {
                return Ok(ValueTest::Bool(self.equality(order_at, order)?, word == "true"));
            }
            (at, Token::Word(word)) => match number(word) {
                Some(Number::Fraction(number)) if number.is_infinite() => {
                    return self.fail(at, format_args!("`{word}` is too large a number"));
                }
                Some(number) => return Ok(ValueTest::Number(order, number)),
                None => word.to_owned(),
            },
            (at, found) => {
                let expected = "a number, a text, true or false";
                return self.fail(at, format_args!("expected {expected}, found {found}"));
            }
        };
        let how = match self.equality(order_at, order)? {
            Order::Other => TextOrder::Other,
            _ => TextOrder::Equal,
        };
        Ok(ValueTest::Text(TextTest { how, text }))
    }

    /// An order, and a word of which `meaning` knows what it stands for.
    fn word<T>(
        &mut self,
        what: &str,
        expected: &str,
        meaning: impl Fn(&str) -> Option<T>,
        is_ordered: bool,
    ) -> Parsed<(Order, T)> {
        let order = match self.next_with_place()? {
            (_, Token::Order(order)) if is_ordered => order,
            (at, Token::Order(order)) => self.equality(at, order)?,
            (at, found) => {
                let orders = match is_ordered {
                    true => "`=`, `!=`, `<`, `<=`, `>` or `>=`",
                    false => "`=` or `!=`",
                };
                return self.fail(at, format_args!("expected {orders}, found {found}"));
            }
        };
        match self.next_with_place()? {
            (at, Token::Word(word)) => match meaning(word) {
                Some(meaning) => Ok((order, meaning)),
                None => self.fail(at, format_args!("`{word}` is no {what}; expected {expected}")),
            },
            (at, found) => self.fail(at, format_args!("expected {expected}, found {found}")),
        }
    }

    fn equality(&self, at: usize, order: Order) -> Parsed<Order> {
        match order {
            Order::Equal | Order::Other => Ok(order),
            _ => self.fail(
                at,
                format_args!("`{}` compares numbers; expected `=` or `!=`", order.as_str()),
            ),
        }
    }

    fn skip_word(&mut self, word: &str) -> Parsed<bool> {
        let before = self.at;
        let is_there = self.next()? == Token::Word(word);
        if !is_there {
            self.at = before;
        }
        Ok(is_there)
    }

    /// The next token, and where it begins.
    fn next_with_place(&mut self) -> Parsed<(usize, Token<'a>)> {
        let rest = self.rest().trim_start();
        self.at = self.text.len() - rest.len();
        Ok((self.at, self.next()?))
    }

    fn next(&mut self) -> Parsed<Token<'a>> {
        let rest = self.rest().trim_start();
        self.at = self.text.len() - rest.len();
        let Some(first) = rest.chars().next() else {
            return Ok(Token::End);
        };
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '~' => (Token::Like, 1),
            '=' if rest.starts_with("==") => (Token::Order(Order::Equal), 2),
            '=' => (Token::Order(Order::Equal), 1),
            '!' if rest.starts_with("!=") => (Token::Order(Order::Other), 2),
            '<' if rest.starts_with("<=") => (Token::Order(Order::LessOrEqual), 2),
            '<' => (Token::Order(Order::Less), 1),
            '>' if rest.starts_with(">=") => (Token::Order(Order::GreaterOrEqual), 2),
            '>' => (Token::Order(Order::Greater), 1),
            '"' => {
                self.at += 1;
                return self.rest_of_quoted().map(Token::Quoted);
            }
            '.' => return self.key().map(Token::Key),
            _ => {
                let end = rest.find(|next| !is_of_word(next)).unwrap_or(rest.len());
                if end == 0 {
                    let hint = match first {
                        '&' => "; expected `and`",
                        '|' => "; expected `or`",
                        '!' => "; expected `not` or `!=`",
                        '\'' => "; texts stand in double quotes",
                        _ => "",
                    };
                    return self.fail(self.at, format_args!("unexpected `{first}`{hint}"));
                }
                (Token::Word(&rest[..end]), end)
            }
        };
        self.at += length;
        Ok(token)
    }

    /// The name of an attribute, from its point on.
    fn key(&mut self) -> Parsed<String> {
        self.at += 1;
        let rest = self.rest();
        if rest.starts_with('"') {
            self.at += 1;
            return self.rest_of_quoted();
        }
        let end = rest.find(|next| !is_of_key(next)).unwrap_or(rest.len());
        if end == 0 {
            return self.fail(self.at, format_args!("the name of an attribute is missing"));
        }
        self.at += end;
        Ok(rest[..end].to_owned())
    }

    /// What is left of a quoted text after its first quote.
    fn rest_of_quoted(&mut self) -> Parsed<String> {
        let (begin, mut text) = (self.at - 1, String::new());
        let mut characters = self.rest().char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.at += at + 1;
                    return Ok(text);
                }
                '\\' => match characters.next() {
                    Some((_, escaped @ ('"' | '\\'))) => text.push(escaped),
                    _ => {
                        let what = format_args!(r#"a `\` stands before `"` and `\` only"#);
                        return self.fail(self.at + at, what);
                    }
                },
                other => text.push(other),
            }
        }
        self.fail(begin, format_args!("this text has no end"))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn fail<T>(&self, at: usize, what: std::fmt::Arguments<'_>) -> Parsed<T> {
        let at = self.text[..at].chars().count() + 1;
        Err(ConditionError { at, what: what.to_string() })
    }
}

/// Stands in words: texts, numbers, durations.
fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || "_-.:/*?+".contains(character)
}

/// Stands in the name of an attribute without quotes.
pub(super) fn is_of_key(character: char) -> bool {
    character.is_alphanumeric() || "_-.:/".contains(character)
}

pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A number; `inf` and `nan`, which are numbers elsewhere, are texts here.
fn number(word: &str) -> Option<Number> {
    if let Ok(whole) = word.parse() {
        return Some(Number::Whole(whole));
    }
    let digits = word.trim_start_matches(['+', '-']);
    let is_number = digits.starts_with(|it: char| it.is_ascii_digit());
    is_number.then(|| word.parse().ok()).flatten().map(Number::Fraction)
}

/// A number with a unit. Exact, if it has no fraction.
fn duration(word: &str) -> Option<Duration> {
    let unit = word.find(|character: char| character.is_alphabetic())?;
    let (number, unit) = word.split_at(unit);
    let nanos: u64 = match unit {
        "ns" => 1,
        "us" | "µs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    // Wider than a duration: its nanoseconds, as it is written, are more than 64 bits hold.
    if let Ok(whole) = number.parse::<u128>() {
        let nanos = whole.checked_mul(u128::from(nanos))?;
        return Some(Duration::new(
            (nanos / 1_000_000_000).try_into().ok()?,
            (nanos % 1_000_000_000) as u32,
        ));
    }
    let fraction: f64 = number.parse().ok()?;
    Duration::try_from_secs_f64(fraction * nanos as f64 / 1e9).ok()
}
