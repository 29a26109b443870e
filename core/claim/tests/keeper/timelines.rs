//! What it orders, and when.

use crate::scene::*;
use havip_claim::{
    Cause, Notice, Order, Release,
    keeper::{Action, Event, Keeper, Kind, Party, Report},
};
use havip_model::{Digest, Incarnation, MoveCause, Record, VipKey};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

#[test]
fn a_vpc_is_joined_by_a_pull_and_then_its_ports_open_once() {
    let mut keeper = Keeper::new(host(1), 42);
    assert_eq!(keeper.handle(ms(0), Event::VpcJoined(vni())), [Action::Pull(vni())]);
    assert_eq!(keeper.handle(ms(0), Event::VpcJoined(vni())), []);
    assert_eq!(keeper.next_deadline(), Some(ms(3000)));
    assert_eq!(keeper.clone().handle(ms(3000), Event::DeadlineReached), [Action::OpenPorts(vni())]);
    assert_eq!(keeper.handle(ms(20), Event::PullDone(vni())), [Action::OpenPorts(vni())]);
    assert_eq!(keeper.handle(ms(30), Event::PullDone(vni())), []);
}

#[test]
fn each_second_a_digest_goes_to_three_peers_and_the_server() {
    let mut keeper = keeper();
    keeper.handle(ms(0), Event::PeersChanged { vni: vni(), peers: (2..=9).map(host).collect() });
    let mut peers = BTreeMap::<_, u32>::new();
    let (mut rounds, mut to_server) = (0, 0);
    while let Some(at) = keeper.next_deadline().filter(|at| *at <= ms(60_000)) {
        let mut round = BTreeSet::new();
        for action in keeper.handle(at, Event::DeadlineReached) {
            let Action::SendDigest { to, digest, .. } = action else { panic!("{action:?}") };
            assert_eq!(digest, Digest::default(), "there is no record");
            match to {
                Party::Server => to_server += 1,
                Party::Host(peer) => assert!(round.insert(peer), "each once"),
            }
        }
        assert_eq!(round.len(), 3);
        rounds += 1;
        round.into_iter().for_each(|peer| *peers.entry(peer).or_default() += 1);
    }
    assert!((55..=66).contains(&rounds) && to_server == rounds, "{rounds}, {to_server}");
    assert_eq!(peers.len(), 8);
    assert!(peers.values().all(|times| (8..=40).contains(times)), "all alike: {peers:?}");
}

#[test]
fn only_a_peer_with_other_records_gets_ours() {
    let mut keeper = keeper();
    let compared = |digest| Event::Compared { vni: vni(), peer: host(2), digest };
    let sends = Action::SendRecords { vni: vni(), peer: host(2) };
    assert_eq!(keeper.handle(ms(0), compared(Some(Digest::default()))), []);
    assert_eq!(keeper.handle(ms(0), compared(None)), [sends], "of a version without digests");
    keeper.handle(ms(0), moved(record(9, 2, 20), Cause::Announced));
    assert_eq!(keeper.handle(ms(0), compared(Some(Digest::default()))), [sends]);
    let all = Digest::of([(&key(), &record(9, 2, 20))]);
    assert_eq!(keeper.handle(ms(0), compared(Some(all))), []);
    keeper.handle(ms(0), Event::RecordRead { key: key(), record: Some(record(10, 2, 20)) });
    assert_eq!(keeper.digest(vni()), Digest::of([(&key(), &record(10, 2, 20))]));
    keeper.handle(ms(0), Event::Removed(key()));
    assert_eq!(keeper.digest(vni()), Digest::default());
}

#[test]
fn a_port_that_comes_up_to_a_vacant_vip_is_asked_on_schedule_until_it_holds() {
    let mut keeper = keeper();
    assert_eq!(keeper.handle(ms(1000), up(11)), [ask(11)]);
    let times: Vec<_> = orders(&mut keeper, ms(15_000)).into_iter().map(|(at, _)| at - 1000).collect();
    assert_eq!(times, [100, 300, 1000, 3000, 8000, 13_000]);

    let answered = Notice::Answered { key: key(), port: port(11), mac: MAC, advertised_recently: false };
    assert_eq!(keeper.handle(ms(15_000), Event::Noticed(answered)), []);
    let cause = MoveCause::Asked;
    let take = Order::Take { key: key(), port: port(11), mac: MAC, expected: None, cause };
    assert_eq!(orders(&mut keeper, ms(15_100)), [(15_100, take)]);

    keeper.handle(ms(15_100), moved(record(9, 1, 11), Cause::Here(cause)));
    let repeats = orders(&mut keeper, ms(60_000));
    let announce = Order::Announce { key: key() };
    assert_eq!(repeats, [(15_120, announce), (15_200, announce), (15_600, announce)]);
}

#[test]
fn a_port_that_goes_down_is_released_now_and_100_ms_later_whatever_is_known() {
    let mut keeper = keeper();
    keeper.handle(ms(0), up(11));
    let down = Order::Release { key: key(), only: Release::Down(port(11)) };
    assert_eq!(keeper.handle(ms(2000), Event::PortDown(port(11))), [Action::Order(down)]);
    assert_eq!(keeper.handle(ms(2000), Event::PortDown(port(11))), [], "said again");
    assert_eq!(orders(&mut keeper, ms(2500)), [(2100, down)]);
    let Action::Order(again) = release(11) else { unreachable!() };

    // Level: the map itself says that the port still holds.
    keeper.handle(ms(2500), Event::RecordRead { key: key(), record: Some(record(9, 1, 11)) });
    assert!(orders(&mut keeper, ms(3800)).iter().all(|(_, order)| *order == again));
    // And after a pull.
    assert_eq!(keeper.handle(ms(3800), Event::PullDone(vni())), [release(11)]);
}

#[test]
fn what_others_released_of_an_active_port_is_taken_back_also_if_no_agent_was_at_work_then() {
    let held = record(9, 1, 11);
    let released = Record { released: true, ..held };
    let cause = MoveCause::TakenBack;
    let take = Order::Take { key: key(), port: port(11), mac: MAC, expected: Some(released), cause };
    let read = || Event::RecordRead { key: key(), record: Some(released) };
    let takes = |events: Vec<Event>| -> usize {
        let mut keeper = keeper();
        let done = events.into_iter().flat_map(|event| keeper.handle(ms(0), event));
        done.filter(|action| *action == Action::Order(take)).count()
    };
    let (on, off) = (|| up(11), || Event::PortDown(port(11)));
    let theirs = || released_by_others(held);
    let own = || moved(released, Cause::Here(MoveCause::Released));

    assert_eq!(takes(vec![on(), moved(held, Cause::Here(MoveCause::Claim)), theirs()]), 1, "it was heard");
    assert_eq!(takes(vec![on(), read(), theirs()]), 1, "the ring has it, the map had it before");
    assert_eq!(takes(vec![on(), read()]), 0, "who released it is not known");
    assert_eq!(takes(vec![read(), theirs(), on()]), 0, "the host has been booted");
    assert_eq!(takes(vec![on(), read(), theirs(), off(), on()]), 1, "before it was down");
    assert_eq!(takes(vec![on(), read(), off(), theirs(), on()]), 0, "the guest has begun anew");
    assert_eq!(takes(vec![on(), read(), own()]), 0, "this host released it");
    let later = moved(record(10, 2, 20), Cause::Announced);
    assert_eq!(takes(vec![on(), later, theirs()]), 0, "somebody else has it");
}

#[test]
fn a_port_that_lost_its_entitlement_is_released_and_nobody_is_told_that_it_is_down() {
    let mut keeper = keeper();
    keeper.handle(ms(0), up(11));
    let gone = Event::Disentitled { key: key(), port: port(11) };
    assert_eq!(keeper.handle(ms(1), gone), [release(11)]);
    let Action::Order(again) = release(11) else { unreachable!() };
    assert_eq!(orders(&mut keeper, ms(500)), [(101, again)]);
}

#[test]
fn a_port_whose_guest_migrates_keeps_its_record_for_10_s_until_the_other_host_takes_it() {
    let mut keeper = keeper();
    keeper.handle(ms(0), up(11));
    keeper.handle(ms(0), moved(record(9, 1, 11), Cause::Here(MoveCause::Claim)));
    let Action::Order(release) = release(11) else { unreachable!() };
    let releases = |keeper: &mut Keeper, until| -> Vec<u128> {
        let ordered = orders(keeper, until).into_iter();
        ordered.filter(|(_, order)| *order == release).map(|(at, _)| at).collect()
    };
    assert_eq!(keeper.handle(ms(1000), Event::PortLeft(port(11))), []);
    let mut forgotten = keeper.clone();
    assert_eq!(releases(&mut keeper, ms(4000)), []);
    keeper.handle(ms(4000), moved(record(10, 2, 11), Cause::Announced));
    assert_eq!(releases(&mut keeper, ms(20_000)), [], "it is there");
    assert_eq!(releases(&mut forgotten, ms(11_500))[0], 11_000, "it is nowhere");
}

#[test]
fn a_port_whose_guest_arrives_takes_along_what_it_held_and_nothing_else() {
    let arrives = Event::PortArrives { port: port(11), vni: vni() };
    let until = ms(3000);
    let checked = Action::Order(Order::HoldOff { key: key(), port: port(11), until, always: true });
    let takes = |expected: Record| {
        let (expected, cause) = (Some(expected), MoveCause::Migrated);
        Action::Order(Order::Take { key: key(), port: port(11), mac: MAC, expected, cause })
    };
    let mut keeper = keeper();
    let theirs = record(9, 2, 11);
    keeper.handle(ms(0), moved(theirs, Cause::Announced));
    assert_eq!(keeper.handle(ms(1000), arrives.clone()), [checked]);
    assert_eq!(keeper.handle(ms(1000), up(11)), [takes(theirs)]);
    // Where it came from its guest had announced it once more: that comes late.
    let late = record(10, 2, 11);
    assert_eq!(keeper.handle(ms(1001), moved(late, Cause::Announced)), [takes(late)]);

    // Another port holds it: the two are asked, as for any port that comes up.
    let mut keeper = crate::scene::keeper();
    keeper.handle(ms(0), moved(record(9, 2, 20), Cause::Announced));
    assert_eq!(keeper.handle(ms(1000), arrives), [checked]);
    assert_eq!(keeper.handle(ms(1000), up(11)), []);
    // The same port on another host, and nobody said that its guest is here: an old record of an old life.
    let mut keeper = crate::scene::keeper();
    keeper.handle(ms(0), moved(theirs, Cause::Announced));
    assert!(!keeper.handle(ms(1000), up(11)).contains(&takes(theirs)));
}

#[test]
fn an_agent_that_restarts_over_live_ports_releases_and_asks_nothing() {
    let mut keeper = Keeper::new(host(1), 42);
    for event in [
        configured(5),
        Event::Entitled { key: key(), port: port(11) },
        up(11),
        Event::RecordRead { key: key(), record: Some(record(9, 1, 11)) },
        Event::VpcJoined(vni()),
        Event::PullDone(vni()),
    ] {
        for action in keeper.handle(ms(0), event.clone()) {
            let is_harmless = matches!(
                action,
                Action::Pull(_) | Action::OpenPorts(_) | Action::Order(Order::Prepare { .. })
            );
            assert!(is_harmless, "{event:?}: {action:?}");
        }
    }
    assert_eq!(orders(&mut keeper, ms(10_000)), []);
}

#[test]
fn an_eip_is_prepared_repeated_and_forgotten_but_never_released_with_a_port_of_its_number() {
    let mut keeper = keeper();
    let eip = VipKey { address: "203.0.113.5".parse().unwrap(), ..key() };
    let incarnation = Incarnation(5);
    let prepare = Action::Order(Order::Prepare { key: eip, incarnation });
    let configured = Event::Configured { key: eip, incarnation, kind: Kind::Eip };
    assert_eq!(keeper.handle(ms(0), configured), [prepare]);
    keeper.handle(ms(0), up(1));
    let held = Notice::Moved {
        key: eip,
        record: record(9, 1, 1),
        before: None,
        cause: Cause::Here(MoveCause::HostLost),
    };
    keeper.handle(ms(0), Event::Noticed(held));
    assert_eq!(orders(&mut keeper, ms(500)).len(), 3, "announced again");
    assert_eq!(keeper.handle(ms(600), Event::PortDown(port(1))), []);
    assert_eq!(orders(&mut keeper, ms(9000)), []);
    let forget = Action::Order(Order::Forget { key: eip, incarnation });
    assert_eq!(keeper.handle(ms(9000), Event::Removed(eip)), [forget]);
}

#[test]
fn a_vip_withdrawn_from_its_holders_host_is_released_before_it_is_forgotten() {
    let mut keeper = keeper();
    keeper.handle(ms(0), up(11));
    keeper.handle(ms(1), moved(record(9, 1, 11), Cause::Here(MoveCause::Claim)));
    let forget = Action::Order(Order::Forget { key: key(), incarnation: Incarnation(5) });
    assert_eq!(keeper.handle(ms(2), Event::Removed(key())), [release(11), forget]);
    assert_eq!(keeper.handle(ms(3), Event::Removed(key())), []);
}

#[test]
fn a_port_whose_vip_turns_out_to_be_held_right_after_it_came_up_is_doubted_for_unless_it_was_asked_long_enough()
 {
    let held = record(9, 2, 20);
    for (after, doubts) in [(1, true), (299, true), (301, false)] {
        let mut keeper = keeper();
        assert_eq!(keeper.handle(ms(0), up(11)), [ask(11)], "nobody is known to hold it");
        orders(&mut keeper, ms(after));
        keeper.handle(ms(after), moved(held, Cause::Merged));
        let doubt = Order::Doubt { key: key(), record: held };
        let first = orders(&mut keeper, ms(after + 20));
        assert_eq!(first.contains(&(u128::from(after + 20), doubt)), doubts, "{after} ms: {first:?}");
    }
}

#[test]
fn a_corrected_claim_is_repeated_once_and_only_within_200_ms() {
    let greater = record(50, 2, 20);
    for (after, repeats) in [(0, true), (200, true), (201, false)] {
        let mut keeper = keeper();
        keeper.handle(ms(0), up(11));
        keeper.handle(ms(1000), moved(record(9, 1, 11), Cause::Here(MoveCause::Claim)));
        let cause = MoveCause::Repeated;
        let again = Order::Take { key: key(), port: port(11), mac: MAC, expected: Some(greater), cause };
        let actions = keeper.handle(ms(1000 + after), moved(greater, Cause::Corrected));
        assert_eq!(actions.contains(&Action::Order(again)), repeats, "{after} ms");
        let still_greater = record(60, 2, 20);
        assert_eq!(keeper.handle(ms(1000 + after), moved(still_greater, Cause::Corrected)), [], "once");
    }
}

/// Answers what is asked until then, while they have the address; what else is wanted, with the times.
fn contend(
    keeper: &mut Keeper,
    until: Duration,
    has: impl Fn(Duration) -> (bool, bool),
) -> Vec<(u128, Action)> {
    let mut wanted = vec![];
    while let Some(at) = keeper.next_deadline().filter(|at| *at <= until) {
        for action in keeper.handle(at, Event::DeadlineReached) {
            let (port_has, holder_has) = has(at);
            match action {
                Action::Order(Order::Doubt { record, .. }) if holder_has => {
                    keeper.handle(at, Event::Noticed(Notice::Alive { key: key(), record }));
                }
                Action::Order(Order::Ask { .. }) if port_has => {
                    let notice =
                        Notice::Answered { key: key(), port: port(11), mac: MAC, advertised_recently: true };
                    keeper.handle(at, Event::Noticed(notice));
                }
                Action::Order(Order::Doubt { .. } | Order::Ask { .. }) | Action::SendDigest { .. } => {}
                other => wanted.push((at.as_millis(), other)),
            }
        }
    }
    wanted
}

fn both_answer(record: Record) -> Action {
    Action::Report(Report::BothAnswer { key: key(), record, port: port(11) })
}

#[test]
fn two_owners_are_reported_once_and_the_end_of_it_too() {
    let mut keeper = keeper();
    let held = record(9, 2, 20);
    keeper.handle(ms(0), moved(held, Cause::Announced));
    keeper.handle(ms(0), up(11));
    let over = Action::Report(Report::BothAnswerNoMore { key: key(), record: held, port: port(11) });
    let wanted = contend(&mut keeper, ms(60_000), |at| (at < ms(30_000), true));
    let holds = Action::Order(Order::HoldOff { key: key(), port: port(11), until: ms(5120), always: false });
    assert_eq!(wanted[..2], [(120, both_answer(held)), (120, holds)]);
    assert_eq!(wanted[2].1, over);
    assert!((30_000..31_200).contains(&wanted[2].0), "noticed within a second: {wanted:?}");
    assert_eq!(wanted.len(), 3);
}

/// Port 11 has lost the VIP to host 2, and claims it again.
fn contested() -> (Keeper, Record) {
    let mut keeper = keeper();
    keeper.handle(ms(0), up(11));
    keeper.handle(ms(0), moved(record(9, 1, 11), Cause::Here(MoveCause::Claim)));
    let theirs = Record { moves: 2, ..record(10, 2, 20) };
    keeper.handle(ms(500), moved(theirs, Cause::Announced));
    claims(&mut keeper, ms(900), theirs);
    (keeper, theirs)
}

fn claims(keeper: &mut Keeper, now: Duration, expected: Record) -> Vec<Action> {
    keeper.handle(now, Event::Noticed(Notice::Contested { key: key(), port: port(11), mac: MAC, expected }))
}

fn takes(expected: Record) -> Action {
    let cause = MoveCause::Contested;
    Action::Order(Order::Take { key: key(), port: port(11), mac: MAC, expected: Some(expected), cause })
}

#[test]
fn c9_whoever_alone_has_the_address_holds_within_100_ms() {
    let (mut keeper, theirs) = contested();
    assert_eq!(contend(&mut keeper, ms(1010), |_| (true, false)), [(1000, takes(theirs))]);

    let (mut keeper, _) = contested();
    assert_eq!(contend(&mut keeper, ms(5000), |_| (false, true)), []);
}

#[test]
fn a_port_whose_contest_ended_with_a_release_is_doubted_for_when_another_holds() {
    let (mut keeper, held) = contested();
    let (released, next) = (Record { released: true, ..held }, record(20, 3, 30));
    keeper.handle(ms(901), moved(released, Cause::AnnouncedDown));
    keeper.handle(ms(902), moved(next, Cause::Announced));
    let doubt = Order::Doubt { key: key(), record: next };
    let first = orders(&mut keeper, ms(922));
    assert!(first.contains(&(922, doubt)), "{first:?}");
}

#[test]
fn c9_two_that_both_have_it_are_reported_and_the_holder_keeps_it_for_5_s_whatever_is_claimed() {
    let (mut keeper, theirs) = contested();
    let until = ms(6000);
    let holds = Action::Order(Order::HoldOff { key: key(), port: port(11), until, always: false });
    assert_eq!(
        contend(&mut keeper, ms(5000), |_| (true, true)),
        [(1000, both_answer(theirs)), (1000, holds)]
    );
    assert_eq!(claims(&mut keeper, ms(5000), theirs), []);
    assert_eq!(contend(&mut keeper, until, |_| (true, true)), []);
    assert!(claims(&mut keeper, until, theirs).contains(&takes(theirs)));
}

#[test]
fn c9_a_real_failover_during_the_hold_is_not_delayed() {
    let (mut keeper, theirs) = contested();
    contend(&mut keeper, ms(3000), |_| (true, true));
    // The address is gone, its guest is not.
    let wanted = contend(&mut keeper.clone(), ms(3200), |_| (true, false));
    let (at, take) = wanted[0];
    assert_eq!(take, takes(theirs));
    assert!(at <= 3100, "{at}");
    // The port is gone: released, and the one that advertises is taken at once.
    let released = Record { released: true, ..theirs };
    let over = Action::Report(Report::BothAnswerNoMore { key: key(), record: theirs, port: port(11) });
    assert_eq!(keeper.handle(ms(3000), moved(released, Cause::Announced)), [over, ask(11)]);
    let notice = Notice::Answered { key: key(), port: port(11), mac: MAC, advertised_recently: true };
    let cause = MoveCause::Asked;
    let expected = Some(released);
    let take = Action::Order(Order::Take { key: key(), port: port(11), mac: MAC, expected, cause });
    assert_eq!(keeper.handle(ms(3001), Event::Noticed(notice)), [take]);
}
