//! What whoever started the build could choose.

use attest_provenance::json::Value;

use super::Judging;
use crate::slsa::build::Build;
use crate::slsa::builders::BuildType;
use crate::slsa::expectations::SlsaExpectations;

impl Judging {
    /// Every external parameter must be known, and what was freely chosen must be expected.
    pub(super) fn check_parameters(
        &mut self,
        expected: &SlsaExpectations,
        build: &Build,
        build_type: Option<&BuildType>,
    ) {
        let place = build_type.map_or(build.default_parameters(), |it| it.parameters.as_str());
        for (path, value) in build.parameters(place) {
            if expected.allowed().iter().any(|it| leads_to(it, &path)) {
                continue;
            }
            let known = |names: &[String]| names.iter().any(|it| leads_to(it, &path));
            match build_type {
                Some(it) if known(&it.bound) || known(&it.written) => {}
                Some(it) if known(&it.free) && (is_nothing(value) || it.is_input(&path)) => {}
                Some(it) if known(&it.free) => self.refuse(
                    "build-parameter-unexpected",
                    format!("{} = {value}", path.join(".")),
                    "no value that nobody expects",
                ),
                _ => self.refuse(
                    "build-parameter-unknown",
                    format!("external parameter {}", path.join(".")),
                    "only parameters that the build type is known to have",
                ),
            }
        }
        self.check_inputs(expected, build, build_type);
    }

    /// The inputs that were given are those that are expected, with the same values.
    fn check_inputs(
        &mut self,
        expected: &SlsaExpectations,
        build: &Build,
        build_type: Option<&BuildType>,
    ) {
        let place = build_type.and_then(|it| it.inputs.as_ref());
        let given = place.and_then(|it| build.at(it)).and_then(Value::as_object);
        let is_allowed = expected.allowed().contains("inputs");
        for (name, value) in given.into_iter().flatten() {
            let found = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            match expected.inputs().get(name) {
                Some(wanted) if *wanted == found => {
                    self.holds("input", format!("{name}={found}"), wanted.as_str());
                }
                Some(wanted) => self.refuse(
                    "workflow-input-mismatch",
                    format!("{name}={found}"),
                    format!("{name}={wanted}"),
                ),
                None if is_allowed || value.is_null() => {}
                None => self.refuse(
                    "workflow-input-unexpected",
                    format!("{name}={found}"),
                    "no input that nobody expects",
                ),
            }
        }
        for (name, wanted) in expected.inputs() {
            if given.is_none_or(|it| !it.contains_key(name)) {
                let found = format!("no input {name}");
                self.refuse("workflow-input-missing", found, format!("{name}={wanted}"));
            }
        }
    }
}

impl BuildType {
    /// Whether a parameter is one of the inputs, which are looked at by themselves.
    fn is_input(&self, path: &[String]) -> bool {
        let first = path.first().map_or("", String::as_str);
        let place = format!("{}.{first}", self.parameters);
        self.inputs.as_ref() == Some(&place)
    }
}

/// Whether names joined by dots lead to a parameter or to something above it; a `*` at the end stands
/// for the rest of a name.
fn leads_to(names: &str, path: &[String]) -> bool {
    let mut path = path.iter();
    names.split('.').all(|name| {
        path.next()
            .is_some_and(|found| match name.strip_suffix('*') {
                Some(start) => found.starts_with(start),
                None => name == found,
            })
    })
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}
