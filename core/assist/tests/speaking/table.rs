//! Whether an advert may be repeated: each condition of section 6 by itself.

use crate::scene::*;
use havip_assist::{Silence, Speech, verdict};
use havip_model::Record;
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
        names: vec![vip(100)],
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
    let silent = |why: Silence, change: fn(&mut havip_assist::Known)| {
        let mut known = crate::scene::known(12, &vrrp(100));
        change(&mut known);
        assert_eq!(verdict(ms(3000), &known, dead(blue())), Err(why));
    };
    let known = known(12, &vrrp(100));
    assert_eq!(verdict(ms(3000), &known, dead(green())), Err(Silence::SenderLives));
    silent(Silence::NotRepeatable, |known| known.advert = None);
    silent(Silence::NotRepeatable, |known| {
        let version = VrrpVersion::V2 { interval_secs: 1, authentication: Authentication::Header([0; 8]) };
        known.advert = Some(Vrrp { version, ..vrrp(100) });
    });
    silent(Silence::Resigned, |known| known.advert = Some(vrrp(0)));
    silent(Silence::Repeated, |known| known.delivered.is_repeated = true);
    silent(Silence::TooOld, |known| known.delivered.at = ms(0));
    silent(Silence::NotHolder, |known| known.names[0].record = Some(record(green())));
    silent(Silence::NotHolder, |known| known.names[0].record = None);
    silent(Silence::NotHolder, |known| known.names[0].may_claim = false);
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
    assert_eq!(verdict(ms(3000), &known, dead(blue())).unwrap().names, [vip(100), vip(101)]);
    // Another port holds the second one: it is not what the dead one leaves behind.
    known.names[1].record = Some(record(green()));
    assert_eq!(verdict(ms(3000), &known, dead(blue())).unwrap().names, [vip(100)]);
    known.names[1].assists = false;
    assert_eq!(verdict(ms(3000), &known, dead(blue())), Err(Silence::Off));
}
