//! What an application says of its workflows to those that know them only by name.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use gensx_core::event::Json;
use jsonschema::Validator;
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::Value;

use crate::problem::{At, Problem};

/// The most places that an input is said to be wrong at.
const MAX_PLACES: usize = 20;

/// A workflow as callers see it: its name, and what it takes and gives.
///
/// ```
/// use gensx_http::Described;
///
/// #[derive(schemars::JsonSchema)]
/// struct Topic {
///     topic: String,
/// }
///
/// let blog = Described::new("blog").about("Writes an article").input::<Topic>().output::<String>();
/// ```
#[derive(Clone)]
pub struct Described {
    name: Cow<'static, str>,
    about: Option<Cow<'static, str>>,
    input: Option<Checked>,
    output: Option<Schema>,
}

/// A schema, and what checks values by it.
#[derive(Clone)]
struct Checked {
    schema: Schema,
    validator: std::sync::Arc<Validator>,
}

impl Described {
    /// The workflow with this name, of which nothing more is known: any input is passed on.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), about: None, input: None, output: None }
    }

    /// What it does, for people.
    #[must_use]
    pub fn about(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.about = Some(text.into());
        self
    }

    /// What it takes: inputs are checked by this type's JSON Schema before anything is started.
    ///
    /// # Panics
    /// If the type's schema is none, which only a hand-written one can be.
    #[must_use]
    pub fn input<T: JsonSchema>(mut self) -> Self {
        let schema = schema_of::<T>();
        let validator = match jsonschema::validator_for(schema.as_value()) {
            Ok(validator) => validator,
            Err(error) => panic!("the JSON Schema of `{}` is none: {error}", std::any::type_name::<T>()),
        };
        self.input = Some(Checked { schema, validator: validator.into() });
        self
    }

    /// What it gives.
    #[must_use]
    pub fn output<T: JsonSchema>(mut self) -> Self {
        self.output = Some(schema_of::<T>());
        self
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn text(&self) -> Option<&str> {
        self.about.as_deref()
    }

    pub(crate) fn input_schema(&self) -> Option<&Value> {
        self.input.as_ref().map(|checked| checked.schema.as_value())
    }

    pub(crate) fn output_schema(&self) -> Option<&Value> {
        self.output.as_ref().map(Schema::as_value)
    }

    /// Whether an input is one, or where it is not.
    pub(crate) fn check(&self, input: &Json) -> Result<(), Problem> {
        let Some(Checked { validator, .. }) = &self.input else { return Ok(()) };
        let value: Value = serde_json::from_str(input.get())
            .map_err(|error| Problem::bad_request(format!("Invalid JSON: {error}")))?;
        let at: Vec<At> = validator.iter_errors(&value).take(MAX_PLACES).map(|error| place(&error)).collect();
        let Some(first) = at.first() else { return Ok(()) };
        let whole = if first.path.is_empty() { "the input" } else { &first.path };
        let text = format!("Input validation failed: {whole}: {}", first.error);
        Err(Problem::bad_request(text).with_places(at))
    }
}

/// The value itself is not repeated: it may be large, and it may be secret.
fn place(error: &jsonschema::ValidationError<'_>) -> At {
    At { path: error.instance_path().to_string(), error: error.masked().to_string() }
}

fn schema_of<T: JsonSchema>() -> Schema {
    SchemaGenerator::new(SchemaSettings::draft2020_12()).into_root_schema_for::<T>()
}

impl fmt::Debug for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Described").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The workflows that may be started.
#[derive(Clone, Default, Debug)]
pub(crate) struct Catalogue(BTreeMap<String, Described>);

impl Catalogue {
    pub(crate) fn add(&mut self, described: Described) {
        self.0.insert(described.name().to_owned(), described);
    }

    /// Adds a workflow of which only the name is known, unless it is described.
    pub(crate) fn add_name(&mut self, name: String) {
        self.0.entry(name.clone()).or_insert_with(|| Described::new(name));
    }

    /// What is known of a workflow. Where none is described, any name may be one.
    pub(crate) fn get(&self, name: &str) -> Result<Option<&Described>, Problem> {
        match self.0.get(name) {
            Some(described) => Ok(Some(described)),
            None if self.0.is_empty() => Ok(None),
            None => Err(Problem::not_found(format!("Workflow '{}' not found", name.escape_debug()))),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Described> {
        self.0.values()
    }
}
