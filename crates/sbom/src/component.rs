//! One package of a lock file.

use std::collections::BTreeSet;

/// Whose package it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ecosystem {
    /// Rust's.
    Cargo,
    /// Node's.
    Npm,
    /// Go's.
    Go,
    /// Python's.
    Python,
}

impl Ecosystem {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Cargo, Self::Npm, Self::Go, Self::Python];

    /// The type in a package URL.
    pub const fn purl_type(self) -> &'static str {
        match self {
            Self::Cargo => "cargo",
            Self::Npm => "npm",
            Self::Go => "golang",
            Self::Python => "pypi",
        }
    }

    /// The ecosystem of a package URL's type.
    pub fn of_purl_type(kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.purl_type() == kind)
    }
}

/// A digest as a lock file or a bill claims it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hash {
    /// In lower case and without separators: `sha256`, `sha1`, `blake2b256`.
    pub algorithm: String,
    /// Lower-case hexadecimal digits.
    pub value: String,
}

impl Hash {
    pub(crate) fn new(algorithm: &str, value: impl Into<String>) -> Self {
        Self {
            algorithm: algorithm.to_owned(),
            value: value.into(),
        }
    }

    /// Whether a collision of it is out of reach.
    pub fn is_strong(&self) -> bool {
        !matches!(
            self.algorithm.as_str(),
            "md2" | "md4" | "md5" | "md6" | "sha1" | "adler32"
        )
    }

    /// As `CycloneDX` names the algorithm.
    pub(crate) fn cyclonedx_name(&self) -> Option<&'static str> {
        Some(match self.algorithm.as_str() {
            "md5" => "MD5",
            "sha1" => "SHA-1",
            "sha256" => "SHA-256",
            "sha384" => "SHA-384",
            "sha512" => "SHA-512",
            _ => return None,
        })
    }
}

/// When a package is needed, where a lock file says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    Required,
    Optional,
    /// For development alone.
    Excluded,
}

impl Scope {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Optional => "optional",
            Self::Excluded => "excluded",
        }
    }
}

/// A file that a package is handed out as.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Distribution {
    pub(crate) url: String,
    pub(crate) hashes: BTreeSet<Hash>,
}

/// A package as a lock file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// What edges call it: its package URL with the case kept, or a name of its own.
    pub(crate) reference: String,
    pub(crate) ecosystem: Option<Ecosystem>,
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) purl: Option<String>,
    pub(crate) hashes: BTreeSet<Hash>,
    pub(crate) files: BTreeSet<Distribution>,
    pub(crate) licence: Option<String>,
    pub(crate) scope: Option<Scope>,
    pub(crate) properties: BTreeSet<(&'static str, String)>,
    /// A package of this project, which no registry handed out.
    pub(crate) is_local: bool,
}

impl Component {
    pub(crate) fn new(ecosystem: Ecosystem, name: String, version: Option<String>) -> Self {
        Self {
            reference: String::new(),
            ecosystem: Some(ecosystem),
            name,
            version,
            purl: None,
            hashes: BTreeSet::new(),
            files: BTreeSet::new(),
            licence: None,
            scope: None,
            properties: BTreeSet::new(),
            is_local: false,
        }
    }

    /// The name with its namespace.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version, if it has one.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The package URL. A package of the project itself has none: a registry's name for it would be
    /// another package.
    pub fn purl(&self) -> Option<&str> {
        self.purl.as_deref()
    }

    /// Whether it is a package of the project itself.
    pub const fn is_local(&self) -> bool {
        self.is_local
    }

    /// Whether it is there for development alone.
    pub fn is_for_development(&self) -> bool {
        self.scope == Some(Scope::Excluded)
    }

    /// All hashes that the lock file has for it, of itself or of the files that it is handed out as.
    pub fn all_hashes(&self) -> impl Iterator<Item = &Hash> {
        let of_files = self.files.iter().flat_map(|it| &it.hashes);
        self.hashes.iter().chain(of_files)
    }

    /// Gives it a package URL, and calls it by that.
    pub(crate) fn identify(&mut self, qualifiers: &[(&str, &str)]) {
        let Some(ecosystem) = self.ecosystem else {
            return;
        };
        let purl = crate::purl::purl(ecosystem, &self.name, self.version.as_deref(), qualifiers);
        self.reference.clone_from(&purl);
        // Two modules of Go can differ in case alone; their package URLs cannot.
        if crate::purl::normal_name(ecosystem, &self.name) != self.name {
            self.reference = format!("{purl}#{}", self.name);
        }
        self.purl = Some(purl);
    }

    /// Calls it a package of the project itself.
    pub(crate) fn localize(&mut self, place: &str) {
        let kind = self.ecosystem.map_or("generic", Ecosystem::purl_type);
        let version = self.version.as_deref().unwrap_or_default();
        self.reference = format!("local:{kind}/{}@{version}{place}", self.name);
        self.is_local = true;
    }
}
