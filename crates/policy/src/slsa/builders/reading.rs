//! Reading the table from TOML: each field once, nothing unknown.

use super::{BuildType, Builder, Builders, IdRule, SignerRule, covers};
use crate::toml::{Document, FileError, Item, Table};

/// What is wrong with a table of builders, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct BuildersError(#[from] FileError);

/// Where a table comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// This program.
    Embedded,
    /// A policy, which may add and change nothing.
    Policy,
}

/// Reads the entries of a table that stands beside another.
pub(super) fn read(
    text: &str,
    beside: &Builders,
    origin: Origin,
) -> Result<Builders, BuildersError> {
    let document = Document::parse(text)?;
    let root = document.root();
    root.only(&["version", "builder", "build_type"])?;
    let version = root.needs("version")?;
    if version.number()? != 1 {
        return Err(version.fault("version is not 1").into());
    }
    let mut build_types: Vec<BuildType> = Vec::new();
    for item in tables(&root, "build_type")? {
        let build_type = build_type(&item.table()?)?;
        let is_known = |it: &BuildType| it.name == build_type.name;
        if build_types.iter().any(is_known) || beside.has_build_type(&build_type.name) {
            return Err(item.fault("a build type of that name is there").into());
        }
        if origin == Origin::Policy
            && let Some(known) = beside
                .build_types
                .iter()
                .find(|it| it.overlaps(&build_type))
        {
            let problem = format!("the table says how {} is read", known.name);
            return Err(item.fault(problem).into());
        }
        build_types.push(build_type);
    }
    let mut builders: Vec<Builder> = Vec::new();
    for item in tables(&root, "builder")? {
        let builder = builder(&item.table()?, origin)?;
        let is_known = |it: &Builder| it.name == builder.name;
        if builders.iter().any(is_known) || beside.has_builder(&builder.name) {
            return Err(item.fault("a builder of that name is there").into());
        }
        for name in &builder.build_types {
            if !beside.has_build_type(name) && !build_types.iter().any(|it| it.name == *name) {
                return Err(item.fault(format!("build type {name:?} is unknown")).into());
            }
        }
        if origin == Origin::Policy
            && let Some(known) = beside.all().iter().find(|it| it.overlaps(&builder))
        {
            let problem = format!("the table says what {} is good for", known.name);
            return Err(item.fault(problem).into());
        }
        builders.push(builder);
    }
    Ok(Builders::of(builders, build_types))
}

impl Builder {
    /// Whether another entry is about the same signer and builder by name.
    fn overlaps(&self, other: &Self) -> bool {
        let signers = match (&self.signer, &other.signer) {
            (
                SignerRule::Identities { identities, .. },
                SignerRule::Identities {
                    identities: others, ..
                },
            ) => identities.iter().any(|it| others.contains(it)),
            (SignerRule::Keys(keys), SignerRule::Keys(others)) => {
                keys.iter().any(|it| others.contains(it))
            }
            _ => false,
        };
        let ids = match (&self.id, &other.id) {
            (IdRule::Exact(ids), IdRule::Exact(others)) => ids.iter().any(|it| others.contains(it)),
            _ => false,
        };
        signers || ids
    }
}

impl BuildType {
    /// Whether another entry is about predicates that this one is about.
    fn overlaps(&self, other: &Self) -> bool {
        let same = |one: &String, other: &String| covers(one, other) || covers(other, one);
        self.is_v0_2 == other.is_v0_2
            && self
                .uris
                .iter()
                .any(|one| other.uris.iter().any(|it| same(one, it)))
    }
}

fn tables<'t>(root: &Table<'t>, name: &str) -> Result<Vec<Item<'t>>, FileError> {
    root.has(name).map_or(Ok(Vec::new()), |it| it.items())
}

fn builder(table: &Table<'_>, origin: Origin) -> Result<Builder, FileError> {
    table.only(&[
        "name",
        "why",
        "issuer",
        "identities",
        "workflows",
        "keys",
        "anyone",
        "ref",
        "id",
        "ids",
        "hosted",
        "build_types",
        "level",
        "named",
    ])?;
    let text = |name: &str| -> Result<Option<String>, FileError> {
        let field = table.has(name).map(|it| it.text()).transpose()?;
        Ok(field.map(|it| it.text.to_owned()))
    };
    let signer = signer(table, origin)?;
    let id = match (text("id")?.as_deref(), texts(table, "ids")?) {
        (Some("identity"), ids) if ids.is_empty() => IdRule::Identity,
        (Some("workflow"), ids) if ids.is_empty() && origin == Origin::Embedded => IdRule::Workflow,
        (Some("runner"), ids) if ids.is_empty() => IdRule::Runner,
        (None, ids) if !ids.is_empty() => IdRule::Exact(ids),
        _ => return Err(table.fault("wanted id = \"identity\" or \"runner\", or ids")),
    };
    let needs_release = match text("ref")?.as_deref() {
        None => false,
        Some("release") => true,
        Some(_) => return Err(table.fault("wanted ref = \"release\"")),
    };
    let named = table.has("named").map(|it| level(&it)).transpose()?;
    let level = level(&table.needs("level")?)?;
    let most = named.unwrap_or(level).max(level);
    if matches!(signer, SignerRule::Anyone) && most > 1 {
        return Err(table.fault("what anyone signs is good for level 1 at most"));
    }
    Ok(Builder {
        name: table.needs("name")?.text()?.text.to_owned(),
        why: table.needs("why")?.text()?.text.to_owned(),
        signer,
        id,
        needs_release,
        hosted: text("hosted")?,
        build_types: texts(table, "build_types")?,
        level,
        named,
    })
}

fn signer(table: &Table<'_>, origin: Origin) -> Result<SignerRule, FileError> {
    let issuer = table.has("issuer").map(|it| it.text()).transpose()?;
    let issuer = issuer.map(|it| it.text.to_owned());
    let keys = table.has("keys").map(|it| it.texts()).transpose()?;
    let host = table.has("workflows").map(|it| it.text()).transpose()?;
    match (
        issuer,
        table.has("identities"),
        host,
        keys,
        table.has("anyone"),
    ) {
        (Some(issuer), Some(item), None, None, None) => {
            let identities: Vec<String> =
                item.texts()?.iter().map(|it| it.text.to_owned()).collect();
            let odd = |it: &String| it.contains(['*', '@']) || !it.starts_with("https://");
            if identities.is_empty() || identities.iter().any(odd) {
                return Err(
                    item.fault("wanted https: identities without `*` and without their @REF")
                );
            }
            Ok(SignerRule::Identities { issuer, identities })
        }
        (Some(issuer), None, Some(host), None, None) if origin == Origin::Embedded => {
            let host = host.text.to_owned();
            Ok(SignerRule::Workflows { issuer, host })
        }
        (None, None, None, Some(keys), None) if !keys.is_empty() => {
            let fingerprint = |it: &crate::toml::Field<'_>| {
                fingerprint(it.text).ok_or_else(|| it.fault("wanted sha256: and 64 digits"))
            };
            let keys = keys.iter().map(fingerprint).collect::<Result<_, _>>()?;
            Ok(SignerRule::Keys(keys))
        }
        (None, None, None, None, Some(_)) if origin == Origin::Embedded => Ok(SignerRule::Anyone),
        _ => Err(table.fault("wanted issuer and identities, or keys")),
    }
}

fn level(item: &Item<'_>) -> Result<u8, FileError> {
    let number = u8::try_from(item.number()?).ok();
    let level = number.filter(|it| *it <= 3);
    level.ok_or_else(|| item.fault("levels are 0 to 3"))
}

fn build_type(table: &Table<'_>) -> Result<BuildType, FileError> {
    table.only(&[
        "name",
        "uris",
        "predicate",
        "most",
        "uri",
        "repository",
        "ref",
        "commit",
        "path",
        "inputs",
        "parameters",
        "bound",
        "written",
        "free",
        "claims",
    ])?;
    let text = |name: &str| -> Result<Option<String>, FileError> {
        let field = table.has(name).map(|it| it.text()).transpose()?;
        Ok(field.map(|it| it.text.to_owned()))
    };
    let predicate = table.needs("predicate")?;
    let is_v0_2 = match predicate.text()?.text {
        "1" => false,
        "0.2" => true,
        other => return Err(predicate.unknown("predicate", other, &["1", "0.2"])),
    };
    let mut claims = Vec::new();
    if let Some(item) = table.has("claims") {
        for (name, path) in item.table()?.fields() {
            if !attest_verify::claim_names().any(|it| it == name) {
                return Err(path.fault(format!("no claim is called {name:?}")));
            }
            claims.push((name.to_owned(), path.text()?.text.to_owned()));
        }
    }
    Ok(BuildType {
        name: table.needs("name")?.text()?.text.to_owned(),
        uris: texts(table, "uris")?,
        is_v0_2,
        most: table.has("most").map(|it| level(&it)).transpose()?,
        uri: text("uri")?,
        repository: text("repository")?,
        reference: text("ref")?,
        commit: text("commit")?,
        path: text("path")?,
        inputs: text("inputs")?,
        parameters: table.needs("parameters")?.text()?.text.to_owned(),
        bound: texts(table, "bound")?,
        written: texts(table, "written")?,
        free: texts(table, "free")?,
        claims,
    })
}

fn texts(table: &Table<'_>, name: &str) -> Result<Vec<String>, FileError> {
    let texts = table.has(name).map_or(Ok(Vec::new()), |it| it.texts())?;
    Ok(texts.into_iter().map(|it| it.text.to_owned()).collect())
}

/// `sha256:` and 64 lower-case hexadecimal digits.
fn fingerprint(text: &str) -> Option<[u8; 32]> {
    match attest_digest::Digest::parse(text) {
        Ok(attest_digest::Digest::Sha256(bytes)) => Some(bytes),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extended(text: &str) -> Result<Builders, String> {
        let builders = Builders::embedded().extended(text);
        builders.map_err(|it| it.to_string())
    }

    const ADDED: &str = r#"
version = 1
[[builder]]
name        = "acme"
why         = "our own service"
keys        = ["sha256:0000000000000000000000000000000000000000000000000000000000000001"]
ids         = ["https://ci.acme.example/builder"]
build_types = ["github-workflow"]
level       = 3
"#;

    #[test]
    fn a_policy_adds_builders_by_exact_signers() {
        let builders = extended(ADDED).unwrap();
        assert_eq!(builders.all().first().unwrap().name(), "acme");
    }

    #[test]
    fn a_policy_reads_no_build_type_otherwise_than_the_table() {
        let adding = |uri: &str| {
            let build_type = format!(
                "[[build_type]]\nname = \"own\"\nuris = [\"{uri}\"]\npredicate = \"1\"\n\
                 parameters = \"buildDefinition.externalParameters\"\n"
            );
            extended(&format!("{ADDED}{build_type}"))
        };
        adding("https://ci.acme.example/type").unwrap();
        // The table reads these in version 0.2 alone.
        adding("https://github.com/npm/cli/gha/v2").unwrap();
        for uri in [
            "https://actions.github.io/buildtypes/workflow/v1",
            "https://actions.github.io/buildtypes/workflow/*",
            "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/v17.0.0/PROVENANCE.md",
        ] {
            let error = adding(uri).unwrap_err();
            assert!(error.contains("the table says how"), "{uri}: {error}");
        }
    }

    #[test]
    fn what_a_policy_adds_cannot_be_wide_or_change_the_table() {
        for (found, instead) in [
            ("version = 1", "version = 2"),
            ("level       = 3", "level       = 4"),
            ("level       = 3", "level       = 3\nextra = 1"),
            ("github-workflow", "no-such-type"),
            ("\"acme\"", "\"npm\""),
            (
                "https://ci.acme.example/builder",
                "https://cloudbuild.googleapis.com/GoogleHostedWorker",
            ),
            ("keys ", "identities "),
            ("sha256:0", "sha256:"),
            (
                r#"keys        = ["sha256:0000000000000000000000000000000000000000000000000000000000000001"]"#,
                "anyone = true",
            ),
            (
                r#"keys        = ["sha256:0000000000000000000000000000000000000000000000000000000000000001"]"#,
                "issuer = \"https://x.example\"\nworkflows = \"https://x.example\"",
            ),
            (
                r#"keys        = ["sha256:0000000000000000000000000000000000000000000000000000000000000001"]"#,
                "issuer = \"https://x.example\"\nidentities = [\"https://x.example/*\"]",
            ),
        ] {
            assert!(ADDED.contains(found), "{found}");
            assert!(
                extended(&ADDED.replacen(found, instead, 1)).is_err(),
                "{instead}"
            );
        }
    }

    /// A build type of a policy's own.
    const TYPE: &str = r#"
[[build_type]]
name       = "acme-type"
uris       = ["https://ci.acme.example/type"]
predicate  = "1"
parameters = "buildDefinition.externalParameters"
"#;

    #[test]
    fn a_build_type_is_one_of_the_table_or_of_the_policy() {
        let own = ADDED.replace("github-workflow", "acme-type");
        assert!(extended(&format!("{own}{TYPE}")).is_ok());
        assert!(extended(&own).is_err());
        let none = ADDED.replace("github-workflow", "no-such-type");
        assert!(extended(&format!("{none}{TYPE}")).is_err());
        assert!(extended(&format!("{ADDED}{TYPE}{TYPE}")).is_err());
        let known = TYPE.replace("acme-type", "npm-v2");
        assert!(extended(&format!("{ADDED}{known}")).is_err());
    }

    #[test]
    fn a_signer_of_the_table_speaks_for_no_other_builder() {
        let line = |begin: &str| ADDED.lines().find(|it| it.starts_with(begin)).unwrap();
        let google =
            "keys = [\"sha256:3fe6dfada209606798e976322c8b69acae580a6708b7112f0f7a053a5b96d675\"]";
        let workflow = |name: &str| {
            format!(
                "issuer = \"https://token.actions.githubusercontent.com\"\nidentities = [\"https://github.com/{name}\"]"
            )
        };
        let generator =
            "slsa-framework/slsa-github-generator/.github/workflows/generator_generic_slsa3.yml";
        let of = |signer: &str| extended(&ADDED.replace(line("keys"), signer));
        assert!(of(&workflow("acme/builders/.github/workflows/build.yml")).is_ok());
        for taken in [google, &workflow(generator)] {
            let error = of(taken).unwrap_err();
            assert!(error.contains("the table says what"), "{error}");
        }
    }

    #[test]
    fn what_a_builder_may_be_called_is_said_in_one_way() {
        let ids = ADDED.lines().find(|it| it.starts_with("ids")).unwrap();
        for (id, is_read) in [
            ("id = \"identity\"", true),
            ("id = \"runner\"", true),
            // Any workflow at all is for the table alone to allow.
            ("id = \"workflow\"", false),
            ("id = \"anything\"", false),
            ("", false),
        ] {
            let alone = extended(&ADDED.replace(ids, id));
            assert_eq!(alone.is_ok(), is_read, "{id}");
            let both = extended(&ADDED.replace(ids, &format!("{id}\n{ids}")));
            assert_eq!(both.is_ok(), id.is_empty(), "{id} and ids");
        }
    }
}
