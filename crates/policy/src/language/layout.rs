//! A rule about an in-toto layout: who may do which steps, and which files may pass between them. The layout is
//! part of the policy, by its digest; the links are evidence.
//!
//! ```toml
//! [[require]]
//! type      = "layout"
//! layout    = { file = "root.layout", sha256 = "41b7…" }
//! signed_by = "owner"
//! ```

use attest_digest::{Algorithm, Digest, DigestSet, Hashes};
use attest_provenance::in_toto::{Artifacts, Layout, Metablock};
use attest_verify::Rejection;
use attest_verify::layout::Chain;

use super::{Include, one_include};
use crate::pattern::Pattern;
use crate::reason::Reason;
use crate::toml::{FileError, Table};

/// What a rule about a layout asks.
#[derive(Debug, Clone)]
pub(crate) struct LayoutWants {
    pub(crate) file: Include,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) strict_command: bool,
    /// Files of a folder that no step made: an SBOM, a list of checksums.
    except: Vec<Pattern>,
    /// The layout itself; nothing until the policy was put together.
    pub(crate) bytes: Vec<u8>,
}

/// The fields of a rule about a layout.
pub(crate) const LAYOUT: &[&str] = &["layout", "parameters", "strict_command"];

/// What a rule about a layout cannot ask: its links have neither fields of a predicate nor a proven time.
const NOT_OF_LAYOUTS: [(&str, &str); 4] = [
    ("where", "a layout has rules of its own"),
    ("max_age", "links carry no proven time"),
    (
        "independent",
        "links carry no proven time, and stand in no log",
    ),
    ("each", "a layout is about each file"),
];

/// Refuses what every other rule may ask.
pub(crate) fn refuse_fields(table: &Table<'_>) -> Result<(), FileError> {
    let given = NOT_OF_LAYOUTS
        .iter()
        .find_map(|(name, why)| Some((table.has(name)?, why)));
    given.map_or(Ok(()), |(item, why)| Err(item.fault(*why)))
}

impl LayoutWants {
    pub(crate) fn read(table: &Table<'_>) -> Result<Self, FileError> {
        let mut parameters = Vec::new();
        if let Some(item) = table.has("parameters") {
            for (name, value) in item.table()?.fields() {
                parameters.push((name.to_owned(), value.text()?.clean()?.to_owned()));
            }
        }
        let strict = table.has("strict_command");
        Ok(Self {
            file: one_include(&table.needs("layout")?)?,
            parameters,
            strict_command: strict.map_or(Ok(false), |it| it.boolean())?,
            except: except(table)?,
            bytes: Vec::new(),
        })
    }

    /// Takes the bytes of the layout, if they are one.
    pub(crate) fn hold(&mut self, bytes: Vec<u8>) -> Result<(), String> {
        let block = Metablock::parse(&bytes).map_err(|it| it.to_string())?;
        Layout::from_json(block.unverified_signed().clone()).map_err(|it| it.to_string())?;
        self.bytes = bytes;
        Ok(())
    }

    /// Whether a file of a folder may be there that no step made.
    pub(crate) fn excepts(&self, path: &str) -> bool {
        self.except.iter().any(|it| it.matches(path))
    }

    /// What is asked, in one sentence without a full stop.
    pub(crate) fn asks(&self, signed_by: &[String], threshold: Option<usize>) -> String {
        let count = match threshold {
            Some(count) if count > 1 => format!("{count} different signers of "),
            _ => String::new(),
        };
        let strict = if self.strict_command {
            ", each step with its very command"
        } else {
            ""
        };
        let except = match self.except.as_slice() {
            [] => String::new(),
            some => format!(", but for files that {} patterns except", some.len()),
        };
        format!(
            "a product of the last step of the layout {} ({}), signed by {count}{}{strict}{except}",
            self.file.file,
            Digest::Sha256(self.file.sha256),
            signed_by.join(" or "),
        )
    }
}

/// The patterns of files that a rule excepts. One that covers everything would ask for nothing.
pub(crate) fn except(table: &Table<'_>) -> Result<Vec<Pattern>, FileError> {
    let Some(item) = table.has("except") else {
        return Ok(Vec::new());
    };
    let mut patterns = Vec::new();
    for field in item.texts_of()? {
        let text = field.clean()?;
        let pattern = Pattern::parse(text).map_err(|error| field.fault(error.to_string()))?;
        if text.chars().all(|it| matches!(it, '*' | '?' | '/')) {
            return Err(field.fault("every file would be excepted"));
        }
        patterns.push(pattern);
    }
    Ok(patterns)
}

/// What came of proving the chain of a rule's layout.
#[derive(Debug, Clone)]
pub struct LayoutPiece {
    pub(super) rule: usize,
    products: Result<Artifacts, Reason>,
}

impl LayoutPiece {
    /// The chain that was proven for a rule, or why not.
    pub fn of(rule: usize, chain: Result<&Chain, &Rejection>) -> Self {
        let products = match chain {
            Ok(chain) => Ok(chain.products().cloned().unwrap_or_default()),
            Err(rejection) => Err(Reason::of_rejection(rejection)),
        };
        Self { rule, products }
    }

    /// These digests, and what must be computed to compare files with what links say of products.
    #[must_use]
    pub fn needed_hashes(&self, first: Hashes) -> Hashes {
        let products = self.products.iter().flat_map(Artifacts::iter);
        first.with_claims(products.map(|(_, digests)| digests))
    }

    /// Under which path bytes are a product. In a folder it is the path at which they stand.
    pub(super) fn makes(
        &self,
        digests: &[Digest],
        path: Option<&str>,
        accepted: &[Algorithm],
    ) -> Result<String, Reason> {
        let products = self.products.as_ref().map_err(Clone::clone)?;
        let same = |it: &DigestSet| compare(it, digests, accepted);
        let found = || {
            digests
                .first()
                .map_or_else(|| "no bytes".to_owned(), ToString::to_string)
        };
        let mut all = products.iter();
        let elsewhere = all.find(|(_, it)| same(it) == Some(true));
        let Some(path) = path else {
            let unattested = || Reason::new("file-unattested", found(), PRODUCT);
            return elsewhere
                .map(|(path, _)| path.to_string())
                .ok_or_else(unattested);
        };
        match (products.get(path).map(|it| (it, same(it))), elsewhere) {
            (Some((_, Some(true))), _) => Ok(path.to_owned()),
            (Some((wanted, Some(false))), _) => {
                let wanted = wanted.strongest().map(ToString::to_string);
                Err(Reason::new(
                    "digest-mismatch",
                    found(),
                    wanted.unwrap_or_default(),
                ))
            }
            (Some((_, None)), _) => Err(Reason::new("digest-incomparable", found(), PRODUCT)),
            (None, Some((other, _))) => {
                let wanted = format!("these bytes at {other}");
                Err(Reason::new("name-mismatch", path, wanted))
            }
            (None, None) => Err(Reason::new("file-unattested", found(), PRODUCT)),
        }
    }

    /// The products that are not among these paths.
    pub(super) fn missing<'p>(
        &'p self,
        is_there: &'p dyn Fn(&str) -> bool,
    ) -> impl Iterator<Item = &'p str> {
        let products = self.products.iter().flat_map(Artifacts::paths);
        products
            .map(attest_digest::RelativePath::as_str)
            .filter(move |it| !is_there(it))
    }
}

const PRODUCT: &str = "a product of the last step";

/// Whether digests of bytes are those of a product; nothing, if none can be compared. A digest that was given stands
/// by itself; of bytes that were read, what was not computed nobody can say to agree.
fn compare(product: &DigestSet, digests: &[Digest], accepted: &[Algorithm]) -> Option<bool> {
    let of = |it: &Digest| digests.iter().find(|one| one.algorithm() == it.algorithm());
    let mut same = None;
    let mut is_whole = true;
    for wanted in product.iter() {
        match of(wanted) {
            Some(found) if found != wanted => return Some(false),
            Some(_) if accepted.contains(&wanted.algorithm()) => same = Some(true),
            Some(_) => {}
            None => is_whole = digests.len() <= 1,
        }
    }
    same.filter(|_| is_whole)
}

#[cfg(test)]
mod tests {
    use attest_digest::RelativePath;

    use super::*;

    fn sha256(byte: u8) -> Digest {
        Digest::Sha256([byte; 32])
    }

    fn sha512(byte: u8) -> Digest {
        Digest::Sha512([byte; 64])
    }

    fn set(digests: &[Digest]) -> DigestSet {
        let mut set = DigestSet::new();
        for digest in digests {
            set.insert_digest(*digest).unwrap();
        }
        set
    }

    fn piece(products: &[(&str, &[Digest])]) -> LayoutPiece {
        let mut made = Artifacts::new();
        for (path, digests) in products {
            let path = RelativePath::parse(path).unwrap();
            made.insert(path, set(digests)).unwrap();
        }
        LayoutPiece {
            rule: 0,
            products: Ok(made),
        }
    }

    #[test]
    fn a_product_is_the_same_by_every_digest_of_it_and_by_one_that_is_accepted() {
        let both = set(&[sha256(1), sha512(1)]);
        let all = Algorithm::ALL;
        let compared =
            |digests: &[Digest], accepted: &[Algorithm]| compare(&both, digests, accepted);
        assert_eq!(compared(&[sha256(1)], &all), Some(true));
        assert_eq!(compared(&[sha256(1), sha512(1)], &all), Some(true));
        // One that contradicts is enough, whichever of them is accepted.
        for accepted in [&all[..], &[Algorithm::Sha256], &[Algorithm::Sha512]] {
            assert_eq!(compared(&[sha256(1), sha512(2)], accepted), Some(false));
            assert_eq!(compared(&[sha256(2), sha512(1)], accepted), Some(false));
        }
        assert_eq!(compared(&[sha256(1)], &[Algorithm::Sha512]), None);
        assert_eq!(compared(&[sha512(1)], &[Algorithm::Sha512]), Some(true));
        assert_eq!(compared(&[], &all), None);
        assert_eq!(compare(&set(&[sha256(1)]), &[sha512(1)], &all), None);
        // Of bytes that were read every digest is compared.
        let three = set(&[sha256(1), Digest::Sha384([1; 48]), sha512(1)]);
        assert_eq!(compare(&three, &[sha256(1)], &all), Some(true));
        assert_eq!(compare(&three, &[sha256(1), sha512(1)], &all), None);
    }

    #[test]
    fn in_a_folder_a_product_stands_at_its_own_path() {
        let piece = piece(&[
            ("a", &[sha256(1)]),
            ("b", &[sha256(2)]),
            ("c", &[sha512(3)]),
        ]);
        let made = |byte: u8, path: Option<&str>| {
            let made = piece.makes(&[sha256(byte)], path, &Algorithm::ALL);
            made.map_err(|it| it.code())
        };
        assert_eq!(made(1, Some("a")), Ok("a".to_owned()));
        assert_eq!(made(1, None), Ok("a".to_owned()));
        assert_eq!(made(2, Some("a")), Err("digest-mismatch"));
        assert_eq!(made(1, Some("d")), Err("name-mismatch"));
        assert_eq!(made(3, Some("c")), Err("digest-incomparable"));
        assert_eq!(made(9, Some("d")), Err("file-unattested"));
        assert_eq!(made(9, None), Err("file-unattested"));
        assert_eq!(made(3, None), Err("file-unattested"));
        let missing: Vec<&str> = piece.missing(&|it| it == "b").collect();
        assert_eq!(missing, ["a", "c"]);
    }
}
