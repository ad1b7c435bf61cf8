//! The license systems there are: the only list.

use std::sync::Arc;

use crate::{LicenseSystem, dsls::Dsls, flexlm::Flexlm, rlm::Rlm};

/// Those that are what they are; a [`crate::pattern::Pattern`] is what a configuration makes of it.
fn systems() -> [Arc<dyn LicenseSystem>; 3] {
    [Arc::new(Dsls), Arc::new(Flexlm), Arc::new(Rlm)]
}

/// The license system of that name.
#[must_use]
pub fn license_system(name: &str) -> Option<Arc<dyn LicenseSystem>> {
    systems().into_iter().find(|system| system.name() == name)
}

/// The names of all license systems.
pub fn names() -> impl Iterator<Item = &'static str> {
    systems().into_iter().map(|system| system.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_finds_its_system() {
        for name in names() {
            assert_eq!(license_system(name).map(|system| system.name()), Some(name));
        }
    }

    #[test]
    fn other_names_find_none() {
        assert!(license_system("DSLS").is_none());
    }
}
