//! Where a list goes on: `Link` (RFC 8288, section 3).

/// The target of the one link whose relation is `next`; none if there is no such link.
///
/// ```text
/// </v2/team/tool/tags/list?n=2&last=b>; rel="next"
/// ```
///
/// # Errors
/// A header is not of that form, or several links lead on: what comes next is not known.
pub(super) fn next(headers: &[&str]) -> Result<Option<String>, ()> {
    let mut found = None;
    for header in headers {
        let mut rest = *header;
        while let Some((link, after)) = one(rest)? {
            rest = after;
            if link.is_next && found.replace(link.target).is_some() {
                return Err(());
            }
        }
    }
    Ok(found)
}

struct Link {
    target: String,
    is_next: bool,
}

/// The first link, and what stands after it.
fn one(text: &str) -> Result<Option<(Link, &str)>, ()> {
    let text = text.trim_start_matches([' ', '\t', ',']);
    if text.is_empty() {
        return Ok(None);
    }
    let (target, mut rest) = text
        .strip_prefix('<')
        .and_then(|it| it.split_once('>'))
        .ok_or(())?;
    let mut relation = None;
    loop {
        rest = rest.trim_start_matches(BLANK);
        let Some(after) = rest.strip_prefix(';') else {
            break;
        };
        let (name, value, after) = parameter(after)?;
        // Of several the first counts.
        if name.eq_ignore_ascii_case("rel") {
            relation.get_or_insert(value);
        }
        rest = after;
    }
    if !rest.is_empty() && !rest.starts_with(',') {
        return Err(());
    }
    let relation = relation.unwrap_or_default();
    let mut relations = relation.split(BLANK);
    let link = Link {
        target: target.to_owned(),
        is_next: relations.any(|it| it.eq_ignore_ascii_case("next")),
    };
    Ok(Some((link, rest)))
}

/// `name="value"`, `name=value` or `name`, with blanks wherever they may stand.
fn parameter(text: &str) -> Result<(&str, String, &str), ()> {
    let end = text.find(['=', ';', ',']).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end).ok_or(())?;
    let name = name.trim_matches(BLANK);
    let Some(rest) = rest.strip_prefix('=') else {
        return Ok((name, String::new(), rest));
    };
    let rest = rest.trim_start_matches(BLANK);
    let Some(quoted) = rest.strip_prefix('"') else {
        let end = rest.find([';', ',']).unwrap_or(rest.len());
        let (value, rest) = rest.split_at_checked(end).ok_or(())?;
        return Ok((name, value.trim_matches(BLANK).to_owned(), rest));
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Ok((name, value, quoted.get(at + 1..).unwrap_or_default())),
            '\\' => value.extend(letters.next().map(|(_, it)| it)),
            _ => value.push(letter),
        }
    }
    Err(())
}

const BLANK: [char; 2] = [' ', '\t'];

#[cfg(test)]
mod tests {
    use super::next;

    #[test]
    fn a_link_to_the_next_page_is_found_however_it_is_written() {
        for header in [
            r#"<?p=2>; rel="next""#,
            "<?p=2>;rel=next",
            "<?p=2>; rel = \"next\"",
            "<?p=2>\t;\trel\t=\tNEXT ",
            r#"<?p=2>; rel="last next""#,
            r#"<?p=2>; REL="n\ext""#,
            r#"<?p=2>; title="a, <b>; rel=x"; rel=next"#,
            r#"<?p=1>; rel="first",<?p=2>; rel="next""#,
            r#"<?p=1>; rel="prev next2" , , <?p=2>; rel=next; rel=last,"#,
            r#"<?a,b>; rel=first; x, <?p=2>; y; rel="next""#,
        ] {
            assert_eq!(next(&[header]), Ok(Some("?p=2".to_owned())), "{header}");
        }
        let two = ["<?p=1>; rel=first", "<?p=2>; rel=next"];
        assert_eq!(next(&two), Ok(Some("?p=2".to_owned())));
        for header in [
            "",
            "<?p=1>; rel=prev",
            "<next>",
            "<?p=1>; title=\"rel=next\"",
        ] {
            assert_eq!(next(&[header]), Ok(None), "{header}");
        }
        assert_eq!(next(&[]), Ok(None));
    }

    #[test]
    fn a_link_that_cannot_be_read_is_no_end_of_a_list() {
        for header in [
            "?p=2; rel=next",
            "<?p=2; rel=next",
            "<?p=2> rel=next",
            "<?p=2>; rel=\"next",
            "<?p=1>; rel=\"first\" <?p=2>; rel=next",
            "<?p=2>; rel=next, <?p=3>; rel=next",
        ] {
            assert_eq!(next(&[header]), Err(()), "{header}");
        }
        assert_eq!(next(&["<?p=2>; rel=next", "<?p=3>; rel=next"]), Err(()));
    }
}
