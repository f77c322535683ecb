//! Whether a document passes a filter.
//!
//! Invariant: a tree is checked whole before anything is evaluated; after that evaluation cannot fail.

use serde_json::Value;

use crate::document::{Attribute, Record};
use crate::error::{Error, Result};
use crate::filter::{Condition, Filter, Op};

/// Deepest nesting of a filter.
pub const MAX_DEPTH: usize = 16;
/// Most conditions of a filter.
pub const MAX_CONDITIONS: usize = 256;

/// A checked filter, ready to be asked about many documents.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Check {
    All(Vec<Check>),
    Any(Vec<Check>),
    Not(Box<Check>),
    Test(Field, Test),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Field {
    Id,
    Title,
    Category,
    Tags,
    Audience,
    Language,
    Version,
    PublishedAt,
    Attribute(String),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    In(Vec<Operand>),
    NotIn(Vec<Operand>),
    Compare(std::cmp::Ordering, bool, Operand),
    Between(Operand, Operand),
    Under(String),
    Prefix(String),
    Contains(Operand),
    Exists,
    Missing,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operand {
    Number(f64),
    Text(String),
}

impl Check {
    /// Checks a tree.
    ///
    /// # Errors
    /// [`Error::Filter`] with the path of the first condition that names an unknown field or an ill-typed value.
    pub fn of(filter: &Filter) -> Result<Check> {
        let mut conditions = 0;
        build(filter, "filters", 0, &mut conditions)
    }

    pub fn passes(&self, record: &Record) -> bool {
        match self {
            Check::All(parts) => parts.iter().all(|p| p.passes(record)),
            Check::Any(parts) => parts.iter().any(|p| p.passes(record)),
            Check::Not(part) => !part.passes(record),
            Check::Test(field, test) => test.holds(field, record),
        }
    }
}

fn wrong(path: &str, message: impl Into<String>) -> Error {
    Error::Filter { path: path.to_owned(), message: message.into() }
}

fn build(filter: &Filter, path: &str, depth: usize, conditions: &mut usize) -> Result<Check> {
    if depth > MAX_DEPTH {
        return Err(wrong(path, format!("a filter may be nested {MAX_DEPTH} deep at most")));
    }
    let list = |parts: &[Filter], name: &str, conditions: &mut usize| -> Result<Vec<Check>> {
        parts
            .iter()
            .enumerate()
            .map(|(i, part)| build(part, &format!("{path}.{name}[{i}]"), depth + 1, conditions))
            .collect()
    };
    match filter {
        Filter::All { all } => Ok(Check::All(list(all, "all", conditions)?)),
        Filter::Any { any } => Ok(Check::Any(list(any, "any", conditions)?)),
        Filter::Not { not } => Ok(Check::Not(Box::new(build(not, &format!("{path}.not"), depth + 1, conditions)?))),
        Filter::Condition(condition) => {
            *conditions += 1;
            if *conditions > MAX_CONDITIONS {
                return Err(wrong(path, format!("a filter may have {MAX_CONDITIONS} conditions at most")));
            }
            test(condition, path)
        }
    }
}

fn test(condition: &Condition, path: &str) -> Result<Check> {
    let field = field(&condition.field, &format!("{path}.field"))?;
    let at = format!("{path}.value");
    let value = &condition.value;
    let ordered = matches!(field, Field::Version | Field::PublishedAt | Field::Attribute(_));
    let needs_order = matches!(condition.op, Op::Gt | Op::Gte | Op::Lt | Op::Lte | Op::Between);
    if needs_order && !ordered {
        return Err(wrong(&format!("{path}.op"), format!("'{}' has no order: use eq, in, prefix …", condition.field)));
    }
    if condition.op == Op::Under && field != Field::Category {
        return Err(wrong(&format!("{path}.op"), "'under' is for the field category"));
    }
    use std::cmp::Ordering::{Greater, Less};
    let test = match condition.op {
        Op::Eq => Test::In(vec![operand(&field, value, &at)?]),
        Op::Ne => Test::NotIn(vec![operand(&field, value, &at)?]),
        Op::In => Test::In(operands(&field, value, &at)?),
        Op::NotIn => Test::NotIn(operands(&field, value, &at)?),
        Op::Gt => Test::Compare(Greater, false, operand(&field, value, &at)?),
        Op::Gte => Test::Compare(Greater, true, operand(&field, value, &at)?),
        Op::Lt => Test::Compare(Less, false, operand(&field, value, &at)?),
        Op::Lte => Test::Compare(Less, true, operand(&field, value, &at)?),
        Op::Between => between(&field, value, &at)?,
        Op::Under => Test::Under(text(value, &at)?),
        Op::Prefix => Test::Prefix(text(value, &at)?),
        Op::Contains => Test::Contains(operand(&field, value, &at)?),
        Op::Exists => absent(value, &at, Test::Exists)?,
        Op::Missing => absent(value, &at, Test::Missing)?,
    };
    Ok(Check::Test(field, test))
}

fn field(name: &str, path: &str) -> Result<Field> {
    Ok(match name {
        "id" | "article_id" => Field::Id,
        "title" => Field::Title,
        "category" => Field::Category,
        "tags" => Field::Tags,
        "audience" => Field::Audience,
        "language" => Field::Language,
        "version" => Field::Version,
        "published_at" => Field::PublishedAt,
        _ => match name.strip_prefix("attributes.") {
            Some(attribute) if !attribute.is_empty() => Field::Attribute(attribute.to_owned()),
            _ => {
                return Err(wrong(
                    path,
                    format!(
                        "there is no field '{name}': use id, title, category, tags, audience, language, version, published_at or attributes.<name>"
                    ),
                ));
            }
        },
    })
}

fn text(value: &Value, path: &str) -> Result<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| wrong(path, format!("expected a text, not {value}")))
}

fn operand(field: &Field, value: &Value, path: &str) -> Result<Operand> {
    match field {
        Field::Version => {
            value.as_f64().map(Operand::Number).ok_or_else(|| wrong(path, format!("expected a number, not {value}")))
        }
        Field::PublishedAt => {
            // Milliseconds: the caller of the engine turns written times into them.
            value.as_f64().map(Operand::Number).ok_or_else(|| wrong(path, format!("expected a time, not {value}")))
        }
        Field::Attribute(_) => match value {
            Value::String(text) => Ok(Operand::Text(text.clone())),
            Value::Number(n) => n.as_f64().map(Operand::Number).ok_or_else(|| wrong(path, "the number is too large")),
            _ => Err(wrong(path, format!("expected a text or a number, not {value}"))),
        },
        _ => text(value, path).map(Operand::Text),
    }
}

fn operands(field: &Field, value: &Value, path: &str) -> Result<Vec<Operand>> {
    let Some(list) = value.as_array() else {
        return Err(wrong(path, format!("expected a list, not {value}")));
    };
    if list.len() > MAX_CONDITIONS * 4 {
        return Err(wrong(path, format!("a list may have {} values at most", MAX_CONDITIONS * 4)));
    }
    list.iter().enumerate().map(|(i, v)| operand(field, v, &format!("{path}[{i}]"))).collect()
}

fn between(field: &Field, value: &Value, path: &str) -> Result<Test> {
    let mut bounds = operands(field, value, path)?;
    match (bounds.pop(), bounds.pop(), bounds.is_empty()) {
        (Some(high), Some(low), true) => Ok(Test::Between(low, high)),
        _ => Err(wrong(path, "expected a list of two values: the lowest and the highest")),
    }
}

fn absent(value: &Value, path: &str, test: Test) -> Result<Test> {
    if value.is_null() { Ok(test) } else { Err(wrong(path, "this comparison takes no value")) }
}

/// The values a record has for a field.
enum Values<'a> {
    None,
    Text(&'a str),
    Number(f64),
    Many(&'a [String]),
}

fn values<'a>(field: &Field, record: &'a Record) -> Values<'a> {
    match field {
        Field::Id => Values::Text(&record.id),
        Field::Title => Values::Text(&record.title),
        Field::Category => record.category.as_deref().map_or(Values::None, Values::Text),
        Field::Tags if record.tags.is_empty() => Values::None,
        Field::Tags => Values::Many(&record.tags),
        Field::Audience => Values::Text(&record.audience),
        Field::Language => Values::Text(&record.language),
        Field::Version => Values::Number(f64::from(record.version)),
        Field::PublishedAt => Values::Number(record.from as f64),
        Field::Attribute(name) => match record.attributes.get(name) {
            None => Values::None,
            Some(Attribute::Number(n)) => Values::Number(*n),
            Some(Attribute::Text(text)) => Values::Text(text),
        },
    }
}

impl Test {
    fn holds(&self, field: &Field, record: &Record) -> bool {
        let values = values(field, record);
        match self {
            Test::In(wanted) => wanted.iter().any(|w| equals(&values, w)),
            Test::NotIn(wanted) => !wanted.iter().any(|w| equals(&values, w)),
            Test::Compare(order, or_equal, operand) => {
                compare(&values, operand).is_some_and(|o| o == *order || (*or_equal && o.is_eq()))
            }
            Test::Between(low, high) => {
                compare(&values, low).is_some_and(std::cmp::Ordering::is_ge)
                    && compare(&values, high).is_some_and(std::cmp::Ordering::is_le)
            }
            Test::Under(path) => match values {
                Values::Text(category) => {
                    category.strip_prefix(path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                }
                _ => false,
            },
            Test::Prefix(prefix) => match values {
                Values::Text(text) => text.starts_with(prefix.as_str()),
                Values::Many(texts) => texts.iter().any(|t| t.starts_with(prefix.as_str())),
                _ => false,
            },
            Test::Contains(operand) => match (&values, operand) {
                (Values::Text(text), Operand::Text(part)) => text.contains(part.as_str()),
                _ => equals(&values, operand),
            },
            Test::Exists => !matches!(values, Values::None),
            Test::Missing => matches!(values, Values::None),
        }
    }
}

fn equals(values: &Values<'_>, operand: &Operand) -> bool {
    match (values, operand) {
        (Values::Text(a), Operand::Text(b)) => a == b,
        (Values::Many(all), Operand::Text(b)) => all.iter().any(|a| a == b),
        (Values::Number(a), Operand::Number(b)) => a == b,
        _ => false,
    }
}

fn compare(values: &Values<'_>, operand: &Operand) -> Option<std::cmp::Ordering> {
    match (values, operand) {
        (Values::Number(a), Operand::Number(b)) => a.partial_cmp(b),
        (Values::Text(a), Operand::Text(b)) => Some((*a).cmp(b.as_str())),
        _ => None,
    }
}
