//! Looking on at a host's switch, as server-sent events.

use super::{
    ask::{Params, Server},
    host::host_number,
};
use crate::{
    entropy,
    service::{Fault, Service},
    shape::Shapes,
};
use axum::{
    extract::Path,
    response::sse::{self, KeepAlive, Sse},
};
use futures_util::{Stream, stream};
use havip_api::{Problem, TraceFilter, TracedFrame};
use havip_model::{HostNumber, PortNumber};
use havip_stream::proto::{CommandResult, Trace, Traced, command::Body as Order};
use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::time::Instant;

/// Shows what a host's switch is given and what it makes of it, as server-sent events: `data` is a frame. One at a
/// time can look on at a host.
#[utoipa::path(get, path = "/v1/hosts/{id}/trace", tag = "Hosts", params(("id" = String, Path, description = "The host's id."), TraceFilter), responses(
    (status = 200, body = TracedFrame, content_type = "text/event-stream"),
    (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn trace_host(
    server: Server,
    Path(id): Path<String>,
    Params(filter): Params<TraceFilter>,
) -> Result<Sse<impl Stream<Item = Result<sse::Event, Infallible>>>, Fault> {
    let host = host_number(&server, &id)?;
    let TraceFilter { interface, dropped, messages, seconds } = filter;
    let seconds = match seconds.unwrap_or(USUAL_SECONDS) {
        seconds @ 1..=LONGEST_SECONDS => seconds,
        other => {
            let detail = format!("seconds is 1 to {LONGEST_SECONDS}, not {other}");
            return Err(Fault::invalid("seconds", "out_of_range", detail));
        }
    };
    let port = interface.map(|interface| port_on(&server, host, &interface)).transpose()?;
    let order = Trace {
        session: u64::from_ne_bytes(entropy::random()),
        port: port.map_or(0, PortNumber::get),
        dropped_only: dropped.unwrap_or_default(),
        messages: messages.unwrap_or_default(),
        end: false,
    };
    let mut looking = Looking {
        server: Arc::downgrade(server.service()),
        host,
        order,
        ends_at: Instant::now() + Duration::from_secs(seconds.into()),
        seen: VecDeque::new(),
    };
    // The first answer says whether it can be done, while an error can still be told.
    let first = looking.ask(&server).await?;
    looking.take(&server, first);
    Ok(Sse::new(stream::unfold(looking, Looking::next)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// The port of an interface that is plugged there.
fn port_on(server: &Service, host: HostNumber, interface: &str) -> Result<PortNumber, Fault> {
    let id = super::parse::path_id("interface", "interface_not_found", interface)?;
    server.read(|durable| {
        let found = durable.state.world.interfaces.get(&id);
        let found = found.ok_or_else(|| Fault::not_found("interface", "interface_not_found", interface))?;
        if found.host == Some(host) {
            return Ok(found.port);
        }
        let detail = format!("{interface} is not plugged into this host");
        Err(Fault::invalid("interface", "interface_elsewhere", detail))
    })
}

/// Where somebody is who looks on.
struct Looking {
    server: Weak<Service>,
    host: HostNumber,
    order: Trace,
    ends_at: Instant,
    seen: VecDeque<TracedFrame>,
}

impl Looking {
    async fn next(mut self) -> Option<(Result<sse::Event, Infallible>, Self)> {
        loop {
            if let Some(frame) = self.seen.pop_front() {
                let data = serde_json::to_string(&frame).expect("a frame holds only what JSON can say");
                return Some((Ok(sse::Event::default().data(data)), self));
            }
            if Instant::now() >= self.ends_at {
                return None;
            }
            tokio::time::sleep(INTERVAL).await;
            // Nobody who looks on keeps a server alive that is ending.
            let server = self.server.upgrade()?;
            let result = self.ask(&server).await.ok()?;
            self.take(&server, result);
        }
    }

    async fn ask(&self, server: &Service) -> Result<CommandResult, Fault> {
        Ok(server.tracker().command(self.host, Order::Trace(self.order), AGENT_TIME).await?)
    }

    fn take(&mut self, server: &Service, result: CommandResult) {
        let CommandResult { traced, lost, .. } = result;
        server.read(|durable| {
            let shapes = Shapes::of(server, durable);
            let shown = |traced: &Traced| shapes.traced_frame(self.host, traced, lost);
            self.seen.extend(traced.iter().map(shown));
        });
    }
}

/// Whoever looked has gone: the host need not wait to find that out.
impl Drop for Looking {
    fn drop(&mut self) {
        let (Some(server), Ok(runtime)) = (self.server.upgrade(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        let (host, order) = (self.host, Trace { end: true, ..self.order });
        runtime.spawn(async move { server.tracker().command(host, Order::Trace(order), AGENT_TIME).await });
    }
}

const USUAL_SECONDS: u32 = 60;
const LONGEST_SECONDS: u32 = 3600;
/// An agent keeps some thousand frames between two questions, and ends a trace after three seconds without one.
const INTERVAL: Duration = Duration::from_millis(200);
/// Loading the programs once more takes some tenths of a second, on a busy host more.
const AGENT_TIME: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(15);
