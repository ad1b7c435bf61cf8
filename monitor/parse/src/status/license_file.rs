//! License files of FlexNet, and the options files beside them: what was bought, until when, and for whom it is set aside. They
//! tell no state and no use.
//!
//! Source: "License File Format" and "Options File Keywords" in the vendor's "License Administration Guide"; texts in
//! `fixtures/status/license-file`.

mod option;

use jiff::tz::TimeZone;
use lic_protocol::{
    snapshot::{Daemon, Entitlement, FeatureStatus, Kind, Member, Snapshot},
    view::ServerState,
};

use self::option::Options;
use super::{
    Answer, StatusFormat, expiry,
    index::Index,
    lines::{self, Said},
};
use crate::text::number;

/// Longer records, over however many lines, are not read.
const RECORD_BYTES_MAX: usize = 1 << 20;
/// Lines that neither buy nor reserve anything.
const NOISE: [&str; 5] = ["USE_SERVER", "UPGRADE", "REPORTLOG", "DEBUGLOG", "NOLOG"];

/// The format.
pub struct LicenseFile;

impl StatusFormat for LicenseFile {
    fn name(&self) -> &'static str {
        "license-file"
    }

    fn system(&self) -> &'static str {
        "flexlm"
    }

    fn read(&self, answer: &Answer<'_>) -> Snapshot {
        let mut file = File::default();
        let mut record = String::new();
        let coverage = lines::read(answer.text, |line| {
            if record.len() + line.len() > RECORD_BYTES_MAX {
                record.clear();
                return Said::Unknown("a record longer than 1 MiB");
            }
            if line.starts_with('#') {
                return Said::Noise;
            }
            if let Some(begun) = line.strip_suffix('\\') {
                record += begun.trim_end();
                record += " ";
                return Said::Known;
            }
            let whole = format!("{record}{line}");
            record.clear();
            file.record(&whole, answer.zone)
        });
        Snapshot { coverage, ..file.end() }
    }
}

#[derive(Default)]
struct File {
    snapshot: Snapshot,
    index: Index,
    options: Options,
    packages: Vec<Package>,
}

/// `PACKAGE suite acme 2.0 COMPONENTS="mesh solve:2.0:4"`
struct Package {
    name: String,
    vendor: String,
    /// Name, version and seats of each for one of the package.
    components: Vec<(String, Option<String>, u32)>,
}

impl File {
    fn record(&mut self, record: &str, zone: &TimeZone) -> Said {
        let words = words(record);
        let parts: Vec<&str> = words.iter().map(String::as_str).collect();
        let Some((keyword, rest)) = parts.split_first() else { return Said::Noise };
        let keyword = keyword.to_ascii_uppercase();
        let read = match (keyword.as_str(), rest) {
            ("SERVER", [host, ..]) => {
                let (state, version, error) = (ServerState::Unknown, None, None);
                let member = Member { host: (*host).into(), state, master: false, version, error };
                self.snapshot.servers.push(member);
                Some(())
            }
            ("VENDOR" | "DAEMON", [name, ..]) => {
                let (state, version, error) = (ServerState::Unknown, None, None);
                self.snapshot.daemons.push(Daemon {
                    name: (*name).to_owned(),
                    state,
                    version,
                    error,
                });
                Some(())
            }
            ("FEATURE", rest) => self.license(rest, zone, Line::Feature),
            ("INCREMENT", rest) => self.license(rest, zone, Line::Increment),
            ("PACKAGE", rest) => package(rest).map(|package| self.packages.push(package)),
            (known, _) if NOISE.contains(&known) => return Said::Noise,
            (known, rest) => match self.options.line(known, rest) {
                Some(said) => return said,
                None => return Said::Unknown("no line of a license file"),
            },
        };
        Said::known_if(read, "a line of a license file that lacks something")
    }

    /// `cad acme 31.0 31-dec-2026 4 SIGN=...`
    fn license(&mut self, words: &[&str], zone: &TimeZone, line: Line) -> Option<()> {
        let [name, vendor, version, date, count, rest @ ..] = words else { return None };
        let expires = expiry::dashed(date, zone)?;
        let is_uncounted = count.eq_ignore_ascii_case("uncounted") || *count == "0";
        let count = if is_uncounted { None } else { Some(number(count)?) };
        let locked_to = rest.iter().find_map(|word| keyed(word, "HOSTID"));
        let is_same = |known: &FeatureStatus| {
            known.vendor.as_ref().is_some_and(|known| known.as_str() == *vendor)
                && known.version.as_deref() == Some(*version)
        };
        let known = self.index.find(&self.snapshot, name, is_same);
        if line == Line::Feature && known.is_some() {
            let note = format!(
                "feature {name}: a second FEATURE line of it is not served, INCREMENT would be"
            );
            self.snapshot.notes.push(note);
            return Some(());
        }
        let at = known.unwrap_or_else(|| {
            let mut feature = FeatureStatus::named(name);
            feature.vendor = Some((*vendor).into());
            feature.version = Some((*version).to_owned());
            feature.issued = Some(0);
            self.index.push(&mut self.snapshot, feature)
        });
        let feature = &mut self.snapshot.features[at];
        feature.uncounted |= is_uncounted;
        feature.issued = feature.issued.and_then(|sum| sum.checked_add(count?));
        feature.expires = feature.expires.into_iter().chain([expires]).min();
        let kind = match (is_uncounted, &locked_to) {
            (true, _) => Kind::Uncounted,
            (false, Some(_)) => Kind::NodeLocked,
            (false, None) => Kind::Floating,
        };
        feature.entitlements.push(Entitlement {
            version: feature.version.clone(),
            count,
            expires: Some(expires),
            kind: Some(kind),
            locked_to,
        });
        Some(())
    }

    fn end(mut self) -> Snapshot {
        for package in std::mem::take(&mut self.packages) {
            self.components(&package);
        }
        self.options.end(&mut self.snapshot, &self.index);
        let is_empty = self.snapshot.features.is_empty()
            && self.snapshot.servers.is_empty()
            && self.snapshot.daemons.is_empty()
            && self.snapshot.groups.is_empty();
        let why = if is_empty {
            "the text is no license file of FlexNet"
        } else {
            "a license file does not tell whether its license server runs"
        };
        self.snapshot.error = Some(why.to_owned());
        self.snapshot
    }

    /// A package that was bought gives seats of what is in it: a pool of that name.
    fn components(&mut self, package: &Package) {
        let is_of = |known: &FeatureStatus| {
            known.vendor.as_ref().is_some_and(|known| known.as_str() == package.vendor)
        };
        let Some(at) = self.index.find(&self.snapshot, &package.name, is_of) else { return };
        let bought = self.snapshot.features[at].clone();
        for (name, version, each) in &package.components {
            let mut feature = FeatureStatus::named(name);
            feature.vendor.clone_from(&bought.vendor);
            feature.version = version.clone().or_else(|| bought.version.clone());
            feature.pool = Some(package.name.clone());
            feature.issued = bought.issued.and_then(|count| count.checked_mul(*each));
            (feature.uncounted, feature.expires) = (bought.uncounted, bought.expires);
            self.index.push(&mut self.snapshot, feature);
        }
    }
}

/// Which of two lines buys seats: of equal FEATUREs only the first does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Feature,
    Increment,
}

fn package(words: &[&str]) -> Option<Package> {
    let [name, vendor, rest @ ..] = words else { return None };
    let components = rest.iter().find_map(|word| keyed(word, "COMPONENTS"))?;
    let components = components.split_whitespace().map(|component| {
        let mut fields = component.split(':');
        let name = fields.next().unwrap_or_default().to_owned();
        let version = fields.next().filter(|version| !version.is_empty()).map(str::to_owned);
        (name, version, fields.next().and_then(number).unwrap_or(1))
    });
    let components = components.filter(|(name, ..)| !name.is_empty()).collect();
    Some(Package { name: (*name).to_owned(), vendor: (*vendor).to_owned(), components })
}

/// The value of `KEY=value`.
fn keyed(word: &str, key: &str) -> Option<String> {
    let (name, value) = word.split_once('=')?;
    name.eq_ignore_ascii_case(key).then(|| value.to_owned())
}

/// Words, between which stand blanks that are not in quotes. The quotes go.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut is_quoted, mut is_begun) =
        (Vec::new(), String::new(), false, false);
    for letter in text.chars() {
        if letter == '"' {
            (is_quoted, is_begun) = (!is_quoted, true);
        } else if letter.is_whitespace() && !is_quoted {
            if is_begun {
                words.push(std::mem::take(&mut word));
            }
            is_begun = false;
        } else {
            word.push(letter);
            is_begun = true;
        }
    }
    if is_begun {
        words.push(word);
    }
    words
}
