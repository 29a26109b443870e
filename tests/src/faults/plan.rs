//! Chooses the steps: some trouble, claims in between, and from time to time everything is made whole again.

use super::{Random, Step, World, world::HostState};
use havip_lab::names::HostName;

/// Steps without end, the same for the same seed and world.
#[derive(Debug, Clone)]
pub struct Plan {
    random: Random,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// So many steps of trouble are left before everything is made whole.
    Trouble { left: usize },
    /// What is broken is mended, one thing after the other.
    Mending,
}

impl Plan {
    /// Begins.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let left = trouble(&mut random);
        Self { random, phase: Phase::Trouble { left } }
    }

    /// The next step; it is for this world and must be applied to it.
    pub fn next(&mut self, world: &World) -> Step {
        match self.phase {
            Phase::Trouble { left: 0 } => {
                self.phase = Phase::Mending;
                self.next(world)
            }
            Phase::Trouble { left } => {
                self.phase = Phase::Trouble { left: left - 1 };
                self.trouble(world)
            }
            Phase::Mending => match self.random.one(&mends(world)) {
                Some(mend) => mend.step(),
                None => {
                    let left = trouble(&mut self.random);
                    self.phase = Phase::Trouble { left };
                    Step::Settle
                }
            },
        }
    }

    fn trouble(&mut self, world: &World) -> Step {
        if self.random.percent(50) {
            return self.claims(world);
        }
        let mends = mends(world);
        // The more is broken, the more likely something is mended.
        if self.random.percent(15 * mends.len().min(5)) {
            return self.random.one(&mends).expect("a share of nothing is never reached").step();
        }
        match self.random.one(&faults(world)) {
            Some(fault) => fault.step(),
            None => self.claims(world),
        }
    }

    /// VIPs of which something is not sure first, then others; of each VIP the guests that run, in any order.
    fn claims(&mut self, world: &World) -> Step {
        let mut vips: Vec<usize> = (0..world.vips()).collect();
        self.random.shuffle(&mut vips);
        let unsettled = world.unsettled();
        vips.sort_by_key(|vip| !unsettled.contains(vip));
        let count = world.vips() / 4 + self.random.below(world.vips() / 4);
        vips.truncate(count.max(unsettled.len().min(world.vips() / 2)));
        let claims = vips.into_iter().map(|vip| {
            let mut guests: Vec<_> =
                world.entitled(vip).iter().copied().filter(|guest| world.runs(*guest)).collect();
            self.random.shuffle(&mut guests);
            (vip, guests)
        });
        Step::Claims(claims.filter(|(_, guests)| !guests.is_empty()).collect())
    }
}

/// What breaks or mends: small, to be chosen among many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Server(bool),
    Agent(HostName, bool),
    Cable(HostName, bool),
    Host(HostName, bool),
    Guest(usize, bool),
}

impl Deed {
    fn step(self) -> Step {
        match self {
            Self::Server(true) => Step::StartServer,
            Self::Server(false) => Step::KillServer,
            Self::Agent(host, true) => Step::StartAgent(host),
            Self::Agent(host, false) => Step::KillAgent(host),
            Self::Cable(host, true) => Step::Plug(host),
            Self::Cable(host, false) => Step::Unplug(host),
            Self::Host(host, true) => Step::BootHost(host),
            Self::Host(host, false) => Step::LoseHost(host),
            Self::Guest(guest, true) => Step::PowerOn(guest),
            Self::Guest(guest, false) => Step::PowerOff(guest),
        }
    }
}

/// What can be mended now.
fn mends(world: &World) -> Vec<Deed> {
    let mut mends = vec![];
    mends.extend((!world.server).then_some(Deed::Server(true)));
    for (host, state) in &world.hosts {
        match state {
            HostState { lives: false, .. } => mends.push(Deed::Host(*host, true)),
            HostState { agent, plugged, .. } => {
                mends.extend((!agent).then_some(Deed::Agent(*host, true)));
                mends.extend((!plugged).then_some(Deed::Cable(*host, true)));
            }
        }
    }
    let off = world.guests.iter().enumerate().filter(|(_, guest)| !guest.on && reaches(world, guest.host));
    mends.extend(off.map(|(number, _)| Deed::Guest(number, true)));
    mends
}

/// What can break now. What happens more often in a data centre is named more often.
fn faults(world: &World) -> Vec<Deed> {
    let mut faults = vec![];
    faults.extend(world.server.then_some([Deed::Server(false); 3]).into_iter().flatten());
    let apart = world.hosts.values().filter(|host| !host.lives || !host.plugged).count();
    // More than half of the peers that vanish at once are no evidence that they are lost: so two at most are away.
    let may_go = |host: HostName| {
        let left = world.joined().into_iter().filter(|other| *other != host);
        apart < 2 && left.filter(|other| matches!(other, HostName::Host(_))).count() > 0
    };
    for (host, state) in &world.hosts {
        faults.extend(
            (state.lives && state.agent).then_some([Deed::Agent(*host, false); 2]).into_iter().flatten(),
        );
        if state.lives && state.plugged && may_go(*host) {
            faults.extend([Deed::Cable(*host, false), Deed::Host(*host, false)]);
        }
    }
    let off = world.guests.iter().filter(|guest| !guest.on).count();
    let on = world.guests.iter().enumerate().filter(|(_, guest)| guest.on && reaches(world, guest.host));
    faults.extend(on.filter(|_| off < 2).map(|(number, _)| Deed::Guest(number, false)));
    faults
}

/// Whether what the API is told reaches a host.
fn reaches(world: &World, host: HostName) -> bool {
    world.server && world.hosts[&host] == HostState { lives: true, agent: true, plugged: true }
}

/// How many steps of trouble come in a row.
fn trouble(random: &mut Random) -> usize {
    16 + random.below(16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn world() -> World {
        let hosts = [1, 2, 3].map(HostName::Host);
        let guests = [1, 1, 2, 2, 3, 3].map(HostName::Host);
        World::new(hosts.into_iter().chain([1, 2].map(HostName::Edge)), &guests, vec![vec![0, 2, 4]; 12])
    }

    fn steps(seed: u64, count: usize) -> Vec<Step> {
        let (mut world, mut plan) = (world(), Plan::new(seed));
        (0..count)
            .map(|_| {
                let step = plan.next(&world);
                assert!(step != Step::Settle || world.is_whole(), "what settles is whole");
                assert!(world.joined().len() >= 3, "two hosts at most are away");
                if let Step::Claims(claims) = &step {
                    for (vip, guests) in claims {
                        assert!(guests.iter().all(|guest| world.runs(*guest)), "the dead claim nothing");
                        world.claim(*vip, guests[0]);
                    }
                }
                world.apply(&step);
                step
            })
            .collect()
    }

    #[test]
    fn the_same_seed_brings_the_same_steps() {
        assert_eq!(steps(7, 200), steps(7, 200));
        assert_ne!(steps(7, 200), steps(8, 200));
    }

    #[test]
    fn everything_dies_and_everything_is_made_whole_again_and_again() {
        for seed in 0..50 {
            let steps = steps(seed, 400);
            let kinds: BTreeSet<_> =
                steps.iter().map(std::mem::discriminant).map(|kind| format!("{kind:?}")).collect();
            assert_eq!(kinds.len(), 12, "seed {seed}: every kind of step");
            assert!(steps.iter().filter(|step| **step == Step::Settle).count() >= 6, "seed {seed}");
        }
    }
}
