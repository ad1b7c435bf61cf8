//! Compressed logs. One is unpacked into a file without a name, which is then read like any other log.
//!
//! So there is one way to read a log, and memory stays what it is. The file is on a disk, not in memory, and gone with us.

use std::{
    fs::File,
    io::{self, BufReader, Read, Write},
    os::unix::fs::FileExt,
    path::Path,
};

use flate2::read::MultiGzDecoder;
use liblzma::{
    read::XzDecoder,
    stream::{CONCATENATED, Stream},
};
use tempfile::tempfile_in;

use super::folder::open_regular;

/// Where files are that may be large and need not last.
const FOLDER: &str = "/var/tmp";
/// Bytes unpacked at a time.
const CHUNK_BYTES: usize = 256 * 1024;
/// How much of the file system stays free: a small file may unpack to one without end.
const FREE_BYTES_MIN: u64 = 1 << 30;
/// The longest log that is unpacked.
const UNPACKED_BYTES_MAX: u64 = 64 << 30;
/// How often the room that is left is looked at.
const ROOM_BYTES: u64 = 64 << 20;
/// The most memory that a compressed log may ask us to unpack it: `xz -9` asks for 65 MiB.
const MEMORY_BYTES_MAX: u64 = 128 << 20;
/// The same for zstd, as a power of two.
const WINDOW_LOG_MAX: u32 = 27;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// `.gz`, of one member or several.
    Gzip,
    /// `.xz`, of one stream or several.
    Xz,
    /// `.zst`, of one frame or several.
    Zstd,
}

/// What was in a compressed file.
#[derive(Debug)]
pub struct Unpacked {
    /// The log, with the time of the compressed file.
    pub file: File,
    /// Why it ends where it does, if that is not its end.
    pub damage: Option<io::Error>,
}

/// Opens a log that a person names: links are followed, and one that is compressed is unpacked.
///
/// # Errors
/// When it cannot be read, is no regular file, is too long, or there is no room to unpack it.
pub fn open(path: &Path) -> io::Result<Unpacked> {
    let file = open_regular(&path.canonicalize()?)?;
    match Packing::of(&file)? {
        Some(packing) => packing.unpack(&file, || true),
        None => Ok(Unpacked { file, damage: None }),
    }
}

impl Packing {
    /// How `file` is compressed, by its first bytes; `None` when it is not.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(file: &File) -> io::Result<Option<Self>> {
        let mut magic = [0; 6];
        let count = file.read_at(&mut magic, 0)?;
        Ok(match &magic[..count] {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0xfd, b'7', b'z', b'X', b'Z', 0] => Some(Self::Xz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            _ => None,
        })
    }

    /// The name of the log in a file of this name; `None` when it is not that of a compressed file.
    #[must_use]
    pub fn name_inside(name: &str) -> Option<&str> {
        [".gz", ".xz", ".zst"].into_iter().find_map(|suffix| name.strip_suffix(suffix))
    }

    /// The first bytes of the log in `file`, at most `length`; fewer where it ends before, or is damaged.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn head(self, file: &File, length: usize) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        let mut from = self.reader(file)?.take(length as u64);
        match from.read_to_end(&mut head) {
            Err(error) if !is_damage(&error) => Err(error),
            _ => Ok(head),
        }
    }

    /// Unpacks `file` as long as `goes_on` says so.
    ///
    /// # Errors
    /// When it cannot be read, is too long, there is no room, or it does not go on: that is [`io::ErrorKind::Interrupted`]. That
    /// it is damaged is no error: what is before the damage is kept.
    pub fn unpack(self, file: &File, goes_on: impl Fn() -> bool) -> io::Result<Unpacked> {
        self.unpack_at_most(file, UNPACKED_BYTES_MAX, goes_on)
    }

    fn unpack_at_most(
        self,
        file: &File,
        bytes_max: u64,
        goes_on: impl Fn() -> bool,
    ) -> io::Result<Unpacked> {
        let mut into = tempfile_in(Path::new(FOLDER))?;
        let mut from = self.reader(file)?;
        let mut chunk = vec![0; CHUNK_BYTES];
        let (mut until_look, mut left) = (0, bytes_max);
        let damage = loop {
            if !goes_on() {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "stopped"));
            }
            let count = match from.read(&mut chunk) {
                Ok(0) => break None,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if is_damage(&error) => break Some(error),
                Err(error) => return Err(error),
            };
            left = left.checked_sub(count as u64).ok_or_else(|| too_long(bytes_max))?;
            if until_look < count as u64 {
                look_for_room(&into)?;
                until_look = ROOM_BYTES;
            }
            until_look = until_look.saturating_sub(count as u64);
            into.write_all(&chunk[..count])?;
        };
        into.set_modified(file.metadata()?.modified()?)?;
        Ok(Unpacked { file: into, damage })
    }

    /// The bytes of the log in `file`.
    ///
    /// # Errors
    /// When there is no memory to unpack it.
    pub fn reader(self, file: &File) -> io::Result<Box<dyn Read + '_>> {
        let from = BufReader::with_capacity(CHUNK_BYTES, FromStart::of(file));
        Ok(match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(from)),
            Self::Xz => {
                let stream = Stream::new_stream_decoder(MEMORY_BYTES_MAX, CONCATENATED)?;
                Box::new(XzDecoder::new_stream(from, stream))
            }
            Self::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(from)?;
                decoder.window_log_max(WINDOW_LOG_MAX)?;
                Box::new(decoder)
            }
        })
    }
}

/// The bytes of a file from its beginning, wherever others are in it.
pub(super) struct FromStart<'a> {
    file: &'a File,
    at: u64,
}

impl<'a> FromStart<'a> {
    pub(super) fn of(file: &'a File) -> Self {
        Self { file, at: 0 }
    }
}

impl Read for FromStart<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(bytes, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// What a decoder says, against what the system says, which has a number.
fn is_damage(error: &io::Error) -> bool {
    error.raw_os_error().is_none()
}

fn too_long(bytes_max: u64) -> io::Error {
    let text = format!("the log in it is longer than {bytes_max} bytes: unpack it and cut it");
    io::Error::new(io::ErrorKind::FileTooLarge, text)
}

fn look_for_room(file: &File) -> io::Result<()> {
    let room = rustix::fs::fstatvfs(file)?;
    if room.f_bavail.saturating_mul(room.f_frsize) < FREE_BYTES_MIN {
        let text = format!("there is no room to unpack it: {FOLDER} has less than 1 GiB free");
        return Err(io::Error::new(io::ErrorKind::StorageFull, text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"one line\nand another\n";

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text).unwrap();
        packed.finish().unwrap()
    }

    fn xz(text: &[u8]) -> Vec<u8> {
        let mut packed = liblzma::write::XzEncoder::new(Vec::new(), 1);
        packed.write_all(text).unwrap();
        packed.finish().unwrap()
    }

    fn zst(text: &[u8]) -> Vec<u8> {
        zstd::encode_all(text, 1).unwrap()
    }

    fn written(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    /// What comes out of `bytes`, and whether it is all.
    fn unpacked(bytes: &[u8]) -> (Vec<u8>, bool) {
        let file = written(bytes);
        let packing = Packing::of(&file).unwrap().expect("it is compressed");
        let Unpacked { file, damage } = packing.unpack(&file, || true).unwrap();
        let mut text = Vec::new();
        FromStart::of(&file).read_to_end(&mut text).unwrap();
        (text, damage.is_none())
    }

    #[test]
    fn what_was_packed_comes_out() {
        for pack in [gzip, xz, zst] {
            assert_eq!(unpacked(&pack(TEXT)), (TEXT.to_vec(), true));
            assert_eq!(unpacked(&pack(b"")), (Vec::new(), true));
        }
    }

    #[test]
    fn files_joined_are_read_to_the_last() {
        for pack in [gzip, xz, zst] {
            let joined = [pack(TEXT), pack(TEXT)].concat();
            assert_eq!(unpacked(&joined), ([TEXT, TEXT].concat(), true));
        }
    }

    #[test]
    fn what_is_before_damage_comes_out() {
        let long: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        for pack in [gzip, xz, zst] {
            let packed = pack(&long);
            let (text, is_whole) = unpacked(&packed[..packed.len() - 1]);
            assert!(!is_whole && long.starts_with(&text));
            let (text, is_whole) = unpacked(&packed[..packed.len() / 2]);
            assert!(!is_whole && !text.is_empty() && long.starts_with(&text));
        }
    }

    /// Why the text is not unpacked within so many bytes, or while `goes_on` says so.
    fn refused(bytes_max: u64, goes_on: impl Fn() -> bool) -> Option<io::ErrorKind> {
        let file = written(&gzip(TEXT));
        Packing::Gzip.unpack_at_most(&file, bytes_max, goes_on).err().map(|error| error.kind())
    }

    #[test]
    fn what_is_too_long_is_not_unpacked() {
        let length = TEXT.len() as u64;
        assert_eq!(refused(length, || true), None);
        assert_eq!(refused(length - 1, || true), Some(io::ErrorKind::FileTooLarge));
    }

    #[test]
    fn who_stops_does_not_wait_for_the_rest() {
        assert_eq!(refused(u64::MAX, || false), Some(io::ErrorKind::Interrupted));
    }

    #[test]
    fn head_is_read_without_the_rest() {
        for pack in [gzip, xz, zst] {
            let file = written(&pack(TEXT));
            let packing = Packing::of(&file).unwrap().unwrap();
            assert_eq!(packing.head(&file, 8).unwrap(), b"one line");
            assert_eq!(packing.head(&file, 1000).unwrap(), TEXT);
        }
    }

    #[test]
    fn what_is_not_packed_is_told() {
        for bytes in [TEXT, b"", &[0x1f], &[0xfd, b'7', b'z']] {
            assert_eq!(Packing::of(&written(bytes)).unwrap(), None);
        }
        assert_eq!(Packing::name_inside("a.log.1.gz"), Some("a.log.1"));
        assert_eq!(Packing::name_inside("a.log"), None);
    }
}
