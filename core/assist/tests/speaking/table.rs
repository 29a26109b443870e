//! Whether an advert may be repeated: each condition of section 6 by itself.

use crate::scene::*;
use havip_assist::{Known, Named, Silence, Speech, verdict};
use havip_model::{Holder, Record};
use havip_wire::{Authentication, ChecksumForm, Vrrp, VrrpVersion};

#[test]
fn the_advert_of_a_dead_holder_is_repeated_to_whoever_may_claim_the_vip() {
    let known = known(12, &vrrp(100));
    let speech = Speech {
        to: port(12),
        source: SOURCE.into(),
        router: 51,
        key: vip(100),
        record: record(blue()),
        heir: port(12),
        names: vec![(vip(100), vec![port(12)])],
        interval: ms(1000),
    };
    assert_eq!(verdict(ms(3000), &known, dead(blue())), Ok(speech.clone()));
    // Also when its host has released it already.
    let mut released = known;
    let record = Record { released: true, ..record(blue()) };
    released.names[0].record = Some(record);
    assert_eq!(verdict(ms(3000), &released, dead(blue())), Ok(Speech { record, ..speech }));
}

#[test]
fn each_condition_silences_by_itself() {
    let silent = |why: Silence, change: fn(&mut Known)| {
        let mut known = crate::scene::known(12, &vrrp(100));
        change(&mut known);
        assert_eq!(verdict(ms(3000), &known, dead(blue())), Err(why));
    };
    let known = known(12, &vrrp(100));
    assert_eq!(verdict(ms(3000), &known, dead(green())), Err(Silence::HolderLives));
    silent(Silence::NotRepeatable, |known| known.advert = None);
    silent(Silence::NotRepeatable, |known| {
        let version = VrrpVersion::V2 { interval_secs: 1, authentication: Authentication::Header([0; 8]) };
        known.advert = Some(Vrrp { version, ..vrrp(100) });
    });
    silent(Silence::Resigned, |known| known.advert = Some(vrrp(0)));
    silent(Silence::Repeated, |known| known.delivered.is_repeated = true);
    silent(Silence::TooOld, |known| known.delivered.at = ms(0));
    silent(Silence::NotHolder, |known| known.names[0] = named(100, green()));
    silent(Silence::NotHolder, |known| known.names[0].record = None);
    silent(Silence::NotHolder, |known| known.names[0].heirs.clear());
    silent(Silence::NotHolder, |known| known.names.clear());
    silent(Silence::Off, |known| known.names[0].assists = false);
}

#[test]
fn three_intervals_are_counted_by_the_adverts_own() {
    for (centis, at, is_said) in [(10, 2701, true), (10, 2700, false), (4095, 0, true), (0, 3000, false)] {
        let version = VrrpVersion::V3 { interval_centis: centis, checksum: ChecksumForm::Plain };
        let mut known = known(12, &Vrrp { version, ..vrrp(100) });
        known.delivered.at = ms(at);
        assert_eq!(verdict(ms(3000), &known, dead(blue())).is_ok(), is_said, "{centis} cs, sent at {at} ms");
    }
}

#[test]
fn one_vip_that_is_to_be_left_alone_silences_an_advert_that_names_two() {
    let mut known = known(12, &Vrrp { addresses: vec![VIP.into(), SECOND.into()], ..vrrp(100) });
    known.names.push(named(101, blue()));
    let names = |known: &Known| {
        let speech = verdict(ms(3000), known, dead(blue())).unwrap();
        speech.names.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    assert_eq!(names(&known), [vip(100), vip(101)]);
    // Another port holds the second one: it is not what the dead one leaves behind.
    known.names[1] = named(101, green());
    assert_eq!(names(&known), [vip(100)]);
    known.names[1].assists = false;
    assert_eq!(verdict(ms(3000), &known, dead(blue())), Err(Silence::Off));
}

/// Blue advertises on one interface and has the VIP on another of the same instance.
#[test]
fn an_instance_of_two_interfaces_is_dead_when_both_are() {
    let known = known_apart(12, &vrrp(100));
    let verdict = |known: &Known, is_dead: &dyn Fn(Holder) -> bool| verdict(ms(3000), known, is_dead);
    let held = record(blue_eth1());
    let speech = Speech {
        to: port(12),
        source: SOURCE.into(),
        router: 51,
        key: vip(100),
        record: held,
        heir: port(12),
        names: vec![(vip(100), vec![port(12)])],
        interval: ms(1000),
    };
    assert_eq!(verdict(&known, &both_dead), Ok(speech.clone()));
    // The interface of the adverts alone: the master still serves.
    assert_eq!(verdict(&known, &dead(blue())), Err(Silence::HolderLives));
    // The interface of the VIP alone: the master's own software sees it, unless the other one is down, too.
    assert_eq!(verdict(&known, &dead(blue_eth1())), Err(Silence::SenderUnknown(blue())));
    // The VIP was released when its interface went down; the other one followed.
    let mut released = known.clone();
    let record = Record { released: true, ..held };
    released.names[0].record = Some(record);
    assert_eq!(verdict(&released, &dead(blue())), Ok(Speech { record, ..speech }));
    // Nobody knows where the sender is now.
    let lost = Known { sender: None, ..known.clone() };
    assert_eq!(verdict(&lost, &both_dead), Err(Silence::HolderLives));
    // Two interfaces of different instances have nothing to do with each other.
    let mut others = known;
    others.names[0].is_senders = false;
    assert_eq!(verdict(&others, &both_dead), Err(Silence::NotHolder));
}

#[test]
fn the_interface_that_hears_need_not_be_the_one_that_claims() {
    let mut known = known_apart(12, &vrrp(100));
    known.names[0].heirs = vec![port(22), port(23)];
    let speech = verdict(ms(3000), &known, both_dead).unwrap();
    assert_eq!((speech.to, speech.heir), (port(12), port(22)));
    assert_eq!(speech.names, [(vip(100), vec![port(22), port(23)])]);
}

#[test]
fn of_two_vips_only_what_the_dead_interfaces_held_is_left_behind() {
    let mut known = known(12, &Vrrp { addresses: vec![VIP.into(), SECOND.into()], ..vrrp(100) });
    known.names.push(Named { is_senders: true, ..named(101, blue_eth1()) });
    let names = |is_dead: &dyn Fn(Holder) -> bool| {
        let speech = verdict(ms(3000), &known, is_dead);
        speech.map(|speech| speech.names.into_iter().map(|(key, _)| key).collect::<Vec<_>>())
    };
    assert_eq!(names(&dead(blue())), Ok(vec![vip(100)]));
    assert_eq!(names(&both_dead), Ok(vec![vip(100), vip(101)]));
    assert_eq!(names(&dead(blue_eth1())), Err(Silence::SenderUnknown(blue())));
}
