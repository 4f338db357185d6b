//! Who may do which steps of a supply chain, and which files may pass between them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{InTotoError, Key, KeyFlavour, KeyId, Parameters, Rule, StepName};
use crate::json::{FieldError, Object};
use crate::limits;

/// A layout.
///
/// ```text
/// {"_type": "layout", "expires": "2027-03-31T00:00:00Z", "readme": "",
///  "keys": {"776a00e2…": {…}}, "steps": [{…}], "inspect": []}
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Until when it may be used.
    pub expires: Expiry,
    /// What its owner says about it.
    pub readme: String,
    /// The keys of functionaries, under the ids that the steps name.
    pub keys: BTreeMap<KeyId, Key>,
    /// Certificates of authorities, of in-toto-golang.
    pub root_authorities: BTreeMap<KeyId, Key>,
    /// Certificates below them.
    pub intermediate_authorities: BTreeMap<KeyId, Key>,
    /// The steps, at least one.
    pub steps: Vec<Step>,
    /// Commands that the verifier is to run.
    pub inspections: Vec<Inspection>,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name, unique in the layout.
    pub name: StepName,
    /// How many functionaries must have done it and agree, at least one.
    pub threshold: usize,
    /// The keys that may do it.
    pub keys: Vec<KeyId>,
    /// The certificates that may do it.
    pub certificates: Vec<CertificateConstraint>,
    /// The command that is expected; empty if none is.
    pub command: Vec<String>,
    /// Rules about the files before it.
    pub materials: Vec<Vec<String>>,
    /// Rules about the files after it.
    pub products: Vec<Vec<String>>,
}

/// A command that the verifier runs on what it got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Its name, unique in the layout.
    pub name: StepName,
    /// The command and its arguments.
    pub run: Vec<String>,
    /// Rules about the files before it.
    pub materials: Vec<Vec<String>>,
    /// Rules about the files after it.
    pub products: Vec<Vec<String>>,
}

/// What a certificate must say to do a step (in-toto-golang).
///
/// A list that is empty wants none of its kind; one that is `["*"]` takes any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateConstraint {
    /// The common name of its subject; `*` is any.
    pub common_name: String,
    /// Its DNS names.
    pub dns_names: Vec<String>,
    /// Its e-mail addresses.
    pub emails: Vec<String>,
    /// The organisations of its subject.
    pub organizations: Vec<String>,
    /// Ids of the authorities of the layout that it may come from; `*` is any of them.
    pub roots: Vec<String>,
    /// Its URIs.
    pub uris: Vec<String>,
}

/// A time to the second: `2027-03-31T00:00:00Z`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    text: String,
    seconds: i64,
}

impl Layout {
    /// Reads what a [`Metablock`](super::Metablock) carries. Rules stay words, because parameters may
    /// stand in them: [`Layout::with_parameters`] reads them.
    ///
    /// # Errors
    /// A field that is absent, unknown or of another type; no step; names that are refused or not
    /// unique; a threshold below one; a step that nobody may do.
    pub fn from_json(value: Value) -> Result<Self, InTotoError> {
        let mut object = Object::new("", value)?;
        super::error::expect_type(&mut object, "layout")?;
        object.take_null("inspect");
        let layout = Self {
            expires: Expiry::parse(&object.take_string("expires")?)?,
            readme: object.take_optional_string("readme")?.unwrap_or_default(),
            keys: keys(&mut object, "keys")?,
            root_authorities: keys(&mut object, "rootcas")?,
            intermediate_authorities: keys(&mut object, "intermediatecas")?,
            steps: object
                .take_objects("steps", limits::LAYOUT_STEPS)?
                .into_iter()
                .map(step)
                .collect::<Result<_, _>>()?,
            inspections: object
                .take_optional_objects("inspect", limits::LAYOUT_STEPS)?
                .into_iter()
                .map(inspection)
                .collect::<Result<_, _>>()?,
        };
        object.finish()?;
        if layout.steps.is_empty() {
            return Err(InTotoError::NoSteps);
        }
        let mut names = BTreeSet::new();
        let steps = layout.steps.iter().map(|it| &it.name);
        for name in steps.chain(layout.inspections.iter().map(|it| &it.name)) {
            if !names.insert(name) {
                return Err(InTotoError::NameTwice {
                    name: name.as_str().to_owned(),
                });
            }
        }
        Ok(layout)
    }

    /// The layout with its parameters replaced in rules and commands, and all rules read once.
    ///
    /// Without any parameter commands are left as they are: braces mean something to a shell.
    ///
    /// # Errors
    /// A parameter without a value, or a value without use; a rule that is none of the seven, or has
    /// a pattern that is refused.
    pub fn with_parameters(mut self, parameters: &Parameters) -> Result<Self, InTotoError> {
        let replace = |words: &mut Vec<String>| -> Result<(), InTotoError> {
            for word in words {
                *word = parameters.replace(word)?;
            }
            Ok(())
        };
        let rules = |rules: &mut Vec<Vec<String>>| -> Result<(), InTotoError> {
            for words in rules {
                replace(words)?;
                Rule::parse(words)?;
            }
            Ok(())
        };
        for step in &mut self.steps {
            rules(&mut step.materials)?;
            rules(&mut step.products)?;
            if !parameters.is_empty() {
                replace(&mut step.command)?;
            }
        }
        for inspection in &mut self.inspections {
            rules(&mut inspection.materials)?;
            rules(&mut inspection.products)?;
            if !parameters.is_empty() {
                replace(&mut inspection.run)?;
            }
        }
        parameters.finish()?;
        Ok(self)
    }

    /// The JSON that is signed, with keys as that implementation writes them.
    pub fn to_json(&self, flavour: KeyFlavour) -> Value {
        let keys = |keys: &BTreeMap<KeyId, Key>| -> Value {
            let fields = keys
                .iter()
                .map(|(id, key)| (id.as_str().to_owned(), key.to_json(flavour)));
            Value::Object(fields.collect())
        };
        json!({
            "_type": "layout",
            "expires": self.expires.as_str(),
            "readme": self.readme,
            "keys": keys(&self.keys),
            "steps": self.steps.iter().map(Step::to_json).collect::<Vec<_>>(),
            "inspect": self.inspections.iter().map(Inspection::to_json).collect::<Vec<_>>(),
        })
    }
}

impl Step {
    fn to_json(&self) -> Value {
        json!({
            "_type": "step",
            "name": self.name.as_str(),
            "threshold": self.threshold,
            "pubkeys": self.keys.iter().map(KeyId::as_str).collect::<Vec<_>>(),
            "expected_command": self.command,
            "expected_materials": self.materials,
            "expected_products": self.products,
        })
    }
}

impl Inspection {
    fn to_json(&self) -> Value {
        json!({
            "_type": "inspection",
            "name": self.name.as_str(),
            "run": self.run,
            "expected_materials": self.materials,
            "expected_products": self.products,
        })
    }
}

impl Expiry {
    /// Reads a time.
    ///
    /// # Errors
    /// Not exactly `YYYY-MM-DDTHH:MM:SSZ`, or no such day.
    pub fn parse(text: &str) -> Result<Self, InTotoError> {
        let seconds = seconds(text).ok_or_else(|| InTotoError::Expires {
            found: text.to_owned(),
        })?;
        Ok(Self {
            text: text.to_owned(),
            seconds,
        })
    }

    /// The time as it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Seconds since 1970.
    pub const fn unix_seconds(&self) -> i64 {
        self.seconds
    }
}

fn seconds(text: &str) -> Option<i64> {
    let shape = text.bytes().zip(b"0000-00-00T00:00:00Z".iter());
    let fits = shape.fold(text.len() == 20, |fits, (found, wanted)| {
        fits && if *wanted == b'0' {
            found.is_ascii_digit()
        } else {
            found == *wanted
        }
    });
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    let valid = fits && (1..=days).contains(&day) && hour < 24 && minute < 60 && second < 60;
    // Days of the years since March of the year 0, which ends with its leap day.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let of_years = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let day = of_years + (153 * month + 2) / 5 + day - 1 - DAYS_UNTIL_1970;
    valid.then_some(((day * 24 + hour) * 60 + minute) * 60 + second)
}

fn step(mut object: Object) -> Result<Step, InTotoError> {
    super::error::expect_type(&mut object, "step")?;
    let name = StepName::parse(&object.take_string("name")?)?;
    let threshold = object.take("threshold")?;
    let threshold = threshold
        .as_u64()
        .and_then(|it| usize::try_from(it).ok())
        .filter(|it| (1..=limits::LAYOUT_KEYS).contains(it))
        .ok_or_else(|| InTotoError::Threshold {
            step: name.as_str().to_owned(),
            found: threshold.to_string(),
        })?;
    let keys = strings(&mut object, "pubkeys", limits::LAYOUT_KEYS)?;
    object.take_null("cert_constraints");
    let step = Step {
        keys: keys
            .iter()
            .map(|it| KeyId::parse(it))
            .collect::<Result<_, _>>()?,
        certificates: object
            .take_optional_objects("cert_constraints", limits::LAYOUT_KEYS)?
            .into_iter()
            .map(constraint)
            .collect::<Result<_, _>>()?,
        command: strings(&mut object, "expected_command", limits::LAYOUT_ITEMS)?,
        materials: rules(&mut object, "expected_materials")?,
        products: rules(&mut object, "expected_products")?,
        name,
        threshold,
    };
    object.finish()?;
    if step.keys.is_empty() && step.certificates.is_empty() {
        return Err(InTotoError::NoFunctionary {
            step: step.name.as_str().to_owned(),
        });
    }
    Ok(step)
}

fn inspection(mut object: Object) -> Result<Inspection, InTotoError> {
    super::error::expect_type(&mut object, "inspection")?;
    let inspection = Inspection {
        name: StepName::parse(&object.take_string("name")?)?,
        run: strings(&mut object, "run", limits::LAYOUT_ITEMS)?,
        materials: rules(&mut object, "expected_materials")?,
        products: rules(&mut object, "expected_products")?,
    };
    object.finish()?;
    Ok(inspection)
}

fn constraint(mut object: Object) -> Result<CertificateConstraint, InTotoError> {
    let mut list = |field| strings(&mut object, field, limits::LAYOUT_KEYS);
    let (dns_names, emails) = (list("dns_names")?, list("emails")?);
    let (organizations, roots, uris) = (list("organizations")?, list("roots")?, list("uris")?);
    let constraint = CertificateConstraint {
        common_name: object.take_string("common_name")?,
        dns_names,
        emails,
        organizations,
        roots,
        uris,
    };
    object.finish()?;
    Ok(constraint)
}

fn keys(object: &mut Object, field: &'static str) -> Result<BTreeMap<KeyId, Key>, InTotoError> {
    object.take_null(field);
    let Some(fields) = object.take_optional_object(field)? else {
        return Ok(BTreeMap::new());
    };
    let fields = fields.into_rest();
    if fields.len() > limits::LAYOUT_KEYS {
        return Err(InTotoError::Field(FieldError::TooMany {
            at: field.to_owned(),
            found: fields.len(),
            limit: limits::LAYOUT_KEYS,
        }));
    }
    let read = |(id, key): (String, Value)| -> Result<(KeyId, Key), InTotoError> {
        let object = Object::new(format!("{field}[…]"), key)?;
        Ok((KeyId::parse(&id)?, Key::from_object(object)?))
    };
    fields.into_iter().map(read).collect()
}

fn rules(object: &mut Object, field: &'static str) -> Result<Vec<Vec<String>>, InTotoError> {
    object.take_null(field);
    let rules = object.take_optional_array(field, limits::LAYOUT_RULES)?;
    let at = object.path_of(field);
    rules.into_iter().map(|rule| words(&at, rule)).collect()
}

/// An array of strings; Go writes one that was never filled as `null`.
pub(super) fn strings(
    object: &mut Object,
    field: &'static str,
    limit: usize,
) -> Result<Vec<String>, InTotoError> {
    object.take_null(field);
    let values = object.take_optional_array(field, limit)?;
    words(&object.path_of(field), Value::Array(values))
}

fn words(at: &str, value: Value) -> Result<Vec<String>, InTotoError> {
    let wrong = |found: &Value, wanted| FieldError::wrong_type(at.to_owned(), found, wanted);
    let Value::Array(values) = value else {
        return Err(wrong(&value, "an array").into());
    };
    let word = |value| match value {
        Value::String(text) => Ok(text),
        other => Err(wrong(&other, "a string").into()),
    };
    values.into_iter().map(word).collect()
}

/// From 1 March of the year 0 until 1970.
const DAYS_UNTIL_1970: i64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Value {
        json!({
            "_type": "layout", "expires": "2030-01-01T00:00:00Z", "readme": "",
            "keys": {"0123456789": {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "00"}}},
            "steps": [{
                "_type": "step", "name": "build", "threshold": 1, "pubkeys": ["0123456789"],
                "expected_command": [], "expected_materials": [],
                "expected_products": [["CREATE", "{name}.tgz"], ["DISALLOW", "*"]],
            }],
            "inspect": [{
                "_type": "inspection", "name": "look", "run": ["sh", "-c", "echo ${HOME} {print}"],
                "expected_materials": [], "expected_products": [],
            }],
        })
    }

    fn refusal(change: impl FnOnce(&mut Value)) -> &'static str {
        let mut value = layout();
        change(&mut value);
        Layout::from_json(value).map_or_else(|it| it.code(), |_| "read")
    }

    #[test]
    fn a_layout_that_is_changed_in_one_place_is_refused() {
        assert_eq!(refusal(|_| {}), "read");
        assert_eq!(refusal(|it| it["steps"] = json!([])), "layout-empty");
        assert_eq!(refusal(|it| it["extra"] = json!(1)), "field-unknown");
        assert_eq!(
            refusal(|it| it["steps"][0]["extra"] = json!(1)),
            "field-unknown"
        );
        assert_eq!(refusal(|it| it["_type"] = json!("link")), "metablock-type");
        assert_eq!(
            refusal(|it| it["steps"][0]["name"] = json!("../x")),
            "step-name-malformed"
        );
        assert_eq!(
            refusal(|it| it["inspect"][0]["name"] = json!("../x")),
            "step-name-malformed"
        );
        assert_eq!(
            refusal(|it| it["inspect"][0]["name"] = json!("build")),
            "step-name-twice"
        );
        for threshold in [json!(0), json!(-1), json!(1.5), json!("1"), json!(10_000)] {
            assert_eq!(
                refusal(|it| it["steps"][0]["threshold"] = threshold),
                "step-threshold"
            );
        }
        assert_eq!(
            refusal(|it| it["steps"][0]["pubkeys"] = json!([])),
            "step-without-functionary"
        );
        assert_eq!(
            refusal(|it| it["steps"][0]["pubkeys"] = json!(["../x"])),
            "keyid-malformed"
        );
        assert_eq!(
            refusal(|it| it["keys"]["0123456789"]["keyval"]["private"] = json!("00")),
            "layout-private-key"
        );
        assert_eq!(
            refusal(|it| it["keys"]["0123456789"]["subkeys"] = json!({})),
            "metablock-openpgp"
        );
        for time in [
            "2030-02-30T00:00:00Z",
            "2030-01-01",
            "2030-01-01T00:00:00+00:00",
            "",
            "2030-01-01T24:00:00Z",
        ] {
            assert_eq!(
                refusal(|it| it["expires"] = json!(time)),
                "layout-expires-malformed"
            );
        }
    }

    #[test]
    fn times_are_counted_from_1970() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:34:56Z", 951_827_696),
            ("2030-11-18T16:06:36Z", 1_921_248_396),
            ("1969-12-31T23:59:59Z", -1),
        ] {
            assert_eq!(Expiry::parse(text).unwrap().unix_seconds(), seconds);
        }
    }

    #[test]
    fn rules_are_read_once_their_parameters_are_known() {
        let layout = Layout::from_json(layout()).unwrap();
        let none = layout.clone().with_parameters(&Parameters::new());
        assert_eq!(none.unwrap_err().code(), "layout-parameter-missing");
        let mut parameters = Parameters::new();
        parameters.insert("name", "tool").unwrap();
        parameters.insert("HOME", "/root").unwrap();
        parameters.insert("print", "x").unwrap();
        let layout = layout.with_parameters(&parameters).unwrap();
        assert_eq!(layout.steps[0].products[0], ["CREATE", "tool.tgz"]);
        assert_eq!(layout.inspections[0].run[2], "echo $/root x");
    }

    #[test]
    fn a_layout_is_written_as_it_is_read() {
        let mut parsed = Layout::from_json(layout()).unwrap();
        let key = parsed.keys.pop_first().unwrap().1;
        let id = key.keyid(KeyFlavour::Golang);
        parsed.steps[0].keys = vec![id.clone()];
        parsed.keys.insert(id, key);
        let again = Layout::from_json(parsed.to_json(KeyFlavour::Golang)).unwrap();
        assert_eq!(again, parsed);
    }
}
