//! `licmon import`: of which license system, license server and zone they are.

use lic_protocol::name::ServerName;

use super::{Import, LITE, Usage, zone};
use crate::{
    config::Config,
    exchange::EXPORT,
    import::{self, Logs},
    sources::encoding::Encoding,
    systems,
};

impl Import {
    pub(super) fn run(&self, config: &Config) -> anyhow::Result<()> {
        if self.system == LITE {
            let server = ServerName::from(self.server.as_deref().unwrap_or(LITE));
            return self
                .files
                .iter()
                .try_for_each(|file| import::import_lite(config, &server, file));
        }
        if self.system == EXPORT {
            let machine = self.server.as_deref().map(ServerName::from);
            return import::exports::import_exports(config, machine.as_ref(), &self.files);
        }
        let configured = systems::configured(config, &self.system, self.server.as_deref());
        let system = systems::meant(&self.system, configured)?;
        let name = self.server.as_deref().map(ServerName::from);
        let name = name.or_else(|| configured.map(|server| server.name.clone()));
        let (zone, zone_name) = match (&self.zone, configured) {
            (Some(name), _) => (zone(name)?, name.clone()),
            (None, Some(server)) => (server.zone.clone(), server.zone_name.clone()),
            (None, None) => crate::config::machine_zone(),
        };
        let encoding = configured.map_or(Encoding::Bytes, |server| server.encoding);
        let server = name.unwrap_or_else(|| ServerName::from(system.name()));
        if server == ServerName::local() {
            return Err(Usage("the server name `local` is for wrapped tools".into()).into());
        }
        import::import_logs(
            config,
            &Logs { system, server, zone, zone_name, encoding, files: self.files.clone() },
        )
    }
}
