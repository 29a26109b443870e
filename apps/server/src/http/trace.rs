//! Looking on at a host's switch, as server-sent events.

use super::{
    ask::{Params, Server},
    host::host_number,
    parse, path,
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
use havip_api::{PathProtocol, Problem, TraceFilter, TraceTotal, TraceVerdict, Traced, TracedFrame};
use havip_model::{HostNumber, PortNumber, Vni, VpcId};
use havip_stream::convert;
use havip_stream::proto::{self, CommandResult, Trace, command::Body as Order};
use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::time::Instant;

/// Shows what a host's switch is given and what it makes of it, as server-sent events: `data` is a frame, or at the
/// end, whose `event` is `end`, how many there were. One at a time can look on at a host.
/// When whoever looks on may not any more, the event `refused`, whose data is a problem document, ends it.
#[utoipa::path(get, path = "/v1/hosts/{id}/trace", tag = "Hosts", params(("id" = String, Path, description = "The host's id."), TraceFilter), responses(
    (status = 200, body = Traced, content_type = "text/event-stream"),
    (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn trace_host(
    server: Server,
    Path(id): Path<String>,
    Params(filter): Params<TraceFilter>,
) -> Result<Sse<impl Stream<Item = Result<sse::Event, Infallible>>>, Fault> {
    let host = host_number(&server, &id)?;
    let seconds = match filter.seconds.unwrap_or(USUAL_SECONDS) {
        seconds @ 1..=LONGEST_SECONDS => seconds,
        other => {
            let detail = format!("seconds is 1 to {LONGEST_SECONDS}, not {other}");
            return Err(Fault::invalid("seconds", "out_of_range", detail));
        }
    };
    let order = order(&server, host, filter)?;
    let mut looking = Looking {
        server: Arc::downgrade(server.service()),
        host,
        order,
        ends_at: Instant::now() + Duration::from_secs(seconds.into()),
        seen: VecDeque::new(),
        total: TraceTotal::default(),
        stage: Stage::Going,
    };
    // The first answer says whether it can be done, while an error can still be told.
    let first = looking.ask(&server).await?;
    looking.take(&server, first);
    Ok(Sse::new(stream::unfold(looking, Looking::next)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// What the host is to look for.
fn order(server: &Service, host: HostNumber, filter: TraceFilter) -> Result<Trace, Fault> {
    let TraceFilter { interface, vpc, address, protocol, port, verdict, dropped, messages, seconds: _ } =
        filter;
    if protocol == Some(PathProtocol::Icmp) && port.is_some() {
        let detail = "ICMP has no ports; say protocol=tcp or udp, or neither";
        return Err(Fault::invalid("port", "contradiction", detail));
    }
    if port == Some(0) {
        return Err(Fault::invalid("port", "out_of_range", "port is 1 to 65535, not 0"));
    }
    let interface = interface.map(|interface| port_on(server, host, &interface)).transpose()?;
    let vni = vpc.map(|vpc| vni_of(server, &vpc)).transpose()?;
    let address = address.map(|text| parse::address("address", &text)).transpose()?;
    let words = verdict.iter().flat_map(|text| text.split(',')).map(str::trim);
    let verdicts = words.map(|word| {
        let known: Result<TraceVerdict, String> = word.parse();
        known.map_err(|error| Fault::invalid("verdict", "unknown_verdict", error))
    });
    let verdicts = verdicts.collect::<Result<Vec<_>, _>>()?;
    Ok(Trace {
        session: u64::from_ne_bytes(entropy::random()),
        port: interface.map_or(0, PortNumber::get),
        dropped_only: dropped.unwrap_or_default(),
        messages: messages.unwrap_or_default(),
        end: false,
        vni: vni.map_or(0, Vni::get),
        address: address.map(convert::address_bytes).unwrap_or_default(),
        protocol: protocol.map_or(0, path::number),
        service: port.unwrap_or_default().into(),
        verdicts: verdicts.iter().map(|verdict| verdict.as_str().into()).collect(),
    })
}

fn vni_of(server: &Service, vpc: &str) -> Result<Vni, Fault> {
    let id: VpcId = parse::path_id("vpc", "vpc_not_found", vpc)?;
    let found = server.read(|durable| durable.state.world.vpcs.get(&id).map(|vpc| vpc.vni));
    found.ok_or_else(|| Fault::not_found("vpc", "vpc_not_found", vpc))
}

/// The port of an interface that is plugged there.
fn port_on(server: &Service, host: HostNumber, interface: &str) -> Result<PortNumber, Fault> {
    let id = parse::path_id("interface", "interface_not_found", interface)?;
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
    total: TraceTotal,
    stage: Stage,
}

#[derive(PartialEq, Eq)]
enum Stage {
    Going,
    /// The host was asked for the last time; what it said then is still to be told, and the total.
    Over,
    Told,
}

impl Looking {
    async fn next(mut self) -> Option<(Result<sse::Event, Infallible>, Self)> {
        loop {
            if let Some(frame) = self.seen.pop_front() {
                self.total.frames += 1;
                let data = json(&Traced::Frame(Box::new(frame)));
                return Some((Ok(sse::Event::default().data(data)), self));
            }
            match self.stage {
                Stage::Going => {}
                Stage::Over => {
                    self.stage = Stage::Told;
                    let data = json(&Traced::Total(self.total.clone()));
                    return Some((Ok(sse::Event::default().event("end").data(data)), self));
                }
                Stage::Told => return None,
            }
            tokio::time::sleep(INTERVAL).await;
            if Instant::now() >= self.ends_at {
                self.stage = Stage::Over;
            }
            // Nobody who looks on keeps a server alive that is ending.
            let server = self.server.upgrade()?;
            match self.ask(&server).await {
                Ok(result) => self.take(&server, result),
                Err(fault) => {
                    self.total.failure = Some(fault.detail.clone());
                    self.stage = Stage::Over;
                }
            }
        }
    }

    async fn ask(&self, server: &Service) -> Result<CommandResult, Fault> {
        Ok(server.tracker().command(self.host, Order::Trace(self.order.clone()), AGENT_TIME).await?)
    }

    fn take(&mut self, server: &Service, result: CommandResult) {
        let CommandResult { traced, lost, .. } = result;
        self.total.lost = lost;
        server.read(|durable| {
            let shapes = Shapes::of(server, durable);
            let shown = |traced: &proto::Traced| shapes.traced_frame(self.host, traced, lost);
            self.seen.extend(traced.iter().map(shown));
        });
    }
}

fn json(traced: &Traced) -> String {
    serde_json::to_string(traced).expect("a frame holds only what JSON can say")
}

/// Whoever looked has gone: the host need not wait to find that out.
impl Drop for Looking {
    fn drop(&mut self) {
        let (Some(server), Ok(runtime)) = (self.server.upgrade(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        let (host, order) = (self.host, Trace { end: true, ..self.order.clone() });
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
