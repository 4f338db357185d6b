//! The header of a member, as `attest-tar/1` has it.

use crate::limits;
use crate::portable::PortablePath;

/// Bytes of a block: headers and the padding of contents.
pub const TAR_BLOCK: usize = 512;

/// A member of a canonical tar archive, without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TarMember<'a> {
    /// A regular file.
    File {
        /// Whether it may be run.
        mode: FileMode,
        /// Its bytes, at most [`limits::TAR_MEMBER_BYTES`].
        size: u64,
    },
    /// A folder.
    Folder,
    /// A symbolic link.
    Link {
        /// Where it says that it leads.
        target: &'a str,
    },
}

/// What is kept of a file's permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileMode {
    /// 0644
    Plain,
    /// 0755
    Executable,
}

/// The modification time that all members of an archive share: seconds since 1970, before 2242.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TarTime(u64);

impl TarTime {
    /// A time, unless it has more than eleven octal digits.
    pub const fn new(seconds: u64) -> Option<Self> {
        if seconds < 1 << 33 {
            Some(Self(seconds))
        } else {
            None
        }
    }

    /// Seconds since 1970.
    pub const fn seconds(self) -> u64 {
        self.0
    }
}

/// The header blocks of a member: one, or three and more where a name does not fit into one.
///
/// ```text
/// offset bytes
///      0   100  name; of a folder with a slash at its end
///    100     8  mode    0000644, 0000755; 0000777 of a link
///    108     8  uid     0000000
///    116     8  gid     0000000
///    124    12  size    eleven octal digits
///    136    12  mtime   eleven octal digits
///    148     8  checksum: six octal digits, NUL, space
///    156     1  type    0 file, 2 link, 5 folder, x names that do not fit
///    157   100  target of a link
///    257     8  ustar NUL 00
///    265    64  user and group: empty
///    329    16  device: 0000000, 0000000
///    345   155  prefix of the name
///    500    12  zero
/// ```
/// Octal numbers have leading zeros and end in NUL. A name of more than 100 bytes is cut at the first
/// slash that leaves at most 100 bytes behind it and at most 155 before it. Where there is none, and for
/// a target of more than 100 bytes, a member `@PaxHeader` of type `x` goes before, with the records
/// `linkpath` and `path` in this order; the field itself then has the first 100 bytes, cut before a
/// character that does not fit whole.
///
/// `None`: a file of more than [`limits::TAR_MEMBER_BYTES`].
pub fn tar_header(path: &PortablePath, member: TarMember<'_>, time: TarTime) -> Option<Vec<u8>> {
    let (kind, mode, size, target) = match member {
        TarMember::File { size, .. } if size > limits::TAR_MEMBER_BYTES => return None,
        TarMember::File { mode, size } => (b'0', bits(mode), size, ""),
        TarMember::Folder => (b'5', 0o755, 0, ""),
        TarMember::Link { target } => (b'2', 0o777, 0, target),
    };
    let name = match member {
        TarMember::Folder => format!("{path}/"),
        _ => path.to_string(),
    };
    let mut records = Vec::new();
    if target.len() > NAME {
        push_record(&mut records, "linkpath", target);
    }
    let (prefix, short) = split(&name).unwrap_or_else(|| {
        push_record(&mut records, "path", &name);
        ("", cut(&name))
    });
    let mut header = Vec::new();
    if !records.is_empty() {
        let size = records.len() as u64;
        header.extend(Block::new("@PaxHeader", b'x', 0o644, size, time).finish());
        header.extend(&records);
        header.resize(header.len().next_multiple_of(TAR_BLOCK), 0);
    }
    let mut block = Block::new(short, kind, mode, size, time);
    block.put(157, cut(target).as_bytes());
    block.put(345, prefix.as_bytes());
    header.extend(block.finish());
    Some(header)
}

const fn bits(mode: FileMode) -> u64 {
    match mode {
        FileMode::Plain => 0o644,
        FileMode::Executable => 0o755,
    }
}

/// Prefix and name of the one header that holds both, if there is one.
fn split(name: &str) -> Option<(&str, &str)> {
    if name.len() <= NAME {
        return Some(("", name));
    }
    // The slash at the end of a folder leaves nothing behind it.
    let behind = |end: usize| name.len() - end - 1;
    let (end, _) = name
        .match_indices('/')
        .find(|(end, _)| (1..=NAME).contains(&behind(*end)))?;
    (end <= PREFIX).then_some(())?;
    Some((name.get(..end)?, name.get(end + 1..)?))
}

/// The first 100 bytes, or fewer where a character would be cut.
fn cut(text: &str) -> &str {
    let end = (0..=NAME.min(text.len())).rfind(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

/// `25 path=a/name/and/so/on` and a newline: the number counts the whole record.
fn push_record(records: &mut Vec<u8>, key: &str, value: &str) {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len() + 1;
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    records.extend(length.to_string().bytes());
    records.extend(rest.bytes());
}

/// One header block in the making.
struct Block([u8; TAR_BLOCK]);

impl Block {
    fn new(name: &str, kind: u8, mode: u64, size: u64, time: TarTime) -> Self {
        let mut block = Self([0; TAR_BLOCK]);
        block.put(0, name.as_bytes());
        block.put(100, format!("{mode:07o}").as_bytes());
        block.put(108, b"0000000");
        block.put(116, b"0000000");
        block.put(124, format!("{size:011o}").as_bytes());
        block.put(136, format!("{:011o}", time.seconds()).as_bytes());
        block.put(148, b"        ");
        block.put(156, &[kind]);
        block.put(257, b"ustar\x0000");
        block.put(329, b"0000000");
        block.put(337, b"0000000");
        block
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        let place = self.0.iter_mut().skip(at);
        for (to, from) in place.zip(bytes) {
            *to = *from;
        }
    }

    fn finish(mut self) -> [u8; TAR_BLOCK] {
        let sum: u32 = self.0.iter().copied().map(u32::from).sum();
        self.put(148, format!("{sum:06o}\0 ").as_bytes());
        self.0
    }
}

/// Bytes of the fields for a name and for a target.
const NAME: usize = 100;

/// Bytes of the field before the name.
const PREFIX: usize = 155;

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> PortablePath {
        PortablePath::parse(text).unwrap()
    }

    const TIME: TarTime = TarTime(0o12345);

    #[test]
    fn a_record_counts_itself() {
        for (length, wanted) in [(1, "9 path=a\n"), (2, "11 path=aa\n")] {
            let mut records = Vec::new();
            push_record(&mut records, "path", &"a".repeat(length));
            assert_eq!(records, wanted.as_bytes());
        }
        for length in 80..1200 {
            let mut records = Vec::new();
            push_record(&mut records, "path", &"a".repeat(length));
            let digits = records.iter().take_while(|it| it.is_ascii_digit()).count();
            let said: usize = str::from_utf8(&records[..digits]).unwrap().parse().unwrap();
            assert_eq!(said, records.len());
        }
    }

    #[test]
    fn a_long_name_is_cut_at_the_first_slash_that_serves() {
        let name = format!("{}/{}/{}", "a".repeat(60), "b".repeat(60), "c".repeat(60));
        let (prefix, short) = split(&name).unwrap();
        assert_eq!((prefix.len(), short.len()), (121, 60));
        let folder = format!("{}/{}/", "a".repeat(60), "b".repeat(99));
        assert_eq!(split(&folder).unwrap().1.len(), 100);
        for name in [
            "a".repeat(101),
            format!("{}/{}", "a".repeat(156), "b"),
            format!("{}/", "a".repeat(100)),
        ] {
            assert_eq!(split(&name), None, "{name}");
        }
    }

    #[test]
    fn the_bytes_of_a_header_are_these() {
        let member = TarMember::File {
            mode: FileMode::Executable,
            size: 10,
        };
        let header = tar_header(&path("bin/tool"), member, TIME).unwrap();
        assert_eq!(header.len(), TAR_BLOCK);
        assert!(header.starts_with(b"bin/tool\0"));
        assert_eq!(&header[100..124], b"0000755\x000000000\x000000000\0");
        assert_eq!(&header[124..148], b"00000000012\x0000000012345\0");
        assert_eq!(&header[148..157], b"010670\0 0");
        assert_eq!(&header[257..265], b"ustar\x0000");
        assert_eq!(&header[329..345], b"0000000\x000000000\0");
    }

    #[test]
    fn a_file_that_needs_twelve_digits_has_no_header() {
        let member = |size| TarMember::File {
            mode: FileMode::Plain,
            size,
        };
        let most = limits::TAR_MEMBER_BYTES;
        assert!(tar_header(&path("a"), member(most), TIME).is_some());
        assert!(tar_header(&path("a"), member(most + 1), TIME).is_none());
        assert!(TarTime::new((1 << 33) - 1).is_some());
        assert!(TarTime::new(1 << 33).is_none());
    }

    #[test]
    fn a_name_that_fits_nowhere_goes_before() {
        let long = "ä".repeat(60);
        let link = TarMember::Link { target: &long };
        let header = tar_header(&path(&long), link, TIME).unwrap();
        assert_eq!(header.len(), 3 * TAR_BLOCK);
        assert!(header.starts_with(b"@PaxHeader\0"));
        let records = format!("134 linkpath={long}\n130 path={long}\n");
        assert!(header[TAR_BLOCK..].starts_with(records.as_bytes()));
        assert_eq!(&header[2 * TAR_BLOCK..][..100], "ä".repeat(50).as_bytes());
    }
}
