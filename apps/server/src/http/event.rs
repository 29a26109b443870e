//! Events over HTTP: listed, and as server-sent events while they happen.

use super::{
    ask::{Params, Server},
    list::limit,
};
use crate::{
    service::{Fault, Principal, Service},
    shape::{Shapes, kind},
};
use axum::{
    Json,
    response::sse::{self, KeepAlive, Sse},
};
use futures_util::{Stream, stream};
use havip_api::{Event, EventFilter, Page, Problem, WatchFilter};
use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::sync::watch;

/// Which events are wanted.
#[derive(Clone)]
struct Wanted {
    asker: Arc<Principal>,
    kind: Option<String>,
    vip: Option<String>,
    instance: Option<String>,
    host: Option<String>,
    address: Option<String>,
}

impl Wanted {
    /// Decides by project and kind alone, before the words are made. What happens to hosts is the administrators'.
    fn may_want(&self, event: &havip_model::Event) -> bool {
        let may_know = match event.project {
            Some(project) => project == self.asker.project,
            None => self.asker.is_administrator,
        };
        may_know && self.kind.as_deref().is_none_or(|wanted| wanted == kind(&event.kind))
    }

    fn wants(&self, event: &Event) -> bool {
        let is = |wanted: &Option<String>, have: &Option<String>| wanted.is_none() || wanted == have;
        let is_about =
            |wanted: &Option<String>, have: &Option<String>| is(wanted, have) || *wanted == event.resource;
        is_about(&self.vip, &event.vip)
            && is_about(&self.instance, &event.instance)
            && is_about(&self.host, &event.host)
            && is(&self.address, &event.address)
    }

    fn after(&self, server: &Service, after: u64, most: usize) -> (Vec<Event>, u64) {
        server.read(|durable| {
            let shapes = Shapes::of(server, durable);
            let mut last = after;
            let mut found = vec![];
            for event in durable.state.timeline.after(after) {
                if found.len() == most {
                    break;
                }
                last = event.sequence;
                if self.may_want(event) {
                    found.extend(Some(shapes.event(event)).filter(|shown| self.wants(shown)));
                }
            }
            (found, last)
        })
    }
}

/// Lists events, oldest first.
#[utoipa::path(get, path = "/v1/events", tag = "Events", params(EventFilter), responses(
    (status = 200, body = Page<Event>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_events(
    server: Server,
    Params(filter): Params<EventFilter>,
) -> Result<Json<Page<Event>>, Fault> {
    let EventFilter { kind, vip, instance, host, address, after, limit: most } = filter;
    let limit = limit(most)?;
    let after = sequence(after.as_ref())?;
    let wanted = Wanted { asker: server.asker.clone(), kind, vip, instance, host, address };
    let (mut items, _) = wanted.after(&server, after, limit + 1);
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|last| last.sequence.to_string());
    Ok(Json(Page { items, next }))
}

/// Watches events as they happen, as server-sent events: `id` is the sequence number, `data` an event.
/// When whoever watches may not any more, the event `refused`, whose data is a problem document, ends it.
#[utoipa::path(get, path = "/v1/events/watch", tag = "Events", params(WatchFilter), responses(
    (status = 200, body = Event, content_type = "text/event-stream"),
    (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn watch_events(
    server: Server,
    headers: axum::http::HeaderMap,
    Params(filter): Params<WatchFilter>,
) -> Sse<impl Stream<Item = Result<sse::Event, Infallible>>> {
    let WatchFilter { after, kind, vip, instance, host, address } = filter;
    let resumed = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    let newest = || server.read(|durable| durable.state.timeline.last());
    let watching = Watching {
        revisions: server.ledger().revisions(),
        after: resumed.or(after).unwrap_or_else(newest),
        server: Arc::downgrade(server.service()),
        wanted: Wanted { asker: server.asker.clone(), kind, vip, instance, host, address },
        found: VecDeque::new(),
    };
    Sse::new(stream::unfold(watching, Watching::next)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

/// Where a watch is.
struct Watching {
    server: Weak<Service>,
    revisions: watch::Receiver<u64>,
    after: u64,
    wanted: Wanted,
    found: VecDeque<Event>,
}

impl Watching {
    async fn next(mut self) -> Option<(Result<sse::Event, Infallible>, Self)> {
        loop {
            if let Some(event) = self.found.pop_front() {
                let data = serde_json::to_string(&event).expect("an event holds only what JSON can say");
                let sent = sse::Event::default().id(event.sequence.to_string()).data(data);
                return Some((Ok(sent), self));
            }
            self.revisions.mark_unchanged();
            // A watch does not keep a server alive that is ending.
            let (found, after) = self.wanted.after(&*self.server.upgrade()?, self.after, AT_ONCE);
            self.after = after;
            self.found.extend(found);
            if self.found.is_empty() {
                self.revisions.changed().await.ok()?;
            }
        }
    }
}

/// A cursor of events is a sequence number.
pub fn sequence(after: Option<&String>) -> Result<u64, Fault> {
    let Some(after) = after else { return Ok(0) };
    after.parse().map_err(|_| Fault::invalid("after", "invalid_cursor", "after is the number of an event"))
}

const KEEP_ALIVE: Duration = Duration::from_secs(15);
const AT_ONCE: usize = 256;
