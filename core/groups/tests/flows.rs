//! Connections from their first packet to their end.

use havip_groups::{
    ANSWERED_TCP, CLOSING, CUT_TCP, Flows, JUDGED_LASTS, Kind, NEW_TCP, State, Tuple, Verdict, WAYS, set_of,
    ticks,
};
use havip_model::Direction::{self, Egress, Ingress};

const SEED: u64 = 7;

fn tuple(protocol: u8, peer: u16) -> Tuple {
    Tuple { own: [1; 16], peer: [2; 16], own_port: 80, peer_port: peer, protocol }
}

/// What is allowed to begin.
fn only(what: &[Direction]) -> impl Fn(Direction) -> bool + Copy + '_ {
    move |direction| what.contains(&direction)
}

#[test]
fn an_answer_passes_where_a_first_packet_would_not() {
    let mut flows = Flows::new(SEED);
    let (inwards, who) = (only(&[Ingress]), tuple(6, 5000));
    assert_eq!(flows.judge(0, 1, Egress, (who, Kind::Data), inwards), Verdict::Forbidden(Egress));
    assert_eq!(flows.judge(1, 1, Ingress, (who, Kind::Syn), inwards), Verdict::Pass);
    assert_eq!(flows.judge(2, 1, Egress, (who, Kind::Data), inwards), Verdict::Pass);
    assert_eq!(flows.states(2), [(who, State::Answered)]);
    let late = 3 + ANSWERED_TCP;
    assert_eq!(flows.judge(late, 1, Egress, (who, Kind::Data), inwards), Verdict::Forbidden(Egress));
}

#[test]
fn what_nobody_answers_is_forgotten_soon_and_what_is_closed_sooner() {
    let mut flows = Flows::new(SEED);
    let (inwards, who) = (only(&[Ingress]), tuple(6, 5000));
    flows.judge(0, 1, Ingress, (who, Kind::Syn), inwards);
    assert_eq!(flows.states(NEW_TCP).len(), 1);
    assert_eq!(flows.states(NEW_TCP + 1), []);
    flows.judge(0, 1, Egress, (who, Kind::Fin), inwards);
    assert_eq!(flows.states(0), [(who, State::Answered)], "half closed");
    flows.judge(0, 1, Ingress, (who, Kind::Fin), inwards);
    assert_eq!(flows.states(0), [(who, State::Closing)]);
    assert_eq!(
        flows.judge(1, 1, Egress, (who, Kind::Data), inwards),
        Verdict::Pass,
        "the last acknowledgement"
    );
    assert_eq!(flows.states(1 + CLOSING + 1), []);
    flows.judge(1, 1, Ingress, (who, Kind::Syn), inwards);
    assert_eq!(flows.states(1), [(who, State::New)], "the same ports once more");
    flows.judge(2, 1, Ingress, (who, Kind::Reset), inwards);
    assert_eq!(flows.states(2), [(who, State::Closing)]);
}

#[test]
fn a_connection_whose_rule_goes_is_cut_both_ways_and_lives_again_with_its_rule() {
    let mut flows = Flows::new(SEED);
    let (both, outwards, who) = (only(&[Ingress, Egress]), only(&[Egress]), tuple(6, 5000));
    flows.judge(0, 1, Ingress, (who, Kind::Syn), both);
    flows.judge(1, 1, Egress, (who, Kind::Data), both);
    assert_eq!(flows.judge(2, 1, Egress, (who, Kind::Data), outwards), Verdict::Pass, "not asked again yet");
    // The guest's own repetitions must not open it anew, although it may open connections.
    for at in 0..20 {
        let now = 3 + at * ticks(120);
        assert_eq!(flows.judge(now, 2, Egress, (who, Kind::Data), outwards), Verdict::Forbidden(Ingress));
    }
    let now = 3 + 19 * ticks(120) + 1;
    assert_eq!(flows.judge(now, 3, Ingress, (who, Kind::Data), both), Verdict::Pass);
    assert_eq!(flows.judge(now, 4, Ingress, (who, Kind::Data), outwards), Verdict::Forbidden(Ingress));
    let later = now + CUT_TCP + 1;
    assert_eq!(flows.judge(later, 4, Egress, (who, Kind::Data), outwards), Verdict::Pass, "long forgotten");
}

#[test]
fn the_rules_are_asked_again_after_ten_seconds() {
    let mut flows = Flows::new(SEED);
    let (both, nothing, who) = (only(&[Ingress, Egress]), only(&[]), tuple(17, 5000));
    flows.judge(0, 1, Ingress, (who, Kind::Data), both);
    assert_eq!(flows.judge(JUDGED_LASTS, 1, Ingress, (who, Kind::Data), nothing), Verdict::Pass);
    let next = JUDGED_LASTS + 1;
    assert_eq!(flows.judge(next, 1, Ingress, (who, Kind::Data), nothing), Verdict::Forbidden(Ingress));
}

#[test]
fn an_error_passes_if_it_is_about_a_connection_that_lives() {
    let mut flows = Flows::new(SEED);
    let (outwards, who) = (only(&[Egress]), tuple(17, 5000));
    let error = (Tuple { peer: [9; 16], own_port: 0, peer_port: 0, protocol: 1, ..who }, Kind::Error(who));
    assert_eq!(flows.judge(0, 1, Ingress, error, outwards), Verdict::Forbidden(Ingress));
    flows.judge(0, 1, Egress, (who, Kind::Data), outwards);
    assert_eq!(flows.judge(0, 1, Ingress, error, outwards), Verdict::Pass);
    assert_eq!(flows.states(0), [(who, State::New)], "it is no answer");
}

#[test]
fn a_full_set_gives_up_the_unanswered_but_never_what_is_in_use() {
    let mut flows = Flows::new(SEED);
    let both = only(&[Ingress, Egress]);
    let set = set_of(SEED, &tuple(6, 0));
    let alike: Vec<_> = (0..=u16::MAX)
        .map(|port| tuple(6, port))
        .filter(|who| set_of(SEED, who) == set)
        .take(WAYS + 2)
        .collect();
    let (extra, full) = alike.split_first().unwrap();
    for who in &full[..WAYS] {
        flows.judge(0, 1, Ingress, (*who, Kind::Syn), both);
    }
    for who in &full[1..WAYS] {
        flows.judge(1, 1, Egress, (*who, Kind::Data), both);
    }
    assert_eq!(flows.judge(2, 1, Ingress, (*extra, Kind::Syn), both), Verdict::Pass);
    assert!(!flows.states(2).iter().any(|(who, _)| *who == full[0]), "the unanswered one made room");
    flows.judge(2, 1, Egress, (*extra, Kind::Data), both);
    let one_more = (full[WAYS], Kind::Syn);
    assert_eq!(flows.judge(3, 1, Ingress, one_more, both), Verdict::Full);
    assert_eq!(
        flows.judge(3 + ticks(301), 1, Ingress, one_more, both),
        Verdict::Pass,
        "silent for five minutes"
    );
}
