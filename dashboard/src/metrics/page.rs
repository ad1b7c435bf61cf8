//! The text of a page of metrics, family by family. Knows no metric.

use std::fmt::{Display, Write};

use super::labels::Labels;

/// How a figure may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Up and down.
    Gauge,
    /// Up alone.
    Counter,
}

/// A page that is being written.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
    name: &'static str,
}

impl Page {
    /// Begins a family: the samples that follow are of this name.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        };
        self.name = name;
        self.write(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    /// One sample of the family.
    pub(super) fn sample(&mut self, labels: &Labels, value: impl Display) {
        let name = self.name;
        self.write(format_args!("{name}{labels} {value}\n"));
    }

    /// One sample, or none.
    pub(super) fn sample_if_known<T: Display>(&mut self, labels: &Labels, value: Option<T>) {
        if let Some(value) = value {
            self.sample(labels, value);
        }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        self.text.write_fmt(text).expect("a string takes whatever is written");
    }
}
