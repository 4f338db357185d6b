//! The records of an extended header.

use crate::container::error::TarProblem;

/// What an extended header says that matters to us.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Pax {
    pub(crate) path: Option<Vec<u8>>,
    pub(crate) target: Option<Vec<u8>>,
}

impl Pax {
    /// Reads records: `LENGTH KEY=VALUE` and a newline, the length counting all of it.
    ///
    /// Of owners and times only the form is looked at. What is not known could mean anything.
    pub(crate) fn parse(mut records: &[u8]) -> Result<Self, TarProblem> {
        let mut pax = Self::default();
        let mut keys: Vec<&[u8]> = Vec::new();
        while !records.is_empty() {
            let (key, value) = next(&mut records).ok_or(TarProblem::PaxMalformed)?;
            if keys.contains(&key) {
                return Err(TarProblem::PaxDuplicate);
            }
            keys.push(key);
            if value.is_empty() {
                return Err(TarProblem::PaxMalformed);
            }
            match key {
                b"path" => pax.path = Some(value.to_vec()),
                b"linkpath" => pax.target = Some(value.to_vec()),
                b"size" => return Err(TarProblem::PaxSize),
                b"mtime" | b"atime" | b"ctime" | b"LIBARCHIVE.creationtime" => check_time(value)?,
                b"uid" | b"gid" => check_digits(value)?,
                b"uname" | b"gname" => {}
                _ if key.starts_with(b"GNU.sparse.") => return Err(TarProblem::Sparse),
                _ => return Err(TarProblem::PaxKey),
            }
        }
        Ok(pax)
    }
}

/// Takes one record off; `None` if there is none.
fn next<'a>(records: &mut &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let digits = records.iter().position(|it| *it == b' ')?;
    let number = records.get(..digits)?;
    if number.is_empty() || number.len() > 6 || number.first() == Some(&b'0') {
        return None;
    }
    check_digits(number).ok()?;
    let length: usize = str::from_utf8(number).ok()?.parse().ok()?;
    let (record, rest) = records.split_at_checked(length)?;
    *records = rest;
    let record = record.get(digits + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|it| *it == b'=')?;
    let key = record.get(..equals).filter(|key| !key.is_empty())?;
    Some((key, record.get(equals + 1..)?))
}

fn check_digits(value: &[u8]) -> Result<(), TarProblem> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(TarProblem::PaxMalformed);
    }
    Ok(())
}

/// `-12.345`, `12`.
fn check_time(value: &[u8]) -> Result<(), TarProblem> {
    let value = value.strip_prefix(b"-").unwrap_or(value);
    let mut parts = value.splitn(2, |it| *it == b'.');
    parts.try_for_each(check_digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(records: &str) -> Option<&'static str> {
        Pax::parse(records.as_bytes())
            .err()
            .map(|problem| problem.code())
    }

    #[test]
    fn records_that_are_not_what_their_length_says_are_refused() {
        assert_eq!(code("9 path=a\n"), None);
        assert_eq!(
            code("9 path=a\n17 mtime=-12.5000\n"),
            Some("tar-pax-malformed")
        );
        assert_eq!(code("9 path=a\n18 mtime=-12.5000\n"), None);
        for malformed in [
            "path=a\n",
            "09 path=a\n",
            "+9 path=a\n",
            "8 path=a\n",
            "11 path=a\n",
            "9 path=a ",
            "7 path\n",
            "5 =a\n",
            "8 path=\n",
            "9  path=a\n",
            " ",
            "\n",
            "99999999999999999999 a=b\n",
            "12 mtime=1e\n",
            "11 uid=0x1\n",
        ] {
            assert_eq!(code(malformed), Some("tar-pax-malformed"), "{malformed:?}");
        }
        assert_eq!(code("9 path=a\n9 path=b\n"), Some("tar-pax-duplicate"));
        assert_eq!(code("9 size=1\n"), Some("tar-pax-size"));
        assert_eq!(code("20 GNU.sparse.map=0\n"), Some("tar-sparse"));
        assert_eq!(code("21 hdrcharset=BINARY\n"), Some("tar-pax-key"));
    }
}
