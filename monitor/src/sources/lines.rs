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
    /// NUL bytes before the unfinished line.
    hole: u64,
    /// The unfinished line: at most `LINE_BYTES_MAX` of its bytes.
    head: Vec<u8>,
    /// Its whole length, without the hole.
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
            if self.unfinished_length() == 0 && line.len() <= LINE_BYTES_MAX {
                each(RawLine::Whole(without_hole(line)), line.len() as u64 + 1);
                continue;
            }
            self.keep(line);
            each(self.kept(), self.unfinished_length() + 1);
            self.head.clear();
            (self.hole, self.length) = (0, 0);
        }
        self.keep(bytes);
    }

    /// The bytes of the unfinished line that were kept.
    #[must_use]
    pub fn unfinished(&self) -> &[u8] {
        &self.head
    }

    /// How many NUL bytes stand before it.
    #[must_use]
    pub fn hole(&self) -> u64 {
        self.hole
    }

    /// How long the unfinished line is so far, with the hole before it.
    #[must_use]
    pub fn unfinished_length(&self) -> u64 {
        self.hole + self.length
    }

    /// The unfinished line as the line it is, where nothing will follow. `None` when there is none.
    #[must_use]
    pub fn last(&self) -> Option<RawLine<'_>> {
        (self.length > 0).then(|| self.kept())
    }

    fn kept(&self) -> RawLine<'_> {
        if self.length <= LINE_BYTES_MAX as u64 {
            RawLine::Whole(&self.head)
        } else {
            RawLine::TooLong(&self.head[..SHOWN_BYTES])
        }
    }

    fn keep(&mut self, mut bytes: &[u8]) {
        if self.length == 0 {
            let line = without_hole(bytes);
            self.hole += (bytes.len() - line.len()) as u64;
            bytes = line;
        }
        let room = LINE_BYTES_MAX.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        self.length += bytes.len() as u64;
    }
}

/// The line without the NUL bytes before it. Where a log is cut while its writer keeps its place in it, the bytes up to that
/// place are a hole, and read as NUL.
#[must_use]
pub fn without_hole(line: &[u8]) -> &[u8] {
    let hole = line.iter().take_while(|byte| **byte == 0).count();
    &line[hole..]
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
    fn hole_before_a_line_is_no_part_of_it() {
        let hole = vec![0; LINE_BYTES_MAX + 1];
        let text = [b"\0\0a\0\n\0\n".as_slice(), &hole, b"bc\n"].concat();
        let expected = vec![
            (true, b"a\0".to_vec(), 5),
            (true, Vec::new(), 2),
            (true, b"bc".to_vec(), LINE_BYTES_MAX as u64 + 4),
        ];
        for size in [1, 3, 4096, text.len()] {
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
