//! What must be so after each step, by the rules alone (sections 5 and 7 of the design).
//!
//! The guests have none of the VIPs' addresses: asked whether they do, they are silent, so that a VIP is moved by
//! claims, and released when its holder's port or host is gone, and by nothing else. The VIPs' contention is
//! `follow`. Then this is certain:
//!
//! - a claim is followed by every host that its announcement reaches, at once, whoever of us is dead;
//! - a host that is cut off has what it had, and what its own guests claimed since;
//! - a port that goes down is released by its agent; a lost host's VIPs are released by any agent that misses it,
//!   but when is that agent's business: until then the record may be either;
//! - hosts that differ agree again when the agents of all of them live, on the latest claim; where one is dead,
//!   nothing is sure before the next claim.

use super::Step;
use havip_lab::names::HostName;
use std::collections::BTreeMap;

/// What a host's kernel must have of a VIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// No record: nobody has claimed it since the host was booted, or none that it could hear of.
    Nobody,
    /// The record of this claim, by this guest.
    Held {
        /// Counts claims of all VIPs.
        claim: u64,
        /// Who.
        guest: usize,
    },
    /// The same, released.
    Released {
        /// Counts claims of all VIPs.
        claim: u64,
        /// Who.
        guest: usize,
    },
    /// One of the two.
    Either {
        /// Counts claims of all VIPs.
        claim: u64,
        /// Who.
        guest: usize,
    },
    /// Anything: an agent that would have repaired it is dead, or was.
    Unknown,
}

impl View {
    fn claim(self) -> u64 {
        match self {
            Self::Nobody | Self::Unknown => 0,
            Self::Held { claim, .. } | Self::Released { claim, .. } | Self::Either { claim, .. } => claim,
        }
    }

    fn guest(self) -> Option<usize> {
        match self {
            Self::Nobody | Self::Unknown => None,
            Self::Held { guest, .. } | Self::Released { guest, .. } | Self::Either { guest, .. } => {
                Some(guest)
            }
        }
    }
}

/// A host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostState {
    /// It has power.
    pub lives: bool,
    /// Its agent runs.
    pub agent: bool,
    /// Its underlay cable is plugged in.
    pub plugged: bool,
}

/// A guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuestState {
    /// Where it is.
    pub host: HostName,
    /// It is to run; it does while its host lives.
    pub on: bool,
}

/// Everything that a step may change.
#[derive(Debug, Clone)]
pub struct World {
    /// The server runs.
    pub server: bool,
    /// All hosts, edges among them.
    pub hosts: BTreeMap<HostName, HostState>,
    /// The guests.
    pub guests: Vec<GuestState>,
    /// Who may claim each VIP.
    entitled: Vec<Vec<usize>>,
    views: Vec<BTreeMap<HostName, View>>,
    claims: u64,
}

impl World {
    /// Everything lives, and nothing is held. `guests` are on these hosts, `entitled` may claim each VIP.
    pub fn new(
        hosts: impl IntoIterator<Item = HostName>,
        guests: &[HostName],
        entitled: Vec<Vec<usize>>,
    ) -> Self {
        let whole = HostState { lives: true, agent: true, plugged: true };
        let hosts: BTreeMap<_, _> = hosts.into_iter().map(|host| (host, whole)).collect();
        let views = hosts.keys().map(|host| (*host, View::Nobody)).collect();
        Self {
            server: true,
            guests: guests.iter().map(|host| GuestState { host: *host, on: true }).collect(),
            views: vec![views; entitled.len()],
            hosts,
            entitled,
            claims: 0,
        }
    }

    /// How many VIPs there are.
    pub fn vips(&self) -> usize {
        self.entitled.len()
    }

    /// Who may claim it.
    pub fn entitled(&self, vip: usize) -> &[usize] {
        &self.entitled[vip]
    }

    /// What a host must have of a VIP.
    pub fn view(&self, host: HostName, vip: usize) -> View {
        self.views[vip][&host]
    }

    /// Whether a guest runs.
    pub fn runs(&self, guest: usize) -> bool {
        let GuestState { host, on } = self.guests[guest];
        on && self.hosts[&host].lives
    }

    /// The hosts that hear each other and this one: itself alone if it is cut off, nobody without power.
    pub fn hearing(&self, host: HostName) -> Vec<HostName> {
        match self.hosts[&host] {
            HostState { lives: false, .. } => vec![],
            HostState { plugged: false, .. } => vec![host],
            HostState { .. } => self.joined(),
        }
    }

    /// The hosts that live and are plugged in.
    pub fn joined(&self) -> Vec<HostName> {
        let joined = self.hosts.iter().filter(|(_, state)| state.lives && state.plugged);
        joined.map(|(host, _)| *host).collect()
    }

    /// Whether the agents of all these run, so that whatever differs between them is repaired.
    pub fn is_repaired(&self, hosts: &[HostName]) -> bool {
        hosts.iter().all(|host| self.hosts[host].agent)
    }

    /// Whether nothing is broken.
    pub fn is_whole(&self) -> bool {
        self.server
            && self.hosts.values().all(|host| host.lives && host.agent && host.plugged)
            && self.guests.iter().all(|guest| guest.on)
    }

    /// The VIPs of which the joined hosts may have different records, or nobody knows which.
    pub fn unsettled(&self) -> Vec<usize> {
        let joined = self.joined();
        let is_sure = |vip: &usize| {
            let mut views = joined.iter().map(|host| self.view(*host, *vip));
            let first = views.next().unwrap_or(View::Nobody);
            matches!(first, View::Held { .. } | View::Released { .. }) && views.all(|view| view == first)
        };
        (0..self.vips()).filter(|vip| !is_sure(vip)).collect()
    }

    /// Takes a step that is no claim.
    pub fn apply(&mut self, step: &Step) {
        match step {
            Step::KillServer => self.server = false,
            Step::StartServer => self.server = true,
            Step::KillAgent(host) => self.host(*host).agent = false,
            Step::StartAgent(host) => {
                self.host(*host).agent = true;
                self.meet(*host);
            }
            Step::Unplug(host) => {
                self.host(*host).plugged = false;
                self.miss(*host);
            }
            Step::Plug(host) => {
                self.host(*host).plugged = true;
                self.meet(*host);
            }
            Step::LoseHost(host) => {
                *self.host(*host) = HostState { lives: false, agent: false, plugged: false };
                self.miss(*host);
            }
            Step::BootHost(host) => {
                *self.host(*host) = HostState { lives: true, agent: true, plugged: true };
                for views in &mut self.views {
                    views.insert(*host, View::Nobody);
                }
                self.meet(*host);
            }
            Step::PowerOff(guest) => {
                self.guests[*guest].on = false;
                let hearing = self.hearing(self.guests[*guest].host);
                self.change(&hearing, |view| match view {
                    View::Held { claim, guest: of } | View::Either { claim, guest: of } if of == *guest => {
                        View::Released { claim, guest: of }
                    }
                    other => other,
                });
            }
            Step::PowerOn(guest) => self.guests[*guest].on = true,
            Step::Claims(_) | Step::Settle => {}
        }
    }

    /// A guest that does not hold the VIP claims it.
    pub fn claim(&mut self, vip: usize, guest: usize) {
        self.claims += 1;
        for host in self.hearing(self.guests[guest].host) {
            self.views[vip].insert(host, View::Held { claim: self.claims, guest });
        }
    }

    fn host(&mut self, host: HostName) -> &mut HostState {
        self.hosts.get_mut(&host).expect("a plan names hosts of its world")
    }

    fn change(&mut self, hosts: &[HostName], change: impl Fn(View) -> View) {
        for views in &mut self.views {
            for host in hosts {
                let view = views.get_mut(host).expect("every host has a view");
                *view = change(*view);
            }
        }
    }

    /// The others do not hear this host any more: sooner or later what its ports hold is released there.
    fn miss(&mut self, gone: HostName) {
        let others: Vec<_> = self.hosts.keys().copied().filter(|host| *host != gone).collect();
        let there: Vec<_> = self.guests.iter().map(|guest| guest.host == gone).collect();
        self.change(&others, |view| match view {
            View::Held { claim, guest } if there[guest] => View::Either { claim, guest },
            other => other,
        });
    }

    /// A host is heard again, or its agent repairs again: whoever hears each other agrees, if all their agents live.
    fn meet(&mut self, host: HostName) {
        let hearing = self.hearing(host);
        let is_repaired = self.is_repaired(&hearing);
        for vip in 0..self.vips() {
            let views: Vec<View> = hearing.iter().map(|host| self.view(*host, vip)).collect();
            let is_same = views.windows(2).all(|pair| pair[0] == pair[1]);
            let agreed = match (is_same, is_repaired && !views.contains(&View::Unknown)) {
                (true, _) => continue,
                (false, true) => self.agreed(vip, &hearing, &views),
                (false, false) => View::Unknown,
            };
            for host in &hearing {
                self.views[vip].insert(*host, agreed);
            }
        }
    }

    /// The latest claim; released, unless its port is there and takes it back (C7).
    fn agreed(&self, vip: usize, hearing: &[HostName], views: &[View]) -> View {
        let latest = views.iter().map(|view| view.claim()).max().unwrap_or_default();
        let of_latest: Vec<View> = views.iter().copied().filter(|view| view.claim() == latest).collect();
        let Some(guest) = of_latest.iter().find_map(|view| view.guest()) else { return View::Nobody };
        let home = self.guests[guest].host;
        let held = View::Held { claim: latest, guest };
        if hearing.contains(&home) && self.view(home, vip) == held {
            return held;
        }
        let is_either = of_latest.iter().any(|view| matches!(view, View::Either { .. }));
        let is_released = of_latest.iter().any(|view| matches!(view, View::Released { .. }));
        match (is_either, is_released) {
            (true, _) => View::Either { claim: latest, guest },
            (false, true) => View::Released { claim: latest, guest },
            (false, false) => held,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const H1: HostName = HostName::Host(1);
    const H2: HostName = HostName::Host(2);
    const H3: HostName = HostName::Host(3);

    /// A guest on each of three hosts, and one VIP that all may claim.
    fn world() -> World {
        World::new([H1, H2, H3], &[H1, H2, H3], vec![vec![0, 1, 2]])
    }

    fn views(world: &World) -> [View; 3] {
        [H1, H2, H3].map(|host| world.view(host, 0))
    }

    #[test]
    fn a_claim_is_followed_whoever_of_us_is_dead_but_not_where_it_is_not_heard() {
        let mut world = world();
        for step in [Step::KillServer, Step::KillAgent(H1), Step::KillAgent(H2), Step::Unplug(H3)] {
            world.apply(&step);
        }
        world.claim(0, 0);
        let held = View::Held { claim: 1, guest: 0 };
        assert_eq!(views(&world), [held, held, View::Nobody]);
        assert!(world.unsettled().is_empty());
    }

    #[test]
    fn after_a_partition_the_later_claim_wins_if_all_agents_live() {
        let mut world = world();
        world.claim(0, 0);
        world.apply(&Step::Unplug(H1));
        assert_eq!(views(&world)[1], View::Either { claim: 1, guest: 0 });
        world.claim(0, 1);
        world.apply(&Step::Plug(H1));
        assert_eq!(views(&world), [View::Held { claim: 2, guest: 1 }; 3]);
    }

    #[test]
    fn what_was_released_for_a_host_that_lives_is_taken_back() {
        let mut world = world();
        world.claim(0, 0);
        world.apply(&Step::Unplug(H1));
        world.apply(&Step::Plug(H1));
        assert_eq!(views(&world), [View::Held { claim: 1, guest: 0 }; 3]);
    }

    #[test]
    fn where_an_agent_is_dead_nothing_is_sure_before_the_next_claim() {
        let mut world = world();
        world.claim(0, 0);
        world.apply(&Step::KillAgent(H3));
        world.apply(&Step::Unplug(H1));
        world.apply(&Step::Plug(H1));
        assert_eq!(views(&world), [View::Unknown; 3]);
        assert_eq!(world.unsettled(), [0]);
        world.claim(0, 2);
        assert_eq!(views(&world), [View::Held { claim: 2, guest: 2 }; 3]);
    }

    #[test]
    fn a_port_that_goes_down_is_released_and_a_cut_off_host_hears_of_it_later() {
        let mut world = world();
        world.claim(0, 0);
        world.apply(&Step::Unplug(H3));
        world.apply(&Step::PowerOff(0));
        let (held, released) = (View::Held { claim: 1, guest: 0 }, View::Released { claim: 1, guest: 0 });
        assert_eq!(views(&world), [released, released, held]);
        world.apply(&Step::Plug(H3));
        assert_eq!(views(&world), [released; 3]);
    }

    #[test]
    fn a_host_that_boots_learns_what_the_others_have() {
        let mut world = world();
        world.claim(0, 0);
        world.apply(&Step::LoseHost(H2));
        world.apply(&Step::BootHost(H2));
        assert_eq!(views(&world), [View::Held { claim: 1, guest: 0 }; 3]);
        world.apply(&Step::LoseHost(H1));
        world.apply(&Step::BootHost(H1));
        assert_eq!(views(&world), [View::Either { claim: 1, guest: 0 }; 3]);
    }
}
