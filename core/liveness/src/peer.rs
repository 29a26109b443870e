//! What is known of one peer.

use std::time::Duration;

/// One peer: heard, or not heard for a number of echoes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// It answers, or has just been added and is given the benefit of the doubt.
    Alive {
        /// When it was last heard, or added.
        heard_at: Duration,
        /// Echoes since then that were not answered in time.
        misses: u32,
    },
    /// Three echoes in a row were not answered, and nothing else was heard.
    Lost {
        /// When it was last heard.
        since: Duration,
    },
}

impl Peer {
    pub fn new(now: Duration) -> Self {
        Self::Alive { heard_at: now, misses: 0 }
    }

    /// Any frame of it. Says whether it had been lost.
    pub fn heard(&mut self, now: Duration) -> bool {
        let was_lost = self.is_lost();
        *self = Self::new(now);
        was_lost
    }

    /// The echo sent at `sent_at` is overdue. Says since when the peer is unheard, if that was the last straw.
    pub fn missed(&mut self, sent_at: Duration) -> Option<Duration> {
        match self {
            Self::Alive { heard_at, .. } if *heard_at > sent_at => None, // at the same instant it was heard before
            Self::Alive { heard_at, misses } => {
                *misses += 1;
                let since = (*misses == MISSES_TO_LOSE).then_some(*heard_at)?;
                *self = Self::Lost { since };
                Some(since)
            }
            Self::Lost { .. } => None,
        }
    }

    /// When it was last heard, if it is lost or as good as lost.
    ///
    /// The last miss of one peer and the last but one of another may be one and the same broken cable.
    pub fn vanished_at(&self) -> Option<Duration> {
        match self {
            Self::Alive { heard_at, misses } => (*misses + 1 >= MISSES_TO_LOSE).then_some(*heard_at),
            Self::Lost { since } => Some(*since),
        }
    }

    /// The prober was late, so what it seems to have missed says nothing.
    pub fn forgive(&mut self) {
        match self {
            Self::Alive { misses, .. } => *misses = 0,
            Self::Lost { .. } => {}
        }
    }

    /// It answered its last echo, or was not asked yet.
    pub fn answers(&self) -> bool {
        matches!(self, Self::Alive { misses: 0, .. })
    }

    /// When it was last heard, if it is lost.
    pub fn lost_since(&self) -> Option<Duration> {
        match self {
            Self::Lost { since } => Some(*since),
            Self::Alive { .. } => None,
        }
    }

    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Lost { .. })
    }
}

/// Misses in a row that make a peer lost: 150 ms at one echo each 50 ms.
const MISSES_TO_LOSE: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn each_state_takes_each_event() {
        let alive = |heard_at, misses| Peer::Alive { heard_at: ms(heard_at), misses };
        let lost = |since| Peer::Lost { since: ms(since) };
        type Act = fn(&mut Peer) -> bool;
        let heard: Act = |peer| peer.heard(ms(100));
        let missed: Act = |peer| peer.missed(ms(50)).is_some();
        let forgive: Act = |peer| {
            peer.forgive();
            false
        };
        for (before, act, after, says) in [
            (alive(10, 0), heard, alive(100, 0), false),
            (alive(10, 2), heard, alive(100, 0), false),
            (lost(10), heard, alive(100, 0), true),
            (alive(10, 0), missed, alive(10, 1), false),
            (alive(10, 1), missed, alive(10, 2), false),
            (alive(10, 2), missed, lost(10), true),
            (alive(51, 2), missed, alive(51, 2), false),
            (alive(50, 2), missed, lost(50), true),
            (lost(10), missed, lost(10), false),
            (alive(10, 2), forgive, alive(10, 0), false),
            (lost(10), forgive, lost(10), false),
        ] {
            let mut peer = before;
            assert_eq!((act(&mut peer), peer), (says, after), "{before:?}");
        }
    }
}
