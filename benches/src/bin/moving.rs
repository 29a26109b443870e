//! How long until an address that moves is reached at its new place: by a claim, and by a call of the API?
//!
//! A VIP, claimed by one gratuitous ARP of its new holder, and a secondary address that the API moves in one call, as
//! one does in clouds without such VIPs. Both in turns between the same two guests on two hosts, with a client on a
//! third that sends every 0.05 ms; the kernel's stamp of the first datagram at the new place minus the time just
//! before the announcement, or before the call. Who decides to move, and how long that takes, is not measured: a
//! script that calls an API must do the same work as one that announces, and reach the API from where it is.

use anyhow::{Context, Result, ensure};
use clap::Parser;
use havip_api::{AddAddresses, Client};
use havip_benches::{
    interrupt,
    post::{Post, next_arrival, now},
    priority,
    report::{OURS, Report},
    sender::{Sender, drain},
};
use havip_lab::{Scene, Setting};
use havip_packet_socket::PacketSocket;
use havip_wire::build::gratuitous_arp;
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    path::PathBuf,
    sync::mpsc,
    time::{Duration, Instant},
};

#[derive(Parser)]
struct Args {
    /// Trials per case
    #[arg(long, default_value_t = 100)]
    trials: usize,
    /// Write the results to this file, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    interrupt::heed()?;
    let scene = scene()?;
    priority::rise()?;
    let places = [Place::of(&scene, "blue")?, Place::of(&scene, "green")?];
    let client = post(&scene, "client")?;
    let to =
        |address| -> Result<Sender> { Ok(Sender::start(client.sender()?, SocketAddrV4::new(address, PORT))) };
    let (to_vip, to_secondary) = (to(VIP)?, to(SECONDARY)?);
    let (mut arrived, mut answered) = (BTreeMap::<String, Vec<f64>>::new(), vec![]);
    for trial in 0..args.trials + WARM_UP {
        interrupt::check()?;
        eprint!("\rtrial {} of {}", trial.saturating_sub(WARM_UP) + 1, args.trials);
        let (place, other) = (&places[(trial + 1) % 2], &places[trial % 2]);
        let claimed = place.claim(&to_vip)?;
        let (moved, call) = place.is_given(&scene, other, &to_secondary)?;
        if trial >= WARM_UP {
            arrived.entry(OURS.into()).or_default().push(claimed);
            arrived.entry("API call".into()).or_default().push(moved);
            answered.push(call);
        }
        // Rule C4's bucket gives two claims a second and port.
        std::thread::sleep(SPACING);
    }
    eprintln!();
    let mut report = Report::new("moving", "ms");
    report.row("first packet at the new place", &arrived);
    report.row("the call is answered", &BTreeMap::from([("API call".into(), answered)]));
    scene.went_well();
    report.finish(args.json.as_ref())
}

fn scene() -> Result<Scene> {
    let program = std::env::current_exe()?.with_file_name("havip");
    let scene = Setting::subnet("10.20.1.0/24")
        .vip(&VIP.to_string())
        .guests(["blue", "green", "client"])
        .start(program)?;
    scene.associate(["blue", "green"])?;
    scene.follow_every_claim()?;
    let first = scene.interface_of("blue")?.meta.id;
    let body = AddAddresses { addresses: vec![SECONDARY.to_string()], ..AddAddresses::default() };
    scene.settled(|client| client.add_addresses(&first, &body))?;
    Ok(scene)
}

fn post(scene: &Scene, name: &str) -> Result<Post> {
    let guest = &scene[name];
    Ok(Post { namespace: guest.network_namespace()?, address: guest.address })
}

/// A guest that has both addresses, and may hold one and be given the other.
struct Place {
    interface: String,
    socket: PacketSocket,
    announcement: Vec<u8>,
    as_vip: UdpSocket,
    as_secondary: UdpSocket,
}

impl Place {
    fn of(scene: &Scene, name: &str) -> Result<Self> {
        let post = post(scene, name)?;
        for address in [VIP, SECONDARY] {
            post.run(&["ip", "address", "replace", &format!("{address}/32"), "dev", "eth0"])?;
        }
        Ok(Self {
            interface: scene.interface_of(name)?.meta.id,
            socket: post.packet_socket()?,
            announcement: gratuitous_arp(post.mac()?, VIP),
            as_vip: post.stamped_receiver(VIP, PORT)?,
            as_secondary: post.stamped_receiver(SECONDARY, PORT)?,
        })
    }

    /// The milliseconds from its announcement to the first arrival.
    fn claim(&self, client: &Sender) -> Result<f64> {
        let _sending = client.send();
        std::thread::sleep(RUN_UP);
        drain(&self.as_vip);
        let announced_at = now();
        self.socket.send(&self.announcement)?;
        arrival_since(&self.as_vip, announced_at).context("the VIP was claimed")
    }

    /// The same from a call that gives it the address, and when that was answered.
    fn is_given(&self, scene: &Scene, other: &Self, client: &Sender) -> Result<(f64, f64)> {
        let _sending = client.send();
        std::thread::sleep(RUN_UP);
        drain(&self.as_secondary);
        let body = AddAddresses {
            addresses: vec![SECONDARY.to_string()],
            from: Some(other.interface.clone()),
            ..AddAddresses::default()
        };
        let (began, ended) = (mpsc::channel(), mpsc::channel());
        std::thread::scope(|threads| {
            let call = threads.spawn(|| {
                scene.lab.api(|api: &Client| {
                    // The connection and the thread's way to the server are there before the clock runs.
                    api.interface(&self.interface)?;
                    began.0.send(now()).expect("somebody waits for it");
                    let given = api.add_addresses(&self.interface, &body);
                    ended.0.send(now()).expect("somebody waits for it");
                    given
                })
            });
            let called_at = began.1.recv().context("the server does not answer")?;
            let arrived = arrival_since(&self.as_secondary, called_at).context("the API moved the address");
            let given = call.join().expect("the call does not panic")?;
            ensure!(given.secondary_addresses == body.addresses, "{given:?}");
            Ok((arrived?, (ended.1.recv()? - called_at) as f64 / 1e6))
        })
    }
}

/// The milliseconds until a datagram arrives that is stamped later.
fn arrival_since(receiver: &UdpSocket, since: u64) -> Result<f64> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(at) = next_arrival(receiver)
            && at >= since
        {
            return Ok((at - since) as f64 / 1e6);
        }
    }
    anyhow::bail!("and nothing arrived within {PATIENCE:?}")
}

const VIP: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 100);
const SECONDARY: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 50);
const PORT: u16 = 9000;
const WARM_UP: usize = 4;
const SPACING: Duration = Duration::from_millis(300);
/// The client's packets flow before the address moves: neighbours are resolved, caches are warm.
const RUN_UP: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(3);
