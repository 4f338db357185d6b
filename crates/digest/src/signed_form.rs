//! What the first bytes of a file give away: that a signature over it could be taken for one over
//! something else.

/// Something that is signed as bare bytes which a file can have, too.
///
/// One key signs files, statements, in-toto's metadata and commits. Whoever gets a file signed that
/// begins like one of the others would have a signature over that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignedForm {
    /// A statement in its pre-authentication encoding.
    ///
    /// ```text
    /// DSSEv1 28 application/vnd.in-toto+json 2 {}
    /// ```
    Statement,
    /// A link or layout of in-toto in canonical JSON, as its classic form signs it.
    ///
    /// ```text
    /// {"_type":"link","byproducts":{},…
    /// ```
    ///
    /// The file in which such a thing is kept begins otherwise, with `{"signatures"` or `{"signed"`.
    Metadata,
    /// The attributes that CMS signs, as gitsign does of a commit: a DER `SET` of `SEQUENCE`s that
    /// begin with an object identifier.
    Attributes,
    /// A commit or tag of git, as OpenPGP signs it: as it signs a file.
    ///
    /// ```text
    /// tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904
    /// author …
    /// ```
    GitObject,
}

impl SignedForm {
    /// What bytes that begin like this are, if they are one of these.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        let is_metadata = METADATA.iter().any(|it| head.starts_with(it));
        match head {
            _ if head.starts_with(STATEMENT) => Some(Self::Statement),
            _ if is_metadata => Some(Self::Metadata),
            _ if opens_as_attributes(head).is_some() => Some(Self::Attributes),
            _ if opens_as_git_object(head).is_some() => Some(Self::GitObject),
            _ => None,
        }
    }

    /// What it is, in words that follow "the signed form of".
    pub const fn name(self) -> &'static str {
        match self {
            Self::Statement => "a statement (DSSEv1)",
            Self::Metadata => "a link or layout of in-toto",
            Self::Attributes => "a commit or tag by gitsign (CMS)",
            Self::GitObject => "a commit or tag of git",
        }
    }
}

/// The first bytes that pass, whatever the pieces in which they come.
#[derive(Default)]
pub(crate) struct Head(Vec<u8>);

impl Head {
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        let missing = HEAD.saturating_sub(self.0.len());
        self.0.extend(bytes.iter().take(missing));
    }

    pub(crate) fn form(&self) -> Option<SignedForm> {
        SignedForm::of(&self.0)
    }
}

fn opens_as_attributes(head: &[u8]) -> Option<()> {
    let attribute = within(within(head, 0x31)?, 0x30)?;
    attribute.starts_with(&[0x06]).then_some(())
}

/// The first two fields of a commit or tag: an object id, SHA-1 or SHA-256, and what git writes behind it.
fn opens_as_git_object(head: &[u8]) -> Option<()> {
    let (rest, next): (&[u8], &[&[u8]]) = if let Some(rest) = head.strip_prefix(b"tree ") {
        (rest, &[b"parent ", b"author "])
    } else {
        (head.strip_prefix(b"object ")?, &[b"type "])
    };
    let end = rest.iter().position(|it| *it == b'\n')?;
    let (id, rest) = rest.split_at_checked(end)?;
    let is_id = matches!(end, 40 | 64) && id.iter().all(u8::is_ascii_hexdigit);
    let rest = rest.strip_prefix(b"\n").filter(|_| is_id)?;
    next.iter().any(|it| rest.starts_with(it)).then_some(())
}

/// What follows a tag of DER and its length, as far as it is at hand.
fn within(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let (&first, rest) = bytes.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let more = match length {
        0..=0x7f => 0,
        0x81..=0x84 => usize::from(length & 0x7f),
        _ => return None,
    };
    rest.get(more..).filter(|_| first == tag)
}

const STATEMENT: &[u8] = b"DSSEv1 ";

/// Canonical: keys are sorted, and none that either may have stands before this one.
const METADATA: [&[u8]; 2] = [br#"{"_type":"link""#, br#"{"_type":"layout""#];

/// More than any of these needs.
const HEAD: usize = 80;
