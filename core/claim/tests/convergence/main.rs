//! Whatever happens, all hosts end with the same holder, none ever goes backwards, and a lone claimant holds.
//!
//! Each host is a `SwitchModel` and a `Keeper`; the network, the server and the guests are simulated.

mod agent;
mod claims;
mod failures;
mod guest;
mod host;
mod migrate;
mod network;
mod server;
mod step;
mod world;

use proptest::{collection::vec, prelude::*};
use step::{Step, steps};
use world::{World, host_number, ms};

/// A storm, and who claims after it.
#[derive(Debug, Clone)]
struct Storm {
    seed: u64,
    clock_errors: Vec<i64>,
    guests_on: Vec<usize>,
    /// A host that joins only when a step says so, or when the storm is over.
    joins_late: bool,
    refreshes: Vec<bool>,
    advertises: Vec<bool>,
    /// The VIPs' contention is `hold`.
    holds: bool,
    loss: u64,
    ring_loss: u64,
    delay_micros: u64,
    steps: Vec<(std::time::Duration, Step)>,
    /// The server does not come back when all is calm again.
    server_stays_dead: bool,
    /// Who claims then, and how long after.
    claimant: usize,
    claims_after_ms: u64,
}

fn storms() -> impl Strategy<Value = Storm> {
    let years = 365 * 24 * 3600 * 1000i64;
    let clock = prop_oneof![6 => -5000i64..5000, 1 => Just(9 * years), 1 => Just(-9 * years)];
    let fabric = (any::<u64>(), vec(clock, 2..5), vec(0usize..4, 2..6), any::<bool>(), any::<bool>());
    let guests = (vec(any::<bool>(), 6), vec(any::<bool>(), 6));
    let network = (
        0u64..40,
        prop_oneof![Just(0u64), Just(3)],
        prop_oneof![Just(500u64), Just(30_000), Just(2_000_000)],
    );
    let end = (vec(steps(), 0..40), any::<bool>(), 0usize..6, 0u64..3000);
    (fabric, guests, network, end).prop_map(
        |((seed, clock_errors, guests_on, joins_late, holds), (refreshes, advertises), network, end)| {
            let (loss, ring_loss, delay_micros) = network;
            let (steps, server_stays_dead, claimant, claims_after_ms) = end;
            Storm {
                seed,
                clock_errors,
                guests_on,
                joins_late,
                holds,
                refreshes,
                advertises,
                loss,
                ring_loss,
                delay_micros,
                steps,
                server_stays_dead,
                claimant,
                claims_after_ms,
            }
        },
    )
}

impl Storm {
    /// Runs the storm and leaves the world calm.
    fn rage(&self) -> World {
        let mut world = World::new(self.seed, &self.clock_errors, &self.guests_on);
        world.holds = self.holds;
        for (index, guest) in world.guests.iter_mut().enumerate() {
            guest.refreshes = self.refreshes[index];
            guest.advertises = self.advertises[index];
        }
        if self.joins_late {
            let last = host_number(self.clock_errors.len() - 1);
            world.server.desired.members.remove(&last);
        }
        world.start_all();
        world.run(ms(300));
        world.network.loss = self.loss;
        world.network.ring_loss = self.ring_loss;
        world.network.delay_micros = self.delay_micros;
        for (pause, step) in &self.steps {
            world.run(*pause);
            world.step(*step);
        }
        world.run(ms(200));
        world.calm(self.server_stays_dead);
        world
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(1500), failure_persistence: None, ..ProptestConfig::default() })]

    /// The lone claimant holds on every host, in the end and for good, also if it claims before it is entitled.
    #[test]
    fn a_lone_claimant_becomes_holder_on_every_host(storm in storms()) {
        let mut world = storm.rage();
        let claimant = storm.claimant % world.guests.len();
        for guest in 0..world.guests.len() {
            world.drop_address(guest, 0);
            world.guests[guest].refreshes = false;
        }
        world.link(claimant, true);
        world.entitle(0, world::port_number(claimant), true);
        world.run(ms(storm.claims_after_ms));
        world.claim(claimant, 0, 1);

        world.run(ms(12_000));
        world.agreed_holder(1);
        let holder = world.agreed_holder(0);
        if world.is_eligible(claimant, 0) && world.guests[claimant].addresses.contains(&world::vip(0)) {
            prop_assert_eq!(holder, Some(claimant), "{:?}", world.agreed(0));
        }
        prop_assert!(world.now - world.changed_at > ms(2000), "records still change");
        let (sent, exchanges) = (world.sent, world.exchanges);
        world.run(ms(2000));
        // Of two that have the other VIP's address for ever each is asked each second.
        let rivals = world.guests.iter().filter(|guest| guest.addresses.contains(&world::vip(1))).count();
        prop_assert!(rivals > 1 || world.sent == sent, "hosts still talk about it");
        // With the server dead, hosts may be configured differently for ever.
        prop_assert!(storm.server_stays_dead || world.exchanges == exchanges, "all have the same, and exchange it");
    }

    /// Whoever has the address and whatever they say: one holder for all hosts, and none only if nobody has it.
    #[test]
    fn all_hosts_end_with_the_same_holder(storm in storms()) {
        let mut world = storm.rage();
        let owner = storm.claimant % world.guests.len();
        for guest in 0..world.guests.len() {
            // One is left of those who claim again and again: otherwise the VIP moves for ever, as it must.
            if guest != owner {
                world.guests[guest].refreshes = false;
            }
        }
        world.run(ms(14_000));
        for vip in 0..2 {
            let holder = world.agreed_holder(vip);
            world.check_no_vacancy(vip);
            let owns = world.guests[owner].addresses.contains(&world::vip(vip));
            if owns && world.guests[owner].refreshes && world.is_eligible(owner, vip) {
                // Against one that has the address, too, and had it last, it waits for its turn.
                let waits = storm.holds && holder.is_some_and(|other| {
                    world.guests[other].addresses.contains(&world::vip(vip))
                });
                prop_assert!(waits || holder == Some(owner), "{:?}: it claims every 5 s, nobody else does", holder);
            }
        }
        prop_assert!(
            storm.holds || world.now - world.changed_at > ms(2000),
            "records still change"
        );
    }
}
