//! The 24 ways to rotate a log, as a license server, logrotate and people do it, on real files.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::symlink,
    sync::atomic::AtomicBool,
};

use anyhow::ensure;

use super::writer::{Writer, append_to};
use crate::programs::command;

/// Ways after which bytes may be gone that nobody has read.
const LOSING: [u32; 8] = [8, 9, 10, 11, 12, 18, 19, 22];
/// The log as a rule.
const LOG: &str = "lic.log";

impl Writer {
    /// Rotates the log, unless it would be gone before licmon could know of it.
    pub(super) fn rotate(&mut self, style: u32, stop: &AtomicBool) -> anyhow::Result<()> {
        if LOSING.contains(&style) && !self.wait_until_seen(stop) {
            return Ok(());
        }
        self.put_in_place_of_its_link()?;
        let old = self.next_name(if style == 4 { '-' } else { '.' });
        match style {
            1 | 4 => self.rename(style, &old),
            2 | 5 => self.rename_and_go_on(style, &old, stop),
            3 => self.shift(&old),
            6 | 7 => {
                fs::copy(self.folder.join(&self.name), self.folder.join(&old))?;
                self.cut(style)
            }
            8 => self.cut(style),
            9 | 10 | 22 => self.write_anew(style, stop),
            11 | 12 | 18 | 19 => self.take_away(style, &old),
            13 | 14 | 17 => self.pack(style, &old),
            15 => self.pack_slowly(&old, stop),
            16 => self.pack_twice(&old, stop),
            20 => self.link(&old),
            21 => self.second_name(&old, stop),
            23 => self.other_name(&old),
            _ => self.windows(&old),
        }
    }

    /// Renamed, and the writer goes on in it for a while; in way 5 there is an empty new one by then.
    fn rename_and_go_on(&mut self, style: u32, old: &str, stop: &AtomicBool) -> anyhow::Result<()> {
        fs::rename(self.folder.join(&self.name), self.folder.join(old))?;
        if style == 5 {
            fs::write(self.folder.join(&self.name), "")?;
        }
        self.write(20, stop)?;
        let name = self.name.clone();
        self.begin(style, &name)
    }

    /// A chain of three numbers; what falls off keeps a name of its own.
    fn shift(&mut self, old: &str) -> anyhow::Result<()> {
        for number in (1..4).rev() {
            let from = self.folder.join(format!("{}.{number}", self.name));
            if from.exists() {
                let next = format!("{}.{}", self.name, number + 1);
                fs::rename(from, self.folder.join(if number == 3 { old } else { &next }))?;
            }
        }
        let first = format!("{}.1", self.name);
        self.rename(3, &first)
    }

    /// The license server writes its log anew: in way 9 past where it was, in way 10 to the same size.
    fn write_anew(&mut self, style: u32, stop: &AtomicBool) -> anyhow::Result<()> {
        let size = self.end()?;
        self.cut(style)?;
        self.put(b"\n")?;
        if style == 10 {
            let filler = usize::try_from(size.saturating_sub(1))?;
            self.put("\n".repeat(filler).as_bytes())?;
        }
        if style == 9 {
            self.write(170, stop)?;
        }
        Ok(())
    }

    /// Deleted, or moved to another folder; in way 12 its inode is taken, in way 19 it is copied, as between file systems.
    fn take_away(&mut self, style: u32, old: &str) -> anyhow::Result<()> {
        let log = self.folder.join(&self.name);
        match style {
            18 => fs::rename(&log, self.aside.join(old))?,
            19 => {
                fs::copy(&log, self.aside.join(old))?;
                fs::remove_file(&log)?;
            }
            _ => fs::remove_file(&log)?,
        }
        if style == 12 {
            fs::write(self.folder.join("other"), "it takes the inode\n")?;
        }
        self.begin(style, LOG)
    }

    /// Compressed at once; in way 14 the one before; in way 17 with other programs.
    fn pack(&mut self, style: u32, old: &str) -> anyhow::Result<()> {
        let before = format!("{}.old", self.name);
        if style == 14 {
            if self.folder.join(&before).exists() {
                fs::rename(self.folder.join(&before), self.folder.join(old))?;
                self.run("gzip", &[old])?;
            }
            return self.rename(style, &before);
        }
        self.rename(style, old)?;
        match (style, self.dice.percent(50)) {
            (13, _) => self.run("gzip", &[old]),
            (_, true) => self.run("xz", &[old]),
            (_, false) => self.run("zstd", &["-q", "--rm", old]),
        }
    }

    /// Half of it is there before the rest, and the log as it was until all is.
    fn pack_slowly(&mut self, old: &str, stop: &AtomicBool) -> anyhow::Result<()> {
        self.rename(15, old)?;
        self.run("gzip", &["--keep", old])?;
        let packed = self.folder.join(format!("{old}.gz"));
        let whole = fs::read(&packed)?;
        fs::write(&packed, &whole[..whole.len() / 2])?;
        self.write(10, stop)?;
        fs::write(&packed, whole)?;
        Ok(fs::remove_file(self.folder.join(old))?)
    }

    /// What comes next is appended to what is compressed, as a second member, and written in the same way.
    fn pack_twice(&mut self, old: &str, stop: &AtomicBool) -> anyhow::Result<()> {
        let is_wide = self.is_wide();
        self.rename(16, old)?;
        if is_wide {
            self.widen()?;
        }
        self.run("gzip", &[old])?;
        self.write(20, stop)?;
        let second = self.next_name('.');
        fs::rename(self.folder.join(&self.name), self.folder.join(&second))?;
        self.file = append_to(&self.folder.join(LOG))?;
        self.end_life(16, true, LOG);
        let packed = command("gzip").arg("-c").arg(self.folder.join(&second)).output()?;
        ensure!(packed.status.success(), "gzip ended with {}", packed.status);
        append_to(&self.folder.join(format!("{old}.gz")))?.write_all(&packed.stdout)?;
        Ok(fs::remove_file(self.folder.join(second))?)
    }

    /// `lic.log` is a link from now on, to a file whose name is none of a log.
    fn link(&mut self, old: &str) -> anyhow::Result<()> {
        fs::rename(self.folder.join(&self.name), self.folder.join(old))?;
        self.set_aside(LOG)?;
        let target = self.next_name('.');
        self.file = append_to(&self.folder.join(&target))?;
        symlink(&target, self.folder.join(LOG))?;
        self.end_life(20, false, LOG);
        self.is_link_to(target);
        Ok(())
    }

    /// A hard link stays when the log goes.
    fn second_name(&mut self, old: &str, stop: &AtomicBool) -> anyhow::Result<()> {
        let (log, second) = (self.folder.join(&self.name), self.folder.join("second.log"));
        if second.exists() {
            fs::rename(&second, self.folder.join(old))?;
        }
        fs::hard_link(&log, &second)?;
        self.write(20, stop)?;
        fs::remove_file(&log)?;
        self.begin(21, LOG)
    }

    /// The license server is told to write another log; the one before stays.
    fn other_name(&mut self, old: &str) -> anyhow::Result<()> {
        let next = if self.name == LOG { "new.log" } else { LOG };
        if self.folder.join(next).exists() {
            fs::rename(self.folder.join(next), self.folder.join(old))?;
        }
        self.begin(23, next)
    }

    /// UTF-16 with a mark until the next rotation, as on a share of Windows.
    fn windows(&mut self, old: &str) -> anyhow::Result<()> {
        self.rename(24, old)?;
        Ok(self.widen()?)
    }

    fn rename(&mut self, style: u32, old: &str) -> anyhow::Result<()> {
        fs::rename(self.folder.join(&self.name), self.folder.join(old))?;
        self.begin(style, LOG)
    }

    /// A new log.
    fn begin(&mut self, style: u32, name: &str) -> anyhow::Result<()> {
        if name != self.name {
            self.set_aside(name)?;
        }
        self.file = append_to(&self.folder.join(name))?;
        self.end_life(style, LOSING.contains(&style), name);
        Ok(())
    }

    /// Cuts the log in place; in way 7 its writer keeps its place.
    fn cut(&mut self, style: u32) -> anyhow::Result<()> {
        let (at, name) = (self.end()?, self.name.clone());
        self.file.set_len(0)?;
        if self.at.is_some() {
            self.file = append_to(&self.folder.join(&name))?;
        }
        self.end_life(style, LOSING.contains(&style), &name);
        if style == 7 {
            self.file = OpenOptions::new().write(true).open(self.folder.join(&name))?;
            self.at = Some(at);
        }
        Ok(())
    }

    /// What has a name that is wanted gets one that says what it was.
    fn set_aside(&mut self, name: &str) -> io::Result<()> {
        if !self.folder.join(name).exists() {
            return Ok(());
        }
        self.names += 1;
        let aside = format!("{name}.{}", 20_250_000 + self.names);
        fs::rename(self.folder.join(name), self.folder.join(aside))
    }

    /// Where the log is a link, its target takes its name: the file goes on under it.
    fn put_in_place_of_its_link(&self) -> io::Result<()> {
        let log = self.folder.join(&self.name);
        match fs::read_link(&log) {
            Ok(target) => fs::rename(self.folder.join(target), log),
            Err(_) => Ok(()),
        }
    }

    /// A name that no log had before, and that says what it was.
    fn next_name(&mut self, mark: char) -> String {
        self.names += 1;
        format!("{}{mark}{}", self.name, 20_250_000 + self.names)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> anyhow::Result<()> {
        let status = command(program).args(arguments).current_dir(&self.folder).status()?;
        ensure!(status.success(), "{program} {arguments:?} ended with {status}");
        Ok(())
    }
}
