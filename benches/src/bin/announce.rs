//! How long does an announcement keep the claimant, and when has the last host heard it?
//!
//! One host's switch, whose peers are one socket: 1 to 64 of them are told directly, more by relays as the agent chooses
//! them. One relay is a kernel with a switch of its own, the last that the claimant tells, so that what it passes on is
//! the last of all; the others are sockets, too, as on real machines each would do the same at the same time. Here the
//! claimant's processor also does the relay's work: the claimant's own delay is that of the 64 direct copies.
//! The baseline is the same announcement by a guest whose host tells nobody.

use anyhow::{Context, Result, ensure};
use clap::Parser;
use havip_benches::{
    fabric::{Fabric, HOST, RELAY, VIP, host},
    interrupt,
    post::now,
    priority,
    report::{OURS, Report},
};
use havip_packet_socket::PacketSocket;
use havip_reconcile::compile::{Audience, MOST_MEMBERS};
use havip_wire::build::gratuitous_arp;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::{Duration, Instant},
};

#[derive(Parser)]
struct Args {
    /// How many other hosts the VPC has; may be given several times
    #[arg(long = "hosts", default_values_t = [0, 1, 2, 4, 8, 16, 32, 64, 100, 300, 1000])]
    sizes: Vec<u32>,
    /// Trials of each size
    #[arg(long, default_value_t = 100)]
    trials: usize,
    /// Write the results to this file, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    interrupt::heed()?;
    let most = args.sizes.iter().copied().max().context("no size was given")?;
    let fabric = Fabric::new(most + 2)?;
    fabric.set_sealed(true)?;
    let claimants = fabric
        .guests
        .each_ref()
        .map(|guest| -> Result<_> { Ok((guest.packet_socket()?, gratuitous_arp(guest.mac()?, VIP))) });
    let [first, second] = claimants;
    let claimants = [first?, second?];
    priority::rise()?;
    priority::stay_on(0);
    let mut found: BTreeMap<u32, BTreeMap<&str, Vec<f64>>> = BTreeMap::new();
    let mut turn = 0;
    for trial in 0..=args.trials {
        eprint!("\rtrial {trial} of {}    ", args.trials);
        for size in &args.sizes {
            interrupt::check()?;
            // Each takes it from the other: whoever holds it already only refreshes.
            turn = 1 - turn;
            let values = trial_of(&fabric, *size, &claimants[turn])?;
            // The first of each only warms up.
            for (what, value) in values.into_iter().filter(|_| trial > 0) {
                found.entry(*size).or_default().entry(what).or_default().push(value);
            }
        }
    }
    eprintln!();
    let mut report = Report::new("announce", "µs");
    for (size, values) in found {
        for (what, values) in values {
            report.row(&format!("{size} others, {what}"), &BTreeMap::from([(OURS.to_owned(), values)]));
        }
    }
    report.finish(args.json.as_ref())
}

fn trial_of(
    fabric: &Fabric,
    size: u32,
    (socket, announcement): &(PacketSocket, Vec<u8>),
) -> Result<Vec<(&'static str, f64)>> {
    let is_relayed = size as usize > MOST_MEMBERS;
    let all: BTreeSet<_> = (1..=size + 1).filter(|number| is_relayed || *number != RELAY).map(host).collect();
    // Without relays the second host is none of the VPC, and there is one more socket.
    let all = if is_relayed || size == 0 { all } else { all.into_iter().chain([host(size + 2)]).collect() };
    let mut members = Audience::of(host(HOST), &all).members;
    let relayed = match is_relayed {
        true => Audience::of(host(RELAY), &all).relayed,
        false => vec![],
    };
    if is_relayed {
        // The host with a kernel is the one that is told last, in the place of the one chosen there.
        members.retain(|member| *member != host(RELAY));
        members.truncate(MOST_MEMBERS - 1);
        members.push(host(RELAY));
    }
    let sockets = members.len() - usize::from(is_relayed);
    let passed_on = relayed.iter().filter(|member| **member != host(HOST)).count();
    fabric.set_audience(members, relayed)?;

    let (stamp, began) = (now(), Instant::now());
    socket.send(announcement)?;
    let own = began.elapsed();
    let heard = fabric.heard(sockets + passed_on)?;
    ensure!(heard.len() == sockets + passed_on, "{} of {} copies came", heard.len(), sockets + passed_on);
    let last = |hops| {
        let its = heard.iter().filter(|heard| heard.announcement.hops == hops);
        its.map(|heard| (heard.at - stamp) as f64 / 1e3).reduce(f64::max)
    };
    // A host without an agent follows 32 claims of a port in a second.
    std::thread::sleep(PAUSE);
    let mut values = vec![];
    values.extend((!is_relayed).then_some(("the claimant's own delay", own.as_secs_f64() * 1e6)));
    values.extend(last(0).map(|at| ("the last that is told directly", at)));
    values.extend(last(1).map(|at| ("the last behind the last relay", at)));
    Ok(values)
}

const PAUSE: Duration = Duration::from_millis(35);
