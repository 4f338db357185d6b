//! The typed content of any statement.

use super::custom::Custom;
use super::deployment::{self, Deployment};
use super::link::ClaimedLink;
use super::openvex::OpenVex;
use super::publish::{self, Published};
use super::reference::{self, Reference};
use super::release::{self, ClaimedRelease};
use super::review::{self, Review};
use super::sbom::ClaimedBom;
use super::scai::{self, ClaimedAttributes};
use super::slsa::{self, ClaimedProvenance};
use super::succession::{self, Succession};
use super::svr::{self, Svr};
use super::test_result::{self, TestResult};
use super::vsa::{self, Vsa};
use super::vulns::{self, CosignVuln, Vulns};
use super::{PredicateError, custom, link, openvex};
use crate::Statement;

/// What a statement says, as far as its predicate type is known to us.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claimed {
    /// SLSA provenance.
    Provenance(Box<ClaimedProvenance>),
    /// A verification summary.
    Vsa(Box<Vsa>),
    /// A simple verification result.
    Svr(Svr),
    /// A step.
    Link(Box<ClaimedLink>),
    /// A release.
    Release(ClaimedRelease),
    /// The result of tests.
    TestResult(TestResult),
    /// A scan for vulnerabilities.
    Vulns(Box<Vulns>),
    /// A scan in cosign's older form.
    CosignVuln(Box<CosignVuln>),
    /// Documents beside the statement.
    Reference(Reference),
    /// Whether vulnerabilities matter.
    OpenVex(Box<OpenVex>),
    /// A bill of materials.
    Bom(ClaimedBom),
    /// Attributes with evidence.
    Attributes(Box<ClaimedAttributes>),
    /// The publish attestation of a registry.
    Published(Published),
    /// cosign's custom predicate.
    Custom(Custom),
    /// Our own: somebody reviewed a source revision.
    Review(Box<Review>),
    /// Our own: something was put to use somewhere.
    Deployment(Deployment),
    /// Our own: a key goes out of use.
    Succession(Succession),
    /// A type that is not known here: any JSON object.
    Opaque,
}

impl Claimed {
    /// Reads the predicate as its type says.
    ///
    /// # Errors
    /// The type is known, and the predicate is not of it.
    pub fn from_statement(statement: &Statement) -> Result<Self, PredicateError> {
        Ok(match statement.predicate_type() {
            slsa::TYPE | slsa::TYPE_V0_2 => {
                Self::Provenance(Box::new(ClaimedProvenance::from_statement(statement)?))
            }
            vsa::TYPE => Self::Vsa(Box::new(Vsa::from_statement(statement)?)),
            svr::TYPE | svr::TYPE_V0_1 => Self::Svr(Svr::from_statement(statement)?),
            link::TYPE | link::TYPE_V0_2 | link::TYPE_V1 => {
                Self::Link(Box::new(ClaimedLink::from_statement(statement)?))
            }
            release::TYPE | release::TYPE_V0_1 => {
                Self::Release(ClaimedRelease::from_statement(statement)?)
            }
            test_result::TYPE => Self::TestResult(TestResult::from_statement(statement)?),
            vulns::TYPE | vulns::TYPE_V0_1 => {
                Self::Vulns(Box::new(Vulns::from_statement(statement)?))
            }
            vulns::COSIGN_TYPE => {
                Self::CosignVuln(Box::new(CosignVuln::from_statement(statement)?))
            }
            reference::TYPE => Self::Reference(Reference::from_statement(statement)?),
            openvex::TYPE | openvex::TYPE_V0_2 => {
                Self::OpenVex(Box::new(OpenVex::from_statement(statement)?))
            }
            scai::TYPE | scai::TYPE_V0_2 => {
                Self::Attributes(Box::new(ClaimedAttributes::from_statement(statement)?))
            }
            publish::NPM | publish::PYPI => Self::Published(Published::from_statement(statement)?),
            review::TYPE => Self::Review(Box::new(Review::from_statement(statement)?)),
            deployment::TYPE => Self::Deployment(Deployment::from_statement(statement)?),
            succession::TYPE => Self::Succession(Succession::from_statement(statement)?),
            custom::TYPE => Self::Custom(Custom::from_statement(statement)?),
            other if ClaimedBom::is_type(other) => {
                Self::Bom(ClaimedBom::from_statement(statement)?)
            }
            _ => Self::Opaque,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::TypeName;
    use super::super::testing::statement;
    use super::*;

    /// A type that has a name and no model would be signed unread.
    #[test]
    fn nothing_of_a_known_type_is_read_as_opaque() {
        for (name, _) in TypeName::known().filter(|(name, _)| *name != "runtime-trace") {
            let name_of_type = TypeName::parse(name).unwrap();
            for uri in name_of_type.uris() {
                let empty = statement(uri, json!({}));
                let read = Claimed::from_statement(&empty);
                assert_ne!(read.ok(), Some(Claimed::Opaque), "{uri}");
            }
        }
        let other = statement("https://example.com/p", json!({}));
        assert_eq!(Claimed::from_statement(&other).unwrap(), Claimed::Opaque);
    }
}
