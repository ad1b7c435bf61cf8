//! `LicenseStatusXML` of an `OLicense` server, which answers on HTTP: the same as `olixtool` prints, as elements. A license tells
//! its parts as elements or as attributes.
//!
//! Source: answers in `fixtures/status/olicense-xml`, written to what other readers of it expect.

mod element;

use lic_protocol::{
    snapshot::Snapshot,
    view::{Coverage, ServerState},
};

use self::element::{Element, elements};
use super::{
    Answer, StatusFormat,
    olixtool::{License, Modules, ends, holder, kind_of},
    verdict::judge,
};
use crate::text::{self, number};

/// The format.
pub struct OlicenseXml;

impl StatusFormat for OlicenseXml {
    fn name(&self) -> &'static str {
        "olicense-xml"
    }

    fn system(&self) -> &'static str {
        "olicense"
    }

    /// Coverage counts licenses, not lines: the answer may be one line.
    fn read(&self, answer: &Answer<'_>) -> Snapshot {
        let text = text::decode(answer.text);
        let mut coverage = Coverage::default();
        let mut modules = Modules::default();
        let mut version = None;
        for element in elements(&text, &["license", "serverVersion", "error"]) {
            coverage.lines += 1;
            match element.name {
                "serverVersion" => {
                    version = Some(element.text());
                    coverage.events += 1;
                }
                "license" if add(&mut modules, &element, answer).is_some() => coverage.events += 1,
                _ => coverage.unknown += 1,
            }
        }
        let mut snapshot = Snapshot { coverage, ..modules.end() };
        judge(&mut snapshot, Vec::new(), None, "an OLicense server");
        // A server without a license answers too.
        if snapshot.state == ServerState::Unknown && version.is_some() {
            (snapshot.state, snapshot.error) = (ServerState::Up, None);
        }
        snapshot.notes.extend(version.map(|version| format!("OLicense server version {version}")));
        snapshot
    }
}

fn add(modules: &mut Modules, license: &Element<'_>, answer: &Answer<'_>) -> Option<()> {
    let part = |name: &str| license.part(name).filter(|text| !text.is_empty());
    let name = part("module").or_else(|| part("name"))?;
    let (licenser, versions) = (part("licenser"), part("versionRange"));
    let expires = part("expiration").and_then(|date| ends(&date, answer));
    let kind = part("licenseType").as_deref().and_then(kind_of);
    let count = Some(number(&part("floatCount")?)?);
    let in_use = part("floatsLocked").as_deref().and_then(number);
    let at = modules.add(&License {
        module: &name,
        licenser: licenser.as_deref(),
        versions: versions.as_deref(),
        kind,
        count,
        expires,
        in_use,
    });
    let holders = part("floatsLockedBy").unwrap_or_default();
    holders.split(',').filter_map(holder).for_each(|holder| modules.hold(at, holder));
    Some(())
}
