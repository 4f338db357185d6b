//! XML as far as reports need it: elements in namespaces, attributes, text. No document type, hence no
//! entities but the five of the standard. The only file that names `quick-xml`.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

use super::ReportError;
use crate::limits;

/// One thing in a document, in its order.
#[derive(Clone, Copy)]
pub(super) enum Node<'a> {
    /// An element begins.
    Start {
        /// Its namespace, empty if it has none.
        namespace: &'a str,
        /// Its name in there.
        name: &'a str,
        /// Its attributes by their names as they are written.
        attributes: &'a [(String, String)],
    },
    /// Text inside the innermost element.
    Text(&'a str),
    /// The innermost element ends.
    End,
}

/// Shows every element and text of a document.
///
/// # Errors
/// Not UTF-8, not well-formed, several roots, a document type, an unknown entity, too deep; or what
/// `see` answers.
pub(super) fn walk(
    bytes: &[u8],
    see: &mut dyn FnMut(Node<'_>) -> Result<(), ReportError>,
) -> Result<(), ReportError> {
    let text = std::str::from_utf8(bytes).map_err(|error| ReportError::Xml {
        problem: "it is not UTF-8",
        offset: error.valid_up_to() as u64,
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = NsReader::from_str(text);
    let mut place = Place::default();
    loop {
        let offset = reader.buffer_position();
        let malformed = |problem| ReportError::Xml { problem, offset };
        let (namespace, event) = reader
            .read_resolved_event()
            .map_err(|_| malformed("it is not well-formed"))?;
        match event {
            Event::Start(start) => {
                place.enter().map_err(malformed)?;
                begin(&namespace, &start, see).ok_or(malformed(TAG))??;
            }
            Event::Empty(start) => {
                place.enter().map_err(malformed)?;
                begin(&namespace, &start, see).ok_or(malformed(TAG))??;
                place.leave().map_err(malformed)?;
                see(Node::End)?;
            }
            Event::End(_) => {
                place.leave().map_err(malformed)?;
                see(Node::End)?;
            }
            Event::Text(text) => {
                let text = text.xml10_content();
                if !text.trim().is_empty() {
                    place.inside().map_err(malformed)?;
                }
                see(Node::Text(&text))?;
            }
            Event::CData(data) => {
                place.inside().map_err(malformed)?;
                see(Node::Text(&data.xml10_content()))?;
            }
            Event::GeneralRef(reference) => {
                place.inside().map_err(malformed)?;
                let is_known =
                    reference.is_char_ref() || KNOWN.contains(&reference.xml10_content().as_ref());
                if !is_known {
                    return Err(malformed("it names an entity"));
                }
            }
            Event::DocType(_) => return Err(malformed("it has a document type")),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => return place.end().map_err(malformed),
        }
    }
}

/// Where in the document the reader is.
#[derive(Default)]
struct Place {
    depth: usize,
    has_root: bool,
}

impl Place {
    fn enter(&mut self) -> Result<(), &'static str> {
        if self.depth == 0 && self.has_root {
            return Err("it has several roots");
        }
        if self.depth == limits::XML_DEPTH {
            return Err("its elements are nested too deeply");
        }
        self.has_root = true;
        self.depth += 1;
        Ok(())
    }

    fn leave(&mut self) -> Result<(), &'static str> {
        self.depth = self.depth.checked_sub(1).ok_or(TAG)?;
        Ok(())
    }

    fn inside(&self) -> Result<(), &'static str> {
        if self.depth == 0 {
            return Err("it has text outside of its root");
        }
        Ok(())
    }

    fn end(&self) -> Result<(), &'static str> {
        if self.depth > 0 || !self.has_root {
            return Err("it ends too early");
        }
        Ok(())
    }
}

/// Nothing if the tag itself is malformed.
fn begin(
    namespace: &ResolveResult<'_>,
    start: &BytesStart<'_>,
    see: &mut dyn FnMut(Node<'_>) -> Result<(), ReportError>,
) -> Option<Result<(), ReportError>> {
    let namespace = match namespace {
        ResolveResult::Bound(namespace) => namespace.0,
        ResolveResult::Unbound => "",
        ResolveResult::Unknown(_) => return None,
    };
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        // Each is compared with those before it.
        if attributes.len() == limits::XML_ATTRIBUTES {
            return None;
        }
        let attribute = attribute.ok()?;
        let value = attribute.normalized_value(XmlVersion::Explicit1_0).ok()?;
        let name = AsRef::<str>::as_ref(&attribute.key);
        attributes.push((name.to_owned(), value.into_owned()));
    }
    let name = start.local_name();
    Some(see(Node::Start {
        namespace,
        name: AsRef::<str>::as_ref(&name),
        attributes: &attributes,
    }))
}

const TAG: &str = "a tag of it is malformed";
const KNOWN: &[&str] = &["amp", "lt", "gt", "quot", "apos"];
