//! What does an address cost, and a VIP, and a host: in memory, in time, in traffic?
//!
//! The server, one agent and its maps before and after so many interfaces and VIPs; the time and the processor that
//! making them takes on a fabric of so many hosts; how long a host needs to have all of them again after a reboot; and
//! what hosts say to each other while nothing happens. docs/scale.md computes with these.

use anyhow::{Context, Result};
use clap::Parser;
use havip_api::{Associate, CreateInterface, CreateVip};
use havip_benches::{
    crowd::{self, Records},
    interrupt,
    memory::{maps_mib, processor_time, resident_mib},
    post::Post,
    report::{OURS, Report},
};
use havip_lab::{Lab, Scene, Setting, names::HostName};
use havip_wire::build::gratuitous_arp;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

#[derive(Parser)]
struct Args {
    /// Interfaces to make
    #[arg(long, default_value_t = 10_000)]
    interfaces: usize,
    /// VIPs to make; one instance holds all of them
    #[arg(long, default_value_t = 10_000)]
    vips: usize,
    /// Hosts for guests
    #[arg(long, default_value_t = 4)]
    hosts: u8,
    /// Write the results to this file, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    interrupt::heed()?;
    let program = std::env::current_exe()?.with_file_name("havip");
    // A host without a port in the VPC needs nothing of it.
    let setting = (1..=args.hosts).fold(Setting::subnet("10.20.64.0/18"), |setting, host| {
        setting.guest_on(&format!("guest-{host}"), host)
    });
    let mut scene = crowd::without_quotas(setting.hosts(args.hosts)).start(program)?;
    let others = scene.make_subnet("interfaces", "10.20.128.0/18")?;
    let mut report = Report::new("scale", "the unit of each case");
    let mut row =
        |case: &str, value: f64| report.row(case, &BTreeMap::from([(OURS.to_owned(), vec![value])]));

    let empty = Taken::now(&scene.lab)?;
    let interface =
        CreateInterface { subnet: others, ..serde_json::from_value(serde_json::json!({"subnet": ""}))? };
    let began = Instant::now();
    crowd::by_clients(&scene.lab, args.interfaces, |client, _| client.create_interface(&interface))?;
    // What is asked for last is there last: all hosts have what was before it.
    probe(&scene)?;
    let took = began.elapsed();
    let interfaces = Taken::now(&scene.lab)?;
    interfaces.tell(&mut row, &empty, "interface", args.interfaces, args.hosts);
    row("interfaces on all hosts, per second", args.interfaces as f64 / took.as_secs_f64());

    let associations = vec![Associate::claim(&scene["guest-1"].id)];
    let body = CreateVip { subnet: scene.subnet.clone(), associations, ..CreateVip::default() };
    let began = Instant::now();
    let vips = crowd::make_vips(&scene, &vec![body; args.vips])?;
    let took = began.elapsed();
    let guest = &scene["guest-1"];
    let holder = Post { namespace: guest.network_namespace()?, address: guest.address };
    let (socket, mac) = (holder.packet_socket()?, holder.mac()?);
    for vip in &vips {
        socket.send(&gratuitous_arp(mac, *vip))?;
    }
    Records::open(&scene)?.eventually_all(&vips, crowd::host_number(&scene, 1)?)?;
    calm();
    let held = Taken::now(&scene.lab)?;
    held.tell(&mut row, &interfaces, "VIP, held", args.vips, args.hosts);
    row("VIPs on all hosts, per second", args.vips as f64 / took.as_secs_f64());

    let (bytes, packets) = said_at_rest(&scene.lab)?;
    row("a host at rest says, bytes/s", bytes);
    row("a host at rest says, packets/s", packets);

    let began = Instant::now();
    scene.lab.reboot(HostName::Host(args.hosts))?;
    scene.lab.wait_for_hosts(Duration::from_secs(60))?;
    probe(&scene)?;
    row("a host has all again after, s", began.elapsed().as_secs_f64());
    scene.went_well();
    report.finish(args.json.as_ref())
}

/// What the server, the first agent and its maps take.
struct Taken {
    server_mib: f64,
    agent_mib: f64,
    maps_mib: f64,
    server_time: Duration,
    agents_time: Duration,
}

impl Taken {
    fn now(lab: &Lab) -> Result<Self> {
        let pid = |role: &str| Ok::<_, anyhow::Error>(lab.process(role)?.pid);
        let agents = lab.hosts().into_iter().map(|host| processor_time(pid(&host.to_string())?));
        Ok(Self {
            server_mib: resident_mib(pid("server")?)?,
            agent_mib: resident_mib(pid("h1")?)?,
            maps_mib: maps_mib(pid("h1")?)?,
            server_time: processor_time(pid("server")?)?,
            agents_time: agents.sum::<Result<Duration>>()?,
        })
    }

    /// What each of so many things more than `before` took.
    fn tell(&self, row: &mut impl FnMut(&str, f64), before: &Self, thing: &str, count: usize, hosts: u8) {
        let each = |now: f64, before: f64| (now - before) * f64::from(1 << 20) / count as f64;
        row(&format!("{thing}: server, bytes"), each(self.server_mib, before.server_mib));
        row(&format!("{thing}: agent, bytes"), each(self.agent_mib, before.agent_mib));
        row(&format!("{thing}: maps, bytes"), each(self.maps_mib, before.maps_mib));
        let micros = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
        row(&format!("{thing}: server, CPU µs"), micros(self.server_time - before.server_time));
        let agents = micros(self.agents_time - before.agents_time) / f64::from(hosts);
        row(&format!("{thing}: each agent, CPU µs"), agents);
    }
}

/// Makes a VIP, and waits until all hosts have it: they have all that was asked for before it, too.
fn probe(scene: &Scene) -> Result<()> {
    let body = CreateVip { subnet: scene.subnet.clone(), ..CreateVip::default() };
    crowd::make_vips(scene, &[body]).map(drop)
}

/// Repeats, first looks and comparisons after the claims are over.
fn calm() {
    std::thread::sleep(Duration::from_secs(5));
}

/// What the first host sends over the underlay in a second, bytes and packets.
fn said_at_rest(lab: &Lab) -> Result<(f64, f64)> {
    let device = format!("{}ul", lab.name().prefix());
    let namespace = lab.host_namespace(HostName::Host(1))?;
    let counters = || -> Result<(f64, f64)> {
        let output = namespace.command("ip").args(["-s", "-j", "link", "show", "dev", &device]).output()?;
        let links: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        let count = |name: &str| links[0]["stats64"]["tx"][name].as_f64().context("ip shows no counters");
        Ok((count("bytes")?, count("packets")?))
    };
    let (before, began) = (counters()?, Instant::now());
    std::thread::sleep(Duration::from_secs(10));
    let (after, seconds) = (counters()?, began.elapsed().as_secs_f64());
    Ok(((after.0 - before.0) / seconds, (after.1 - before.1) / seconds))
}
