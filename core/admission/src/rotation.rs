//! The life of the keys with which hosts seal what they tell each other: each step is taken when all have followed.
//!
//! A key is good for receiving everywhere before anybody seals with it, and goes when nobody does any more.
//! The first one begins with a time in which nobody demands it, for hosts of a version that knew no seals.

use havip_model::{HostNumber, Timestamp};
use std::time::Duration;

/// Which keys there are, and what they are used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Counts the steps.
    pub stage: u64,
    /// The key to seal with; none: nobody seals yet.
    pub sending: Option<u32>,
    /// What is not sealed is refused.
    pub required: bool,
    /// The keys that are good for receiving, the older first: one or two.
    pub keys: Vec<u32>,
    /// When the newest key was made.
    pub made_at: Timestamp,
}

/// How far a host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Follower {
    /// Which host.
    pub host: HostNumber,
    /// The stage that it has on disk and in its kernel; 0: none.
    pub acknowledged: u64,
    /// How long it has not been heard; zero while its stream is open.
    pub silent: Duration,
}

impl Rotation {
    /// The first key, which nobody uses yet.
    pub fn first(now: Timestamp) -> Self {
        Self { stage: 1, sending: None, required: false, keys: vec![1], made_at: now }
    }

    /// A step is still to be taken.
    pub fn is_under_way(&self) -> bool {
        !self.required || self.keys.len() > 1
    }

    /// A new key beside the present one; none while a change is under way.
    pub fn begin(&self, now: Timestamp) -> Option<Self> {
        let present = self.sending.filter(|_| !self.is_under_way())?;
        // The kernel keeps them by their lowest bit.
        let keys = vec![present, present.checked_add(1)?];
        Some(Self { stage: self.stage + 1, keys, made_at: now, ..self.clone() })
    }

    /// The same, because the key is a month old and every host is there to follow.
    pub fn begin_by_age(&self, now: Timestamp, followers: &[Follower]) -> Option<Self> {
        let is_old = now.0.saturating_sub(self.made_at.0) >= KEY_LIFE.as_millis() as u64;
        let all_are_there = followers.iter().all(|follower| follower.silent.is_zero());
        self.begin(now).filter(|_| is_old && all_are_there)
    }

    /// The next step, if all hosts that count have followed this one.
    pub fn next(&self, followers: &[Follower]) -> Option<Self> {
        if !self.is_under_way() || !self.awaited(followers).is_empty() {
            return None;
        }
        let (oldest, newest) = (*self.keys.first()?, *self.keys.last()?);
        let stage = self.stage + 1;
        Some(match self.sending {
            None => Self { stage, sending: Some(newest), ..self.clone() },
            Some(_) if !self.required => Self { stage, required: true, ..self.clone() },
            Some(sending) if sending == oldest => Self { stage, sending: Some(newest), ..self.clone() },
            Some(_) => Self { stage, keys: vec![newest], ..self.clone() },
        })
    }

    /// The hosts that have not followed, and are waited for.
    ///
    /// A lost host is not waited for after a minute: it gets the keys with its next stream. But before anything is
    /// refused for the first time, every host must have a key.
    pub fn awaited(&self, followers: &[Follower]) -> Vec<HostNumber> {
        let counts = |follower: &&Follower| !self.required || follower.silent < LOST_FOR_GOOD;
        let behind = followers.iter().filter(|follower| follower.acknowledged != self.stage);
        behind.filter(counts).map(|follower| follower.host).collect()
    }
}

/// A key that is older is changed by itself.
const KEY_LIFE: Duration = Duration::from_secs(30 * 86_400);
/// A host that was not heard for so long does not hold others up. Longer than a server takes to start again.
const LOST_FOR_GOOD: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn host(number: u32, acknowledged: u64, silent_secs: u64) -> Follower {
        let host = HostNumber::new(number).unwrap();
        Follower { host, acknowledged, silent: Duration::from_secs(silent_secs) }
    }

    fn what(rotation: &Rotation) -> (Option<u32>, bool, &[u32]) {
        (rotation.sending, rotation.required, &rotation.keys)
    }

    #[test]
    fn a_rotation_takes_its_steps_one_after_another_as_all_follow() {
        let mut rotation = Rotation::first(Timestamp(0));
        let step = |rotation: &mut Rotation| {
            let stage = rotation.stage;
            assert_eq!(rotation.next(&[host(1, stage, 0), host(2, stage - 1, 0)]), None, "host 2 is behind");
            *rotation = rotation.next(&[host(1, stage, 0), host(2, stage, 0)]).unwrap();
            assert_eq!(rotation.stage, stage + 1);
        };
        assert_eq!(what(&rotation), (None, false, &[1][..]));
        step(&mut rotation);
        assert_eq!(what(&rotation), (Some(1), false, &[1][..]));
        step(&mut rotation);
        assert_eq!(what(&rotation), (Some(1), true, &[1][..]));
        assert_eq!(rotation.next(&[]), None, "it has ended");

        rotation = rotation.begin(Timestamp(7)).unwrap();
        assert_eq!((what(&rotation), rotation.made_at), ((Some(1), true, &[1, 2][..]), Timestamp(7)));
        assert_eq!(rotation.begin(Timestamp(8)), None, "one at a time");
        step(&mut rotation);
        assert_eq!(what(&rotation), (Some(2), true, &[1, 2][..]));
        step(&mut rotation);
        assert_eq!(what(&rotation), (Some(2), true, &[2][..]));
        assert_eq!(rotation.next(&[]), None);
    }

    #[test]
    fn a_lost_host_holds_a_rotation_up_for_a_minute_and_the_first_key_for_ever() {
        let ended =
            Rotation { stage: 3, sending: Some(1), required: true, keys: vec![1], made_at: Timestamp(0) };
        let rotation = ended.begin(Timestamp(0)).unwrap();
        assert_eq!(rotation.awaited(&[host(1, 4, 0), host(2, 0, 59)]), [HostNumber::new(2).unwrap()]);
        assert_eq!(rotation.next(&[host(1, 4, 0), host(2, 0, 59)]), None);
        assert!(rotation.next(&[host(1, 4, 0), host(2, 0, 60)]).is_some());
        let first = Rotation::first(Timestamp(0));
        assert_eq!(first.next(&[host(1, 1, 0), host(2, 0, 1_000_000)]), None);
    }

    #[test]
    fn a_key_is_changed_after_a_month_if_every_host_is_there() {
        let ended =
            Rotation { stage: 3, sending: Some(1), required: true, keys: vec![1], made_at: Timestamp(5) };
        let month = Timestamp(5 + 30 * 86_400_000);
        assert_eq!(ended.begin_by_age(Timestamp(month.0 - 1), &[host(1, 3, 0)]), None);
        assert_eq!(ended.begin_by_age(month, &[host(1, 3, 0), host(2, 3, 1)]), None);
        assert!(ended.begin_by_age(month, &[host(1, 3, 0)]).is_some());
    }

    proptest! {
        /// Whatever the order in which hosts follow: what any host seals any other can read, and what is not sealed
        /// is refused only when nobody sends it any more.
        #[test]
        fn hosts_at_different_stages_understand_each_other(order in prop::collection::vec(0usize..4, 0..200)) {
            let mut rotation = Rotation::first(Timestamp(0));
            let mut has: Vec<Rotation> =
                vec![Rotation { stage: 0, sending: None, required: false, keys: vec![], made_at: Timestamp(0) }; 3];
            for choice in order {
                match has.get_mut(choice) {
                    Some(host) => *host = rotation.clone(),
                    None => {
                        let all: Vec<_> = (1..).zip(&has).map(|(number, has)| host(number, has.stage, 0)).collect();
                        let next = rotation.next(&all).or_else(|| rotation.begin(Timestamp(1)));
                        rotation = next.unwrap_or(rotation);
                    }
                }
                for (sender, receiver) in has.iter().flat_map(|one| has.iter().map(move |other| (one, other))) {
                    match sender.sending {
                        None => prop_assert!(!receiver.required),
                        // A host that demands nothing yet believes a seal that it cannot check.
                        Some(key) => prop_assert!(!receiver.required || receiver.keys.contains(&key)),
                    }
                }
            }
        }
    }
}
