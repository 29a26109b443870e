//! Asking the ports of a VIP that nobody holds (C10 a).

use havip_model::{MacAddr, PortNumber};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Whether the VIP has a holder, and if not, what its ports said so far.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Vacancy {
    /// Somebody holds it, or it is not known yet whether somebody does.
    Held,
    /// Nobody does.
    Vacant {
        /// When the asks began.
        began_at: Duration,
        /// Asks so far.
        asked: u32,
        /// The ports that have the address.
        answers: BTreeMap<PortNumber, Answer>,
        /// The ports that may have the address although they have not answered: new candidates, and whoever claimed it.
        unsure: BTreeSet<PortNumber>,
    },
}

/// A port has the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Answer {
    pub mac: MacAddr,
    /// When it is made the holder, if it was not already tried.
    pub take_at: Option<Duration>,
}

impl Vacancy {
    /// Begins the asks, or begins them anew, for ports that may have the address as far as anybody knows.
    pub fn open(&mut self, now: Duration, ports: impl IntoIterator<Item = PortNumber>) {
        let (answers, mut unsure) = match std::mem::replace(self, Self::Held) {
            Self::Held => Default::default(),
            Self::Vacant { answers, unsure, .. } => (answers, unsure),
        };
        unsure.extend(ports);
        *self = Self::Vacant { began_at: now, asked: 0, answers, unsure };
    }

    /// Somebody holds the VIP now. Returns the ports that have the address all the same, or may have it: those whose
    /// silence may be one lost answer, or the record came before it.
    pub fn close(&mut self) -> BTreeSet<PortNumber> {
        match std::mem::replace(self, Self::Held) {
            Self::Held => BTreeSet::new(),
            Self::Vacant { answers, mut unsure, asked, .. } => {
                if asked >= SURE_AFTER {
                    unsure.clear();
                }
                unsure.into_iter().chain(answers.into_keys()).collect()
            }
        }
    }

    /// Notes an answer: one that advertises is taken at once, any other gives those that do 100 ms.
    pub fn answered(&mut self, now: Duration, port: PortNumber, mac: MacAddr, advertised_recently: bool) {
        let Self::Vacant { answers, .. } = self else { return };
        let take_at = if advertised_recently { now } else { now + UNADVERTISED_WAITS };
        let earlier = answers.get(&port).and_then(|answer| answer.take_at).unwrap_or(take_at);
        answers.insert(port, Answer { mac, take_at: Some(take_at.min(earlier)) });
    }

    /// The port is no candidate any more.
    pub fn forget(&mut self, port: PortNumber) {
        if let Self::Vacant { answers, unsure, .. } = self {
            answers.remove(&port);
            unsure.remove(&port);
        }
    }

    /// Whether it is time to ask; counts the ask.
    pub fn asks_now(&mut self, now: Duration) -> bool {
        let Self::Vacant { began_at, asked, .. } = self else { return false };
        let is_due = ask_at(*began_at, *asked) <= now;
        while ask_at(*began_at, *asked) <= now {
            *asked += 1;
        }
        is_due
    }

    /// The port to take now: the earliest of those whose time has come.
    pub fn takes_now(&mut self, now: Duration) -> Option<(PortNumber, MacAddr)> {
        let Self::Vacant { answers, .. } = self else { return None };
        let due = answers.iter_mut().filter(|(_, answer)| answer.take_at.is_some_and(|at| at <= now));
        let (port, answer) = due.min_by_key(|(_, answer)| answer.take_at)?;
        answer.take_at = None;
        Some((*port, answer.mac))
    }

    /// When the next ask or take is due.
    pub fn next_deadline(&self) -> Option<Duration> {
        let Self::Vacant { began_at, asked, answers, .. } = self else { return None };
        let takes = answers.values().filter_map(|answer| answer.take_at);
        takes.chain([ask_at(*began_at, *asked)]).min()
    }
}

/// When the ask after `asked` others is due.
fn ask_at(began_at: Duration, asked: u32) -> Duration {
    match ASKS_AFTER.get(asked as usize) {
        Some(after) => began_at + *after,
        None => {
            began_at + ASKS_AFTER[ASKS_AFTER.len() - 1] + THEN_EVERY * (asked + 1 - ASKS_AFTER.len() as u32)
        }
    }
}

const ASKS_AFTER: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_secs(1),
    Duration::from_secs(3),
];
const THEN_EVERY: Duration = Duration::from_secs(5);
/// Asks after which a port that has not answered does not have the address: three within 0.3 s.
const SURE_AFTER: u32 = 3;
const UNADVERTISED_WAITS: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vacant_vip_is_asked_for_at_once_and_then_ever_more_rarely() {
        let began_at = Duration::from_secs(50);
        let after = |asked| (ask_at(began_at, asked) - began_at).as_millis();
        assert_eq!((0..8).map(after).collect::<Vec<_>>(), [0, 100, 300, 1000, 3000, 8000, 13000, 18000]);
    }

    #[test]
    fn an_agent_that_was_late_asks_once_and_not_for_each_time_it_missed() {
        let mut vacancy = Vacancy::Held;
        vacancy.open(Duration::ZERO, []);
        assert!(vacancy.asks_now(Duration::from_secs(60)));
        assert!(!vacancy.asks_now(Duration::from_secs(60)));
        assert_eq!(vacancy.next_deadline(), Some(Duration::from_secs(63)));
    }
}
