//! What does a seal cost?
//!
//! Hearing an announcement that is known already, as a datagram of a peer's socket, whose sending ends when the host's
//! kernel is done with it; and making one, as a guest's claim that is announced to two hosts. With seals and without, in
//! turns. The times hold the way into the kernel and the tunnel, which are the same for both.

use anyhow::{Context, Result};
use clap::Parser;
use havip_benches::{
    fabric::{Fabric, VIP, host, key, vip},
    interrupt, priority,
    report::{OURS, Report},
};
use havip_model::MacAddr;
use havip_wire::{
    Announcement, EtherType, Message, RecordKind,
    build::{frame, gratuitous_arp},
};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

#[derive(Parser)]
struct Args {
    /// Rounds, in turns
    #[arg(long, default_value_t = 50)]
    rounds: usize,
    /// Datagrams heard in each
    #[arg(long, default_value_t = 2000)]
    datagrams: u32,
    /// Write the results to this file, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    interrupt::heed()?;
    let fabric = Fabric::new(8)?;
    fabric.set_audience([3, 4].map(host).to_vec(), vec![])?;
    let guests = fabric
        .guests
        .each_ref()
        .map(|guest| -> Result<_> { Ok((guest.packet_socket()?, gratuitous_arp(guest.mac()?, VIP))) });
    let [first, second] = guests;
    let guests = [first?, second?];
    let peer = fabric.peer(5)?;
    priority::rise()?;
    priority::stay_on(0);
    let (mut hearing, mut claiming) = (Row::new(), Row::new());
    for round in 0..=args.rounds {
        interrupt::check()?;
        eprint!("\rround {round} of {}    ", args.rounds);
        for (who, sealed) in [("unsealed", false), (OURS, true)] {
            fabric.set_sealed(sealed)?;
            let (socket, claim) = &guests[usize::from(sealed)];
            let began = Instant::now();
            socket.send(claim)?;
            let claimed = began.elapsed();
            fabric.heard(2)?;

            let record = fabric.host.record(vip())?.context("the claim was not followed")?;
            let message = Message::Record { kind: RecordKind::Announce, key: vip(), record };
            let known = Announcement { from: host(5), hops: 1, nonce: 0, sent_at: 0, message };
            let bytes = if sealed { known.sealed(&key()) } else { known.encode() };
            let bytes = frame(MacAddr([2, 0x68, 0x76, 0, 0, 0]), MacAddr::BROADCAST)
                .raw(EtherType::ANNOUNCEMENT, &bytes);
            let datagram = [&ANNOUNCEMENTS[..], &bytes].concat();
            let began = Instant::now();
            for _ in 0..args.datagrams {
                fabric.tell_host(&peer, &datagram)?;
            }
            let heard = began.elapsed() / args.datagrams;
            // The first round only warms up.
            if round > 0 {
                claiming.entry(who.into()).or_default().push(micros(claimed));
                hearing.entry(who.into()).or_default().push(micros(heard));
            }
            // A host without an agent follows 32 claims of a port in a second.
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    eprintln!();
    let ledger = fabric.host.ledger()?;
    let known = ledger.get("as_great").copied().unwrap_or_default();
    let expected = (args.rounds as u64 + 1) * 2 * u64::from(args.datagrams);
    anyhow::ensure!(known == expected, "{known} of {expected} datagrams were heard: {ledger:?}");
    let mut report = Report::new("seal", "µs");
    report.row("hearing what is known", &hearing);
    report.row("a claim, told to two", &claiming);
    report.finish(args.json.as_ref())
}

type Row = BTreeMap<String, Vec<f64>>;

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// A VXLAN header with the VNI of announcements.
const ANNOUNCEMENTS: [u8; 8] = [8, 0, 0, 0, 0xff, 0xff, 0xff, 0];
