//! What a file is known by later, kept from the bytes as they were read. Read again for it, they might be others by then: a log
//! may be cut between two of our looks.

use std::{fs::File, io, os::unix::fs::MetadataExt};

use lic_store::checkpoint::{Checkpoint, FileMark};

use super::mark::{ANCHOR_BYTES_MAX, HEAD_BYTES_MAX, bytes, digest};

/// The bytes of a file that mark it, as far as it was read.
#[derive(Default)]
pub(super) struct Trail {
    /// At its beginning, none behind the offset.
    head: Vec<u8>,
    /// Before the offset.
    anchor: Vec<u8>,
    /// Before the position, which an unfinished line puts ahead of the offset.
    last: Vec<u8>,
}

impl Trail {
    /// Goes on with what a checkpoint knows.
    ///
    /// # Errors
    /// When the file cannot be read, or is not the one that the checkpoint knows.
    pub(super) fn of(file: &File, checkpoint: &Checkpoint) -> io::Result<Self> {
        let FileMark { head_len, head: known_head, anchor_len, anchor: known_anchor, .. } =
            &checkpoint.file;
        let head = bytes(file, 0, *head_len as usize)?;
        let from = checkpoint.offset.saturating_sub(u64::from(*anchor_len));
        let anchor = bytes(file, from, *anchor_len as usize)?;
        if digest(&head) != *known_head || digest(&anchor) != *known_anchor {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "it was cut or rewritten while it was opened",
            ));
        }
        Ok(Self { head, last: anchor.clone(), anchor })
    }

    /// Takes the bytes that were read at `position`, in which lines ended up to `offset`.
    pub(super) fn take(&mut self, read: &[u8], position: u64, offset: u64) {
        let lines = usize::try_from(offset.saturating_sub(position)).unwrap_or(0).min(read.len());
        if lines > 0 {
            self.anchor = tail(&self.last, &read[..lines]);
        }
        let behind = usize::try_from(position).map_or(&[][..], |position| {
            let known = self.head.len().checked_sub(position);
            known.and_then(|known| read.get(known..)).unwrap_or_default()
        });
        let room = (HEAD_BYTES_MAX as usize).saturating_sub(self.head.len());
        self.head.extend(&behind[..behind.len().min(room)]);
        self.last = tail(&self.last, read);
    }

    /// What was read of the line that has no end is read again.
    pub(super) fn forget_unfinished(&mut self, offset: u64) {
        self.head.truncate(usize::try_from(offset).unwrap_or(usize::MAX));
        self.last.clone_from(&self.anchor);
    }

    /// The line that has no end counts as one.
    pub(super) fn end(&mut self) {
        self.anchor.clone_from(&self.last);
    }

    /// The mark of the file, whose lines were read up to `offset`.
    ///
    /// # Errors
    /// When its status cannot be read.
    pub(super) fn mark(&self, file: &File, offset: u64) -> io::Result<FileMark> {
        let metadata = file.metadata()?;
        let known = usize::try_from(offset).unwrap_or(usize::MAX).min(self.head.len());
        let head = &self.head[..known];
        Ok(FileMark {
            dev: metadata.dev(),
            ino: metadata.ino(),
            head_len: length(head),
            head: digest(head),
            anchor_len: length(&self.anchor),
            anchor: digest(&self.anchor),
        })
    }
}

/// The last bytes of `before` and `read`, one behind the other.
fn tail(before: &[u8], read: &[u8]) -> Vec<u8> {
    let most = ANCHOR_BYTES_MAX as usize;
    let read = &read[read.len().saturating_sub(most)..];
    let before = &before[before.len().saturating_sub(most - read.len())..];
    [before, read].concat()
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("a mark is short")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;
    use crate::sources::mark;

    proptest! {
        /// In whatever pieces a file was read, and wherever its lines ended, its mark is the one that the file itself gives.
        #[test]
        fn mark_is_that_of_the_file(
            text in prop::collection::vec(prop_oneof![1 => Just(b'\n'), 60 => any::<u8>()], 1..3000),
            pieces in prop::collection::vec(1..700_usize, 1..40),
        ) {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&text).unwrap();
            let (mut trail, mut position, mut offset) = (Trail::default(), 0, 0);
            for piece in pieces.into_iter().cycle() {
                let read = &text[position..(position + piece).min(text.len())];
                if let Some(feed) = read.iter().rposition(|byte| *byte == b'\n') {
                    offset = position + feed + 1;
                }
                trail.take(read, position as u64, offset as u64);
                position += read.len();
                if position == text.len() {
                    break;
                }
            }
            let at = offset as u64;
            let known = trail.mark(&file, at).unwrap();
            let expected = FileMark {
                head_len: mark::mark(&file, at).unwrap().head_len.min(u32::try_from(offset).unwrap()),
                ..mark::mark(&file, at).unwrap()
            };
            let head = digest(&text[..expected.head_len as usize]);
            prop_assert_eq!(&known, &FileMark { head, ..expected });
        }
    }
}
