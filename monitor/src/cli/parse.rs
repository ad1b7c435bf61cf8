//! `licmon parse`: of which kind and license system a text is, and in which form it is told.

use std::{path::PathBuf, sync::Arc};

use clap::{Args, ValueEnum};
use lic_parse::{
    pattern,
    status::{self, StatusFormat},
};

use super::{Cli, Usage, zone};
use crate::{answers::Form, parse, systems};

/// What `licmon parse` was asked.
#[derive(Debug, Args)]
pub(super) struct Parse {
    /// The license system. Without one, and without a format, the text is taken for the answer of a license server that is
    /// asked for its state, and which it is of is guessed.
    #[arg(long, value_name = "SYSTEM")]
    system: Option<String>,
    /// The server of the configuration whose expressions are tried, for the system "pattern" [default: the first such].
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    /// What kind of text it is [default: log where a system is named, else status]. JSON is printed where it is given.
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Which program's answer it is: lmstat, license-file, rlmstat, olixtool, olicense-xml, dsls-csv, dsls-all, lmxendutil,
    /// lstc-qrun, lsmon, scontrol, json [default: the one that understands most of it].
    #[arg(long, value_name = "FORMAT", conflicts_with_all = ["system", "server"])]
    format: Option<String>,
    /// Print one JSON document of a status, instead of a table.
    #[arg(long)]
    json: bool,
    /// The zone of the times in it.
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    zone: String,
    /// The file; - is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A log.
    Log,
    /// What a license server answers when it is asked for its state.
    Status,
    /// A license file or an options file of FlexNet.
    LicenseFile,
}

impl Kind {
    /// Whether a format is of this kind.
    fn fits(self, format: &dyn StatusFormat) -> bool {
        let is_file = format.name() == "license-file";
        match self {
            Self::Log => false,
            Self::Status => !is_file,
            Self::LicenseFile => is_file,
        }
    }
}

impl Cli {
    pub(super) fn parse(&self, parse: &Parse) -> anyhow::Result<()> {
        match (&parse.system, parse.kind, &parse.format) {
            (Some(system), None | Some(Kind::Log), None) => self.parse_log(parse, system),
            (None, Some(Kind::Log), _) => {
                Err(Usage("a log needs its --system; licmon try guesses it".into()).into())
            }
            _ => parse::status::print(
                &parse.formats()?,
                &zone(&parse.zone)?,
                &parse.file,
                parse.form(),
            ),
        }
    }

    fn parse_log(&self, parse: &Parse, name: &str) -> anyhow::Result<()> {
        let system = if name == pattern::NAME {
            let config = self.load()?;
            systems::meant(name, systems::configured(&config, name, parse.server.as_deref()))?
        } else {
            systems::meant(name, None)?
        };
        parse::parse(system.as_ref(), &zone(&parse.zone)?, &parse.file)
    }
}

impl Parse {
    fn form(&self) -> Form {
        if self.json || self.kind.is_some() { Form::Json } else { Form::Table }
    }

    /// The formats that the text may be of.
    fn formats(&self) -> Result<Vec<Arc<dyn StatusFormat>>, Usage> {
        if let Some(name) = &self.format {
            let format =
                status::format(name).ok_or_else(|| unknown("format", name, |it| it.name()))?;
            return Ok(vec![format]);
        }
        let fits = |format: &Arc<dyn StatusFormat>| {
            self.kind.is_none_or(|kind| kind.fits(format.as_ref()))
                && self.system.as_deref().is_none_or(|system| system == format.system())
        };
        let formats: Vec<Arc<dyn StatusFormat>> =
            status::formats().into_iter().filter(fits).collect();
        match &self.system {
            Some(system) if formats.is_empty() => {
                Err(unknown("license system", system, |it| it.system()))
            }
            _ => Ok(formats),
        }
    }
}

fn unknown(what: &str, name: &str, known: fn(&dyn StatusFormat) -> &'static str) -> Usage {
    let mut known: Vec<&str> =
        status::formats().iter().map(|format| known(format.as_ref())).collect();
    known.dedup();
    Usage(format!("unknown {what} `{name}` of a status; known: {}", known.join(", ")))
}
