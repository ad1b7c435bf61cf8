//! Names, each a type of its own: a user can never be passed where a host is meant. Kept exactly as printed.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(String);

        impl $type {
            /// The name as it was printed; nothing is folded or trimmed.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $type {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

name!(
    /// What is licensed: `CAC-MCE`, or the name of a wrapped tool.
    FeatureName
);
name!(
    /// A license server as the configuration calls it. `local` is the server of wrapped tools.
    ServerName
);
name!(
    /// The editor whose vendor daemon owns a feature: `Dassault Systemes V5`.
    VendorName
);
name!(
    /// A user as the license system prints it; from the kernel for wrapped tools.
    UserName
);
name!(
    /// A host as the license system prints it.
    HostName
);

impl ServerName {
    /// The server of the tools that licwrap runs; reserved.
    #[must_use]
    pub fn local() -> Self {
        Self::from("local")
    }
}
