//! PEM (RFC 7468) from the base64 that documents carry.

/// A block of that label around base64 as it stands in JSON.
pub(super) fn block(label: &str, base64: &str) -> Option<String> {
    let is_base64 = |it: u8| it.is_ascii_alphanumeric() || b"+/=".contains(&it);
    if base64.is_empty() || !base64.bytes().all(is_base64) {
        return None;
    }
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = base64;
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    Some(text + &format!("-----END {label}-----\n"))
}

const LINE: usize = 64;
