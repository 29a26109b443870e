//! Who tells whom of a claim: beyond 64 hosts, relays (rule C4).

use super::MOST_MEMBERS;
use havip_model::HostNumber;
use std::collections::BTreeSet;

/// Whom one host of a VPC sends to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience {
    /// What its own ports claim goes to these: all others, or relays.
    pub members: Vec<HostNumber>,
    /// As a relay it passes others' announcements on to these; none where all are told directly.
    pub relayed: Vec<HostNumber>,
}

impl Audience {
    /// Of this host, among these.
    ///
    /// Up to 65 hosts tell all others themselves. More are divided into about as many groups as a group has hosts, by
    /// number; each host passes on to the rest of its own group, and sends to two of each group, so that one relay
    /// that is down costs nobody the news. The two differ from host to host. Beyond 32 groups (1024 hosts) it is one
    /// of each; beyond 64 groups of 65 hosts, some wait for repair.
    pub fn of(own: HostNumber, members: &BTreeSet<HostNumber>) -> Self {
        let mut all = members.clone();
        all.insert(own);
        if all.len() <= MOST_MEMBERS + 1 {
            let behind = all.range(own..).chain(all.range(..own));
            return Self { members: behind.copied().filter(|host| *host != own).collect(), relayed: vec![] };
        }
        let all: Vec<HostNumber> = all.into_iter().collect();
        let count = ceil_sqrt(all.len()).min(MOST_MEMBERS);
        let size = all.len().div_ceil(count);
        let groups: Vec<&[HostNumber]> = all.chunks(size).collect();
        let at = all.binary_search(&own).expect("it was inserted");

        let of_each = if 2 * groups.len() <= MOST_MEMBERS { 2 } else { 1 };
        let relays = groups.iter().flat_map(|group| relays(group, own, at, of_each));
        let relayed = groups[at / size].iter().copied().filter(|host| *host != own);
        Self { members: relays.collect(), relayed: relayed.take(MOST_MEMBERS).collect() }
    }
}

/// So many hosts of the group but the own one, as far apart as can be, chosen by the own one's place.
fn relays(group: &[HostNumber], own: HostNumber, at: usize, most: usize) -> Vec<HostNumber> {
    let others: Vec<HostNumber> = group.iter().copied().filter(|host| *host != own).collect();
    let most = most.min(others.len());
    (0..most).map(|nth| others[(at + nth * others.len() / most) % others.len()]).collect()
}

fn ceil_sqrt(number: usize) -> usize {
    let floor = number.isqrt();
    floor + usize::from(floor * floor < number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn host(number: u32) -> HostNumber {
        HostNumber::new(number).unwrap()
    }

    /// How often each host hears of a claim on this one, if these hosts are down.
    fn heard(
        from: HostNumber,
        all: &BTreeSet<HostNumber>,
        down: &[HostNumber],
    ) -> BTreeMap<HostNumber, usize> {
        let mut heard = BTreeMap::new();
        for first in Audience::of(from, all).members {
            *heard.entry(first).or_default() += 1;
            if down.contains(&first) {
                continue;
            }
            let relayed = Audience::of(first, all).relayed;
            relayed
                .into_iter()
                .filter(|host| *host != from)
                .for_each(|host| *heard.entry(host).or_default() += 1);
        }
        heard
    }

    #[test]
    fn up_to_64_others_are_told_directly_those_behind_it_first() {
        let all: BTreeSet<_> = (1..=65).map(host).collect();
        let audience = Audience::of(host(60), &all);
        assert_eq!(audience.members, (61..=65).chain(1..=59).map(host).collect::<Vec<_>>());
        assert_eq!(audience.relayed, []);
        assert_eq!(Audience::of(host(7), &BTreeSet::new()), Audience { members: vec![], relayed: vec![] });
    }

    #[test]
    fn beyond_that_every_host_hears_of_every_claim_once_or_twice_and_none_sends_to_more_than_64() {
        for (count, gap) in [(66, 1), (67, 3), (100, 1), (300, 7), (1000, 2), (1024, 1), (1025, 1), (4096, 1)]
        {
            let all: BTreeSet<_> = (0..count).map(|index| host(1 + index * gap)).collect();
            let claimants = all.iter().copied().step_by(all.len() / 20);
            for claimant in claimants {
                let audience = Audience::of(claimant, &all);
                assert!(audience.members.len() <= 64 && audience.relayed.len() <= 64, "{count} hosts");
                let heard = heard(claimant, &all, &[]);
                let others: BTreeSet<_> = all.iter().copied().filter(|host| *host != claimant).collect();
                assert_eq!(heard.keys().copied().collect::<BTreeSet<_>>(), others, "{count} hosts");
                assert!(heard.values().all(|times| *times <= 2), "{count} hosts: {heard:?}");
            }
        }
    }

    #[test]
    fn up_to_1024_hosts_one_relay_that_is_down_costs_nobody_the_news() {
        for count in [66, 300, 1024] {
            let all: BTreeSet<_> = (1..=count).map(host).collect();
            let claimant = host(count / 2);
            for down in Audience::of(claimant, &all).members {
                assert_eq!(
                    heard(claimant, &all, &[down]).len() as u32,
                    count - 1,
                    "{count} hosts, {down:?} down"
                );
            }
        }
    }

    #[test]
    fn the_relays_differ_from_host_to_host() {
        let all: BTreeSet<_> = (1..=300).map(host).collect();
        let mut times = BTreeMap::<_, usize>::new();
        for own in &all {
            for relay in Audience::of(*own, &all).members {
                *times.entry(relay).or_default() += 1;
            }
        }
        assert_eq!(times.len(), 300, "everybody relays for somebody");
        assert!(times.values().all(|times| *times <= 60), "of 300: {:?}", times.values().max());
    }
}
