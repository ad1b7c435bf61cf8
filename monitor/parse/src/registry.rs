//! The license systems there are: the only list.

use crate::{LicenseSystem, dsls::Dsls, flexlm::Flexlm, rlm::Rlm};

static SYSTEMS: &[&dyn LicenseSystem] = &[&Dsls, &Flexlm, &Rlm];

/// The license system of that name.
#[must_use]
pub fn license_system(name: &str) -> Option<&'static dyn LicenseSystem> {
    SYSTEMS.iter().copied().find(|system| system.name() == name)
}

/// The names of all license systems.
pub fn names() -> impl Iterator<Item = &'static str> {
    SYSTEMS.iter().map(|system| system.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_finds_its_system() {
        for name in names() {
            assert_eq!(license_system(name).map(LicenseSystem::name), Some(name));
        }
    }

    #[test]
    fn other_names_find_none() {
        assert!(license_system("DSLS").is_none());
    }
}
