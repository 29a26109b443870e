//! What does the switch cost per packet?
//!
//! One TCP stream, small UDP packets per second and their processor time, and the round trip of a ping; on one host and
//! across two; ours in turns with a Linux bridge, and with a bridge and kernel VXLAN.
//! And what security groups add to it: the same across, and the time of a new connection, to guests whose groups have 2
//! rules (the default one), 10 and 1000.

use anyhow::Result;
use clap::Parser;
use havip_api::{Direction, NewRule};
use havip_benches::{
    interrupt,
    plain::Plain,
    post::Post,
    priority,
    report::{OURS, Report},
    traffic,
};
use havip_lab::{Scene, Setting};
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
}

fn main() -> Result<()> {
    let args = Args::parse();
    interrupt::heed()?;
    let time = Duration::from_millis(args.millis);
    let guests = [Ipv4Addr::new(10, 20, 1, 11), Ipv4Addr::new(10, 20, 1, 12)];
    let program = std::env::current_exe()?.with_file_name("havip");
    let scene = Setting::subnet("10.20.1.0/24")
        .hosts(2)
        .guest_on("one", 1)
        .guest_on("near", 1)
        .guest_on("far", 2)
        .guest_on("ten", 2)
        .guest_on("thousand", 2)
        .start(program)?;
    guard(&scene, "ten", 1, 10)?;
    guard(&scene, "thousand", 5, 200)?;
    let post = |name: &str| -> Result<Post> {
        let guest = &scene[name];
        Ok(Post { namespace: guest.network_namespace()?, address: guest.address })
    };
    let (one, near, far) = (post("one")?, post("near")?, post("far")?);
    let (ten, thousand) = (post("ten")?, post("thousand")?);
    let mtu = one.link()?.mtu;
    let (bridge, vxlan) = (Plain::bridge(&guests, mtu)?, Plain::bridge_and_vxlan(&guests, mtu)?);
    let paths = [
        Path { case: "same host", who: OURS, from: &one, to: &near },
        Path { case: "same host", who: "bridge", from: &bridge.posts[0], to: &bridge.posts[1] },
        Path { case: "across", who: OURS, from: &one, to: &far },
        Path { case: "across", who: "bridge+vxlan", from: &vxlan.posts[0], to: &vxlan.posts[1] },
        Path { case: "across, 10 rules", who: OURS, from: &one, to: &ten },
        Path { case: "across, 1000 rules", who: OURS, from: &one, to: &thousand },
    ];
    // From here on, so that the lab's programs do not inherit it.
    priority::rise()?;
    priority::stay_on(0);
    let mut values = BTreeMap::<(String, String), Vec<f64>>::new();
    for round in 0..args.rounds {
        for path in &paths {
            interrupt::check()?;
            eprint!("\rround {} of {}: {} {:<20}", round + 1, args.rounds, path.who, path.case);
            let flood = traffic::udp_flood(path.from, path.to, time)?;
            for (what, value) in [
                ("TCP Gbit/s", traffic::tcp_stream(path.from, path.to, time)?),
                ("UDP kpackets/s", flood.per_second / 1e3),
                ("UDP CPU µs/packet", flood.cpu_micros),
                ("round trip µs", traffic::round_trip(path.from, path.to, 5000)?),
                ("new connection µs", traffic::new_connection(path.from, path.to, 2000)?),
            ] {
                values.entry((format!("{what}, {}", path.case), path.who.into())).or_default().push(value);
            }
        }
    }
    eprintln!();
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
