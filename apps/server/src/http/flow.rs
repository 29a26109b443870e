//! Following the flows of a VPC, as server-sent events.

mod gathered;

use super::{
    ask::{Params, Server},
    parse,
};
use crate::{
    entropy,
    service::{Fault, Service, host_name},
    shape::{Shapes, time},
};
use axum::{
    extract::Path,
    response::sse::{self, KeepAlive, Sse},
};
use futures_util::{Stream, future::join_all, stream};
use gathered::Gathered;
use havip_api::{FlowFilter, FlowLoss, FlowTotal, Logged, Problem};
use havip_model::{HostNumber, ResourceKey, VpcId};
use havip_stream::proto::{CommandResult, FollowFlows, command::Body as Order};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    convert::Infallible,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval_at},
};

/// Shows the flows of a VPC, counted by the kernels of its hosts, interval by interval, as server-sent events: `data`
/// is a flow; or, as `event` says, a `loss` (what of an interval is in no flow), or the `end`, with how many there were.
/// One at a time can follow a VPC's; while nobody does, nothing is counted.
/// When whoever follows may not any more, the event `refused`, whose data is a problem document, ends it.
#[utoipa::path(get, path = "/v1/vpcs/{id}/flow-log", tag = "VPCs", params(("id" = String, Path, description = "The VPC's id."), FlowFilter), responses(
    (status = 200, body = Logged, content_type = "text/event-stream"),
    (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn follow_flows(
    server: Server,
    Path(id): Path<String>,
    Params(filter): Params<FlowFilter>,
) -> Result<Sse<impl Stream<Item = Result<sse::Event, Infallible>>>, Fault> {
    let vpc: VpcId = parse::path_id("vpc", "vpc_not_found", &id)?;
    server.expect(ResourceKey::Vpc(vpc), "vpc", "vpc_not_found")?;
    let within = |field, value: Option<u32>, usual, most| match value.unwrap_or(usual) {
        value if (1..=most).contains(&value) => Ok(value),
        other => Err(Fault::invalid(field, "out_of_range", format!("{field} is 1 to {most}, not {other}"))),
    };
    let seconds = within("seconds", filter.seconds, USUAL_SECONDS, LONGEST_SECONDS)?;
    let interval = within("interval", filter.interval, 1, LONGEST_INTERVAL)?;
    let one_of = within("one_of", filter.one_of, 1, MOST_OF)?;
    let vni = server.read(|durable| durable.state.world.vpcs.get(&vpc).map(|vpc| vpc.vni));
    let vni = vni.ok_or_else(|| Fault::not_found("vpc", "vpc_not_found", &id))?;
    let session = u64::from_ne_bytes(entropy::random());
    let mut following = Following {
        server: Arc::downgrade(server.service()),
        vpc,
        order: FollowFlows { session, vni: vni.get(), one_of, end: false },
        is_rejected_only: filter.rejected.unwrap_or_default(),
        interval: Duration::from_secs(interval.into()),
        ends_at: Instant::now() + Duration::from_secs(seconds.into()),
        heard: BTreeMap::new(),
        gathered: Gathered::default(),
        shown_at: Instant::now(),
        waiting: VecDeque::new(),
        total: FlowTotal { one_of, ..FlowTotal::default() },
        missing: BTreeSet::new(),
        is_over: false,
    };
    // The first answers say whether it can be done, while an error can still be told.
    for (host, result) in following.ask(&server, TIME_TO_BEGIN).await {
        match result {
            Ok(result) => following.take(host, result),
            Err(fault) if fault.code == "host_not_live" => drop(following.gathered.missing.insert(host)),
            Err(fault) => {
                let name = server.read(|durable| host_name(durable, host));
                return Err(Fault { detail: format!("{name}: {}", fault.detail), ..fault });
            }
        }
    }
    let (tell, told) = mpsc::channel(WAITING_AT_MOST);
    tokio::spawn(following.run(tell));
    let events = stream::unfold(told, async |mut told| Some((Ok(told.recv().await?), told)));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Where somebody is who follows.
///
/// Hosts are asked each second whether or not the reader takes what they say: those who are not asked stop counting.
struct Following {
    server: Weak<Service>,
    vpc: VpcId,
    order: FollowFlows,
    is_rejected_only: bool,
    interval: Duration,
    ends_at: Instant,
    /// By host: packets that found no room there so far.
    heard: BTreeMap<HostNumber, u64>,
    gathered: Gathered,
    shown_at: Instant,
    /// Of an interval that is over, until the reader takes it.
    waiting: VecDeque<Logged>,
    total: FlowTotal,
    missing: BTreeSet<HostNumber>,
    /// Hosts were asked for the last time.
    is_over: bool,
}

impl Following {
    async fn run(mut self, tell: mpsc::Sender<sse::Event>) {
        let mut questions = interval_at(Instant::now() + QUESTION, QUESTION);
        questions.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !(self.is_over && self.waiting.is_empty()) {
            tokio::select! {
                () = tell.closed() => return,
                room = tell.reserve(), if !self.waiting.is_empty() => match (room, self.waiting.pop_front()) {
                    (Ok(room), Some(logged)) => room.send(event(&logged)),
                    _ => return,
                },
                _ = questions.tick(), if !self.is_over => {
                    // Nobody who follows keeps a server alive that is ending.
                    let Some(server) = self.server.upgrade() else { return };
                    self.hear(&server).await;
                }
            }
        }
    }

    /// Asks all hosts, and shows what they told when its interval is over.
    async fn hear(&mut self, server: &Service) {
        for (host, result) in self.ask(server, TIME_TO_ANSWER).await {
            match result {
                Ok(result) => self.take(host, result),
                Err(_) => drop(self.gathered.missing.insert(host)),
            }
        }
        let now = Instant::now();
        let is_there = server.read(|durable| durable.state.world.vpcs.contains_key(&self.vpc));
        self.is_over = now >= self.ends_at || !is_there;
        // A second that was a little short is one as well.
        let is_due = self.gathered.is_full() || now + QUESTION / 2 >= self.shown_at + self.interval;
        // While a reader is slow the interval goes on, and what it has is counted on.
        if self.is_over || (is_due && self.waiting.is_empty()) {
            self.show(server);
        }
        if self.is_over {
            self.total.missing_hosts = names(server, &self.missing);
            self.waiting.push_back(Logged::Total(self.total.clone()));
        }
    }

    /// Asks every host on which packets of the VPC are: where it has interfaces, and edges if it has an outside; and
    /// those that were asked before, for the last that they have.
    async fn ask(
        &self,
        server: &Service,
        limit: Duration,
    ) -> Vec<(HostNumber, Result<CommandResult, Fault>)> {
        let hosts: Vec<HostNumber> = server.read(|durable| {
            let world = &durable.state.world;
            let is_edge =
                |host: &havip_model::Host| host.edge_device.is_some() && world.has_outside(self.vpc);
            let is_concerned = |host: &&havip_model::Host| {
                self.heard.contains_key(&host.number)
                    || world.is_placed(self.vpc, host.number)
                    || is_edge(host)
            };
            world.hosts.values().filter(is_concerned).map(|host| host.number).collect()
        });
        join_all(hosts.into_iter().map(|host| async move {
            let result = server.tracker().command(host, Order::Flows(self.order), limit).await;
            (host, result.map_err(Fault::from))
        }))
        .await
    }

    fn take(&mut self, host: HostNumber, result: CommandResult) {
        self.gathered.lost += match self.heard.insert(host, result.lost) {
            // It had stopped meanwhile: nobody had asked, or its agent was another.
            Some(_) if result.begun => {
                self.gathered.missing.insert(host);
                result.lost
            }
            Some(before) => result.lost.saturating_sub(before),
            None => result.lost,
        };
        for flow in result.flows {
            if !self.is_rejected_only || !flow.reason.is_empty() {
                self.gathered.add(host, flow);
            }
        }
    }

    /// The interval is over.
    fn show(&mut self, server: &Service) {
        let (flows, lost_packets, missing) = self.gathered.take();
        self.shown_at = Instant::now();
        self.total.flows += flows.len() as u64;
        self.total.lost_packets += lost_packets;
        let one_of = Some(self.order.one_of).filter(|one_of| *one_of > 1);
        server.read(|durable| {
            let shapes = Shapes::of(server, durable);
            let shown = flows.iter().map(|(host, flow)| shapes.logged_flow(*host, flow, one_of));
            self.waiting.extend(shown.map(|flow| Logged::Flow(Box::new(flow))));
        });
        if lost_packets > 0 || !missing.is_empty() {
            let missing_hosts = names(server, &missing);
            self.waiting.push_back(Logged::Loss(FlowLoss {
                at: time(entropy::now()),
                lost_packets,
                missing_hosts,
            }));
        }
        self.missing.extend(missing);
    }
}

fn names(server: &Service, hosts: &BTreeSet<HostNumber>) -> Vec<String> {
    server.read(|durable| hosts.iter().map(|host| host_name(durable, *host)).collect())
}

fn event(logged: &Logged) -> sse::Event {
    let data = serde_json::to_string(logged).expect("a flow holds only what JSON can say");
    let event = sse::Event::default().data(data);
    match logged {
        Logged::Flow(_) => event,
        Logged::Loss(_) => event.event("loss"),
        Logged::Total(_) => event.event("end"),
    }
}

/// Whoever followed has gone: the hosts need not wait to find that out.
impl Drop for Following {
    fn drop(&mut self) {
        let (Some(server), Ok(runtime)) = (self.server.upgrade(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        let order = FollowFlows { end: true, ..self.order };
        let hosts: Vec<HostNumber> = self.heard.keys().copied().collect();
        runtime.spawn(async move {
            let ends = hosts
                .into_iter()
                .map(|host| server.tracker().command(host, Order::Flows(order), TIME_TO_BEGIN));
            join_all(ends).await;
        });
    }
}

const USUAL_SECONDS: u32 = 60;
const LONGEST_SECONDS: u32 = 86_400;
const LONGEST_INTERVAL: u32 = 600;
const MOST_OF: u32 = 10_000;
/// An agent ends a session after three seconds without a question.
const QUESTION: Duration = Duration::from_secs(1);
/// Loading the programs once more takes some tenths of a second, on a busy host more.
const TIME_TO_BEGIN: Duration = Duration::from_secs(10);
/// So that one host that is silent lets no other's session end, and a busy one has time.
const TIME_TO_ANSWER: Duration = Duration::from_secs(2);
/// Events on their way to the reader.
const WAITING_AT_MOST: usize = 256;
const KEEP_ALIVE: Duration = Duration::from_secs(15);
