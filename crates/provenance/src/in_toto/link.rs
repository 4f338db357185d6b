//! One functionary's record of one step.

use serde_json::{Map, Value, json};

use super::{Artifacts, InTotoError, StepName};
use crate::json::{self, JsonNumberError, Object};
use crate::limits;

/// What was done in a step: the command, the files before and after it, and what else was noticed.
///
/// ```text
/// {"_type": "link", "name": "package", "command": ["tar", "czf", "foo.tgz", "foo.py"],
///  "materials": {"foo.py": {"sha256": "2a0f…"}}, "products": {"foo.tgz": {"sha256": "52a9…"}},
///  "byproducts": {"return-value": 0, "stderr": "", "stdout": ""}, "environment": {}}
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The step that it is about.
    pub name: StepName,
    /// The command and its arguments; empty if the step was none.
    pub command: Vec<String>,
    /// The files before the step.
    pub materials: Artifacts,
    /// The files after the step.
    pub products: Artifacts,
    /// `stdout`, `stderr`, `return-value` and whatever else the recorder noticed.
    pub byproducts: Map<String, Value>,
    /// What the recorder said about the machine.
    pub environment: Map<String, Value>,
}

impl Link {
    /// A record of nothing yet.
    pub fn new(name: StepName) -> Self {
        Self {
            name,
            command: Vec::new(),
            materials: Artifacts::new(),
            products: Artifacts::new(),
            byproducts: Map::new(),
            environment: Map::new(),
        }
    }

    /// Reads what a [`Metablock`](super::Metablock) carries.
    ///
    /// # Errors
    /// A field that is absent, unknown or of another type; a path or digest that is refused.
    pub fn from_json(value: Value) -> Result<Self, InTotoError> {
        let mut object = Object::new("", value)?;
        super::error::expect_type(&mut object, "link")?;
        let name = StepName::parse(&object.take_string("name")?)?;
        let link = Self {
            name,
            command: super::layout::strings(&mut object, "command", limits::LAYOUT_ITEMS)?,
            materials: Artifacts::from_object(map(&mut object, "materials")?)?,
            products: Artifacts::from_object(map(&mut object, "products")?)?,
            byproducts: map(&mut object, "byproducts")?.into_rest(),
            environment: map(&mut object, "environment")?.into_rest(),
        };
        object.finish()?;
        Ok(link)
    }

    /// The JSON that is signed.
    pub fn to_json(&self) -> Value {
        json!({
            "_type": "link",
            "name": self.name.as_str(),
            "command": self.command,
            "materials": self.materials.to_json(),
            "products": self.products.to_json(),
            "byproducts": self.byproducts,
            "environment": self.environment,
        })
    }

    /// The canonical bytes of [`Link::to_json`], which a classic signature covers.
    ///
    /// # Errors
    /// A number with a fraction among byproducts or environment.
    pub fn canonical(&self) -> Result<Vec<u8>, JsonNumberError> {
        json::olpc(&self.to_json())
    }

    /// What the command returned, if a number that fits was recorded.
    pub fn return_value(&self) -> Option<i64> {
        self.byproducts.get("return-value").and_then(Value::as_i64)
    }
}

/// An object; Go writes an empty one that was never filled as `null`.
fn map(object: &mut Object, field: &'static str) -> Result<Object, InTotoError> {
    object.take_null(field);
    match object.take_optional_object(field)? {
        Some(found) => Ok(found),
        None => Ok(Object::new(field, json!({}))?),
    }
}
