//! What rules ask of evidence of a type that we know: builds, verification summaries, scans, reviews.

mod vulns;

use attest_provenance::Statement;
use attest_provenance::json::Value;
use attest_provenance::predicate::review::{self, Review, ReviewResult, Scope};
use attest_provenance::predicate::vsa::{self, VerificationResult, Vsa};
use attest_provenance::predicate::{PredicateError, slsa, vulns as scans};
use attest_verify::Evidence;

use super::judge::Built;
use super::layout::{LAYOUT, LayoutWants};
use super::rule::Kind;
use crate::reason::Reason;
use crate::slsa::{Builders, ExpectationError, ExpectedRef, Level, SlsaExpectations, levels_of};
use crate::toml::{Field, FileError, Item, Table};
pub(crate) use vulns::{Deny, Exceptions};

/// What a rule asks beside `where`.
#[derive(Debug, Clone)]
pub(crate) enum Specific {
    /// Nothing.
    Nothing,
    /// A build.
    Build(Box<Build>),
    /// A verification by somebody else.
    Verification(Verification),
    /// A scan without such findings.
    Scan(Deny),
    /// A review of the source.
    Review(ReviewWants),
    /// A layout whose last step made it.
    Layout(LayoutWants),
}

/// What is expected of provenance.
#[derive(Debug, Clone)]
pub(crate) struct Build {
    expectations: SlsaExpectations,
    /// What must hold as well, because flags ask for it.
    tighter: Option<SlsaExpectations>,
    words: Vec<String>,
}

/// What is expected of a verification summary.
#[derive(Debug, Clone)]
pub(crate) struct Verification {
    verifier: String,
    resource: String,
    levels: Vec<Level>,
}

/// What is expected of a review.
#[derive(Debug, Clone)]
pub(crate) struct ReviewWants {
    scope: Option<Scope>,
    independent: bool,
}

/// What evidence says to a rule.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// The values found.
    pub(crate) found: Vec<String>,
    /// What is wrong.
    pub(crate) reasons: Vec<Reason>,
    /// The build level that it shows.
    pub(crate) level: Option<u8>,
    /// The commit that was built.
    pub(crate) commit: Option<String>,
    /// The ref that was built.
    pub(crate) reference: Option<String>,
    /// Whether it is provenance that says itself that files were put together, and no build was watched.
    pub(crate) is_packaging: bool,
    /// What a scan found, as far as it is denied.
    pub(crate) denied: Vec<vulns::Denied>,
}

/// The fields of a rule about builds.
pub(crate) const BUILD: &[&str] = &[
    "source",
    "ref",
    "commit",
    "builder",
    "level",
    "inputs",
    "external_parameters",
    "allow_v02",
];

/// The fields of a rule about verification summaries.
pub(crate) const VERIFICATION: &[&str] = &["verifier", "resource_uri", "levels"];

/// The fields of a rule about scans.
pub(crate) const SCAN: &[&str] = &["deny"];

/// The fields of `deny`.
pub(crate) const DENY: &[&str] = &["severity", "unless_vex", "product"];

/// The fields of a rule about reviews.
pub(crate) const REVIEW: &[&str] = &["scope", "independent_of_author"];

impl Specific {
    /// The fields that a rule of this kind may have beside those of every rule.
    pub(crate) fn fields(kind: &Kind) -> &'static [&'static str] {
        if kind.is_layout() {
            LAYOUT
        } else if is_build(kind) {
            BUILD
        } else if kind.has(vsa::TYPE) {
            VERIFICATION
        } else if kind.has(scans::TYPE) {
            SCAN
        } else if kind.has(review::TYPE) {
            REVIEW
        } else {
            &[]
        }
    }

    pub(crate) fn read(kind: &Kind, table: &Table<'_>) -> Result<Self, FileError> {
        if kind.is_layout() {
            return LayoutWants::read(table).map(Self::Layout);
        }
        if is_build(kind) {
            return Build::read(kind, table).map(|it| Self::Build(Box::new(it)));
        }
        if kind.has(vsa::TYPE) {
            return Verification::read(table).map(Self::Verification);
        }
        if kind.has(scans::TYPE) {
            return match table.has("deny") {
                Some(deny) => Deny::read(&deny.table()?).map(Self::Scan),
                None if table.has("where").is_some() => Ok(Self::Nothing),
                None => Err(table.fault("deny is missing: every finding would do")),
            };
        }
        if kind.has(review::TYPE) {
            return ReviewWants::read(table).map(Self::Review);
        }
        Ok(Self::Nothing)
    }

    /// What is expected of a build, if that is what the rule is about.
    pub(crate) fn build(&mut self) -> Option<&mut Build> {
        match self {
            Self::Build(build) => Some(build),
            _ => None,
        }
    }

    /// The layout, if that is what the rule is about.
    pub(crate) const fn layout(&self) -> Option<&LayoutWants> {
        match self {
            Self::Layout(layout) => Some(layout),
            _ => None,
        }
    }

    /// The same, to give it the bytes that its digest names.
    pub(crate) const fn layout_mut(&mut self) -> Option<&mut LayoutWants> {
        match self {
            Self::Layout(layout) => Some(layout),
            _ => None,
        }
    }

    /// Those who may say that a finding does no harm.
    pub(crate) fn excepting(&self) -> &[String] {
        match self {
            Self::Scan(deny) => deny.excepting(),
            _ => &[],
        }
    }

    /// What is asked, as clauses.
    pub(crate) fn words(&self) -> Vec<String> {
        match self {
            Self::Nothing | Self::Layout(_) => Vec::new(),
            Self::Build(build) => build.words.clone(),
            Self::Verification(wanted) => wanted.words(),
            Self::Scan(deny) => vec![deny.words()],
            Self::Review(wanted) => wanted.words(),
        }
    }

    /// What evidence says to it.
    pub(crate) fn ask(
        &self,
        evidence: &Evidence,
        statement: &Statement,
        builders: &Builders,
    ) -> Said {
        match self {
            Self::Nothing | Self::Layout(_) => Said::default(),
            Self::Build(build) => Said {
                is_packaging: is_packaging(statement),
                ..build.ask(evidence, builders)
            },
            Self::Verification(wanted) => wanted.ask(statement),
            Self::Scan(deny) => deny.ask(statement),
            Self::Review(wanted) => wanted.ask(statement),
        }
    }
}

fn is_build(kind: &Kind) -> bool {
    kind.has(slsa::TYPE) || kind.has(slsa::TYPE_V0_2)
}

/// As `attest release` writes of what it has not seen being built.
fn is_packaging(statement: &Statement) -> bool {
    let text = |pointer: &str| {
        statement
            .predicate()
            .pointer(pointer)
            .and_then(Value::as_str)
    };
    statement.predicate_type() == slsa::TYPE
        && text("/buildDefinition/buildType") == Some(slsa::BUILD_TYPE)
        && text("/runDetails/builder/id") == Some(slsa::BUILDER_ID)
}

impl Said {
    fn malformed(error: &PredicateError, wanted: &str) -> Self {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(inner) = source {
            text = format!("{text}: {inner}");
            source = inner.source();
        }
        Self {
            reasons: vec![Reason::new("predicate-malformed", text, wanted)],
            ..Self::default()
        }
    }

    /// What was built.
    pub(crate) fn built(&self) -> Option<Built> {
        Some(Built {
            commit: self.commit.clone()?,
            reference: self.reference.clone(),
        })
    }

    /// Notes that a value is what is wanted, or not.
    fn compare(&mut self, field: &str, found: &str, wanted: &str, is: bool) {
        if is {
            self.found.push(format!("{field} {found:?}"));
        } else {
            let (found, wanted) = (
                format!("{field} is {found:?}"),
                format!("{field} is {wanted}"),
            );
            self.reasons
                .push(Reason::new("predicate-field-mismatch", found, wanted));
        }
    }
}

impl Build {
    fn read(kind: &Kind, table: &Table<'_>) -> Result<Self, FileError> {
        let mut build = Self {
            expectations: SlsaExpectations::new(),
            tighter: None,
            words: Vec::new(),
        };
        let expects = ["source", "builder", "level"];
        if !expects.iter().any(|it| table.has(it).is_some()) {
            return Err(table.fault(
                "source, builder or level is missing: that there is provenance says nothing about the build",
            ));
        }
        build.text(table, "source", SlsaExpectations::of_source)?;
        build.text(table, "ref", |it, text| {
            it.of_ref(ExpectedRef::Ref(text.to_owned()))
        })?;
        build.text(table, "commit", SlsaExpectations::of_commit)?;
        build.text(table, "builder", SlsaExpectations::by_builder)?;
        if let Some(item) = table.has("level") {
            let level = item.number()?;
            if level == 0 {
                return Err(item.fault("every build is of level 0"));
            }
            build.expect(&item, |it| it.of_level(level))?;
            build
                .words
                .push(format!("its build level is at least {level}"));
        }
        build.inputs(table)?;
        build.parameters(table)?;
        let allows = table.has("allow_v02").map(|it| it.boolean()).transpose()?;
        if kind.has(slsa::TYPE) && allows != Some(true) {
            build.expectations = build.expectations.refusing_v0_2();
        }
        Ok(build)
    }

    fn text(
        &mut self,
        table: &Table<'_>,
        name: &'static str,
        expect: impl FnOnce(SlsaExpectations, &str) -> Result<SlsaExpectations, ExpectationError>,
    ) -> Result<(), FileError> {
        let Some(item) = table.has(name) else {
            return Ok(());
        };
        let text = item.text()?.clean()?;
        self.expect(&item, |it| expect(it, text))?;
        self.words.push(format!("its {name} is {text}"));
        Ok(())
    }

    fn expect(
        &mut self,
        item: &Item<'_>,
        expect: impl FnOnce(SlsaExpectations) -> Result<SlsaExpectations, ExpectationError>,
    ) -> Result<(), FileError> {
        let expectations = std::mem::take(&mut self.expectations);
        self.expectations = expect(expectations).map_err(|error| item.fault(error.to_string()))?;
        Ok(())
    }

    fn inputs(&mut self, table: &Table<'_>) -> Result<(), FileError> {
        let Some(item) = table.has("inputs") else {
            return Ok(());
        };
        for (name, value) in item.table()?.fields() {
            let value = value.text()?.text;
            self.expectations = std::mem::take(&mut self.expectations).with_input(name, value);
            self.words.push(format!("its input {name} is {value:?}"));
        }
        Ok(())
    }

    /// Parameters that nobody lists are refused; those that are may be anything.
    fn parameters(&mut self, table: &Table<'_>) -> Result<(), FileError> {
        let Some(item) = table.has("external_parameters") else {
            return Ok(());
        };
        for (name, value) in item.table()?.fields() {
            match value.text()?.text {
                "any" => {
                    self.expectations = std::mem::take(&mut self.expectations).allowing(name);
                    self.words
                        .push(format!("its parameter {name} may be anything"));
                }
                "none" => {}
                other => return Err(value.unknown("value", other, &["any", "none"])),
            }
        }
        Ok(())
    }

    /// Asks for more: what `expect` makes of the rule's own expectations must hold beside these.
    pub(crate) fn tighten<E>(
        &mut self,
        words: &[String],
        expect: &dyn Fn(SlsaExpectations) -> Result<SlsaExpectations, E>,
    ) -> Result<(), E> {
        self.tighter = Some(expect(self.expectations.clone())?);
        self.words.extend(words.iter().cloned());
        Ok(())
    }

    fn ask(&self, evidence: &Evidence, builders: &Builders) -> Said {
        let tighter = self.tighter.as_ref();
        let judged = tighter.map_or(Ok(()), |it| it.judge(evidence, builders).map(|_| ()));
        let own = self.expectations.judge(evidence, builders);
        match own.and_then(|findings| judged.map(|()| findings)) {
            Err(reasons) => Said {
                reasons,
                ..Said::default()
            },
            Ok(findings) => {
                let origin = findings.origin();
                let mut found = vec![
                    format!("builder {}", findings.builder_id()),
                    format!("build level {}", findings.level()),
                ];
                found.extend(origin.map(|it| format!("source {}", it.repository())));
                let commit = origin.and_then(|it| it.commit()).map(str::to_owned);
                found.extend(commit.as_ref().map(|it| format!("commit {it}")));
                let reference = origin.and_then(|it| it.reference()).map(str::to_owned);
                Said {
                    found,
                    level: Some(findings.level()),
                    commit,
                    reference,
                    ..Said::default()
                }
            }
        }
    }
}

impl Verification {
    fn read(table: &Table<'_>) -> Result<Self, FileError> {
        let text = |name| Ok(table.needs(name)?.text()?.clean()?.to_owned());
        let levels = match table.has("levels") {
            Some(item) => item.texts_of()?,
            None => Vec::new(),
        };
        let levels = levels.iter().map(|it: &Field<'_>| {
            let text = it.clean()?;
            Level::parse(text).ok_or_else(|| it.fault(format!("SLSA knows no level {text:?}")))
        });
        Ok(Self {
            verifier: text("verifier")?,
            resource: text("resource_uri")?,
            levels: levels.collect::<Result<_, FileError>>()?,
        })
    }

    fn words(&self) -> Vec<String> {
        let mut words = vec![
            format!("its verifier is {}", self.verifier),
            format!("its resource is {}", self.resource),
            "its result is PASSED".to_owned(),
        ];
        words.extend(self.levels.iter().map(|it| format!("its levels have {it}")));
        words
    }

    fn ask(&self, statement: &Statement) -> Said {
        let vsa = match Vsa::from_statement(statement) {
            Ok(vsa) => vsa,
            Err(error) => return Said::malformed(&error, "a verification summary"),
        };
        let mut said = Said::default();
        let is_verifier = vsa.verifier_id == self.verifier;
        said.compare("verifier.id", &vsa.verifier_id, &self.verifier, is_verifier);
        let is_resource = vsa.resource_uri == self.resource;
        said.compare(
            "resourceUri",
            &vsa.resource_uri,
            &self.resource,
            is_resource,
        );
        let passed = vsa.result == VerificationResult::Passed;
        said.compare("verificationResult", vsa.result.word(), "PASSED", passed);
        let levels = match levels_of(&vsa) {
            Ok(levels) => levels,
            Err(found) => {
                let wanted = "a verification summary";
                let reason = Reason::new("predicate-malformed", found, wanted);
                said.reasons.push(reason);
                return said;
            }
        };
        for wanted in &self.levels {
            let is = levels.iter().any(|it| it.implies(wanted));
            let wanted = &wanted.to_string();
            said.compare(
                "verifiedLevels",
                &vsa.verified_levels.join(", "),
                wanted,
                is,
            );
        }
        said
    }
}

impl ReviewWants {
    fn read(table: &Table<'_>) -> Result<Self, FileError> {
        let scope = match table.has("scope") {
            None => None,
            Some(item) => {
                let word = item.text()?.text;
                let scope = Scope::parse(word);
                Some(scope.ok_or_else(|| item.unknown("scope", word, &["code", "design"]))?)
            }
        };
        let independent = table.needs("independent_of_author")?.boolean()?;
        Ok(Self { scope, independent })
    }

    fn words(&self) -> Vec<String> {
        let mut words = vec!["it approves the commit that was built".to_owned()];
        words.extend(self.scope.map(|it| format!("its scope is {}", it.word())));
        if self.independent {
            words.push("the reviewer is not the author".to_owned());
        }
        words
    }

    fn ask(&self, statement: &Statement) -> Said {
        let review = match Review::from_statement(statement) {
            Ok(review) => review,
            Err(error) => return Said::malformed(&error, "a review"),
        };
        let mut said = Said::default();
        let approved = review.result == ReviewResult::Approved;
        said.compare("result", review.result.word(), "APPROVED", approved);
        if let Some(scope) = self.scope {
            said.compare(
                "scope",
                review.scope.word(),
                scope.word(),
                review.scope == scope,
            );
        }
        if self.independent {
            let found = match review.independent {
                Some(true) => "true",
                Some(false) => "false",
                None => "not said",
            };
            said.compare(
                "independentOfAuthor",
                found,
                "true",
                review.independent == Some(true),
            );
        }
        said.found.push(format!("reviewer {:?}", review.reviewer));
        said
    }
}
