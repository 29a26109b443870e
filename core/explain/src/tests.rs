//! A table of situations: the facts, and what is said of them.

use crate::*;
use std::time::Duration;

fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn web(number: u8) -> Candidate {
    Candidate {
        who: format!("web-{number} on host h{number}"),
        host: Some(format!("host h{number}")),
        host_is_heard: true,
        may_hold: true,
        guest: Guest::Runs,
        port_is_up: Some(true),
        seen: Some(Seen::default()),
    }
}

fn held_by_web_1() -> Holding {
    Holding::Held {
        who: "web-1 on host h1".into(),
        host: "host h1".into(),
        since: "2026-11-26T10:00:00.000Z".into(),
        because: "it announced the VIP".into(),
        host_is_heard: true,
    }
}

fn released_by_web_1() -> Holding {
    Holding::Released {
        who: "web-1 on host h1".into(),
        at: "2026-11-26T10:00:00.000Z".into(),
        because: "its port is down".into(),
    }
}

/// Web-1 and web-2 may claim it, and run; nobody ever has.
fn facts() -> Facts {
    Facts {
        address: "10.20.1.100".into(),
        is_open: false,
        programming: Programming::Done,
        holding: Holding::Never,
        candidates: vec![web(1), web(2)],
        other: None,
        refused: vec![],
    }
}

fn stranger() -> Refused {
    Refused {
        who: "client on host h3".into(),
        what: "a VIP was announced by an interface that is not associated with it".into(),
        advice: "if it was meant, associate this instance with the VIP".into(),
        is_claim: true,
        count: 4,
        ago: secs(3.0),
    }
}

#[test]
fn each_situation_is_named_and_told_in_one_sentence() {
    let down = |mut candidate: Candidate, state: &str| {
        candidate.guest = Guest::DoesNotRun(state.into());
        candidate
    };
    let lost = Holding::Held {
        who: "web-1 on host h1".into(),
        host: "host h1".into(),
        since: "2026-11-26T10:00:00.000Z".into(),
        because: String::new(),
        host_is_heard: false,
    };
    let table = [
        (facts(), "never-claimed", "nobody holds 10.20.1.100: nobody has announced it yet"),
        (
            Facts { candidates: vec![], ..facts() },
            "no-candidate",
            "nobody holds 10.20.1.100: nobody may claim it",
        ),
        (
            Facts { candidates: vec![down(web(1), "stopped"), down(web(2), "powered off")], ..facts() },
            "candidates-down",
            "nobody holds 10.20.1.100: none of those who may claim it runs and has a link",
        ),
        (
            Facts { candidates: vec![Candidate { port_is_up: Some(false), ..web(1) }], ..facts() },
            "candidates-down",
            "nobody holds 10.20.1.100: none of those who may claim it runs and has a link",
        ),
        (
            Facts { candidates: vec![Candidate { may_hold: false, ..web(1) }], ..facts() },
            "no-candidate",
            "nobody holds 10.20.1.100: nobody may claim it",
        ),
        (
            Facts { candidates: vec![], refused: vec![stranger()], ..facts() },
            "refused",
            "nobody holds 10.20.1.100: it is announced by somebody who may not claim it",
        ),
        (
            Facts { refused: vec![stranger()], ..facts() },
            "refused",
            "nobody holds 10.20.1.100: it is announced by somebody who may not claim it",
        ),
        (
            Facts {
                holding: released_by_web_1(),
                candidates: vec![down(web(1), "stopped"), web(2)],
                ..facts()
            },
            "candidates-silent",
            "nobody holds 10.20.1.100: those who may claim it are there, but none of them has the address",
        ),
        (Facts { holding: held_by_web_1(), ..facts() }, "held", "web-1 on host h1 holds 10.20.1.100"),
        (
            Facts { holding: held_by_web_1(), refused: vec![stranger()], ..facts() },
            "held",
            "web-1 on host h1 holds 10.20.1.100",
        ),
        (
            Facts { holding: held_by_web_1(), other: Some("web-2 on host h2".into()), ..facts() },
            "contested",
            "web-1 on host h1 holds 10.20.1.100, and web-2 on host h2 has the address, too",
        ),
        (
            Facts { holding: lost, ..facts() },
            "host-lost",
            "web-1 on host h1 held 10.20.1.100 when host h1 was last heard; nobody has taken it since",
        ),
        (
            Facts {
                holding: held_by_web_1(),
                programming: Programming::Failed("h3: the map is full".into()),
                ..facts()
            },
            "failed",
            "10.20.1.100 does not work everywhere: a host could not program it",
        ),
    ];
    for (facts, situation, summary) in table {
        let explained = explain(&facts);
        assert_eq!(
            (explained.situation.word(), explained.summary.as_str()),
            (situation, summary),
            "{facts:?}"
        );
    }
}

fn texts(facts: &Facts) -> Vec<(&'static str, String, String)> {
    explain(facts).reasons.into_iter().map(|reason| (reason.code, reason.text, reason.advice)).collect()
}

#[test]
fn a_refused_claim_and_a_missing_association_come_with_what_to_do() {
    let told = texts(&Facts { candidates: vec![], refused: vec![stranger()], ..facts() });
    assert_eq!(told[0].1, "nobody has held it since it was made");
    assert_eq!(
        told[1],
        (
            "refused",
            "client on host h3 was refused 3.0 s ago: a VIP was announced by an interface that is not associated with it, 4 times".into(),
            "if it was meant, associate this instance with the VIP".into()
        )
    );
    assert_eq!(told[2].0, "no_candidate");
    assert!(told[2].2.contains("havip vip associate"), "{told:?}");
}

#[test]
fn what_a_host_has_seen_of_a_candidate_is_told() {
    let seen = |advert: Option<(f64, f64)>, asked: Option<f64>, answered: Option<f64>| Seen {
        advert: advert.map(|(ago, interval)| (secs(ago), secs(interval))),
        asked: asked.map(secs),
        answered: answered.map(secs),
    };
    for (seen, code, text) in [
        (
            seen(Some((0.4, 1.0)), Some(2.1), None),
            "candidate_silent",
            "web-1 on host h1 may claim it; its last advert was 0.4 s ago; asked for the address 2.1 s ago, it did not answer",
        ),
        (
            seen(Some((300.0, 1.0)), None, None),
            "candidate_silent",
            "web-1 on host h1 may claim it; its adverts stopped 5 min ago (one each 1.0 s)",
        ),
        (
            seen(None, Some(0.2), Some(0.1)),
            "candidate",
            "web-1 on host h1 may claim it; it sends no adverts that name the VIP; it answered 0.1 s ago that it has the address",
        ),
    ] {
        let facts = Facts { candidates: vec![Candidate { seen: Some(seen), ..web(1) }], ..facts() };
        let told = texts(&facts);
        assert_eq!((told[1].0, told[1].1.as_str()), (code, text));
    }
}

#[test]
fn a_candidate_that_cannot_claim_says_why_and_what_to_do() {
    let nowhere = Candidate { guest: Guest::None, host: None, ..web(1) };
    let lost = Candidate { host_is_heard: false, ..web(1) };
    let stopped = Candidate { guest: Guest::DoesNotRun("stopped".into()), ..web(1) };
    let unlinked = Candidate { port_is_up: Some(false), ..web(1) };
    for (candidate, text, advice) in [
        (nowhere, "may claim it, but belongs to no instance", "attach the interface to an instance"),
        (lost, "may claim it, but host h1 is not heard", "look at the machine and its agent"),
        (stopped, "may claim it, but is stopped", "start the instance"),
        (unlinked, "may claim it, but its link is down", "set the interface up in the instance"),
    ] {
        let told = texts(&Facts { candidates: vec![candidate], ..facts() });
        assert_eq!((told[1].1.as_str(), told[1].2.as_str()), (&*format!("web-1 on host h1 {text}"), advice));
    }
}

#[test]
fn the_holder_is_told_of_once_and_others_need_no_advice() {
    let told = texts(&Facts { holding: held_by_web_1(), ..facts() });
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0].1, "web-1 on host h1 holds it since 2026-11-26T10:00:00.000Z: it announced the VIP");
    assert!(told[1].1.starts_with("web-2 on host h2 may claim it"), "{told:?}");
    assert_eq!(told[1].2, "");
}

#[test]
fn a_drill_needs_a_holder_that_is_heard_and_somebody_else_who_is_there() {
    let held = || Facts { holding: held_by_web_1(), ..facts() };
    let lost = Holding::Held {
        who: "web-1 on host h1".into(),
        host: "host h1".into(),
        since: String::new(),
        because: String::new(),
        host_is_heard: false,
    };
    let alone = |other: Candidate| Facts { candidates: vec![web(1), other], ..held() };
    for (facts, code) in [
        (held(), None),
        (facts(), Some("vip_has_no_holder")),
        (Facts { holding: released_by_web_1(), ..facts() }, Some("vip_has_no_holder")),
        (Facts { holding: lost, ..facts() }, Some("host_not_live")),
        (Facts { candidates: vec![web(1)], ..held() }, Some("no_other_candidate")),
        (alone(Candidate { may_hold: false, ..web(2) }), Some("no_other_candidate")),
        (alone(Candidate { port_is_up: Some(false), ..web(2) }), Some("no_other_candidate")),
        (alone(Candidate { host_is_heard: false, ..web(2) }), Some("no_other_candidate")),
        (
            alone(Candidate { guest: Guest::DoesNotRun("stopped".into()), ..web(2) }),
            Some("no_other_candidate"),
        ),
    ] {
        assert_eq!(obstacle(&facts).map(|obstacle| obstacle.code), code, "{facts:?}");
    }
}
