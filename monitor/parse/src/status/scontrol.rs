//! `scontrol show lic` (Slurm): licenses that jobs ask for. Who holds them is not told.
//!
//! Source: "Licenses Guide" of Slurm; answers in `fixtures/status/scontrol`, in the shape of real ones.

use lic_protocol::snapshot::{FeatureStatus, Snapshot};

use super::{
    Answer, StatusFormat,
    lines::{self, Said},
    verdict::judge,
};
use crate::text::number;

/// What it says instead of an answer.
const FAILURES: [&str; 2] = ["slurm_load", "scontrol: error"];

/// The format.
pub struct Scontrol;

impl StatusFormat for Scontrol {
    fn name(&self) -> &'static str {
        "scontrol"
    }

    fn system(&self) -> &'static str {
        "slurm"
    }

    fn read(&self, answer: &Answer<'_>) -> Snapshot {
        let mut snapshot = Snapshot::default();
        let mut told = None;
        let mut is_empty = false;
        let coverage = lines::read(answer.text, |line| {
            if FAILURES.iter().any(|words| line.starts_with(words)) {
                told.get_or_insert_with(|| line.to_owned());
                return Said::Known;
            }
            is_empty |= line.starts_with("No licenses configured");
            if is_empty {
                return Said::Noise;
            }
            Said::known_if(fields(&mut snapshot, line), "no line of scontrol show lic")
        });
        judge(&mut snapshot, Vec::new(), told, "scontrol show lic");
        if is_empty && snapshot.features.is_empty() {
            snapshot.error = Some("no licenses are configured in Slurm".to_owned());
        }
        Snapshot { coverage, ..snapshot }
    }
}

/// `LicenseName=cad@flexlm` begins one, and `Total=10 Used=0 Free=10 Reserved=0 Remote=yes` tells of it. Both may be one line.
fn fields(snapshot: &mut Snapshot, line: &str) -> Option<()> {
    for field in line.split_ascii_whitespace() {
        let (key, value) = field.split_once('=')?;
        if key == "LicenseName" {
            let (name, pool) = value.split_once('@').map_or((value, None), |(n, p)| (n, Some(p)));
            let mut feature = FeatureStatus::named(name);
            feature.pool = pool.map(str::to_owned);
            snapshot.features.push(feature);
            continue;
        }
        let feature = snapshot.features.last_mut()?;
        match key {
            "Total" => feature.issued = number(value),
            "Used" => feature.in_use = number(value),
            "Reserved" => feature.reserved = number(value),
            // What new versions add is of the remote license server.
            _ => {}
        }
    }
    Some(())
}
