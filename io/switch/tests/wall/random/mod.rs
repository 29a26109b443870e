//! Random and mutated frames into every hook, and a judge who knows nothing of how the switch decides.
//!
//! The seed is printed, and `HAVIP_FUZZ_SEED=N` brings the same frames once more (what depends on time, as limits do,
//! may end otherwise); `HAVIP_FUZZ_FRAMES=N` says how many. `cargo xtask fuzz switch` gives it ten million.
//!
//! The programs are those that look on (`bpf/look.h`): they say where each frame went.

mod chance;
mod corpus;
mod mutate;
mod oracle;

use crate::scene::Wall;
use chance::Chance;
use corpus::{Given, Way, corpus};
use havip_switch::{Attach, Mode, Seen, TEST_ENTRY, Trace, Wanted};
use libbpf_rs::{MapCore, MapFlags, Object, ObjectBuilder, ProgramInput};
use oracle::{Devices, Left, Outcome, TO_THE_HOST, judge};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    os::fd::AsRawFd,
    time::{Duration, Instant},
};

/// Frames between two looks at what was told of them: all of it fits into the ring.
const BATCH: usize = 400;

#[test]
fn no_frame_at_all_reaches_another_vpc_or_the_host_or_goes_without_a_reason() {
    let number = |name: &str, otherwise: u64| {
        std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
    };
    let (seed, frames) = (number("HAVIP_FUZZ_SEED", 1), number("HAVIP_FUZZ_FRAMES", 100_000) as usize);
    println!("HAVIP_FUZZ_SEED={seed} HAVIP_FUZZ_FRAMES={frames}");
    let mut lab = Lab::new();
    let mut chance = Chance::new(seed);
    let (corpus, words) = (corpus(), mutate::words());
    let (mut done, mut told_at) = (0, Instant::now());
    while done < frames {
        let batch: Vec<Given> = (0..BATCH).map(|_| mutate::mutated(&mut chance, &corpus, &words)).collect();
        lab.try_all(&batch, seed);
        done += BATCH;
        if told_at.elapsed() > Duration::from_secs(10) {
            told_at = Instant::now();
            println!("{done} frames");
        }
    }
    println!("{done} frames, {:?}", lab.became);
    // Else it would prove little. The rest needs limits that are reached, maps that are full, or other configurations.
    let reasons = lab.became.len();
    assert!(reasons >= 45, "only {reasons} different ends: {:?}", lab.became.keys());
}

/// The scene of the wall, whose programs look on and are run on single frames.
struct Lab {
    wall: Wall,
    entry: Object,
    trace: Trace,
    devices: Devices,
    /// How often frames ended how.
    became: BTreeMap<&'static str, u64>,
}

/// What a run gives.
struct Ran {
    verdict: i32,
    after: Vec<u8>,
}

impl Lab {
    fn new() -> Self {
        let wall = Wall::new("random", Attach::Auto);
        let index = |device: &str| nix::net::if_::if_nametoindex(device).unwrap();
        let wanted = Wanted { messages: true, ..Wanted::default() };
        let trace = wall.switch.look_on(wall.switch.looker().load(Mode::FRAMES).unwrap(), &wanted).unwrap();
        let entry = ObjectBuilder::default().open_memory(TEST_ENTRY).unwrap().load().unwrap();
        let hooks = entry.maps().find(|map| map.name() == "entry_hooks").unwrap();
        for (slot, program) in ["port_rx", "overlay_rx", "edge_rx", "dhcp_rx"].into_iter().enumerate() {
            wall.switch.with_program(program, |program| {
                let slot = (slot as u32).to_ne_bytes();
                hooks.update(&slot, &program.as_raw_fd().to_ne_bytes(), MapFlags::ANY).unwrap();
            });
        }
        let ports = [11, 12, 21, 31, 41, 42].map(|number| (index(&format!("p{number}")), number)).into();
        let devices = Devices { ports, overlay: index("ov"), edge: index("e0"), dhcp: index("d0") };
        Self { wall, entry, trace, devices, became: BTreeMap::new() }
    }

    /// Gives the switch these frames, and judges what became of each and of all.
    fn try_all(&mut self, batch: &[Given], seed: u64) {
        let before = self.wall.switch.ledger().unwrap();
        let records = self.wall.records();
        let ran: Vec<Ran> = batch.iter().map(|given| self.run(given)).collect();
        let seen = self.told(ran.iter().filter(|ran| ran.verdict != TO_THE_HOST).count());

        let mut seen = seen.iter().peekable();
        let mut dropped: BTreeMap<&'static str, u64> = BTreeMap::new();
        for (given, ran) in batch.iter().zip(&ran) {
            let own = if ran.verdict == TO_THE_HOST { None } else { seen.next() };
            let reason = own.and_then(|seen| seen.reason).map(havip_switch::reason_name);
            let mut copies = vec![];
            while let Some(copy) = seen.next_if(|seen| seen.came_by.is_none()) {
                copies.push(left(copy, &copy.frame));
            }
            let own = own.map(|seen| left(seen, &ran.after));
            let outcome = Outcome {
                verdict: ran.verdict,
                after: &ran.after,
                reason,
                left: own.flatten(),
                copies: copies.into_iter().flatten().collect(),
            };
            if let Err(why) = judge(&self.devices, given, &outcome) {
                let ends: Vec<_> =
                    outcome.left.iter().chain(&outcome.copies).map(|left| (left.by, left.to)).collect();
                panic!(
                    "{why}: {:?}, tag {:?}, {:02x?}; verdict {}, reason {reason:?}, left {ends:?}, as {:02x?}; HAVIP_FUZZ_SEED={seed}",
                    given.way, given.tag, given.frame, ran.verdict, ran.after
                );
            }
            *self.became.entry(reason.unwrap_or("no reason")).or_default() += 1;
            if let Some(reason) = reason {
                *dropped.entry(reason).or_default() += 1;
            }
        }
        // No counter contradicts what was seen: of a frame only the first reason is.
        let now = self.wall.switch.ledger().unwrap();
        let counted = |name: &str| now.get(name).unwrap_or(&0) - before.get(name).unwrap_or(&0);
        for (reason, times) in dropped {
            assert!(
                counted(reason) >= times,
                "{reason} was seen {times} times and counted {}",
                counted(reason)
            );
        }
        let of_reasons: BTreeSet<&str> =
            havip_model::reason::REASONS.iter().map(|reason| reason.name).collect();
        let drops: u64 = now.keys().filter(|name| of_reasons.contains(*name)).map(|name| counted(name)).sum();
        let others: u64 = now.keys().map(|name| counted(name)).sum::<u64>() - drops;
        let told = ran.iter().filter(|ran| ran.verdict != TO_THE_HOST).count() as u64;
        assert!(drops + others >= told, "{told} frames, {drops} drops and {others} others counted");
        let moving = ["claim_made", "applied"].map(counted).iter().sum::<u64>();
        assert!(moving > 0 || self.wall.records() == records, "a VIP has moved, and nothing was counted");
        assert_eq!(self.wall.fell_through(), [""; 0]);
        self.wall.settle();
    }

    fn run(&self, given: &Given) -> Ran {
        let index = |device: &str| nix::net::if_::if_nametoindex(device).unwrap();
        let (slot, ifindex, outer, vni) = match given.way {
            Way::Port(number) => {
                let port = self.devices.ports.iter().find(|(_, port)| **port == number);
                (0u32, *port.expect("the scene has it").0, 0, 0)
            }
            Way::Overlay { from, vni } => (1, self.devices.overlay, u32::from(from), vni),
            Way::Edge => (2, self.devices.edge, 0, 0),
            Way::Dhcp => (3, index("d0"), 0, 0),
        };
        let mut context = [0; 192];
        let tag = given.tag.map_or(0, |tag| 1 << 16 | u32::from(tag));
        for (at, field) in [(40, ifindex), (48, outer), (52, vni), (56, slot), (60, tag)] {
            context[at..at + 4].copy_from_slice(&field.to_ne_bytes());
        }
        let mut after = vec![0; given.frame.len() + 512];
        let entry = self.entry.progs_mut().find(|program| program.name() == "entry").unwrap();
        let output = entry.test_run(ProgramInput {
            data_in: Some(&given.frame),
            data_out: Some(&mut after),
            context_in: Some(&mut context),
            ..Default::default()
        });
        let output = output.unwrap_or_else(|error| panic!("{error}: {given:02x?}"));
        let (length, verdict) = (output.data.unwrap().len(), output.return_value as i32);
        after.truncate(length);
        Ran { verdict, after }
    }

    /// What was told of so many frames; the last of them after some milliseconds.
    fn told(&mut self, frames: usize) -> Vec<Seen> {
        let mut all: Vec<Seen> = vec![];
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let (seen, lost) = self.trace.take().unwrap();
            assert_eq!(lost, 0, "the ring is too small for a batch");
            all.extend(seen);
            let count = all.iter().filter(|seen| seen.came_by.is_some()).count();
            assert!(count <= frames, "{count} frames were told, and {frames} sent");
            if count == frames {
                break;
            }
            assert!(Instant::now() < deadline, "{count} of {frames} frames were told");
            std::thread::yield_now();
        }
        all.sort_by_key(|seen| seen.at);
        all
    }
}

/// Where it went.
fn left<'a>(seen: &Seen, frame: &'a [u8]) -> Option<Left<'a>> {
    let to: Option<(Ipv4Addr, u32)> = seen.aimed_at;
    Some(Left { by: seen.left_by?, to, frame })
}
