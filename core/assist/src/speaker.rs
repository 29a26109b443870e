//! The machine: who is dead, when to speak for them, when to release what they held, and what followed.

use crate::{Known, Silence, Speech, verdict};
use havip_model::{Holder, HostNumber, PortNumber, VipKey};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Speaks for the dead on one host.
#[derive(Debug, Clone, Default)]
pub struct Speaker {
    /// Ports that went down since the memory was looked at last.
    down: BTreeSet<Holder>,
    /// Hosts that are lost, as far as this host may believe it.
    lost: BTreeMap<HostNumber, Lost>,
    /// What others said about hosts that this one had just missed.
    said: BTreeMap<HostNumber, BTreeMap<HostNumber, bool>>,
    /// What was said to ports a moment ago.
    spoken: BTreeMap<(VipKey, PortNumber), Spoken>,
}

/// A lost host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lost {
    silent_since: Duration,
    /// When its records are to be released; none once that was said.
    release_at: Option<Duration>,
}

/// A port was told that a master is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Spoken {
    speech: Speech,
    /// Until when its claim is taken for the consequence.
    until: Duration,
    evidence: Evidence,
}

/// On what it rests that somebody is dead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// The port's own host says that it went down.
    PortDown {
        /// The port.
        holder: Holder,
    },
    /// Their host says that both went down: the port that held the VIP, and the one of its instance that advertised it.
    PortsDown {
        /// The first.
        holder: Holder,
        /// The second.
        sender: PortNumber,
    },
    /// The host was not heard.
    HostLost {
        /// The host.
        host: HostNumber,
        /// For how long, when the port was told.
        silence: Duration,
        /// Hosts that do not hear it either.
        deaf: Vec<HostNumber>,
        /// Hosts that hear it: only the way between it and this one is broken.
        hear: Vec<HostNumber>,
    },
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A port that a record names went down, or one that was asked about, says the port's own host.
    PortDown(Holder),
    /// A host was missed for the first time since it was heard, and others are asked whether they hear it.
    Missed(HostNumber),
    /// One of them answered.
    Said {
        /// The host that was missed.
        about: HostNumber,
        /// Who answered.
        by: HostNumber,
        /// Whether it hears the host.
        hears: bool,
    },
    /// A host is lost, and the trouble is not here. May be said again while it is so.
    HostLost {
        /// The host.
        host: HostNumber,
        /// When it was last heard, since boot.
        since: Duration,
    },
    /// A lost host was heard again, or there is reason to think that the trouble is here.
    HostHeard(HostNumber),
    /// What the switch remembers: the answer to [`Action::Look`].
    Seen(Vec<Known>),
    /// The switch has said it.
    Spoken {
        /// What.
        speech: Speech,
        /// Why.
        evidence: Evidence,
    },
    /// A deadline may have been reached.
    DeadlineReached,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Read what the switch remembers and say [`Event::Seen`] before anything else happens.
    Look,
    /// Give a port an advert once more, with priority 0; then say [`Event::Spoken`].
    Speak {
        /// What.
        speech: Speech,
        /// Why.
        evidence: Evidence,
    },
    /// Ask the host of this port whether the port is down: another one of its instance is, which held a VIP. If it is,
    /// or goes down within a moment, say [`Event::PortDown`] of it; else nothing.
    AskAbout(Holder),
    /// Give the port the advert itself once more: its sender's host is heard again.
    TakeBack(Speech),
    /// Release every record that names a port of this host, exactly as it is (C7), and go on as long as
    /// [`Speaker::releases`] says so: records that name it may still come.
    Release(HostNumber),
}

impl Speaker {
    /// Nobody is dead.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is to be done after this event; `now` is the time since boot.
    pub fn handle(&mut self, now: Duration, event: Event) -> Vec<Action> {
        match event {
            Event::PortDown(holder) => match self.down.insert(holder) {
                true => vec![Action::Look],
                false => vec![],
            },
            Event::Missed(host) => {
                self.said.remove(&host);
                vec![]
            }
            Event::Said { about, by, hears } => {
                self.said.entry(about).or_default().insert(by, hears);
                vec![]
            }
            Event::HostLost { host, .. } if self.lost.contains_key(&host) => vec![],
            Event::HostLost { host, since } => {
                self.lost.insert(host, Lost { silent_since: since, release_at: Some(now + RELEASES_AFTER) });
                vec![Action::Look]
            }
            Event::HostHeard(host) => {
                self.lost.remove(&host);
                self.take_back(now, host)
            }
            Event::Seen(known) => self.speak(now, &known),
            Event::Spoken { speech, evidence } => {
                self.note(now, &speech, &evidence);
                vec![]
            }
            Event::DeadlineReached => self.deadline_reached(now),
        }
    }

    /// When [`Event::DeadlineReached`] is wanted.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.lost.values().filter_map(|lost| lost.release_at).min()
    }

    /// Whether records that name a port of this host are to be released.
    pub fn releases(&self, host: HostNumber) -> bool {
        let is_due = self.lost.get(&host).is_some_and(|lost| lost.release_at.is_none());
        // One broken link between two hosts must not flap a VIP.
        is_due && !self.said.get(&host).is_some_and(|said| said.values().any(|hears| *hears))
    }

    /// On what it rests that a port became the holder of a VIP just now; none if nobody spoke to it.
    pub fn evidence(&self, now: Duration, key: VipKey, port: PortNumber) -> Option<&Evidence> {
        let spoken = self.spoken.get(&(key, port)).filter(|spoken| now <= spoken.until)?;
        Some(&spoken.evidence)
    }

    fn speak(&mut self, now: Duration, known: &[Known]) -> Vec<Action> {
        let is_dead = |holder: Holder| self.down.contains(&holder) || self.lost.contains_key(&holder.host);
        let (mut actions, mut asks) = (vec![], BTreeSet::new());
        for known in known {
            match verdict(now, known, is_dead) {
                Ok(speech) => {
                    let evidence = self.evidence_against(now, speech.record.holder, known.delivered.sender);
                    actions.push(Action::Speak { speech, evidence });
                }
                Err(Silence::SenderUnknown(sender)) => _ = asks.insert(sender),
                Err(_) => {}
            }
        }
        self.down.clear();
        actions.extend(asks.into_iter().map(Action::AskAbout));
        actions
    }

    /// On what it rests that the holder is dead.
    fn evidence_against(&self, now: Duration, holder: Holder, sender: PortNumber) -> Evidence {
        let is_down = self.down.contains(&holder) || self.down.contains(&Holder { port: sender, ..holder });
        let Some(lost) = self.lost.get(&holder.host).filter(|_| !is_down) else {
            return match holder.port == sender {
                true => Evidence::PortDown { holder },
                false => Evidence::PortsDown { holder, sender },
            };
        };
        let said = self.said.get(&holder.host);
        let who = |hears: bool| {
            let said = said.into_iter().flatten();
            said.filter(|(_, heard)| **heard == hears).map(|(host, _)| *host).collect()
        };
        let silence = now.saturating_sub(lost.silent_since);
        Evidence::HostLost { host: holder.host, silence, deaf: who(false), hear: who(true) }
    }

    fn note(&mut self, now: Duration, speech: &Speech, evidence: &Evidence) {
        self.spoken.retain(|_, spoken| now <= spoken.until);
        let until = now + speech.interval + TAKEOVER;
        for (key, heirs) in &speech.names {
            for heir in heirs {
                let spoken = Spoken { speech: speech.clone(), until, evidence: evidence.clone() };
                self.spoken.insert((*key, *heir), spoken);
            }
        }
    }

    /// What was said about a host that lives after all: an underlay that was away for a moment must move nothing.
    fn take_back(&mut self, now: Duration, living: HostNumber) -> Vec<Action> {
        let mut taken_back: Vec<Speech> = vec![];
        self.spoken.retain(|_, spoken| {
            let is_wrong = matches!(spoken.evidence, Evidence::HostLost { host, .. } if host == living);
            if is_wrong && now <= spoken.until && !taken_back.contains(&spoken.speech) {
                taken_back.push(spoken.speech.clone());
            }
            !is_wrong
        });
        taken_back.into_iter().map(Action::TakeBack).collect()
    }

    fn deadline_reached(&mut self, now: Duration) -> Vec<Action> {
        let mut due = vec![];
        for (host, lost) in &mut self.lost {
            if lost.release_at.take_if(|at| *at <= now).is_some() {
                due.push(*host);
            }
        }
        due.into_iter().filter(|host| self.releases(*host)).map(Action::Release).collect()
    }
}

/// How long after its third miss a lost host's VIPs are released: who speaks for it has no use for that, and an
/// underlay that was away for 200 ms must move nothing.
const RELEASES_AFTER: Duration = Duration::from_millis(250);
/// What a takeover may need beyond the skew, which is less than an interval.
const TAKEOVER: Duration = Duration::from_secs(1);
