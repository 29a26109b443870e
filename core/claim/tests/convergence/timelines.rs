//! Named regressions: short stories that the rules must get right, with their times.

use crate::world::{World, ms, port_number, vip};
use havip_claim::{
    Order, Release,
    keeper::Report,
    switch::{Event, MessageKind},
};
use havip_model::{Holder, MoveCause};

const YEAR_MS: i64 = 365 * 24 * 3600 * 1000;

#[test]
fn a_claim_is_followed_on_every_host_within_a_millisecond() {
    let mut world = World::started(3, &[0, 1, 2]);
    world.claim(0, 0, 5);
    world.run(ms(1));
    assert_eq!(world.holder_everywhere(0), Some(0));
    world.elect(1, 0);
    world.run(ms(1));
    assert_eq!(world.holder_everywhere(0), Some(1));
}

#[test]
fn two_claims_at_the_same_instant_have_one_winner() {
    let mut world = World::started(3, &[0, 1, 2]);
    world.claim(0, 0, 1);
    world.claim(1, 0, 1);
    world.run(ms(50));
    let winner = world.holder_everywhere(0);
    assert_eq!(winner, Some(1), "same millisecond: the greater host number");
}

#[test]
fn the_vendors_order_works_keepalived_first_and_association_second() {
    let mut world = World::started(2, &[0, 1]);
    for guest in [0, 1] {
        world.entitle(0, port_number(guest), false);
    }
    world.run(ms(400));
    world.guests[0].advertises = true;
    world.claim(0, 0, 5);
    world.run(ms(1000));
    assert_eq!(world.holder_everywhere(0), None, "nobody is associated yet");

    world.entitle(0, port_number(0), true);
    world.entitle(0, port_number(1), true);
    // The configuration takes up to 300 ms in this simulation; the ask and its answer take 10.
    world.run(ms(320));
    assert_eq!(world.holder_everywhere(0), Some(0), "asked at once, without another claim");
}

#[test]
fn a_vacant_vip_goes_to_the_port_that_advertises_though_another_answered_first() {
    let mut world = World::started(2, &[0, 0]);
    for guest in [0, 1] {
        world.entitle(0, port_number(guest), false);
    }
    world.run(ms(400));
    world.guests[1].advertises = true;
    world.claim(0, 0, 1);
    world.claim(1, 0, 1);
    world.desire(|desired| {
        let entitled = &mut desired.vips.get_mut(&vip(0)).unwrap().entitled;
        entitled.extend([0, 1].map(port_number));
    });
    world.run(ms(400));
    assert_eq!(world.holder_everywhere(0), Some(1));
}

#[test]
fn an_announcement_before_the_configuration_waits_for_it() {
    let mut world = World::started(2, &[0, 1]);
    world.delete_vip(0);
    world.run(ms(400));
    world.make_vip(0, [port_number(0)].into());
    world.next_config(0);
    world.claim(0, 0, 1);
    world.run(ms(1));
    assert!(world.hosts[1].switch.waiting_record(vip(0)).is_some());
    assert_eq!(world.record(1, 0), None);

    world.next_config(1);
    assert_eq!(world.holder(1, 0), Some(0));
    assert_eq!(world.hosts[1].switch.waiting_record(vip(0)), None);
}

#[test]
fn a_claim_that_knew_too_little_is_answered_and_repeated() {
    // Host 0's clock is 5 s behind, and it has missed that guest 1 holds the VIP.
    let mut world = World::new(1, &[-5000, 0], &[0, 1]);
    world.start_all();
    world.run(ms(100));
    world.network.partition(1, 2);
    world.claim(1, 0, 1);
    world.run(ms(10));
    world.drop_address(1, 0);
    world.network.cut.clear();
    let before = world.now;

    world.claim(0, 0, 1);
    world.run(ms(5));
    assert_eq!(world.holder_everywhere(0), Some(0));
    assert!(
        world.changed_at - before < ms(2),
        "not left to doubt or repair: {:?}",
        world.changed_at - before
    );
}

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
fn a_claim_that_races_its_disassociation_does_not_hold() {
    let mut world = World::started(2, &[0, 1]);
    world.entitle(0, port_number(0), false);
    world.claim(0, 0, 1);
    world.run(ms(320));
    assert_eq!(world.holder_everywhere(0), None);
    world.announce(0, vip(0));
    world.run(ms(10));
    assert_eq!(world.holder_everywhere(0), None);
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
fn who_announces_without_having_the_address_loses_it_again_within_200_ms() {
    let mut world = World::started(3, &[0, 1, 1]);
    world.claim(1, 0, 5);
    world.run(ms(1000));
    for liar in [0, 2] {
        world.announce(liar, vip(0));
        world.run(ms(5));
        assert_eq!(world.holder_everywhere(0), Some(liar), "a claim is followed at once");
        world.run(ms(200));
        assert_eq!(world.holder_everywhere(0), Some(1), "the one displaced answers, the other does not");
    }
    assert_eq!(world.reports, []);
}

#[test]
fn a_host_that_was_cut_off_is_put_right_by_repair() {
    let mut world = World::started(2, &[0, 1]);
    world.claim(0, 0, 1);
    world.run(ms(100));
    world.network.partition(1, 2);
    world.elect(1, 0);
    world.run(ms(6000));
    assert_eq!(world.holder(0, 0), Some(0), "it missed the announcement, and keeps what it has");
    world.network.heal();
    world.run(ms(2500));
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
fn a_vip_made_anew_begins_without_holder_and_late_claims_for_the_old_one_change_nothing() {
    let mut world = World::started(3, &[0, 1, 2]);
    world.claim(0, 0, 1);
    world.run(ms(100));
    let old = world.record(1, 0).unwrap();
    world.guests[0].addresses.clear();
    world.delete_vip(0);
    world.make_vip(0, [0, 1, 2].map(port_number).into());
    world.run(ms(700));
    assert_eq!(world.holder_everywhere(0), None);

    let late = havip_claim::switch::Message {
        kind: MessageKind::Announce,
        from: old.holder.host,
        key: vip(0),
        record: old,
    };
    world.deliver(1, late);
    assert_eq!(world.holder_everywhere(0), None);
}

#[test]
fn a_claim_under_the_old_making_is_refused_and_made_good_when_the_configuration_arrives() {
    let mut world = World::started(2, &[0, 1]);
    world.delete_vip(0);
    world.make_vip(0, [0, 1].map(port_number).into());
    // Host 1 knows of the new making, host 0 still has the old one.
    world.hosts[0].inbox.clear();
    world.next_config(1);
    world.next_config(1);
    world.claim(1, 0, 1);
    world.run(ms(1));
    world.drop_address(1, 0);
    world.claim(0, 0, 1);
    assert_eq!(world.holder_everywhere(0), Some(1), "a record of a greater incarnation refuses the claim");
    world.sync(0);
    world.run(ms(200));
    assert_eq!(world.holder_everywhere(0), Some(0), "asked and doubted when the configuration came");
}

#[test]
fn claims_in_a_burst_are_followed_and_the_last_one_beyond_it_is_made_good() {
    let mut world = World::started(2, &[0, 1]);
    // Each guest has eight tokens; guest 0's ninth claim has to wait half a second.
    for _ in 0..8 {
        world.claim(0, 0, 1);
        world.run(ms(1));
        world.claim(1, 0, 1);
        world.run(ms(1));
    }
    world.elect(0, 0);
    world.run(ms(1));
    assert_eq!(world.holder_everywhere(0), Some(1));
    world.run(ms(600));
    assert_eq!(world.holder_everywhere(0), Some(0));
}

#[test]
fn a_postponed_claim_is_void_when_another_record_has_been_applied_since() {
    let mut world = World::started(3, &[0, 1, 2]);
    for _ in 0..8 {
        world.claim(0, 0, 1);
        world.run(ms(1));
        world.claim(1, 0, 1);
        world.run(ms(1));
    }
    world.announce(0, vip(0));
    world.run(ms(1));
    world.elect(2, 0);
    world.run(ms(3000));
    assert_eq!(world.holder_everywhere(0), Some(2));
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
fn a_holder_that_stops_advertising_is_doubted_at_once() {
    let mut world = World::started(3, &[0, 1, 2]);
    world.claim(0, 0, 1);
    world.run(ms(6000));
    // Keepalived on guest 0 is demoted in silence; guest 1 is master, and its claim never reached the switch.
    world.drop_address(0, 0);
    world.guests[1].addresses.insert(vip(0));
    let advertiser = Holder { host: crate::world::host_number(1), port: port_number(1) };
    world.switch(0, Event::AdvertsStalled { key: vip(0), advertiser });
    world.run(ms(110));
    assert_eq!(world.holder_everywhere(0), Some(1));
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
