//! Names that some file systems take for one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;

/// Two of these paths that cannot both exist everywhere, if there are any.
///
/// Paths clash if they, or folders on the way to them, differ only in case or in Unicode
/// normalisation (canonical caseless matching, D145 of the Unicode Standard: full case folding), if
/// they are equal, or if one of them is a file and the other needs a folder there.
///
/// ```
/// use attest_digest::colliding_names;
/// assert!(colliding_names(["README", "src/main.rs"]).is_none());
/// assert!(colliding_names(["Straße/a", "STRASSE/b"]).is_some());
/// ```
pub fn colliding_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<(String, String)> {
    let mut seen = HashMap::new();
    for name in names {
        if let Some(other) = add(&mut seen, name) {
            return Some((other.to_owned(), name.to_owned()));
        }
    }
    None
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    File,
    Folder,
}

/// What stands at a folded path: its own spelling, the whole name that brought it, and what it is.
struct Seen<'a> {
    spelling: &'a str,
    name: &'a str,
    place: Place,
}

/// Enters a name and the folders on its way; returns the name that it clashes with.
fn add<'a>(seen: &mut HashMap<String, Seen<'a>>, name: &'a str) -> Option<&'a str> {
    let folded = fold(name);
    let mut place = Place::File;
    // Folding neither makes nor removes a separator, so both have the same components. From the
    // whole name upwards, because what is above a known folder is known.
    let spellings = prefixes(name);
    for (folded, spelling) in prefixes(&folded).zip(spellings) {
        match seen.entry(folded.to_owned()) {
            Entry::Vacant(entry) => {
                entry.insert(Seen {
                    spelling,
                    name,
                    place,
                });
            }
            Entry::Occupied(entry) => {
                let there = entry.get();
                let same_folder = place == Place::Folder
                    && there.place == Place::Folder
                    && there.spelling == spelling;
                return (!same_folder).then_some(there.name);
            }
        }
        place = Place::Folder;
    }
    None
}

/// `a/b/c`, `a/b`, `a`.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |it| {
        it.rsplit_once('/').map(|(parent, _)| parent)
    })
}

/// Whether a text is in Unicode normalisation form C.
pub(crate) fn is_nfc(text: &str) -> bool {
    text.is_ascii() || unicode_normalization::is_nfc(text)
}

/// The same text for all texts that match caselessly.
pub(crate) fn fold(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    name.nfd().default_case_fold().nfd().collect()
}
