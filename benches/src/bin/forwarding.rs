//! What does the switch cost per packet?
//!
//! One TCP stream, small UDP packets per second and their processor time, the round trip of a ping, and the time of a
//! new connection; on one host and across two; ours in turns with a Linux bridge, and with a bridge and kernel VXLAN.
//!
//! And what each feature adds to a packet across hosts, in turns with the same without it: security groups of 10 and
//! 1000 rules (without: the default one, of 2), a trace that looks for what is not there, a flow log that follows. From
//! outside to an interface of an external subnet, by an edge, there are as many machines as across.

use anyhow::{Context, Result, ensure};
use clap::Parser;
use havip_api::{Direction, FlowFilter, FlowStream, NewRule, TraceFilter, TraceStream};
use havip_benches::{
    interrupt,
    plain::Plain,
    post::Post,
    priority,
    report::{OURS, Report},
    traffic,
};
use havip_lab::{LookedAt, PATIENCE, Scene, Setting, eventually, names::HostName};
use std::{collections::BTreeMap, net::Ipv4Addr, path::PathBuf, time::Duration};

#[derive(Parser)]
struct Args {
    /// Rounds of each measurement, in turns
    #[arg(long, default_value_t = 10)]
    rounds: usize,
    /// Milliseconds of load per measurement
    #[arg(long, default_value_t = 1000)]
    millis: u64,
    /// Write the results to this file, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

struct Path<'a> {
    case: &'static str,
    who: &'static str,
    from: &'a Post,
    to: &'a Post,
    looking: Looking,
}

impl<'a> Path<'a> {
    fn new(case: &'static str, who: &'static str, from: &'a Post, to: &'a Post) -> Self {
        Self { case, who, from, to, looking: Looking::Nobody }
    }

    fn looked_at(self, looking: Looking) -> Self {
        Self { looking, ..self }
    }
}

/// Who looks on meanwhile.
#[derive(Clone, Copy)]
enum Looking {
    Nobody,
    /// At both hosts, for an address that nobody has: nothing is told of what passes.
    Trace,
    /// At the VPC whose packets these are.
    FlowLog,
}

/// Somebody who looks on until dropped.
#[derive(Default)]
struct Onlooker {
    _traces: Vec<TraceStream>,
    _flows: Option<FlowStream>,
}

impl Looking {
    /// The programs at work are those that show it, and no others, when this returns.
    fn begin(self, scene: &Scene) -> Result<Onlooker> {
        let seconds = Some(600);
        let onlooker = match self {
            Self::Nobody => Onlooker::default(),
            Self::Trace => {
                let filter = TraceFilter { address: Some(NOBODY.into()), seconds, ..TraceFilter::default() };
                let look = |host: &HostName| {
                    let id = scene.host_id(*host)?;
                    scene.lab.api(|client| client.trace_host(&id, &filter))
                };
                Onlooker { _traces: HOSTS.iter().map(look).collect::<Result<_>>()?, _flows: None }
            }
            Self::FlowLog => {
                let filter = FlowFilter { seconds, ..FlowFilter::default() };
                let flows = scene.lab.api(|client| client.follow_flows(&scene.vpc, &filter))?;
                Onlooker { _flows: Some(flows), ..Onlooker::default() }
            }
        };
        let expected = LookedAt { frames: matches!(self, Self::Trace), flows: matches!(self, Self::FlowLog) };
        for host in HOSTS {
            eventually(PATIENCE, || {
                let found = scene.looked_at(host)?;
                ensure!(found == expected, "{host} is looked at like {found:?}, not {expected:?}");
                Ok(())
            })?;
        }
        Ok(onlooker)
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    interrupt::heed()?;
    let time = Duration::from_millis(args.millis);
    let guests = [Ipv4Addr::new(10, 20, 1, 11), Ipv4Addr::new(10, 20, 1, 12)];
    let program = std::env::current_exe()?.with_file_name("havip");
    let mut scene = Setting::subnet("10.20.1.0/24")
        .hosts(2)
        .edges(1)
        .guest_on("one", 1)
        .guest_on("near", 1)
        .guest_on("far", 2)
        .guest_on("ten", 2)
        .guest_on("thousand", 2)
        .start(program)?;
    guard(&scene, "ten", 1, 10)?;
    guard(&scene, "thousand", 5, 200)?;
    let outside = join_provider(&mut scene)?;
    let post = |name: &str| -> Result<Post> {
        let guest = &scene[name];
        Ok(Post { namespace: guest.network_namespace()?, address: guest.address })
    };
    let (one, near, far) = (post("one")?, post("near")?, post("far")?);
    let (ten, thousand, provider) = (post("ten")?, post("thousand")?, post("provider")?);
    let mtu = one.link()?.mtu;
    let (bridge, vxlan) = (Plain::bridge(&guests, mtu)?, Plain::bridge_and_vxlan(&guests, mtu)?);
    let paths = [
        Path::new("same host", OURS, &one, &near),
        Path::new("same host", "bridge", &bridge.posts[0], &bridge.posts[1]),
        Path::new(ACROSS, OURS, &one, &far),
        Path::new(ACROSS, "bridge+vxlan", &vxlan.posts[0], &vxlan.posts[1]),
        Path::new("across, 10 rules", OURS, &one, &ten),
        Path::new("across, 1000 rules", OURS, &one, &thousand),
        Path::new("across, a trace", OURS, &one, &far).looked_at(Looking::Trace),
        Path::new("across, a flow log", OURS, &one, &far).looked_at(Looking::FlowLog),
        Path::new("outside, external subnet", OURS, &outside, &provider),
    ];
    // From here on, so that the lab's programs do not inherit it.
    priority::rise()?;
    priority::stay_on(0);
    let mut values = BTreeMap::<(String, String), Vec<f64>>::new();
    for round in 0..args.rounds {
        for path in &paths {
            interrupt::check()?;
            eprint!("\rround {} of {}: {} {:<28}", round + 1, args.rounds, path.who, path.case);
            let onlooker = path.looking.begin(&scene)?;
            let flood = traffic::udp_flood(path.from, path.to, time)?;
            for (what, value) in [
                ("TCP Gbit/s", traffic::tcp_stream(path.from, path.to, time)?),
                ("UDP kpackets/s", flood.per_second / 1e3),
                (PER_PACKET, flood.cpu_micros),
                (ROUND_TRIP, traffic::round_trip(path.from, path.to, 5000)?),
                (CONNECTION, traffic::new_connection(path.from, path.to, 2000)?),
            ] {
                values.entry((format!("{what}, {}", path.case), path.who.into())).or_default().push(value);
            }
            drop(onlooker);
        }
    }
    eprintln!();
    add_differences(&mut values, &paths);
    let mut cases = BTreeMap::<String, BTreeMap<String, Vec<f64>>>::new();
    for ((case, who), values) in values {
        cases.entry(case).or_default().insert(who, values);
    }
    let mut report = Report::new("forwarding", "the unit of each case");
    for (case, values) in &cases {
        report.row(case, values);
    }
    scene.went_well();
    report.finish(args.json.as_ref())
}

/// What features add, round by round: a machine that is slow for a minute is slow with and without.
fn add_differences(values: &mut BTreeMap<(String, String), Vec<f64>>, paths: &[Path]) {
    for path in paths.iter().filter(|path| path.who == OURS) {
        let Some(feature) = path.case.strip_prefix("across, ") else { continue };
        for what in [PER_PACKET, ROUND_TRIP, CONNECTION] {
            let of = |case: &str| values.get(&(format!("{what}, {case}"), OURS.to_owned()));
            let (Some(with), Some(without)) = (of(path.case), of(ACROSS)) else { continue };
            let added = with.iter().zip(without).map(|(with, without)| with - without).collect();
            values.insert((format!("{what}, added by {feature}"), OURS.into()), added);
        }
    }
}

/// A guest on the second host with an address of a provider's network, and a machine of that network outside.
fn join_provider(scene: &mut Scene) -> Result<Post> {
    let subnet = scene.make_external("provider", "192.168.177.0/24", None)?;
    scene.add_guest_at(&subnet, "provider", HostName::Host(2), Ipv4Addr::new(192, 168, 177, 20))?;
    let all = [NewRule::allow(Direction::Ingress, "any"), NewRule::allow(Direction::Egress, "any")];
    let group = scene.make_group("provider", &all)?;
    scene.guard("provider", &[&group])?;
    let (outside, device) = (scene.outside()?, scene.device_outside()?);
    outside.shell(&format!("ip address add {ROUTER}/24 dev {device}"))?;
    let machine = Post { namespace: outside.network_namespace()?, address: ROUTER };
    let guest = scene["provider"].address;
    eventually(PATIENCE, || outside.shell(&format!("ping -c 1 -W 1 {guest}")).map(drop))
        .context("the outside does not reach the external subnet")?;
    Ok(machine)
}

/// Gives a guest so many groups with so many rules: what lets the others in is the last of each.
fn guard(scene: &Scene, guest: &str, groups: u8, rules: u16) -> Result<()> {
    let mut ids = vec![];
    for group in 0..groups {
        let rule = |n: u16| NewRule {
            priority: 1,
            ..NewRule::allow(Direction::Ingress, format!("10.{}.{n}.0/24", 100 + group)).of(
                if n.is_multiple_of(2) { "tcp" } else { "udp" },
                &format!("{}-{}", 1000 + 7 * n, 1003 + 9 * n),
            )
        };
        let mut all: Vec<_> = (0..rules - 2).map(rule).collect();
        all.push(NewRule::allow(Direction::Ingress, "vpc"));
        all.push(NewRule::allow(Direction::Egress, "any"));
        ids.push(scene.make_group(&format!("{guest}-{group}"), &all)?);
    }
    scene.guard(guest, &ids.iter().map(String::as_str).collect::<Vec<_>>())
}

const ACROSS: &str = "across";
const PER_PACKET: &str = "UDP CPU µs/packet";
const ROUND_TRIP: &str = "round trip µs";
const CONNECTION: &str = "new connection µs";
const HOSTS: [HostName; 2] = [HostName::Host(1), HostName::Host(2)];
/// An address of the subnet that no guest has.
const NOBODY: &str = "10.20.1.250";
const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 168, 177, 1);
