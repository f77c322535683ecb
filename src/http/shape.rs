//! Which fields a type has, read from its own published schema.
//!
//! Invariant: what is checked here is what `/openapi.json` says, since both come from the same schema.

use std::any::TypeId;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// How a URL parameter's text becomes a JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plain {
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// Values between commas.
    List,
    /// As it stands.
    Text,
}

/// The fields of an object type.
#[derive(Debug)]
pub struct Shape {
    /// Every field.
    pub fields: BTreeMap<String, Plain>,
    /// Fields that must be there.
    pub required: Vec<String>,
}

thread_local! {
    static SHAPES: RefCell<HashMap<TypeId, Rc<Shape>>> = RefCell::default();
}

/// The shape of a type, made once a thread.
pub fn of<T: JsonSchema + 'static>() -> Rc<Shape> {
    SHAPES.with_borrow_mut(|shapes| Rc::clone(shapes.entry(TypeId::of::<T>()).or_insert_with(|| Rc::new(read::<T>()))))
}

fn read<T: JsonSchema>() -> Shape {
    let settings = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    let mut fields = BTreeMap::new();
    for (name, field) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        fields.insert(name.clone(), plain(field));
    }
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    Shape { fields, required: required.filter_map(|v| v.as_str().map(str::to_owned)).collect() }
}

fn plain(schema: &Value) -> Plain {
    for (kind, plain) in [("integer", Plain::Integer), ("boolean", Plain::Boolean), ("array", Plain::List)] {
        if is(schema, kind) {
            return plain;
        }
    }
    Plain::Text
}

fn is(schema: &Value, kind: &str) -> bool {
    let direct = match schema.get("type") {
        Some(Value::String(one)) => one == kind,
        Some(Value::Array(many)) => many.iter().any(|v| v == kind),
        _ => false,
    };
    let any = schema.get("anyOf").and_then(Value::as_array);
    direct || any.into_iter().flatten().any(|member| is(member, kind))
}
