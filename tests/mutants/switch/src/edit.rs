//! Insertions into a text, kept in the order in which they nest.

/// What is put into a source file.
#[derive(Default)]
pub struct Edits {
    opening: Vec<Edit>,
    closing: Vec<Edit>,
    replacing: Vec<Edit>,
}

struct Edit {
    start: usize,
    end: usize,
    text: String,
    ids: Vec<u64>,
}

impl Edits {
    /// Before what begins at `at`; the outer ones come first.
    pub fn open(&mut self, at: usize, text: String, ids: &[u64]) {
        self.opening.push(Edit { start: at, end: at, text, ids: ids.to_vec() });
    }

    /// After what ends at `at`; the inner ones come first.
    pub fn close(&mut self, at: usize, text: &str, ids: &[u64]) {
        self.closing.push(Edit { start: at, end: at, text: text.to_owned(), ids: ids.to_vec() });
    }

    /// In the place of `range`.
    pub fn replace(&mut self, range: std::ops::Range<usize>, text: String, ids: &[u64]) {
        self.replacing.push(Edit { start: range.start, end: range.end, text, ids: ids.to_vec() });
    }

    /// The new text, and for each edit where it begins and ends in it, and whose it is.
    pub fn apply(self, source: &str) -> (String, Vec<(usize, usize, Vec<u64>)>) {
        let mut edits: Vec<Edit> = self.closing;
        edits.extend(self.opening);
        edits.extend(self.replacing);
        // Stable: closings before openings at one place, and each as they were found.
        edits.sort_by_key(|it| it.start);
        let (mut written, mut places, mut at) = (String::new(), Vec::new(), 0);
        for edit in edits {
            written.push_str(&source[at..edit.start]);
            let start = written.len();
            written.push_str(&edit.text);
            places.push((start, written.len(), edit.ids));
            at = edit.end;
        }
        written.push_str(&source[at..]);
        (written, places)
    }
}
