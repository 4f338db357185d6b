//! What provenance says about a build, the same for each of its versions.

use attest_provenance::Statement;
use attest_provenance::json::Value;
use attest_provenance::predicate::slsa;

use super::origin::Origin;
use crate::reason::Reason;

/// A build as a predicate claims it.
#[derive(Debug, Clone)]
pub(super) struct Build {
    predicate: Value,
    is_v0_2: bool,
    builder_id: String,
    kind: String,
}

impl Build {
    /// Reads the predicate of provenance.
    ///
    /// # Errors
    /// `provenance-required` when the statement says something else, `provenance-malformed` when it
    /// lacks what its version requires.
    pub(super) fn of(statement: Option<&Statement>) -> Result<Self, Reason> {
        let wanted = "SLSA provenance 1 or 0.2";
        let Some(statement) = statement else {
            return Err(Reason::new(
                "provenance-required",
                "a signature over the bytes alone",
                wanted,
            ));
        };
        let is_v0_2 = match statement.predicate_type() {
            slsa::TYPE => false,
            slsa::TYPE_V0_2 => true,
            other => return Err(Reason::new("provenance-required", other, wanted)),
        };
        let predicate = statement.predicate().clone();
        let text = |path: &str| at(&predicate, path).and_then(Value::as_str);
        let (id, build_type, parameters) = if is_v0_2 {
            ("builder.id", "buildType", None)
        } else {
            (
                "runDetails.builder.id",
                "buildDefinition.buildType",
                Some("buildDefinition.externalParameters"),
            )
        };
        let missing = |path: &str| {
            let found = format!("no {path}");
            Reason::new("provenance-malformed", found, "what its version requires")
        };
        let builder_id = text(id).filter(|it| !it.is_empty());
        let builder_id = builder_id.ok_or_else(|| missing(id))?.to_owned();
        let kind = text(build_type).filter(|it| !it.is_empty());
        let kind = kind.ok_or_else(|| missing(build_type))?.to_owned();
        if let Some(path) = parameters
            && !at(&predicate, path).is_some_and(Value::is_object)
        {
            return Err(missing(path));
        }
        Ok(Self {
            predicate,
            is_v0_2,
            builder_id,
            kind,
        })
    }

    pub(super) const fn is_v0_2(&self) -> bool {
        self.is_v0_2
    }

    pub(super) fn builder_id(&self) -> &str {
        &self.builder_id
    }

    pub(super) fn build_type(&self) -> &str {
        &self.kind
    }

    /// The value at a path of field names joined by dots.
    pub(super) fn at(&self, path: &str) -> Option<&Value> {
        at(&self.predicate, path)
    }

    /// A text or number at a path.
    pub(super) fn text_at(&self, path: &str) -> Option<String> {
        match self.at(path)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// The dependencies that name a repository: by a `git+` URI, or by a commit.
    pub(super) fn repositories(&self) -> Vec<Origin> {
        let path = if self.is_v0_2 {
            "materials"
        } else {
            "buildDefinition.resolvedDependencies"
        };
        let dependencies = self.at(path).and_then(Value::as_array);
        let dependencies = dependencies.into_iter().flatten();
        dependencies.filter_map(Origin::of_dependency).collect()
    }

    /// The names and values of external parameters, each with the names that lead to it: what is
    /// nested is followed.
    pub(super) fn parameters(&self, path: &str) -> Vec<(Vec<String>, &Value)> {
        let mut found = Vec::new();
        if let Some(value) = self.at(path) {
            leaves(value, &mut Vec::new(), &mut found);
        }
        found
    }

    /// Where external parameters stand, whatever the build type.
    pub(super) const fn default_parameters(&self) -> &'static str {
        if self.is_v0_2 {
            "invocation.parameters"
        } else {
            "buildDefinition.externalParameters"
        }
    }
}

fn leaves<'v>(value: &'v Value, path: &mut Vec<String>, found: &mut Vec<(Vec<String>, &'v Value)>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                path.push(name.clone());
                leaves(value, path, found);
                path.pop();
            }
        }
        // Nothing at all is no parameter; an empty one below a name still has that name.
        Value::Object(_) | Value::Null if path.is_empty() => {}
        _ => found.push((path.clone(), value)),
    }
}

fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.')
        .try_fold(value, |value, field| value.get(field))
}
