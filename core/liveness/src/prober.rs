//! The machine that sends echoes and judges what comes back.

use crate::{Liveness, peer::Peer};
use havip_model::HostNumber;
use std::{collections::BTreeMap, time::Duration};

/// Probes every host that shares a VPC with this one, and every edge.
///
/// The driver handles every frame that it has before it says [`Event::DeadlineReached`]: what lies unread is no miss.
#[derive(Debug, Clone, Default)]
pub struct Prober {
    peers: BTreeMap<HostNumber, Peer>,
    /// When the last echoes were sent; all peers are probed together.
    sent_at: Option<Duration>,
    tick_at: Option<Duration>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A host is to be probed. It counts as alive until it has missed three echoes.
    PeerAdded(HostNumber),
    /// A host is not to be probed any more.
    PeerRemoved(HostNumber),
    /// Any frame of the host came: an echo's answer, an announcement, a guest's packet.
    Heard(HostNumber),
    /// A deadline may have been reached.
    DeadlineReached,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Send an echo request.
    SendEcho {
        /// To whom.
        host: HostNumber,
        /// Its stamp, returned unchanged: nanoseconds since boot.
        nonce: u64,
    },
    /// The host missed an echo for the first time since it was heard: others are to be asked whether they hear it.
    Ask {
        /// Which host.
        about: HostNumber,
    },
    /// The host is lost. Whether to act on it, [`Prober::liveness`] says.
    Lost {
        /// Which host.
        host: HostNumber,
        /// When it was last heard, since boot.
        since: Duration,
    },
    /// A lost host was heard again.
    Alive {
        /// Which host.
        host: HostNumber,
    },
}

impl Prober {
    /// A prober without peers.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is to be done after this event; `now` is the time since boot.
    pub fn handle(&mut self, now: Duration, event: Event) -> Vec<Action> {
        match event {
            Event::PeerAdded(host) => {
                self.peers.entry(host).or_insert(Peer::new(now));
                self.tick_at.get_or_insert(now);
                vec![]
            }
            Event::PeerRemoved(host) => {
                self.peers.remove(&host);
                if self.peers.is_empty() {
                    self.tick_at = None;
                }
                vec![]
            }
            Event::Heard(host) => {
                let was_lost = self.peers.get_mut(&host).is_some_and(|peer| peer.heard(now));
                was_lost.then_some(Action::Alive { host }).into_iter().collect()
            }
            Event::DeadlineReached => match self.tick_at {
                Some(tick_at) if tick_at <= now => self.tick(now, tick_at),
                Some(_) | None => vec![], // woken early
            },
        }
    }

    /// When [`Event::DeadlineReached`] is wanted; none without peers.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.tick_at
    }

    /// Who is lost, and whether that may be believed.
    pub fn liveness(&self) -> Liveness {
        let unheard: Vec<_> = self.peers.values().filter_map(Peer::vanished_at).collect();
        let lost = self.peers.iter().filter(|(_, peer)| peer.is_lost()).map(|(host, _)| *host);
        let trouble_is_here = most_in_a_second(unheard) * 2 > self.peers.len();
        let somebody_answers = self.peers.values().any(Peer::answers);
        Liveness { lost: lost.collect(), trouble_is_here, somebody_answers }
    }

    /// When a lost host was last heard, since boot.
    pub fn silent_since(&self, host: HostNumber) -> Option<Duration> {
        self.peers.get(&host)?.lost_since()
    }

    fn tick(&mut self, now: Duration, tick_at: Duration) -> Vec<Action> {
        let was_late = now - tick_at > LATENESS;
        let mut actions = vec![];
        for (host, peer) in &mut self.peers {
            if was_late {
                peer.forgive();
            } else if let Some(sent_at) = self.sent_at {
                let was_heard = peer.answers();
                let lost = peer.missed(sent_at);
                if was_heard && !peer.answers() {
                    actions.push(Action::Ask { about: *host });
                }
                actions.extend(lost.map(|since| Action::Lost { host: *host, since }));
            }
        }
        let nonce = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        actions.extend(self.peers.keys().map(|host| Action::SendEcho { host: *host, nonce }));
        self.sent_at = Some(now);
        self.tick_at = Some(now + ECHO_INTERVAL);
        actions
    }
}

/// The most instants that lie within one second of each other.
fn most_in_a_second(mut instants: Vec<Duration>) -> usize {
    instants.sort();
    let within =
        |from: usize| instants[from..].iter().take_while(|at| **at - instants[from] <= SAME_SECOND).count();
    (0..instants.len()).map(within).max().unwrap_or(0)
}

const ECHO_INTERVAL: Duration = Duration::from_millis(50);
/// A tick later than this is the prober's own trouble: half an interval.
const LATENESS: Duration = Duration::from_millis(25);
/// Peers that vanish so close together vanished by one cause, and it is likely to be here (section 6).
const SAME_SECOND: Duration = Duration::from_secs(1);
