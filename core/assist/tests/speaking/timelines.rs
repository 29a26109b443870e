//! What it does, and when.

use crate::scene::*;
use havip_assist::{Action, Event, Evidence, Speaker};
use havip_model::{HostNumber, Record};
use std::time::Duration;

fn lost(since: u64) -> Event {
    Event::HostLost { host: host(1), since: ms(since) }
}
fn said(by: u32, hears: bool) -> Event {
    Event::Said { about: host(1), by: host(by), hears }
}

/// Answers a look with blue's advert; carries out what follows, and says how many ports heard it and why.
fn look(speaker: &mut Speaker, now: Duration) -> Vec<Evidence> {
    let seen = Event::Seen(vec![known(12, &vrrp(100))]);
    let mut why = vec![];
    for action in speaker.handle(now, seen) {
        let Action::Speak { speech, evidence } = action else { panic!("{action:?}") };
        why.push(evidence.clone());
        assert_eq!(speaker.handle(now, Event::Spoken { speech, evidence }), []);
    }
    why
}

/// The hosts whose records are released until then, and when.
fn releases(speaker: &mut Speaker, until: Duration) -> Vec<(u128, HostNumber)> {
    let mut released = vec![];
    while let Some(at) = speaker.next_deadline().filter(|at| *at <= until) {
        for action in speaker.handle(at, Event::DeadlineReached) {
            let Action::Release(host) = action else { panic!("{action:?}") };
            released.push((at.as_millis(), host));
        }
    }
    released
}

#[test]
fn a_port_that_goes_down_is_spoken_for_at_once_and_what_follows_within_two_seconds_was_assisted() {
    let mut speaker = Speaker::new();
    assert_eq!(speaker.handle(ms(900), Event::PortDown(blue())), [Action::Look]);
    assert_eq!(speaker.handle(ms(900), Event::PortDown(blue())), [], "the other VIP of the same port");
    let evidence = Evidence::PortDown { holder: blue() };
    assert_eq!(look(&mut speaker, ms(900)), std::slice::from_ref(&evidence));
    assert_eq!(speaker.next_deadline(), None);

    assert_eq!(speaker.evidence(ms(1870), vip(100), port(12)), Some(&evidence));
    assert_eq!(speaker.evidence(ms(1870), vip(100), port(13)), None, "nobody spoke to it");
    assert_eq!(speaker.evidence(ms(1870), vip(101), port(12)), None);
    assert_eq!(speaker.evidence(ms(2901), vip(100), port(12)), None, "that had other reasons");

    // It comes back and goes down again: looked at anew.
    assert_eq!(speaker.handle(ms(2950), Event::PortDown(blue())), [Action::Look]);
}

#[test]
fn a_lost_host_is_spoken_for_at_once_and_released_when_a_glitch_would_be_over() {
    let mut speaker = Speaker::new();
    for event in [Event::Missed(host(1)), said(3, false), said(4, false)] {
        assert_eq!(speaker.handle(ms(100), event), []);
    }
    assert_eq!(speaker.handle(ms(200), lost(40)), [Action::Look]);
    assert_eq!(speaker.handle(ms(210), lost(40)), [], "said again");
    let evidence =
        Evidence::HostLost { host: host(1), silence: ms(160), deaf: vec![host(3), host(4)], hear: vec![] };
    assert_eq!(look(&mut speaker, ms(200)), [evidence]);
    assert!(!speaker.releases(host(1)));
    assert_eq!(releases(&mut speaker, ms(2500)), [(450, host(1))]);
    assert!(speaker.releases(host(1)) && !speaker.releases(host(3)), "records that name it may come late");
    speaker.handle(ms(2600), Event::HostHeard(host(1)));
    assert!(!speaker.releases(host(1)));
}

#[test]
fn a_host_that_was_away_for_200_ms_is_not_released_and_what_was_said_is_taken_back() {
    let mut speaker = Speaker::new();
    speaker.handle(ms(200), lost(40));
    let [Evidence::HostLost { .. }] = look(&mut speaker, ms(200))[..] else { panic!("nobody spoke") };
    assert_eq!(releases(&mut speaker, ms(250)), []);
    // What was said is taken back, once.
    let back = speaker.handle(ms(251), Event::HostHeard(host(1)));
    assert!(matches!(&back[..], [Action::TakeBack(speech)] if speech.to == port(12)), "{back:?}");
    assert_eq!(speaker.handle(ms(252), Event::HostHeard(host(1))), []);
    assert_eq!(speaker.evidence(ms(253), vip(100), port(12)), None);
    assert_eq!(releases(&mut speaker, ms(9000)), []);
}

#[test]
fn what_was_said_about_a_port_that_went_down_is_not_taken_back_when_its_host_is_heard() {
    let mut speaker = Speaker::new();
    speaker.handle(ms(900), Event::PortDown(blue()));
    look(&mut speaker, ms(900));
    assert_eq!(speaker.handle(ms(1000), Event::HostHeard(host(1))), []);
    assert!(speaker.evidence(ms(1000), vip(100), port(12)).is_some());
}

#[test]
fn a_host_that_another_one_hears_is_spoken_for_but_not_released() {
    let mut speaker = Speaker::new();
    speaker.handle(ms(100), Event::Missed(host(1)));
    speaker.handle(ms(110), said(3, false));
    speaker.handle(ms(200), lost(40));
    let why = look(&mut speaker, ms(200));
    assert!(matches!(&why[..], [Evidence::HostLost { hear, .. }] if hear.is_empty()), "nobody is waited for");
    // The answer comes late, but before the release.
    speaker.handle(ms(210), said(4, true));
    assert_eq!(releases(&mut speaker, ms(9000)), []);
    assert!(!speaker.releases(host(1)));

    // Its link is repaired, and then it dies: what was said before is forgotten.
    speaker.handle(ms(10_000), Event::HostHeard(host(1)));
    speaker.handle(ms(20_000), Event::Missed(host(1)));
    speaker.handle(ms(20_100), lost(19_950));
    assert_eq!(releases(&mut speaker, ms(20_500)), [(20_350, host(1))]);
}

#[test]
fn an_interface_that_advertised_is_asked_about_when_the_one_of_the_vip_went_down() {
    let mut speaker = Speaker::new();
    let seen = || Event::Seen(vec![known_apart(12, &vrrp(100)), known_apart(13, &vrrp(100))]);
    assert_eq!(speaker.handle(ms(900), Event::PortDown(blue_eth1())), [Action::Look]);
    assert_eq!(speaker.handle(ms(900), seen()), [Action::AskAbout(blue())], "once for all who heard it");

    // Its host says that it is down, too; the VIP was released meanwhile.
    let mut released = known_apart(12, &vrrp(100));
    released.names[0].record = Some(Record { released: true, ..record(blue_eth1()) });
    assert_eq!(speaker.handle(ms(903), Event::PortDown(blue())), [Action::Look]);
    let words = speaker.handle(ms(903), Event::Seen(vec![released]));
    let [Action::Speak { speech, evidence }] = &words[..] else { panic!("{words:?}") };
    assert_eq!(*evidence, Evidence::PortsDown { holder: blue_eth1(), sender: port(11) });
    let spoken = Event::Spoken { speech: speech.clone(), evidence: evidence.clone() };
    assert_eq!(speaker.handle(ms(903), spoken), []);
    assert_eq!(speaker.evidence(ms(1870), vip(100), port(12)), Some(evidence));
}

#[test]
fn a_lost_host_takes_all_interfaces_of_an_instance_with_it() {
    let mut speaker = Speaker::new();
    speaker.handle(ms(200), lost(40));
    let words = speaker.handle(ms(200), Event::Seen(vec![known_apart(12, &vrrp(100))]));
    assert!(matches!(words[..], [Action::Speak { evidence: Evidence::HostLost { .. }, .. }]), "{words:?}");
}
