//! A policy with all that it includes. Each file is named with the digest of its bytes, so that the
//! digest of the policy covers them all.

use attest_digest::{Artifact, Digest, Hashes};
use attest_verify::IdentityPattern;
use jiff::Timestamp;

use super::rule::Rule;
use super::{Emits, Include, MaxAge, Part, PolicyFile};
use crate::signers::{FileGroup, FileSigners, KeySource};
use crate::slsa::{Builders, BuildersError, SlsaExpectations};
use crate::toml::FileError;
use crate::{limits, nearest};

/// A policy and everything that it includes, read and put together.
#[derive(Debug, Clone)]
pub struct Closure {
    policy: PolicyFile,
    digest: Digest,
    files: Vec<(String, Digest)>,
    groups: Vec<(FileGroup, String)>,
    denied: Vec<(KeySource, String)>,
    denied_identities: Vec<IdentityPattern>,
    rules: Vec<Rule>,
    expires: Option<Timestamp>,
    builders: Builders,
}

/// Why a policy cannot be put together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClosureError {
    /// A file says something that is not understood.
    #[error("{}{error}", at(file.as_deref()))]
    Malformed {
        /// The included file; none for the policy itself.
        file: Option<String>,
        /// What, and where.
        error: FileError,
    },
    /// A file is not text.
    #[error("{}not UTF-8", at(file.as_deref()))]
    NotText {
        /// The included file; none for the policy itself.
        file: Option<String>,
    },
    /// A table of builders says something that is not understood, or changes what is known.
    #[error("{file}: {error}")]
    Builders {
        /// The file.
        file: String,
        /// What, and where.
        error: BuildersError,
    },
    /// A file that is named as a layout is none.
    #[error("layout {file}: {problem}")]
    Layout {
        /// The file.
        file: String,
        /// Why not.
        problem: String,
    },
    /// A layout is to be signed by those who have no key.
    #[error("{}line {line}: a layout is signed by keys, and trust.{name} has none", at(file.as_deref()))]
    LayoutSigner {
        /// The name.
        name: String,
        /// The line of the rule.
        line: usize,
        /// The file of the rule, if it is included.
        file: Option<String>,
    },
    /// An included file cannot be read.
    #[error("include {file}: {problem}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why not.
        problem: String,
    },
    /// An included file has other bytes than its digest says.
    #[error("include {file}: has {found}, wanted {wanted}")]
    Digest {
        /// The file.
        file: String,
        /// The digest of what is there.
        found: String,
        /// The digest that was named.
        wanted: String,
    },
    /// A file is included twice, or includes itself.
    #[error("include {file}: it is included twice")]
    Twice {
        /// The file.
        file: String,
    },
    /// There are too many files.
    #[error("more than {} files are included", limits::POLICY_INCLUDES)]
    TooMany,
    /// Files include files too often.
    #[error("include {file}: more than {} files deep", limits::INCLUDE_DEPTH)]
    TooDeep {
        /// The file.
        file: String,
    },
    /// One name means two signers.
    #[error("{}trust.{name} is there twice", at(file.as_deref()))]
    SignerTwice {
        /// The name.
        name: String,
        /// The file with the second.
        file: Option<String>,
    },
    /// A rule names a signer that nobody is.
    #[error("{}line {line}: nobody is trusted as {name}{}", at(file.as_deref()), meant.as_ref().map(|it| format!("; did you mean {it}?")).unwrap_or_default())]
    SignerUnknown {
        /// The name.
        name: String,
        /// The line of the rule.
        line: usize,
        /// The file of the rule, if it is included.
        file: Option<String>,
        /// What was probably meant.
        meant: Option<String>,
    },
    /// There is no rule in all of the files.
    #[error("require is missing in all files: nothing would be asked")]
    NoRules,
    /// There are too many rules.
    #[error("more than {} rules", limits::POLICY_RULES)]
    TooManyRules,
}

impl Closure {
    /// Reads a policy; `fetch` gives the bytes of a file that it includes, by its path below the
    /// policy's folder.
    ///
    /// # Errors
    /// [`ClosureError`].
    pub fn load(
        bytes: &[u8],
        fetch: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    ) -> Result<Self, ClosureError> {
        let policy = parse(bytes, None)?;
        let mut closure = Self {
            digest: sha256(bytes),
            files: Vec::new(),
            groups: Vec::new(),
            denied: Vec::new(),
            denied_identities: Vec::new(),
            rules: Vec::new(),
            expires: None,
            builders: Builders::embedded(),
            policy: policy.clone(),
        };
        closure.add(policy, None, 0, fetch)?;
        closure.check()?;
        Ok(closure)
    }

    fn add(
        &mut self,
        file: PolicyFile,
        name: Option<&str>,
        depth: usize,
        fetch: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    ) -> Result<(), ClosureError> {
        let folder = name
            .and_then(|it| it.rsplit_once('/'))
            .map_or("", |it| it.0);
        for group in file.groups {
            if self.groups.iter().any(|(it, _)| it.name == group.name) {
                let file = name.map(str::to_owned);
                let name = group.name;
                return Err(ClosureError::SignerTwice { name, file });
            }
            self.groups.push((group, folder.to_owned()));
        }
        let denied = file.denied_keys.into_iter();
        self.denied.extend(denied.map(|it| (it, folder.to_owned())));
        self.denied_identities.extend(file.denied_identities);
        for mut rule in file.rules {
            if let Some(layout) = rule.specific.layout_mut() {
                let (path, bytes) = self.fetch(layout.file.clone(), folder, fetch)?;
                layout.hold(bytes).map_err(|problem| ClosureError::Layout {
                    file: path,
                    problem,
                })?;
            }
            self.rules.push(rule);
        }
        self.expires = [self.expires, file.expires].into_iter().flatten().min();
        for include in file.builders {
            let (path, bytes) = self.fetch(include, folder, fetch)?;
            let text = text(&bytes, Some(&path))?;
            let builders = self.builders.clone().extended(text);
            self.builders =
                builders.map_err(|error| ClosureError::Builders { file: path, error })?;
        }
        for include in file.include {
            if depth >= limits::INCLUDE_DEPTH {
                let file = include.file;
                return Err(ClosureError::TooDeep { file });
            }
            let (path, bytes) = self.fetch(include, folder, fetch)?;
            let included = parse(&bytes, Some(&path))?;
            self.add(included, Some(&path), depth + 1, fetch)?;
        }
        Ok(())
    }

    /// The bytes of a file that is named with their digest, and its path below the policy's folder.
    fn fetch(
        &mut self,
        include: Include,
        folder: &str,
        fetch: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    ) -> Result<(String, Vec<u8>), ClosureError> {
        let path = if folder.is_empty() {
            include.file
        } else {
            format!("{folder}/{}", include.file)
        };
        let wanted = Digest::Sha256(include.sha256);
        let mut known = self.files.iter();
        if known.any(|(it, digest)| *it == path || *digest == wanted) || wanted == self.digest {
            return Err(ClosureError::Twice { file: path });
        }
        if self.files.len() >= limits::POLICY_INCLUDES {
            return Err(ClosureError::TooMany);
        }
        let bytes = fetch(&path).map_err(|problem| ClosureError::Unreadable {
            file: path.clone(),
            problem,
        })?;
        let found = sha256(&bytes);
        if found != wanted {
            return Err(ClosureError::Digest {
                file: path,
                found: found.to_string(),
                wanted: wanted.to_string(),
            });
        }
        self.files.push((path.clone(), found));
        Ok((path, bytes))
    }

    fn check(&self) -> Result<(), ClosureError> {
        if self.rules.is_empty() {
            return Err(ClosureError::NoRules);
        }
        if self.rules.len() > limits::POLICY_RULES {
            return Err(ClosureError::TooManyRules);
        }
        let names = || self.groups.iter().map(|(it, _)| it.name.as_str());
        for rule in &self.rules {
            let mut signers = rule.signers_named();
            if let Some(name) = signers.find(|it| !names().any(|known| known == *it)) {
                return Err(ClosureError::SignerUnknown {
                    name: name.to_owned(),
                    line: rule.line,
                    file: rule.file.clone(),
                    meant: nearest(name, names()).map(str::to_owned),
                });
            }
        }
        self.check_layouts()
    }

    fn check_layouts(&self) -> Result<(), ClosureError> {
        let of_identities = |name: &&String| {
            let mut groups = self.groups.iter().map(|(it, _)| it);
            groups.any(|it| it.name == **name && matches!(it.signers, FileSigners::Sigstore(_)))
        };
        for rule in self.rules.iter().filter(|it| it.kind().is_layout()) {
            if let Some(name) = rule.signed_by.iter().find(of_identities) {
                return Err(ClosureError::LayoutSigner {
                    name: name.clone(),
                    line: rule.line,
                    file: rule.file.clone(),
                });
            }
        }
        Ok(())
    }

    /// What the policy is called.
    pub fn name(&self) -> &str {
        &self.policy.name
    }

    /// Its serial number, by which an older one is told from a newer.
    pub const fn serial(&self) -> Option<u64> {
        self.policy.serial
    }

    /// Until when it is good: the earliest of all its files.
    pub const fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// The SHA-256 of the policy, which names the digests of all that it includes.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The files that are included, with their digests.
    pub fn files(&self) -> impl Iterator<Item = (&str, Digest)> {
        self.files
            .iter()
            .map(|(file, digest)| (file.as_str(), *digest))
    }

    /// The named signers, each with the folder that its key files are relative to, below the policy's.
    pub fn groups(&self) -> impl Iterator<Item = (&FileGroup, &str)> {
        self.groups
            .iter()
            .map(|(group, folder)| (group, folder.as_str()))
    }

    /// Keys whose evidence is refused, each with the folder that its file is relative to.
    pub fn denied_keys(&self) -> impl Iterator<Item = (&KeySource, &str)> {
        self.denied
            .iter()
            .map(|(key, folder)| (key, folder.as_str()))
    }

    /// Identities whose evidence is refused.
    pub fn denied_identities(&self) -> &[IdentityPattern] {
        &self.denied_identities
    }

    /// Logs and timestamp authorities that are declared independent of the signers.
    pub fn independent(&self) -> &[String] {
        &self.policy.independent
    }

    /// What it accepts less than the default of.
    pub fn accepts(&self, what: super::Accepts) -> bool {
        self.policy.accept.contains(&what)
    }

    /// The rules, in the order in which they stand.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// How old trusted roots may be.
    pub const fn max_trust_age(&self) -> Option<MaxAge> {
        self.policy.max_trust_age
    }

    /// The verification summary that it lets be written of a yes.
    pub const fn emits(&self) -> Option<&Emits> {
        self.policy.emits.as_ref()
    }

    /// Asks more of every rule about builds; how many there are.
    pub(crate) fn tighten<E>(
        &mut self,
        words: &[String],
        expect: &dyn Fn(SlsaExpectations) -> Result<SlsaExpectations, E>,
    ) -> Result<usize, E> {
        let builds = self.rules.iter_mut().filter_map(|it| it.specific.build());
        let mut count = 0;
        for build in builds {
            build.tighten(words, expect)?;
            count += 1;
        }
        Ok(count)
    }

    /// The table of builders, with what the policy adds.
    pub(crate) const fn builders(&self) -> &Builders {
        &self.builders
    }

    /// Whether a commit may be named by its SHA-1.
    pub const fn allows_git_sha1(&self) -> bool {
        self.policy.git_sha1
    }

    /// The digests by which evidence may be about an artifact.
    pub fn digests(&self) -> &[attest_digest::Algorithm] {
        &self.policy.digests
    }
}

fn text<'b>(bytes: &'b [u8], file: Option<&str>) -> Result<&'b str, ClosureError> {
    std::str::from_utf8(bytes).map_err(|_| ClosureError::NotText {
        file: file.map(str::to_owned),
    })
}

fn parse(bytes: &[u8], file: Option<&str>) -> Result<PolicyFile, ClosureError> {
    let text = text(bytes, file)?;
    let part = file.map_or(Part::Policy, Part::Included);
    PolicyFile::read(text, part).map_err(|error| ClosureError::Malformed {
        file: file.map(str::to_owned),
        error,
    })
}

fn sha256(bytes: &[u8]) -> Digest {
    Artifact::of_bytes(bytes, Hashes::Sha256).sha256()
}

fn at(file: Option<&str>) -> String {
    file.map(|it| format!("{it}: ")).unwrap_or_default()
}
