//! Named regressions about what fails: ports, hosts, agents, clocks, the network.

use crate::world::{World, ms, port_number, vip};
use havip_claim::{Order, Release, keeper::Report, switch::Event};
use havip_model::MoveCause;

const YEAR_MS: i64 = 365 * 24 * 3600 * 1000;

#[test]
fn after_a_partition_one_holder_is_left_and_it_stays() {
    let mut world = World::started(3, &[0, 1, 2]);
    world.network.partition(1, 3);
    world.claim(0, 0, 5);
    world.run(ms(20));
    world.claim(1, 0, 5);
    world.run(ms(3000));
    assert_eq!([0, 1, 2].map(|host| world.holder(host, 0)), [Some(0), Some(1), Some(1)]);

    world.network.heal();
    world.run(ms(3000));
    assert_eq!(world.holder_everywhere(0), Some(1), "the later claim");
    // Guest 0 still has the address: that is reported, and nothing moves.
    world.run(ms(10_000));
    assert!(
        matches!(world.reports[..], [Report::BothAnswer { port, .. }] if port == port_number(0)),
        "{:?}",
        world.reports
    );
    assert!(world.now - world.changed_at > ms(9000));
    assert_eq!(world.record(0, 0).unwrap().moves, world.record(1, 0).unwrap().moves);
}

#[test]
fn a_false_release_is_taken_back_in_milliseconds() {
    let mut world = World::started(3, &[0, 1, 2]);
    world.claim(0, 0, 1);
    world.run(ms(2000));
    let record = world.record(2, 0).unwrap();
    let order = Order::Release { key: vip(0), only: Release::Exact(record) };
    world.switch(2, Event::Ordered(order));
    assert_eq!(world.holder(2, 0), None);
    world.run(ms(2));
    assert_eq!(world.holder_everywhere(0), Some(0));
    assert!(world.record(1, 0).unwrap().outranks(&record));
}

#[test]
fn a_port_that_goes_down_is_released_at_once_and_its_successor_needs_no_other_claim() {
    let mut world = World::started(3, &[0, 1, 2]);
    world.claim(0, 0, 1);
    world.run(ms(100));
    world.power_off(0);
    world.run(ms(1));
    assert_eq!(world.holder_everywhere(0), None);
    // The successor adds the address and its claim is lost on the way to the switch.
    world.guests[1].addresses.insert(vip(0));
    world.run(ms(450));
    assert_eq!(world.holder_everywhere(0), Some(1), "asked after 0.1 and 0.3 s");
}

#[test]
fn a_port_that_comes_back_is_not_the_holder_unless_it_says_so() {
    let mut world = World::started(2, &[0, 1]);
    world.claim(0, 0, 1);
    world.run(ms(100));
    world.power_off(0);
    world.link(0, true);
    world.run(ms(10_000));
    assert_eq!(world.holder_everywhere(0), None, "rebooted without the address");

    world.claim(0, 0, 1);
    world.link(0, false);
    world.link(0, true);
    world.run(ms(150));
    assert_eq!(world.holder_everywhere(0), Some(0), "a link that flaps costs no more than an ask");
}

#[test]
fn a_hook_under_way_while_its_port_goes_down_is_caught_by_the_second_look() {
    let mut world = World::started(2, &[0, 1]);
    world.link(0, false);
    // The hook had read the port as active; it writes 30 ms later.
    world.run(ms(30));
    let port = port_number(0);
    let state =
        havip_claim::switch::Port { vni: vip(0).vni, subnet: crate::world::subnet(), is_active: true };
    world.switch(0, Event::PortSet { port, state });
    world.switch(0, Event::Claimed { port, address: vip(0).address, mac: crate::world::mac(0) });
    world.switch(0, Event::PortSet { port, state: havip_claim::switch::Port { is_active: false, ..state } });
    world.run(ms(1));
    assert_eq!(world.holder_everywhere(0), Some(0));
    world.run(ms(80));
    assert_eq!(world.holder_everywhere(0), None);
}

#[test]
fn a_host_that_was_cut_off_is_put_right_by_repair() {
    let mut world = World::started(2, &[0, 1]);
    world.claim(0, 0, 1);
    world.run(ms(100));
    world.network.partition(1, 2);
    world.server.is_alive = false;
    world.elect(1, 0);
    world.run(ms(6000));
    assert_eq!(world.holder(0, 0), Some(0), "it missed the announcement, and keeps what it has");
    world.network.heal();
    let exchanges = world.exchanges;
    world.run(ms(1200));
    assert_eq!(world.holder_everywhere(0), Some(1), "each compares once in 1.1 s");
    assert!(world.exchanges - exchanges <= 2, "one digest that differed, from each side");
    world.run(ms(10_000));
    assert!(world.exchanges - exchanges <= 2, "no other differs");
}

#[test]
fn a_host_that_no_other_reaches_is_put_right_by_the_server() {
    let mut world = World::started(2, &[0, 1]);
    world.claim(0, 0, 1);
    world.run(ms(100));
    world.network.partition(1, 2);
    world.elect(1, 0);
    world.run(ms(1200));
    assert_eq!(world.holder_everywhere(0), Some(1));
}

#[test]
fn a_host_that_reboots_with_the_server_dead_learns_from_its_peers_before_its_ports_come_up() {
    let mut world = World::started(3, &[0, 1, 2]);
    world.claim(0, 0, 1);
    world.run(ms(1000));
    world.server.is_alive = false;
    world.stop_host(0);
    world.run(ms(3000));
    world.elect(1, 0);
    world.run(ms(100));
    world.start_host(0);
    world.run(ms(100));
    assert_eq!(world.holder_everywhere(0), Some(1));

    // And what a peer still remembers of it before the reboot is released, as the guest has lost the address.
    world.stop_host(1);
    world.run(ms(100));
    world.start_host(1);
    world.run(ms(100));
    assert_eq!(world.holder_everywhere(0), None);
}

#[test]
fn a_host_that_reboots_alone_with_nobody_to_pull_from_opens_its_ports_after_3_s() {
    let mut world = World::started(2, &[0, 1]);
    world.server.is_alive = false;
    world.stop_host(0);
    world.network.partition(1, 2);
    world.start_host(0);
    world.claim(0, 0, 1);
    world.run(ms(2900));
    assert_eq!(world.holder(0, 0), None);
    world.run(ms(300));
    assert_eq!(world.holder(0, 0), Some(0));
}

#[test]
fn while_an_agent_is_dead_its_hosts_claims_are_followed_at_once_without_end() {
    let mut world = World::started(2, &[0, 1]);
    world.stop_agent(0);
    world.run(ms(1600));
    for _ in 0..20 {
        world.claim(0, 0, 1);
        world.run(ms(1));
        assert_eq!(world.holder_everywhere(0), Some(0));
        let record = world.record(1, 0).unwrap();
        let take = Order::Take {
            key: vip(0),
            port: port_number(1),
            mac: crate::world::mac(1),
            expected: Some(record),
            cause: MoveCause::Asked,
        };
        world.switch(1, Event::Ordered(take));
        world.run(ms(1));
        assert_eq!(world.holder_everywhere(0), Some(1));
    }
}

#[test]
fn a_host_that_joins_in_the_storm_has_the_records_before_its_ports() {
    let mut world = World::new(3, &[0, 0, 0], &[0, 1, 2]);
    world.server.desired.members.remove(&crate::world::host_number(2));
    world.start_all();
    world.run(ms(500));
    world.admit_host(2);
    for _ in 0..20 {
        world.elect(0, 0);
        world.run(ms(40));
        world.elect(1, 0);
        world.run(ms(40));
    }
    assert!(world.hosts[2].was_admitted);
    world.run(ms(2000));
    assert_eq!(world.holder_everywhere(0), Some(1));
}

#[test]
fn a_clock_years_ahead_is_reported_and_its_vip_counts_moves_until_it_is_made_anew() {
    let mut world = World::new(1, &[9 * YEAR_MS, 0], &[0, 1]);
    world.start_all();
    world.run(ms(500));
    world.elect(0, 0);
    world.run(ms(100));
    let ahead = world.record(1, 0).unwrap();
    assert!(
        world
            .reports
            .iter()
            .any(|report| matches!(report, Report::ClockAhead { record, .. } if *record == ahead))
    );
    world.elect(1, 0);
    world.run(ms(100));
    assert_eq!(world.holder_everywhere(0), Some(1));
    assert_eq!(world.record(0, 0).unwrap().epoch.0, ahead.epoch.0 + 1);

    // Another VIP is not infected.
    world.elect(1, 1);
    world.run(ms(10));
    assert!(world.record(0, 1).unwrap().epoch < ahead.epoch);

    // Renewed: a new incarnation, and the port that has the address is asked.
    world.make_vip(0, [0, 1].map(port_number).into());
    world.run(ms(1000));
    assert_eq!(world.holder_everywhere(0), Some(1));
    assert!(world.record(0, 0).unwrap().epoch < ahead.epoch);
}
