//! How long after a gratuitous ARP does the first packet reach the new holder?
//!
//! A client sends every 0.05 ms; one announcement by the other guest; the kernel's stamp of the first datagram at
//! the new holder minus the time just before the announcement was sent. In turns with a plain Linux bridge, and
//! with a bridge and kernel VXLAN between hosts, where nothing is checked and the client's ARP cache decides.
//! Each case has a VIP of its own, as rule C4 counts claims per VIP and port, and only the client whose turn it is
//! sends. There may be more hosts, and more VIPs held by somebody, and server and agents may be dead: it should not matter.

use anyhow::{Context, Result};
use clap::Parser;
use havip_api::{Associate, Contention, CreateVip};
use havip_benches::{
    crowd::{self, Records},
    interrupt,
    plain::Plain,
    post::{Post, next_arrival, now},
    priority,
    report::{OURS, Report},
    sender::{Sender, drain},
};
use havip_lab::{Scene, Setting, names::HostName};
use havip_packet_socket::PacketSocket;
use havip_wire::build::gratuitous_arp;
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    path::PathBuf,
    time::{Duration, Instant},
};

#[derive(Parser)]
struct Args {
    /// Trials per case
    #[arg(long, default_value_t = 200)]
    trials: usize,
    /// Hosts for instances, besides the edge; of two, only what is announced on the other one than the client's counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(2..=64))]
    hosts: u8,
    /// VIPs of the same VPC that an instance holds all the time
    #[arg(long, default_value_t = 0)]
    vips: usize,
    /// Server and agents are killed before the first trial
    #[arg(long)]
    stopped: bool,
    /// Write the results to this file, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    interrupt::heed()?;
    let mut report = Report::new("convergence", "ms");
    let mut values = BTreeMap::<(&str, &str), Vec<f64>>::new();
    let guests = [BLUE, GREEN, CLIENT];
    let own = Ours::new(&args)?;
    let mtu = own.post("client")?.link()?.mtu;
    let bridge = Plain::bridge(&guests, mtu)?;
    // As many hosts as ours, each with a guest that only listens.
    let idle = (4..=args.hosts).map(|number| Ipv4Addr::new(10, 20, 1, 10 + number));
    let vxlan = Plain::bridge_and_vxlan(&guests.into_iter().chain(idle).collect::<Vec<_>>(), mtu)?;
    // From here on, so that the lab's programs do not inherit it.
    priority::rise()?;
    let mut arenas = vec![
        Arena::new("same host", "bridge", &bridge.posts, VIP, VIP)?,
        Arena::new("other host", "bridge+vxlan", &vxlan.posts[..3], VIP, VIP)?,
    ];
    arenas.extend(own.arenas()?);
    if args.stopped {
        crowd::kill_programs(&own.scene.lab);
        // A heartbeat counts for a second; then claims are followed as on a host without an agent.
        std::thread::sleep(Duration::from_secs(2));
    }
    for trial in 0..args.trials {
        eprint!("\rtrial {} of {}", trial + 1, args.trials);
        for arena in &mut arenas {
            interrupt::check()?;
            let value = arena.trial()?;
            values.entry((arena.case, arena.who)).or_default().push(value);
        }
    }
    eprintln!();
    for case in ["same host", "other host", "routed", "eip"] {
        let mut row: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        if let Some(own) = values.get(&(case, OURS)) {
            row.insert(OURS.into(), own.clone());
        }
        // Routed and through the EIP there is nothing like it: compared with the plain cross-host case.
        let baseline =
            if case == "same host" { ("same host", "bridge") } else { ("other host", "bridge+vxlan") };
        row.insert(baseline.1.into(), values[&baseline].clone());
        report.row(case, &row);
    }
    own.scene.went_well();
    report.finish(args.json.as_ref())
}

/// Two guests that take turns, and a client that sends all the time.
struct Arena {
    case: &'static str,
    who: &'static str,
    turn: usize,
    claimants: [Claimant; 2],
    /// Whose announcements are measured.
    counts: [bool; 2],
    last_at: Instant,
    client: Sender,
}

struct Claimant {
    socket: PacketSocket,
    announcement: Vec<u8>,
    receiver: UdpSocket,
}

impl Arena {
    /// `posts`: two who claim `vip` in turns, and a client that sends to `target`.
    fn new(
        case: &'static str,
        who: &'static str,
        posts: &[Post],
        vip: Ipv4Addr,
        target: Ipv4Addr,
    ) -> Result<Self> {
        let [first, second, client] = posts else { anyhow::bail!("an arena has three posts") };
        let claimant = |post: &Post| -> Result<Claimant> {
            post.run(&["ip", "address", "replace", &format!("{vip}/32"), "dev", "eth0"])?;
            Ok(Claimant {
                socket: post.packet_socket()?,
                announcement: gratuitous_arp(post.mac()?, vip),
                receiver: post.stamped_receiver(vip, PORT)?,
            })
        };
        let claimants = [claimant(first)?, claimant(second)?];
        claimants[0].socket.send(&claimants[0].announcement)?;
        let client = Sender::start(client.sender()?, SocketAddrV4::new(target, PORT));
        let counts = [true; 2];
        let mut arena = Self { case, who, turn: 1, claimants, counts, last_at: Instant::now(), client };
        // Caches warm up: neighbours of the underlay, ARP of the client.
        for _ in 0..4 {
            arena.trial().with_context(|| format!("{who}, {case}: warming up"))?;
        }
        Ok(arena)
    }

    /// The milliseconds from an announcement that counts to the first arrival.
    fn trial(&mut self) -> Result<f64> {
        while !self.counts[self.turn] {
            self.announce()?;
        }
        self.announce()
    }

    /// The one whose turn it is takes the VIP.
    fn announce(&mut self) -> Result<f64> {
        // Rule C4's bucket gives two claims a second and port.
        std::thread::sleep((self.last_at + SPACING).saturating_duration_since(Instant::now()));
        let _sending = self.client.send();
        std::thread::sleep(RUN_UP);
        let claimant = &self.claimants[self.turn];
        drain(&claimant.receiver);
        let announced_at = now();
        claimant.socket.send(&claimant.announcement)?;
        self.last_at = Instant::now();
        let deadline = self.last_at + Duration::from_secs(3);
        self.turn = 1 - self.turn;
        while Instant::now() < deadline {
            if let Some(at) = next_arrival(&claimant.receiver)
                && at >= announced_at
            {
                return Ok((at - announced_at) as f64 / 1e6);
            }
        }
        anyhow::bail!("{}, {}: nothing arrived within 3 s", self.who, self.case)
    }
}

/// Our lab: claimants on one host and on two, clients in four places, a VIP for each.
struct Ours {
    scene: Scene,
    eip: Ipv4Addr,
    /// The clients' host is also that of one claimant.
    shares: bool,
}

impl Ours {
    fn new(args: &Args) -> Result<Self> {
        let program = std::env::current_exe()?.with_file_name("havip");
        // Of two hosts the clients are on the first.
        let clients = if args.hosts > 2 { 3 } else { 1 };
        let mut setting = Setting::subnet("10.20.1.0/24")
            .hosts(args.hosts)
            .vip(&VIP.to_string())
            .edges(1)
            .guest_on("blue", 1)
            .guest_on("green", 2)
            .guest_on("twin", 1)
            .guest_on("near", 1)
            .guest_on("client", clients);
        // A host without a port in the VPC would not hear of it.
        for host in 4..=args.hosts {
            setting = setting.guest_on(&format!("idle-{host}"), host);
        }
        let mut scene = crowd::without_quotas(setting).start(program)?;
        let other = scene.make_subnet("other", "10.20.2.0/24")?;
        scene.add_guest_in(&other, "routed", HostName::Host(clients), "")?;
        scene.associate(["blue", "green"])?;
        scene.follow_every_claim()?;
        let eip = scene.bind_eip(scene.vip_id())?;
        scene.open_to_all("udp", "")?;
        for (vip, claimants) in
            [(SAME_HOST, ["blue", "twin"]), (OTHER_HOST, ["blue", "green"]), (ROUTED, ["blue", "green"])]
        {
            let body = CreateVip {
                // Two guests that take turns every moment are what a hold is against.
                contention: Contention::Follow,
                subnet: scene.subnet.clone(),
                address: Some(vip.to_string()),
                associations: claimants.map(|guest| Associate::claim(&scene[guest].id)).into(),
                ..CreateVip::default()
            };
            scene.settled(|client| client.create_vip(&body))?;
        }
        let ours = Self { scene, eip, shares: args.hosts == 2 };
        Ok(match args.vips {
            0 => ours,
            vips => ours.with_others(vips)?,
        })
    }

    /// So many VIPs more, all held by an instance of the second host.
    fn with_others(mut self, vips: usize) -> Result<Self> {
        let subnet = self.scene.make_subnet("crowd", "10.20.64.0/18")?;
        self.scene.add_guest_in(&subnet, "crowd", HostName::Host(2), "")?;
        let associations = vec![Associate::claim(&self.scene["crowd"].id)];
        let body = CreateVip { subnet, associations, ..CreateVip::default() };
        let vips = crowd::make_vips(&self.scene, &vec![body; vips])?;
        let crowd = self.post("crowd")?;
        let (socket, mac) = (crowd.packet_socket()?, crowd.mac()?);
        for vip in &vips {
            socket.send(&gratuitous_arp(mac, *vip))?;
        }
        Records::open(&self.scene)?.eventually_all(&vips, crowd::host_number(&self.scene, 2)?)?;
        Ok(self)
    }

    fn arenas(&self) -> Result<Vec<Arena>> {
        let post = |name: &str| self.post(name);
        let outside = Post { namespace: self.scene.lab.outside_namespace()?, address: VIP };
        let across = |case, client: Post, vip, target| -> Result<Arena> {
            let posts = [post("blue")?, post("green")?, client];
            Ok(Arena {
                counts: [!self.shares || case == "eip", true],
                ..Arena::new(case, OURS, &posts, vip, target)?
            })
        };
        let same_host = [post("blue")?, post("twin")?, post("near")?];
        Ok(vec![
            Arena::new("same host", OURS, &same_host, SAME_HOST, SAME_HOST)?,
            across("other host", post("client")?, OTHER_HOST, OTHER_HOST)?,
            across("routed", post("routed")?, ROUTED, ROUTED)?,
            across("eip", outside, VIP, self.eip)?,
        ])
    }

    fn post(&self, name: &str) -> Result<Post> {
        let guest = &self.scene[name];
        Ok(Post { namespace: guest.network_namespace()?, address: guest.address })
    }
}

const BLUE: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 11);
const GREEN: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 12);
const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 13);
/// The VIP of the baselines, and ours with the EIP.
const VIP: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 100);
const SAME_HOST: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 101);
const OTHER_HOST: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 102);
const ROUTED: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 103);
const PORT: u16 = 9000;
const SPACING: Duration = Duration::from_millis(600);
/// The client's packets flow before the announcement: neighbours are resolved, caches are warm.
const RUN_UP: Duration = Duration::from_millis(10);
