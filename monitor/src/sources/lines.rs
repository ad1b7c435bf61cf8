//! Bytes to lines, with bounded memory however long a line is.

/// Longest line that is looked at. What is longer is skipped to its end and counted as not understood.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// A line as it lies in the file.
#[derive(Debug, PartialEq, Eq)]
pub enum RawLine<'a> {
    /// Its bytes, without the line feed.
    Whole(&'a [u8]),
    /// Longer than `LINE_BYTES_MAX`: its first bytes.
    TooLong(&'a [u8]),
}

/// Cuts a stream of bytes, given in any chunks, into lines.
#[derive(Debug, Default)]
pub struct Lines {
    /// The unfinished line: at most `LINE_BYTES_MAX` of its bytes.
    head: Vec<u8>,
    /// Its whole length.
    length: u64,
}

/// How much of a line that is too long is shown.
const SHOWN_BYTES: usize = 200;

impl Lines {
    /// Takes the next bytes; calls `each` with every line that ends in them, and its length with the line feed.
    pub fn take(&mut self, mut bytes: &[u8], mut each: impl FnMut(RawLine<'_>, u64)) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = bytes.split_at(end);
            bytes = &rest[1..];
            if self.length == 0 && line.len() <= LINE_BYTES_MAX {
                each(RawLine::Whole(line), line.len() as u64 + 1);
                continue;
            }
            self.keep(line);
            let length = self.length;
            let whole = self.is_whole();
            let line = if whole { RawLine::Whole(&self.head) } else { too_long(&self.head) };
            each(line, length + 1);
            self.head.clear();
            self.length = 0;
        }
        self.keep(bytes);
    }

    /// The bytes of the unfinished line that were kept.
    #[must_use]
    pub fn unfinished(&self) -> &[u8] {
        &self.head
    }

    /// How long the unfinished line is so far.
    #[must_use]
    pub fn unfinished_length(&self) -> u64 {
        self.length
    }

    /// The unfinished line as the line it is, where nothing will follow. `None` when there is none.
    #[must_use]
    pub fn last(&self) -> Option<RawLine<'_>> {
        let line = if self.is_whole() { RawLine::Whole(&self.head) } else { too_long(&self.head) };
        (self.length > 0).then_some(line)
    }

    fn is_whole(&self) -> bool {
        self.length <= LINE_BYTES_MAX as u64
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LINE_BYTES_MAX.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        self.length += bytes.len() as u64;
    }
}

fn too_long(head: &[u8]) -> RawLine<'_> {
    RawLine::TooLong(&head[..head.len().min(SHOWN_BYTES)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of `text` when it comes in chunks of `size`: their lengths as lines, and whether they are whole.
    fn cut(text: &[u8], size: usize) -> Vec<(bool, Vec<u8>, u64)> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for chunk in text.chunks(size) {
            lines.take(chunk, |line, length| match line {
                RawLine::Whole(line) => found.push((true, line.to_vec(), length)),
                RawLine::TooLong(line) => found.push((false, line.to_vec(), length)),
            });
        }
        found
    }

    #[test]
    fn chunks_make_no_difference() {
        let long = vec![b'x'; LINE_BYTES_MAX + 1];
        let edge = vec![b'y'; LINE_BYTES_MAX];
        let text = [b"a\n\nbc\r\n".as_slice(), &long, b"\n", &edge, b"\nrest"].concat();
        let expected = vec![
            (true, b"a".to_vec(), 2),
            (true, Vec::new(), 1),
            (true, b"bc\r".to_vec(), 4),
            (false, vec![b'x'; SHOWN_BYTES], LINE_BYTES_MAX as u64 + 2),
            (true, edge.clone(), LINE_BYTES_MAX as u64 + 1),
        ];
        for size in [1, 2, 3, 7, 4096, text.len()] {
            assert_eq!(cut(&text, size), expected, "chunks of {size}");
        }
    }

    #[test]
    fn unfinished_line_waits() {
        let mut lines = Lines::default();
        lines.take(b"one\ntw", |line, _| assert_eq!(line, RawLine::Whole(b"one")));
        assert_eq!((lines.unfinished(), lines.unfinished_length()), (b"tw".as_slice(), 2));
        assert_eq!(lines.last(), Some(RawLine::Whole(b"tw")));
    }
}
