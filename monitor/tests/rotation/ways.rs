//! The ways to rotate a log. Source of the numbers: what logrotate, license servers and people do, counted.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use licmon::sources::unpack::Packing;

use crate::{
    Loses::{Nothing, WhatWasCut, WhatWasTakenAway},
    Row,
    site::{self, Site},
};

/// The 24 ways.
pub(crate) const ROWS: [Row; 24] = [
    (1, "rename and create", Nothing, |site| {
        site.rename("lic.log", "lic.log.1");
        site.step();
        site.create();
    }),
    (2, "rename, create after a while", Nothing, |site| {
        site.rename("lic.log", "lic.log.1");
        site.step();
        site.write(2);
        site.step();
        site.step();
        site.create();
    }),
    (3, "a chain of numbers, more than once", Nothing, |site| {
        for _ in 0..3 {
            for number in (1..4).rev() {
                if exists(site, &format!("lic.log.{number}")) {
                    let next = format!("lic.log.{}", number + 1);
                    site.rename(&format!("lic.log.{number}"), &next);
                    site.step();
                }
            }
            site.rename("lic.log", "lic.log.1");
            site.create();
            site.write(2);
            site.step();
        }
    }),
    (4, "names with dates, more than once", Nothing, |site| {
        for name in ["lic.log-20250303", "lic.log-20250304"] {
            site.rename("lic.log", name);
            site.step();
            site.create();
            site.write(2);
            site.step();
        }
    }),
    (5, "rename, and the writer goes on in the old one", Nothing, |site| {
        site.rename("lic.log", "lic.log.1");
        fs::write(site.log(), "").unwrap();
        site.step();
        site.write(3);
        site.step();
        site.create();
    }),
    (6, "copy and cut", Nothing, |site| {
        site.copy("lic.log", "lic.log.1");
        site.step();
        site.cut();
        site.step();
    }),
    (7, "copy and cut under a writer that keeps its place", Nothing, |site| {
        site.copy("lic.log", "lic.log.1");
        site.step();
        site.cut_under_the_writer();
        site.write(1);
        site.step();
    }),
    (8, "cut without a copy", WhatWasCut, |site| {
        site.cut();
        site.step();
    }),
    (9, "cut in place, and grown past the place read to", WhatWasCut, |site| {
        let size = site.size();
        site.rewrite();
        site.write(9);
        assert!(site.size() > size);
        site.step();
    }),
    (10, "cut, and filled to the same size", WhatWasCut, |site| {
        let size = site.size();
        site.rewrite();
        site.fill_up_to(size);
        site.step();
    }),
    (11, "delete and create, with the same inode where there is one", WhatWasTakenAway, |site| {
        fs::remove_file(site.log()).unwrap();
        site.step();
        site.create();
        site.step();
    }),
    (12, "delete and create, with another inode", WhatWasTakenAway, |site| {
        fs::remove_file(site.log()).unwrap();
        fs::write(site.path("other"), "it takes the inode").unwrap();
        site.step();
        site.create();
    }),
    (13, "compress at once", Nothing, |site| {
        site.rename("lic.log", "lic.log.1");
        site.create();
        site.pack("lic.log.1", Packing::Gzip);
        site.step();
    }),
    (14, "compress the one before", Nothing, |site| {
        for _ in 0..2 {
            if exists(site, "lic.log.1") {
                site.rename("lic.log.1", "lic.log.2");
                site.pack("lic.log.2", Packing::Gzip);
            }
            site.rename("lic.log", "lic.log.1");
            site.step();
            site.create();
            site.write(2);
            site.step();
        }
    }),
    (15, "compress slowly", Nothing, |site| {
        site.rename("lic.log", "lic.log.1");
        site.create();
        site.pack_copy("lic.log.1", Packing::Gzip);
        let whole = fs::read(site.path("lic.log.1.gz")).unwrap();
        fs::write(site.path("lic.log.1.gz"), &whole[..whole.len() / 2]).unwrap();
        site.step();
        fs::write(site.path("lic.log.1.gz"), &whole).unwrap();
        fs::remove_file(site.path("lic.log.1")).unwrap();
        site.step();
    }),
    (16, "append a second member to what is compressed", Nothing, |site| {
        site.rename("lic.log", "lic.log.1");
        site.create();
        site.pack("lic.log.1", Packing::Gzip);
        site.write(2);
        site.step();
        site.rename("lic.log", "lic.log.2");
        site.create();
        site.step();
        site.append_packed("lic.log.2", "lic.log.1.gz");
        site.step();
    }),
    (17, "compress with zstd and xz", Nothing, |site| {
        site.rename("lic.log", "lic.log.1");
        site.create();
        site.pack("lic.log.1", Packing::Zstd);
        site.write(2);
        site.step();
        site.rename("lic.log", "lic.log.2");
        site.create();
        site.pack("lic.log.2", Packing::Xz);
        site.step();
    }),
    (18, "move to another folder", WhatWasTakenAway, |site| {
        fs::rename(site.log(), site.away("lic.log")).unwrap();
        site.step();
        site.write(2);
        site.create();
    }),
    (19, "move to another file system: copy and delete", WhatWasTakenAway, |site| {
        fs::copy(site.log(), site.away("lic.log")).unwrap();
        fs::remove_file(site.log()).unwrap();
        site.step();
        site.create();
    }),
    (20, "a link that is switched", Nothing, |site| {
        site.rename("lic.log", "lic.20250303");
        site.link("lic.20250303");
        site.step();
        site.write(2);
        let next = site.path("lic.20250304");
        site.create_at(&next);
        site.link("lic.20250304");
        site.step();
    }),
    (21, "a second name", Nothing, |site| {
        fs::hard_link(site.log(), site.path("second.log")).unwrap();
        site.step();
        site.write(2);
        site.step();
        fs::remove_file(site.log()).unwrap();
        site.create();
    }),
    (22, "the license server writes its log anew", WhatWasCut, |site| {
        site.rewrite();
        site.step();
        site.write(1);
    }),
    (23, "the license server goes on in another log", Nothing, |site| {
        let next = site.path("new.log");
        site.create_at(&next);
        site.step();
    }),
    (24, "a share of Windows: UTF-16, CRLF, renamed in between", Nothing, |site| {
        site.rename("lic.log", "lic.log.1");
        site.encode = crate::text::utf_16_le;
        site.create();
        site.write_line("\r\n");
        site.write_in_parts(77);
        site.step();
    }),
];

/// More of them.
pub(crate) const MORE: [Row; 14] = [
    (25, "rotate and compress twice", Nothing, |site| {
        for number in 1..3 {
            if exists(site, "lic.log.1.gz") {
                site.rename("lic.log.1.gz", "lic.log.2.gz");
            }
            site.rename("lic.log", "lic.log.1");
            site.create();
            site.write(number);
            site.pack("lic.log.1", Packing::Gzip);
        }
        site.step();
    }),
    (26, "rename to a name that nobody knows", Nothing, |site| {
        site.rename("lic.log", "set-aside");
        site.step();
        site.create();
    }),
    (27, "copy to a name that nobody knows, and cut", Nothing, |site| {
        site.copy("lic.log", "set-aside");
        site.step();
        site.cut();
    }),
    (28, "copy to a name of a log, and cut", Nothing, |site| {
        site.copy("lic.log", "a.log");
        site.step();
        site.cut();
        site.step();
    }),
    (29, "compress a copy, and cut", Nothing, |site| {
        site.pack_copy("lic.log", Packing::Gzip);
        site.rename("lic.log.gz", "lic.log-20250303.gz");
        site.step();
        site.cut();
    }),
    (30, "delete what was set aside long ago", Nothing, |site| {
        site.rename("lic.log", "lic.log.1");
        site.create();
        site.write(1);
        site.end_of_absence();
        fs::remove_file(site.path("lic.log.1")).unwrap();
        site.step();
    }),
    (31, "move away and bring back", Nothing, |site| {
        fs::rename(site.log(), site.away("lic.log")).unwrap();
        site.create_at(&site.path("new.log"));
        site.end_of_absence();
        site.write(1);
        fs::rename(site.away("lic.log"), site.path("old.log")).unwrap();
        site.step();
    }),
    (32, "a line that was cut in two when the log was renamed", Nothing, |site| {
        site.write_in_parts(50);
        site.rename("lic.log", "lic.log.1");
        site.write_in_parts(120);
        site.create();
    }),
    (33, "compress a copy, and cut before it is whole", Nothing, |site| {
        let whole = half_packed(site);
        site.cut();
        site.write(2);
        site.step();
        fs::write(site.path("lic.log.1.gz"), whole).unwrap();
        site::let_pass(61);
        site.step();
    }),
    (34, "the same, and the copy goes away before it is whole", WhatWasCut, |site| {
        half_packed(site);
        site.cut();
        site.write(2);
        site.step();
        fs::remove_file(site.path("lic.log.1.gz")).unwrap();
        site.step();
    }),
    (35, "a link to a log that goes away", WhatWasTakenAway, |site| {
        switch_and_lose(site, "lic.log.20250303");
    }),
    (36, "the same under a name that is none of a log", WhatWasTakenAway, |site| {
        switch_and_lose(site, "srv7781");
    }),
    (37, "cut without a copy, where an older one begins alike", WhatWasCut, |site| {
        for number in 1..3 {
            let copy = format!("lic.log.{number}");
            site.copy("lic.log", &copy);
            site.pack(&copy, Packing::Gzip);
            site.cut();
            site.write_bytes(&[b'\n'; 1100]);
            site.write(2);
            site.end_of_absence();
        }
        site.write(2);
        site.cut();
        site.step();
    }),
    (38, "compressed elsewhere, and put back when the next one was read", Nothing, |site| {
        site.rename("lic.log", "lic.log.1");
        site.create();
        site.write(2);
        let elsewhere = site.away("lic.log");
        fs::rename(site.log(), &elsewhere).unwrap();
        site.create();
        site.write(2);
        let later = SystemTime::now() + Duration::from_secs(10);
        fs::File::open(site.log()).unwrap().set_modified(later).unwrap();
        site.end_of_absence();
        site.step();
        fs::rename(&elsewhere, site.path("lic.log.2")).unwrap();
        site.step();
    }),
];

fn exists(site: &Site, name: &str) -> bool {
    site.path(name).exists()
}

/// Half of the log, compressed; gives what makes it whole.
fn half_packed(site: &mut Site) -> Vec<u8> {
    site.write(40);
    site.pack_copy("lic.log", Packing::Gzip);
    site.rename("lic.log.gz", "lic.log.1.gz");
    let packed = site.path("lic.log.1.gz");
    let whole = fs::read(&packed).unwrap();
    fs::write(packed, &whole[..whole.len() / 2]).unwrap();
    whole
}

/// The log becomes a link to a file of this name, which is deleted when more was written to it.
fn switch_and_lose(site: &mut Site, target: &str) {
    site.rename("lic.log", target);
    site.link(target);
    site.end_of_absence();
    site.step();
    site.write(2);
    fs::remove_file(site.path(target)).unwrap();
    fs::remove_file(site.log()).unwrap();
    site.step();
    site.create();
}
