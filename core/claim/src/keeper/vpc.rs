//! Joining a VPC, and its repair each second (C6).

use super::{Party, random::Random};
use havip_model::HostNumber;
use std::time::Duration;

/// One VPC on this host.
#[derive(Debug, Clone, Hash)]
pub struct Vpc {
    peers: Vec<HostNumber>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum State {
    /// Records are being pulled; ports wait.
    Joining { give_up_at: Duration },
    /// Records are there.
    Joined { tick_at: Duration },
}

impl Vpc {
    pub fn join(now: Duration) -> Self {
        Self { peers: vec![], state: State::Joining { give_up_at: now + PULL_TAKES_AT_MOST } }
    }

    pub fn set_peers(&mut self, peers: Vec<HostNumber>) {
        self.peers = peers;
    }

    pub fn is_joined(&self) -> bool {
        matches!(self.state, State::Joined { .. })
    }

    /// The pull is done. Says whether the ports may come up only now.
    pub fn pulled(&mut self, now: Duration, random: &mut Random) -> bool {
        match self.state {
            State::Joining { .. } => {
                self.state = State::Joined { tick_at: now + random.jitter(TICK) };
                true
            }
            State::Joined { .. } => false,
        }
    }

    /// Whether the pull has taken too long: then ports come up without it, and repair brings the records.
    pub fn gives_up_now(&self, now: Duration) -> bool {
        matches!(self.state, State::Joining { give_up_at } if give_up_at <= now)
    }

    /// Once a second: whom the digest goes to, some peers and the server. None if woken early.
    pub fn ticks_now(&mut self, now: Duration, random: &mut Random) -> Option<Vec<Party>> {
        match &mut self.state {
            State::Joined { tick_at } if *tick_at <= now => {
                *tick_at = now + TICK - JITTER / 2 + random.jitter(JITTER);
                let peers = random.pick(&self.peers, COMPARED_WITH).into_iter().map(Party::Host);
                Some(peers.chain([Party::Server]).collect())
            }
            State::Joined { .. } | State::Joining { .. } => None,
        }
    }

    pub fn next_deadline(&self) -> Duration {
        match self.state {
            State::Joining { give_up_at } => give_up_at,
            State::Joined { tick_at } => tick_at,
        }
    }
}

/// A peer or the server that is alive answers in milliseconds; a guest should not wait longer for a network.
const PULL_TAKES_AT_MOST: Duration = Duration::from_secs(3);
/// Peers that a digest goes to each second; of a news that half the hosts have, seven of eight hear at the next tick.
const COMPARED_WITH: usize = 3;
const TICK: Duration = Duration::from_secs(1);
/// So that hosts which started together do not all speak at once.
const JITTER: Duration = Duration::from_millis(200);
