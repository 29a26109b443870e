//! Named regressions about claims and who may make them.

use crate::world::{World, ms, port_number, vip};
use havip_claim::switch::{Event, MessageKind};
use havip_model::Holder;

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
fn a_claim_that_is_announced_again_behind_a_later_one_is_not_repeated() {
    // Host 0 hears late of the claim that guest 1 makes knowing of guest 0's; its agent announces guest 0's once more.
    let mut world = World::started(3, &[0, 1, 2]);
    world.claim(0, 0, 5);
    world.run(ms(10));
    assert_eq!(world.holder_everywhere(0), Some(0));
    world.network.cut.insert((0, 1));
    world.elect(1, 0);
    world.run(ms(5));
    assert_eq!([0, 1, 2].map(|host| world.holder(host, 0)), [Some(0), Some(1), Some(1)]);

    world.run(ms(10));
    assert_eq!(world.holder_everywhere(0), Some(1), "told by host 2");
}

#[test]
fn a_packet_that_reaches_the_former_holders_host_is_passed_on_and_its_sender_learns() {
    let mut world = World::started(3, &[0, 1, 2]);
    // By then it is sure that no other guest has the address, so nobody doubts the first holder.
    world.run(ms(1000));
    world.claim(0, 0, 1);
    world.run(ms(1000));
    // Host 2 does not hear of the claim that host 0 hears of.
    world.network.cut.insert((1, 2));
    world.elect(1, 0);
    world.run(ms(10));
    assert_eq!([0, 1, 2].map(|host| world.holder(host, 0)), [Some(1), Some(1), Some(0)]);

    world.send_packet(2, 0);
    world.run(ms(10));
    assert_eq!(world.delivered, [1]);
    assert_eq!(world.holder_everywhere(0), Some(1), "told by the host that passed the packet on");
}

#[test]
fn a_packet_is_passed_on_once_though_two_hosts_take_each_other_for_the_holders() {
    let mut world = World::started(3, &[0, 1, 2]);
    world.network.partition(1, 3);
    world.network.partition(2, 3);
    let record = |on: usize, epoch: u64| havip_model::Record {
        incarnation: havip_model::Incarnation(1),
        epoch: havip_model::Epoch(epoch),
        holder: Holder { host: crate::world::host_number(on), port: port_number(on) },
        released: false,
        mac: crate::world::mac(on),
        moves: 1,
    };
    for (host, on) in [(0, 1), (1, 0), (2, 1)] {
        let order = havip_claim::Order::Merge { key: vip(0), record: record(on, 1 << 40) };
        world.switch(host, Event::Ordered(order));
    }
    let before = world.sent;
    world.send_packet(2, 0);
    world.run(ms(10));
    assert_eq!(world.delivered, []);
    assert_eq!(world.sent - before, 1, "host 2 is told once: the packet went no further than one host more");
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
        hops: 0,
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
