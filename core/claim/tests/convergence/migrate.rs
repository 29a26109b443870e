//! Guests that go on at another host while they run.

use crate::{
    host::Host,
    world::{Happening, World, host_number, ms, port_number, subnet, vip, vni},
};
use havip_claim::{keeper, switch};

impl World {
    /// The guest goes on at a host that waits for it, with the addresses that it has, and announces them all.
    ///
    /// The host that it leaves hears of it earlier or later: by its device, or by the other one.
    pub fn migrate(&mut self, guest: usize, to: usize) {
        let from = self.guests[guest].host;
        let waits = |host: &Host| host.is_up && host.agent_runs && host.ports_open;
        if from == to || !self.guests[guest].is_linked || !waits(&self.hosts[from]) || !waits(&self.hosts[to])
        {
            return;
        }
        self.guests[guest].host = to;
        match self.random.below(2) {
            0 => self.left(from, guest),
            _ => {
                let after = ms(self.random.below(20));
                self.later(after, Happening::Left { host: from, guest });
            }
        }
        let (port, vni) = (port_number(guest), vni());
        self.keep(to, keeper::Event::PortArrives { port, vni });
        self.plug(guest);
        for key in self.guests[guest].addresses.clone() {
            self.announce(guest, key);
        }
    }

    /// The host hears that the guest of a port of its goes on elsewhere.
    pub fn left(&mut self, host: usize, guest: usize) {
        let is_here_again = self.guests[guest].host == host && self.guests[guest].is_linked;
        // A dead agent hears nothing; its next life does.
        if !self.hosts[host].agent_runs || is_here_again || !self.hosts[host].active.remove(&guest) {
            return;
        }
        let (port, vni) = (port_number(guest), vni());
        let state = switch::Port { vni, subnet: subnet(), is_active: false };
        self.switch(host, switch::Event::PortSet { port, state });
        self.keep(host, keeper::Event::PortLeft(port));
    }
}

#[test]
fn what_a_guest_holds_goes_along_when_it_migrates() {
    let mut world = World::started(3, &[0, 1, 2]);
    world.claim(0, 0, 1);
    world.run(ms(100));
    for to in [1, 2, 0, 2] {
        world.migrate(0, to);
        world.run(ms(30));
        assert_eq!(world.holder_everywhere(0), Some(0));
        assert_eq!(world.record(1, 0).unwrap().holder.host, host_number(to));
        world.run(ms(12_000));
        assert_eq!(world.holder_everywhere(0), Some(0), "nobody releases it later");
        assert!(world.now - world.changed_at > ms(11_900), "and it does not move again");
    }
}

#[test]
fn what_a_migrated_guest_announces_moves_nothing_while_the_holder_answers() {
    for holds in [true, false] {
        let mut world = World::new(1, &[0; 3], &[0, 1, 2]);
        world.holds = holds;
        world.start_all();
        world.run(ms(100));
        world.claim(0, 0, 1);
        world.run(ms(100));
        world.claim(1, 0, 1);
        world.run(ms(40_000)); // and guest 0 has the address still; its loss is long ago
        let held = world.record(2, 0).unwrap();

        world.migrate(0, 2);
        for _ in 0..10 {
            world.run(ms(150));
            world.announce(0, vip(0));
        }
        world.run(ms(100));
        assert_eq!(world.holder_everywhere(0), Some(1), "holds: {holds}");
        assert_eq!(world.record(2, 0).unwrap().rank(), held.rank());
    }
}

#[test]
fn what_a_migrated_guest_announces_is_followed_when_the_holder_is_silent() {
    let mut world = World::started(3, &[0, 1, 2]);
    world.claim(1, 0, 1);
    world.run(ms(100));
    world.drop_address(1, 0);
    world.guests[0].addresses.insert(vip(0));
    world.migrate(0, 2);
    world.run(ms(200));
    assert_eq!(world.holder_everywhere(0), Some(0), "checked for 0.1 s");
}

#[test]
fn a_guest_that_left_and_came_nowhere_is_released_after_10_s() {
    let mut world = World::started(3, &[0, 1, 2]);
    world.claim(0, 0, 1);
    world.run(ms(100));
    world.guests[0].is_linked = false;
    world.left(0, 0);
    world.run(ms(9900));
    assert_eq!(world.holder_everywhere(0), Some(0));
    world.run(ms(200));
    assert_eq!(world.holder_everywhere(0), None);
}
