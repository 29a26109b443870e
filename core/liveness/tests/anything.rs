//! The prober against the plainest model of it: count, for each host, the echoes in a row that nothing followed.

use havip_liveness::{Action, Event, Prober};
use havip_model::HostNumber;
use proptest::{collection::vec, prelude::*};
use std::{collections::BTreeSet, time::Duration};

const HOSTS: usize = 5;

/// One round: how late its tick is, and which hosts are heard after it.
#[derive(Debug, Clone)]
struct Round {
    late_ms: u64,
    heard: [bool; HOSTS],
}

fn rounds() -> impl Strategy<Value = Vec<Round>> {
    let late = prop_oneof![6 => 0u64..=25, 1 => 26u64..2000];
    let heard = prop::array::uniform5(prop::bool::weighted(0.6));
    // Long silences, too, which single coins seldom make.
    let round = (late, heard, any::<u8>(), 1usize..6).prop_map(|(late_ms, heard, silent, times)| {
        let quiet = std::array::from_fn(|host| heard[host] && silent & (1 << host) == 0);
        (0..times)
            .map(|index| Round { late_ms: if index == 0 { late_ms } else { 0 }, heard: quiet })
            .collect()
    });
    vec(round, 0..30).prop_map(|groups: Vec<Vec<Round>>| groups.concat())
}

fn host(index: usize) -> HostNumber {
    HostNumber::new(index as u32 + 1).unwrap()
}

proptest! {
    /// Lost is who missed three echoes in a row with the prober on time; alive again is who is heard.
    #[test]
    fn a_host_is_lost_exactly_after_three_silent_rounds_in_time(rounds in rounds()) {
        let mut prober = Prober::new();
        for index in 0..HOSTS {
            prober.handle(Duration::ZERO, Event::PeerAdded(host(index)));
        }
        let mut silent = [0u32; HOSTS];
        let mut was_sent = [false; HOSTS];
        let mut lost = BTreeSet::new();
        for round in rounds {
            let due_at = prober.next_deadline().unwrap();
            let now = due_at + Duration::from_millis(round.late_ms);
            let actions = prober.handle(now, Event::DeadlineReached);

            let mut expected = vec![];
            for index in 0..HOSTS {
                if round.late_ms > 25 {
                    silent[index] = 0;
                } else if was_sent[index] {
                    silent[index] += 1;
                    if silent[index] == 3 && lost.insert(host(index)) {
                        expected.push(host(index));
                    }
                }
            }
            let said: Vec<_> = actions
                .iter()
                .filter_map(|action| if let Action::Lost { host, .. } = action { Some(*host) } else { None })
                .collect();
            prop_assert_eq!(said, expected);
            let echoes = actions.iter().filter(|action| matches!(action, Action::SendEcho { .. })).count();
            prop_assert_eq!(echoes, HOSTS);

            was_sent = [true; HOSTS];
            for index in 0..HOSTS {
                if round.heard[index] {
                    let was_lost = lost.remove(&host(index));
                    let said = prober.handle(now + Duration::from_millis(1), Event::Heard(host(index)));
                    prop_assert_eq!(said, if was_lost { vec![Action::Alive { host: host(index) }] } else { vec![] });
                    (silent[index], was_sent[index]) = (0, false);
                }
            }
            let liveness = prober.liveness();
            prop_assert_eq!(&liveness.lost, &lost);
            prop_assert!(!liveness.trouble_is_here || silent.iter().filter(|silent| **silent >= 2).count() + lost.len() > HOSTS / 2);
        }
    }
}
