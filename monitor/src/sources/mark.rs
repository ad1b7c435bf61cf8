//! What tells a file from every other: device and inode, its first bytes, and the bytes just before the place read to.
//!
//! A name is not enough, for logs are renamed. An inode is not: file systems give it to the next file at once. First bytes are
//! not: license logs begin with the same banner. All three are compared.

use std::{
    collections::btree_map::{BTreeMap, Entry},
    fs::File,
    io,
    os::unix::fs::{FileExt, MetadataExt},
};

use lic_store::checkpoint::{Checkpoint, FileMark};
use sha2::{Digest, Sha256};

/// Bytes at the beginning of a file that mark it.
pub const HEAD_BYTES_MAX: u32 = 1024;
/// Bytes before the place read to that mark it.
pub(super) const ANCHOR_BYTES_MAX: u32 = 256;

/// The mark of `file`, which nobody writes to, read up to `offset`.
///
/// # Errors
/// When it cannot be read.
pub fn mark(file: &File, offset: u64) -> io::Result<FileMark> {
    let metadata = file.metadata()?;
    let head_len = at_most(metadata.len(), HEAD_BYTES_MAX);
    let anchor_len = at_most(offset, ANCHOR_BYTES_MAX);
    Ok(FileMark {
        dev: metadata.dev(),
        ino: metadata.ino(),
        head_len,
        head: hash(file, 0, head_len)?,
        anchor_len,
        anchor: anchor(file, offset, anchor_len)?,
    })
}

/// Which of `known` is of this file, grown since or not. One of the file's own inode is preferred.
///
/// # Errors
/// When the file cannot be read.
pub fn find<'a>(
    file: &File,
    known: impl IntoIterator<Item = &'a Checkpoint>,
) -> io::Result<Option<&'a Checkpoint>> {
    let metadata = file.metadata()?;
    // A file of which nothing is known is nobody's.
    let is_possible =
        |known: &&Checkpoint| known.file.head_len > 0 && known.offset <= metadata.len();
    let is_own =
        |known: &&Checkpoint| (known.file.dev, known.file.ino) == (metadata.dev(), metadata.ino());
    let (own, others): (Vec<_>, Vec<_>) = known.into_iter().filter(is_possible).partition(is_own);
    // Nearly all marks are of one length, so that a new file among a thousand is hashed once.
    let mut heads = BTreeMap::new();
    for checkpoint in own.into_iter().chain(others) {
        let length = checkpoint.file.head_len;
        let head = match heads.entry(length) {
            Entry::Occupied(head) => head.into_mut(),
            Entry::Vacant(place) => place.insert(hash(file, 0, length)?),
        };
        if *head == checkpoint.file.head && is_anchored(file, checkpoint)? {
            return Ok(Some(checkpoint));
        }
    }
    Ok(None)
}

/// Whether a file that begins with `head`, as much of it as [`HEAD_BYTES_MAX`] or all, can be the one that was read.
#[must_use]
pub fn begins(head: &[u8], checkpoint: &Checkpoint) -> bool {
    let FileMark { head_len, head: known, .. } = &checkpoint.file;
    let begin = head.get(..*head_len as usize).filter(|begin| !begin.is_empty());
    begin.is_some_and(|begin| Sha256::digest(begin).as_slice() == known)
}

/// Whether a file still begins as it was read, and the bytes before the place read to are the ones that were read.
///
/// # Errors
/// When it cannot be read.
pub fn stands(file: &File, offset: u64, mark: &FileMark) -> io::Result<bool> {
    let FileMark { head_len, head, anchor_len, anchor: known, .. } = mark;
    Ok(anchor(file, offset, *anchor_len)? == *known && hash(file, 0, *head_len)? == *head)
}

fn is_anchored(file: &File, checkpoint: &Checkpoint) -> io::Result<bool> {
    let mark = &checkpoint.file;
    Ok(anchor(file, checkpoint.offset, mark.anchor_len)? == mark.anchor)
}

fn anchor(file: &File, offset: u64, length: u32) -> io::Result<Vec<u8>> {
    hash(file, offset.saturating_sub(length.into()), length)
}

/// SHA-256 of `length` bytes from `from`; of fewer where the file ends before.
fn hash(file: &File, from: u64, length: u32) -> io::Result<Vec<u8>> {
    let bytes = bytes(file, from, length as usize)?;
    Ok(digest(&bytes))
}

/// SHA-256 of these bytes.
pub(super) fn digest(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

/// `length` bytes from `from`; fewer where the file ends before.
pub(super) fn bytes(file: &File, from: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], from + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

fn at_most(length: u64, limit: u32) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX).min(limit)
}
