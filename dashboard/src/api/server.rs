//! One license server.

use axum::{
    Json,
    extract::{Path, State},
};
use lic_protocol::{name::ServerName, view::Server};
use lic_store::{error::StoreError, read::Reader};

use crate::{error::Error, format::shown, state::App};

/// The license server of this name, or `None`.
pub(crate) fn view(reader: &Reader, name: &ServerName) -> Result<Option<Server>, StoreError> {
    Ok(reader.servers()?.into_iter().find(|row| row.name == *name))
}

/// The failure of asking for a license server that is not there.
pub(crate) fn not_found(name: &ServerName) -> Error {
    Error::NotFound(format!("There is no license server \"{}\".", shown(name.as_str())))
}

/// `GET /api/v1/servers/{server}`.
pub(crate) async fn json(
    State(app): State<App>,
    Path(name): Path<ServerName>,
) -> Result<Json<Server>, Error> {
    let missing = not_found(&name);
    app.ask(move |reader| view(reader, &name)).await?.map(Json).ok_or(missing)
}
