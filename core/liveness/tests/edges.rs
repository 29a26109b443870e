//! The edge rule: a table, a timeline of two edges, and what must hold for any views.

use havip_liveness::{Duty, Edge, Liveness, edge_duty};
use havip_model::{Epoch, Holder, HostNumber, Incarnation, MacAddr, PortNumber, Record};
use proptest::{collection::btree_set, prelude::*};
use std::collections::BTreeSet;

fn host(number: u32) -> HostNumber {
    HostNumber::new(number).unwrap()
}

fn hosts(numbers: &[u32]) -> Vec<HostNumber> {
    numbers.iter().copied().map(host).collect()
}

fn lost(numbers: &[u32]) -> Liveness {
    Liveness { lost: hosts(numbers).into_iter().collect(), trouble_is_here: false, somebody_answers: true }
}

fn able(number: u32) -> Edge {
    Edge { host: host(number), is_able: true }
}

fn record(edge: u32, epoch: u64, released: bool) -> Record {
    let holder = Holder { host: host(edge), port: PortNumber::MIN };
    Record {
        incarnation: Incarnation(1),
        epoch: Epoch(epoch),
        holder,
        released,
        mac: MacAddr::ZERO,
        moves: 1,
    }
}

#[test]
fn each_situation_has_one_edge_that_acts() {
    let trouble = Liveness { trouble_is_here: true, ..lost(&[1, 2]) };
    let at_1 = Some(record(1, 7, false));
    let at_3 = Some(record(3, 7, false));
    let released = Some(record(1, 7, true));
    for (what, liveness, before, acting) in [
        ("never active: the lowest begins", lost(&[]), None, vec![1]),
        ("never active, the lowest lost", lost(&[1]), None, vec![2]),
        ("never active, trouble here: only the lowest is sure", trouble.clone(), None, vec![1]),
        ("active and alive", lost(&[]), at_1, vec![]),
        ("a standby lost", lost(&[2]), at_1, vec![]),
        ("the active one lost: the lowest live standby", lost(&[1]), at_1, vec![2]),
        ("the active one and the next lost", lost(&[1, 2]), at_1, vec![3]),
        ("a returned lower edge does not take back", lost(&[]), at_3, vec![]),
        ("the highest lost, the lower ones returned", lost(&[3]), at_3, vec![1]),
        ("trouble here: no loss is believed", trouble, at_3, vec![]),
        (
            "given up: the lowest of the others, and the old one if it is able again",
            lost(&[]),
            released,
            vec![1, 2],
        ),
        ("given up, the others lost", lost(&[2, 3]), released, vec![1]),
        ("the record's host is no edge any more", lost(&[]), Some(record(9, 7, false)), vec![1]),
    ] {
        let edges = hosts(&[1, 2, 3]);
        // A lost host does not run; the others see it lost.
        let alive = edges.iter().filter(|edge| liveness.trouble_is_here || !liveness.lost.contains(edge));
        let acts: Vec<u32> = alive
            .filter_map(|edge| {
                let take = edge_duty(able(edge.get()), &edges, &liveness, before.as_ref())?;
                assert_eq!(take, Duty::Take { expected: before }, "{what}");
                Some(edge.get())
            })
            .collect();
        assert_eq!(acts, acting, "{what}");
    }
}

#[test]
fn a_host_that_is_no_edge_of_the_eip_never_acts() {
    assert_eq!(edge_duty(able(5), &hosts(&[1, 2]), &lost(&[1, 2]), None), None);
    assert_eq!(edge_duty(able(5), &[], &lost(&[]), None), None);
}

#[test]
fn an_eip_goes_to_the_standby_and_stays_there_when_the_old_edge_returns() {
    let edges = hosts(&[1, 2]);
    let first = edge_duty(able(1), &edges, &lost(&[]), None);
    assert_eq!(first, Some(Duty::Take { expected: None }));

    // Host 1 dies. Host 2 takes over with a new epoch.
    let at_1 = record(1, 10, false);
    assert_eq!(
        edge_duty(able(2), &edges, &lost(&[1]), Some(&at_1)),
        Some(Duty::Take { expected: Some(at_1) })
    );

    // Host 1 is back: neither as it believes still to be active, nor when it has heard otherwise, does anybody act.
    let at_2 = record(2, 11, false);
    for (own, known) in [(1, at_1), (1, at_2), (2, at_2)] {
        assert_eq!(edge_duty(able(own), &edges, &lost(&[]), Some(&known)), None);
    }
}

#[test]
fn an_edge_whose_outside_fails_gives_its_eip_up_and_takes_none() {
    let edges = hosts(&[1, 2]);
    let unable = Edge { host: host(1), is_able: false };
    let (held, given_up) = (record(1, 5, false), record(1, 5, true));
    assert_eq!(edge_duty(unable, &edges, &lost(&[]), Some(&held)), Some(Duty::Release));
    assert_eq!(edge_duty(unable, &edges, &lost(&[]), Some(&given_up)), None);
    assert_eq!(edge_duty(unable, &edges, &lost(&[2]), None), None);
    let take = Some(Duty::Take { expected: Some(given_up) });
    assert_eq!(edge_duty(able(2), &edges, &lost(&[]), Some(&given_up)), take);
}

#[test]
fn an_edge_that_was_taken_off_the_list_gives_the_eip_up() {
    let held = record(1, 5, false);
    assert_eq!(edge_duty(able(1), &hosts(&[2]), &lost(&[]), Some(&held)), Some(Duty::Release));
    assert_eq!(
        edge_duty(able(2), &hosts(&[2]), &lost(&[]), Some(&held)),
        Some(Duty::Take { expected: Some(held) })
    );
}

proptest! {
    /// With one view, at most one edge acts, and exactly one if the EIP has no live edge but some edge is alive.
    #[test]
    fn edges_that_see_the_same_never_act_together(
        edges in btree_set(1u32..8, 1..6), lost in btree_set(1u32..8, 0..6), active in prop::option::of(1u32..9),
    ) {
        let edges: Vec<_> = edges.into_iter().map(host).collect();
        let lost: BTreeSet<_> = lost.into_iter().map(host).collect();
        let record = active.map(|edge| record(edge, 3, false));
        let liveness = Liveness { lost: lost.clone(), trouble_is_here: false, somebody_answers: true };
        let alive: Vec<_> = edges.iter().filter(|edge| !lost.contains(edge)).collect();
        let acting = alive.iter().filter(|edge| edge_duty(able(edge.get()), &edges, &liveness, record.as_ref()).is_some()).count();
        let holder = record.and_then(|record| record.present_holder()).map(|holder| holder.host);
        let is_served = holder.is_some_and(|holder| alive.contains(&&holder));
        prop_assert_eq!(acting, usize::from(!alive.is_empty() && !is_served));
    }
}
