//! How a log is written down: in every encoding, with every kind of line end and hole.

use encoding_rs::SHIFT_JIS;
use licmon::sources::encoding::Encoding;

use crate::{
    Loses::Nothing,
    Row, check,
    site::{Site, When},
};

pub(crate) fn utf_16_le(text: &str) -> Vec<u8> {
    let mark = if text.contains("STARTSERVER") { "\u{feff}" } else { "" };
    format!("{mark}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn utf_16_be(text: &str) -> Vec<u8> {
    utf_16_le(text).chunks(2).flat_map(|unit| [unit[1], unit[0]]).collect()
}

fn utf_8_with_mark(text: &str) -> Vec<u8> {
    let mark = if text.contains("STARTSERVER") { "\u{feff}" } else { "" };
    format!("{mark}{text}").into_bytes()
}

fn windows_1252(text: &str) -> Vec<u8> {
    text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect()
}

fn shift_jis(text: &str) -> Vec<u8> {
    SHIFT_JIS.encode(text).0.into_owned()
}

const ROWS: [Row; 9] = [
    (1, "UTF-16, low byte first", Nothing, |site| anew(site, utf_16_le)),
    (2, "UTF-16, high byte first", Nothing, |site| anew(site, utf_16_be)),
    (3, "UTF-8 with a mark", Nothing, |site| anew(site, utf_8_with_mark)),
    (4, "windows-1252", Nothing, |site| anew(site, windows_1252)),
    (5, "CRLF, and two carriage returns", Nothing, |site| {
        site.write_line("\r\n");
        site.write_line("\r\r\n");
        site.step();
    }),
    (6, "a hole", Nothing, |site| {
        site.write_bytes(&[0; 5000]);
        site.step();
        site.write(1);
        site.write_bytes(&[0; 70_000]);
        site.write(1);
    }),
    (7, "a line of 64 KiB", Nothing, |site| {
        site.write_bytes(&[b"#".repeat(64 * 1024), b"\n".to_vec()].concat());
        site.step();
        site.write(1);
    }),
    (8, "a line in two parts", Nothing, |site| {
        for first in [1, 30, 120] {
            site.write_in_parts(first);
            site.step();
        }
    }),
    (9, "UTF-16 in parts of odd length", Nothing, |site| {
        anew(site, utf_16_le);
        for first in [1, 31, 121] {
            site.write_in_parts(first);
            site.step();
        }
    }),
];

fn anew(site: &mut Site, encode: fn(&str) -> Vec<u8>) {
    site.rename("lic.log", "lic.log.1");
    site.encode = encode;
    site.create();
    site.write(1);
    site.write_in_parts(3);
    site.write_line("\r\n");
    site.step();
}

#[test]
fn however_it_is_written_down_it_is_read() {
    check(&ROWS);
}

/// The second byte of two of these letters is that of `\` and `|`, and of none a line feed.
#[test]
fn configured_code_page_is_believed() {
    for when in When::ALL {
        let mut site = Site::new(when);
        site.encoding = Encoding::named("shift_jis").unwrap();
        site.restart();
        (site.user, site.encode) = ("表ポソ田", shift_jis);
        site.write(3);
        site.look();
        site.begin();
        site.write(2);
        site.step();
        site.end();
        site.check(false).unwrap();
    }
}
