//! The word that was probably meant.

/// The nearest of the known words, if one is near enough to be a slip of the hand.
pub fn nearest<'w>(word: &str, known: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let far = word.chars().count().max(3) / 3;
    known
        .into_iter()
        .filter(|it| it.len().abs_diff(word.len()) <= far)
        .map(|it| (distance(word, it), it))
        .filter(|(distance, _)| *distance <= far)
        .min()
        .map(|(_, word)| word)
}

/// How many characters must be put in, left out or changed (Levenshtein). Long words are told apart
/// by their beginning.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().take(LONGEST).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, left) in one.chars().take(LONGEST).enumerate() {
        let mut next = vec![line + 1];
        for (index, right) in other.iter().enumerate() {
            let at =
                |row: &[usize], place: usize| row.get(place).copied().unwrap_or(usize::MAX - 1);
            let changed = at(&row, index) + usize::from(left != *right);
            next.push(
                changed
                    .min(at(&row, index + 1) + 1)
                    .min(at(&next, index) + 1),
            );
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_hand_is_told_from_another_word() {
        let known = ["identity", "issuer", "threshold", "keys"];
        assert_eq!(nearest("isuer", known), Some("issuer"));
        assert_eq!(nearest("treshhold", known), Some("threshold"));
        assert_eq!(nearest("key", known), Some("keys"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("", known), None);
    }
}
