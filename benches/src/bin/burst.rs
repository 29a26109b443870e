//! How long does it take until every host follows, when many VIPs move at the same moment?
//!
//! The VIPs belong to twenty instances on each of two hosts, which take all of them from each other: one gratuitous ARP
//! per VIP, by as many threads as there are processors, as fast as sockets take them. The kernel of each of three hosts
//! notes when a record changes; what is read is that note, afterwards. In turns with a bridge per host and kernel VXLAN,
//! where one guest sends the same announcements and the third host's guest has the kernel stamp their arrival.

use anyhow::{Context, Result, ensure};
use clap::Parser;
use havip_api::{Associate, Contention, CreateVip};
use havip_benches::{
    crowd::{self, Records},
    interrupt,
    plain::Plain,
    post::{Nanos, Post, now},
    priority,
    report::{OURS, Report},
};
use havip_lab::{Scene, Setting};
use havip_model::HostNumber;
use havip_packet_socket::PacketSocket;
use havip_wire::{Arp, build::gratuitous_arp};
use nix::{
    sys::socket::{setsockopt, sockopt},
    time::{ClockId, clock_gettime},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    path::PathBuf,
    sync::Barrier,
    time::{Duration, UNIX_EPOCH},
};

#[derive(Parser)]
struct Args {
    /// How many VIPs move at once; may be given several times
    #[arg(long = "vips", default_values_t = [10, 100, 1000])]
    sizes: Vec<usize>,
    /// Runs of each size
    #[arg(long, default_value_t = 20)]
    runs: usize,
    /// Server and agents are killed before the first run
    #[arg(long)]
    stopped: bool,
    /// Write the results to this file, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    interrupt::heed()?;
    let most = args.sizes.iter().copied().max().context("no size was given")?;
    let mut ours = Ours::new(most)?;
    let mtu = ours.sides[0][0].post.link()?.mtu;
    let mut plain = Baseline::new(mtu)?;
    if args.stopped {
        crowd::kill_programs(&ours.scene.lab);
        // A heartbeat counts for a second; then claims are followed as on a host without an agent.
        std::thread::sleep(Duration::from_secs(2));
    }
    // From here on, so that the lab's programs do not inherit it.
    priority::rise()?;
    let mut report = Report::new("burst", "ms; lost: announcements");
    for size in &args.sizes {
        let [mut last, mut each, mut sending, mut lost] = [const { Row::new() }; 4];
        ours.gather()?;
        for run in 0..args.runs {
            eprint!("\r{size} VIPs: run {} of {}    ", run + 1, args.runs);
            interrupt::check()?;
            for (who, found) in [(OURS, ours.run(*size)?), ("bridge+vxlan", plain.run(*size)?)] {
                last.entry(who.into()).or_default().push(found.last());
                each.entry(who.into()).or_default().extend(&found.arrived_ms);
                sending.entry(who.into()).or_default().push(found.sent_ms);
                lost.entry(who.into()).or_default().push(found.lost as f64);
            }
        }
        report.row(&format!("{size} VIPs, the last"), &last);
        report.row(&format!("{size} VIPs, each"), &each);
        report.row(&format!("{size} VIPs, all are sent"), &sending);
        report.row(&format!("{size} VIPs, lost"), &lost);
    }
    eprintln!();
    ours.scene.went_well();
    report.finish(args.json.as_ref())
}

type Row = BTreeMap<String, Vec<f64>>;

/// What one burst came to; times from just before its first announcement.
struct Found {
    /// When each VIP's move was known to the last host that had to hear of it.
    arrived_ms: Vec<f64>,
    /// When sockets had taken all announcements.
    sent_ms: f64,
    /// Announcements that never came, or only when they were repeated.
    lost: usize,
}

impl Found {
    fn last(&self) -> f64 {
        self.arrived_ms.iter().copied().fold(0.0, f64::max)
    }
}

/// An instance, and the VIPs that it claims.
struct Claimant {
    post: Post,
    socket: PacketSocket,
    announcements: Vec<(usize, Vec<u8>)>,
}

impl Claimant {
    /// Of every `step`th VIP, beginning with this one.
    fn new(post: Post, vips: &[Ipv4Addr], first: usize, step: usize) -> Result<Self> {
        let mac = post.mac()?;
        let whole = vips.iter().enumerate().skip(first).step_by(step);
        let announcements = whole.map(|(index, vip)| (index, gratuitous_arp(mac, *vip))).collect();
        Ok(Self { socket: post.packet_socket()?, post, announcements })
    }
}

/// Sends the announcements of the first so many VIPs by one thread per processor. Returns how long that took.
fn shout(claimants: &[Claimant], size: usize) -> Result<Duration> {
    let processors = std::thread::available_parallelism()?.get();
    let start = Barrier::new(processors + 1);
    let (start, mut took) = (&start, Duration::ZERO);
    std::thread::scope(|scope| -> Result<()> {
        let threads: Vec<_> = (0..processors)
            .map(|processor| {
                scope.spawn(move || -> Result<Duration> {
                    priority::stay_on(processor);
                    let own: Vec<_> = claimants.iter().skip(processor).step_by(processors).collect();
                    start.wait();
                    let began = boot_time();
                    for claimant in own {
                        let mut due = claimant.announcements.iter().take_while(|(index, _)| *index < size);
                        due.try_for_each(|(_, frame)| claimant.socket.send(frame))?;
                    }
                    Ok(boot_time() - began)
                })
            })
            .collect();
        start.wait();
        for thread in threads {
            took = took.max(thread.join().expect("a thread that sends does not panic")?);
        }
        Ok(())
    })?;
    Ok(took)
}

fn boot_time() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).expect("every kernel has this clock")
}

/// Our lab: twenty instances on each of two hosts, and one on a third.
struct Ours {
    scene: Scene,
    vips: Vec<Ipv4Addr>,
    sides: [Vec<Claimant>; 2],
    numbers: [HostNumber; 2],
    records: Records,
    turn: usize,
}

impl Ours {
    fn new(vips: usize) -> Result<Self> {
        let program = std::env::current_exe()?.with_file_name("havip");
        let mut setting = crowd::without_quotas(Setting::subnet("10.20.64.0/18")).guest_on("client", 3);
        let names: [Vec<String>; 2] =
            ["west", "east"].map(|side| (0..INSTANCES).map(|number| format!("{side}-{number}")).collect());
        for (host, names) in (1..).zip(&names) {
            for name in names {
                setting = setting.guest_on(name, host);
            }
        }
        let scene = setting.start(program)?;
        let bodies: Vec<_> = (0..vips)
            .map(|index| CreateVip {
                subnet: scene.subnet.clone(),
                // Two that take it from each other every few seconds are what a hold is against.
                contention: Contention::Follow,
                associations: names
                    .iter()
                    .map(|side| Associate::claim(&scene[side[index % INSTANCES].as_str()].id))
                    .collect(),
                ..CreateVip::default()
            })
            .collect();
        let vips = crowd::make_vips(&scene, &bodies)?;
        let claimant = |number: usize, name: &String| {
            let guest = &scene[name.as_str()];
            let post = Post { namespace: guest.network_namespace()?, address: guest.address };
            Claimant::new(post, &vips, number, INSTANCES)
        };
        let side = |names: &Vec<String>| {
            names.iter().enumerate().map(|(number, name)| claimant(number, name)).collect::<Result<Vec<_>>>()
        };
        let sides = [side(&names[0])?, side(&names[1])?];
        let numbers = [crowd::host_number(&scene, 1)?, crowd::host_number(&scene, 2)?];
        let records = Records::open(&scene)?;
        let mut ours = Self { scene, vips, sides, numbers, records, turn: 0 };
        // Each side once: neighbours of the underlay are resolved, maps are warm.
        ours.gather()?;
        ours.gather()?;
        Ok(ours)
    }

    /// One side takes all VIPs, wherever they are.
    fn gather(&mut self) -> Result<()> {
        shout(&self.sides[self.turn], self.vips.len())?;
        self.records.eventually_all(&self.vips, self.numbers[self.turn])?;
        self.calm_down(self.vips.len());
        Ok(())
    }

    fn run(&mut self, size: usize) -> Result<Found> {
        let vips = &self.vips[..size];
        let began = boot_time();
        let sent = shout(&self.sides[self.turn], size)?;
        let learned = self.records.eventually_all(vips, self.numbers[self.turn])?;
        let own = &learned[self.turn];
        let (mut arrived_ms, mut lost) = (vec![], 0);
        for (index, claimed_at) in own.iter().enumerate() {
            ensure!(*claimed_at >= began, "{} had moved before it was claimed", vips[index]);
            let last = learned.iter().map(|host| host[index]).max().expect("there are hosts");
            arrived_ms.push((last - began).as_secs_f64() * 1e3);
            // What is lost comes with the first repeat, 20 ms after the claim.
            lost += learned.iter().filter(|host| host[index] >= *claimed_at + REPEATED_AFTER).count();
        }
        self.calm_down(size);
        Ok(Found { arrived_ms, sent_ms: sent.as_secs_f64() * 1e3, lost })
    }

    /// The ports that have lost a VIP are asked for it for 4.1 s; the machine is to be idle again.
    fn calm_down(&mut self, size: usize) {
        self.turn = 1 - self.turn;
        std::thread::sleep(PAUSE + PAUSE_PER_VIP * size as u32);
    }
}

/// One guest on each of three hosts: two that announce in turns, and one that listens.
struct Baseline {
    sides: [Claimant; 2],
    listener: PacketSocket,
    turn: usize,
    _plain: Plain,
}

impl Baseline {
    fn new(mtu: u32) -> Result<Self> {
        let guests = [11, 12, 13].map(|last| Ipv4Addr::new(10, 20, 64, last));
        let plain = Plain::bridge_and_vxlan(&guests, mtu)?;
        let vips: Vec<_> = (0..MOST_PLAIN).map(vip).collect();
        let [west, east, client] = &plain.posts[..] else { unreachable!("three guests were asked for") };
        let side = |post: &Post| Claimant::new(post.clone(), &vips, 0, 1);
        let sides = [side(west)?, side(east)?];
        let listener = client.packet_socket()?;
        setsockopt(&listener, sockopt::RcvBufForce, &(64 << 20))?;
        let mut baseline = Self { sides, listener, turn: 0, _plain: plain };
        for _ in 0..2 {
            baseline.run(10)?;
        }
        Ok(baseline)
    }

    fn run(&mut self, size: usize) -> Result<Found> {
        ensure!(size <= MOST_PLAIN, "the baseline has {MOST_PLAIN} addresses");
        let began: Nanos = now();
        let sent = shout(std::slice::from_ref(&self.sides[self.turn]), size)?;
        self.turn = 1 - self.turn;
        let (mut arrived_ms, mut missing) = (vec![], (0..size).map(vip).collect::<BTreeSet<_>>());
        let mut frame = [0; 128];
        while !missing.is_empty() {
            let Some(received) = self.listener.receive(&mut frame, Duration::from_millis(500))? else {
                break;
            };
            let announced = frame.get(14..).and_then(|bytes| Arp::decode(bytes).ok()).map(|arp| arp.sender);
            if announced.is_some_and(|address| missing.remove(&address)) {
                let at = received.at.duration_since(UNIX_EPOCH)?.as_nanos() as Nanos;
                arrived_ms.push(at.saturating_sub(began) as f64 / 1e6);
            }
        }
        Ok(Found { arrived_ms, sent_ms: sent.as_secs_f64() * 1e3, lost: missing.len() })
    }
}

/// What the baseline's guests announce.
fn vip(index: usize) -> Ipv4Addr {
    Ipv4Addr::from(Ipv4Addr::new(10, 20, 80, 0).to_bits() + index as u32)
}

/// On each of the two hosts.
const INSTANCES: usize = 20;
const MOST_PLAIN: usize = 4096;
/// Rule C6: an announcement is repeated for the first time 20 ms after the claim.
const REPEATED_AFTER: Duration = Duration::from_millis(19);
/// Rule C4's bucket gives two claims a second and port.
const PAUSE: Duration = Duration::from_millis(700);
const PAUSE_PER_VIP: Duration = Duration::from_millis(3);
