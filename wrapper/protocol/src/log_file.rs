//! A log that is kept in files as well: `log` under `[monitor]` and `[dashboard]`. It is moved on by its size, by us, so nothing else
//! need be set up, and never takes more room than was given to it.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::PathBuf,
};

use serde::{Deserialize, de};

/// Size of one file unless configured otherwise.
const SIZE_KIB_DEFAULT: u64 = 10 * 1024;
/// Files unless configured otherwise, the one that is written included.
const FILES_DEFAULT: u32 = 5;
/// A file takes at least one line.
const SIZE_KIB_MIN: u64 = 4;
/// What no log needs.
const SIZE_KIB_MAX: u64 = 1 << 20;
/// What was written last is still there after the next file is begun.
const FILES_MIN: u32 = 2;
/// What nobody reads.
const FILES_MAX: u32 = 100;
/// Longest line, its line feed included: a longer one is cut.
pub const LINE_BYTES_MAX: usize = 4096;
/// Us, and our group to read.
const MODE: u32 = 0o640;

/// Where a log is kept, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// The file that is written. Those before it have `.1`, `.2`, ... behind their name.
    pub path: PathBuf,
    /// A file is not made larger.
    pub bytes_max: u64,
    /// How many there are, the one that is written included.
    pub files: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table like { file = \"/var/log/licmon/licmon.log\" }")]
struct Section {
    file: PathBuf,
    #[serde(default = "size_kib_default")]
    size_kib: u64,
    #[serde(default = "files_default")]
    files: u32,
}

fn size_kib_default() -> u64 {
    SIZE_KIB_DEFAULT
}

fn files_default() -> u32 {
    FILES_DEFAULT
}

impl<'de> Deserialize<'de> for LogFile {
    fn deserialize<D: de::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Section { file: path, size_kib, files } = Section::deserialize(from)?;
        let between = |key, least: &dyn std::fmt::Display, most: &dyn std::fmt::Display| {
            Err(de::Error::custom(format!("`{key}` is a number from {least} to {most}")))
        };
        if !path.is_absolute() {
            return Err(de::Error::custom("`file` is a whole path, which begins with /"));
        }
        if !(SIZE_KIB_MIN..=SIZE_KIB_MAX).contains(&size_kib) {
            return between("size_kib", &SIZE_KIB_MIN, &SIZE_KIB_MAX);
        }
        if !(FILES_MIN..=FILES_MAX).contains(&files) {
            return between("files", &FILES_MIN, &FILES_MAX);
        }
        Ok(Self { path, bytes_max: size_kib * 1024, files })
    }
}

/// The files of a log, and the one that is written.
#[derive(Debug)]
pub(crate) struct Kept {
    settings: LogFile,
    file: File,
    bytes: u64,
}

impl Kept {
    /// Goes on with the file that is there.
    pub(crate) fn open(settings: LogFile) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(MODE).custom_flags(NO_LINK);
        let file = options.open(&settings.path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        if metadata.permissions().mode() & 0o7777 != MODE {
            file.set_permissions(Permissions::from_mode(MODE))?;
        }
        Ok(Self { settings, file, bytes: metadata.len() })
    }

    /// Writes one line in one piece, its end included; before it would make the file too large, a new one is begun.
    pub(crate) fn write(&mut self, line: &str) -> io::Result<()> {
        let line = cut(line);
        let bytes = line.len() as u64;
        if self.bytes > 0 && self.bytes + bytes > self.settings.bytes_max {
            self.move_on()?;
        }
        // Even where less is written than was asked, as on a full disk, the file has become larger.
        self.bytes += bytes;
        self.file.write_all(line.as_bytes())
    }

    fn move_on(&mut self) -> io::Result<()> {
        for number in (0..self.settings.files - 1).rev() {
            match fs::rename(self.path(number), self.path(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        *self = Self::open(self.settings.clone())?;
        Ok(())
    }

    fn path(&self, number: u32) -> PathBuf {
        if number == 0 {
            return self.settings.path.clone();
        }
        let mut path = self.settings.path.clone().into_os_string();
        path.push(format!(".{number}"));
        path.into()
    }
}

/// `O_NOFOLLOW` and `O_NONBLOCK`: what lies there may be a link or a FIFO. Source: `asm-generic/fcntl.h`.
const NO_LINK: i32 = 0o400_000 | 0o4000;

/// At most [`LINE_BYTES_MAX`] of it.
fn cut(line: &str) -> std::borrow::Cow<'_, str> {
    if line.len() <= LINE_BYTES_MAX {
        return line.into();
    }
    let kept = line.floor_char_boundary(LINE_BYTES_MAX - " ...\n".len());
    format!("{} ...\n", &line[..kept]).into()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::ConfigFile;

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Sections {
        dashboard: Logging,
    }

    #[derive(Default, Deserialize)]
    struct Logging {
        log: Option<LogFile>,
    }

    #[track_caller]
    fn check_section(log: &str, expected: &str) {
        let text = format!("[dashboard]\nlog = {log}\n");
        let read = ConfigFile::of(Some(PathBuf::from("c.toml")), text)
            .and_then(|file| file.sections::<Sections>());
        let shown = read.map(|read| {
            let log = read.dashboard.log.expect("it is given");
            format!("{} {} {}", log.path.display(), log.bytes_max, log.files)
        });
        assert_eq!(shown.unwrap_or_else(|error| error.to_string()), expected, "{log}");
    }

    #[test]
    fn section_and_its_mistakes() {
        check_section("{ file = \"/l\" }", "/l 10485760 5");
        check_section("{ file = \"/l\", size_kib = 4, files = 2 }", "/l 4096 2");
        check_section(
            "{ file = \"l\" }",
            "c.toml:2:7: `file` is a whole path, which begins with /",
        );
        check_section(
            "{ file = \"/l\", size_kib = 3 }",
            "c.toml:2:7: `size_kib` is a number from 4 to 1048576",
        );
        check_section(
            "{ file = \"/l\", files = 1 }",
            "c.toml:2:7: `files` is a number from 2 to 100",
        );
        check_section(
            "{ file = \"/l\", filles = 1 }",
            "c.toml:2:22: unknown key `filles`, did you mean `files`?",
        );
    }

    /// Files by name with their lines.
    fn written(folder: &Path) -> Vec<(String, usize)> {
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let text = fs::read_to_string(entry.path()).unwrap();
                assert!(text.ends_with('\n'), "a line that is not whole: {text:?}");
                assert!(text.len() <= 4096, "{} bytes", text.len());
                assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o7777, MODE);
                (entry.file_name().into_string().unwrap(), text.lines().count())
            })
            .collect();
        files.sort_unstable();
        files
    }

    #[test]
    fn files_are_moved_on_and_the_limits_are_kept() {
        let folder = std::env::temp_dir().join(format!("lic-protocol-log-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("l.log");
        fs::write(&path, "of before\n").unwrap();
        let log = || Kept::open(LogFile { path: path.clone(), bytes_max: 4096, files: 3 }).unwrap();
        let mut kept = log();
        let line = format!("{}\n", "x".repeat(999));
        for (lines, expected) in [
            (4, &[("l.log", 5)][..]),
            (1, &[("l.log", 1), ("l.log.1", 5)]),
            (8, &[("l.log", 1), ("l.log.1", 4), ("l.log.2", 4)]),
            (100, &[("l.log", 1), ("l.log.1", 4), ("l.log.2", 4)]),
        ] {
            for _ in 0..lines {
                kept.write(&line).unwrap();
            }
            let expected: Vec<_> = expected.iter().map(|(n, l)| ((*n).to_owned(), *l)).collect();
            assert_eq!(written(&folder), expected, "after {lines} more");
            // Whoever is restarted goes on where it was.
            kept = log();
        }
        kept.write(&format!("{}\n", "é".repeat(4096))).unwrap();
        assert_eq!(written(&folder)[0], ("l.log".to_owned(), 1));
        let cut = fs::read_to_string(&path).unwrap();
        assert!(cut.ends_with("é ...\n"), "{cut}");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_is_no_file_of_ours_is_not_written() {
        let folder = std::env::temp_dir().join(format!("lic-protocol-link-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        std::os::unix::fs::symlink("/dev/null", folder.join("link")).unwrap();
        for path in [folder.join("link"), PathBuf::from("/dev/null"), folder.join("no/l.log")] {
            let settings = LogFile { path: path.clone(), bytes_max: 4096, files: 3 };
            assert!(Kept::open(settings).is_err(), "{}", path.display());
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
