//! Changes as they are committed, for open pages and scripts. Carries the number of a change, never its content.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::{HeaderName, header},
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use tokio_stream::{StreamExt, wrappers::WatchStream};

use crate::{error::Error, state::App};

/// A silent stream says something this often, so that proxies keep it and a lost one is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// A browser that lost the stream asks again after this time.
const RETRY: Duration = Duration::from_secs(1);

/// `GET /api/v1/stream`: an event `change` at once with the number of the last change, and one for each that follows. A
/// page that was made at another number knows that it is old, also after the stream was lost.
///
/// # Errors
/// When too many streams are open already.
pub(crate) async fn events(State(app): State<App>) -> Result<impl IntoResponse, Error> {
    let place = app.stream()?;
    let changes = WatchStream::new(app.changes());
    let events = changes.map(move |number| {
        let _kept_while_open = &place;
        Ok::<_, Infallible>(event(number))
    });
    let headers =
        [(HeaderName::from_static("x-accel-buffering"), "no"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))))
}

fn event(number: u64) -> Event {
    let number = number.to_string();
    Event::default().event("change").id(&number).retry(RETRY).data(number)
}
