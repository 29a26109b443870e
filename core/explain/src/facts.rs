//! What is known of a VIP at one moment.

use std::time::Duration;

/// Everything that an explanation rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The VIP's address.
    pub address: String,
    /// Any interface of its subnet may claim it.
    pub is_open: bool,
    /// Whether the hosts have it.
    pub programming: Programming,
    /// Who holds it.
    pub holding: Holding,
    /// Who may claim it: interfaces in its subnet that are associated, or all of it.
    pub candidates: Vec<Candidate>,
    /// Who has its address besides the holder, since the holder's claim.
    pub other: Option<String>,
    /// What was refused for its address lately, the newest first.
    pub refused: Vec<Refused>,
}

/// Whether the hosts have a VIP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Programming {
    /// All that need it.
    Done,
    /// Not yet, and why.
    Waiting(String),
    /// One could not, and why.
    Failed(String),
}

/// Who holds a VIP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holding {
    /// Nobody ever has.
    Never,
    /// Nobody does any more.
    Released {
        /// Who did.
        who: String,
        /// Since when nobody does.
        at: String,
        /// Why, as a part of a sentence.
        because: String,
    },
    /// Somebody does.
    Held {
        /// Who.
        who: String,
        /// Its host.
        host: String,
        /// Since when.
        since: String,
        /// How it came to hold it, as a part of a sentence; empty if that is not kept any more.
        because: String,
        /// The server hears its host.
        host_is_heard: bool,
    },
}

/// An interface that may claim a VIP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Who: `web-1 on host h1`.
    pub who: String,
    /// The host it is on; none while it is nowhere.
    pub host: Option<String>,
    /// The server hears that host.
    pub host_is_heard: bool,
    /// It may claim; otherwise it may only send as the VIP (direct return).
    pub may_hold: bool,
    /// What its instance does.
    pub guest: Guest,
    /// Whether its port has a link; none if nobody said.
    pub port_is_up: Option<bool>,
    /// What its host has seen of it; none if the host does not answer.
    pub seen: Option<Seen>,
}

impl Candidate {
    /// It runs and has a link, as far as is known.
    pub fn is_there(&self) -> bool {
        self.host_is_heard && self.guest == Guest::Runs && self.port_is_up != Some(false)
    }
}

/// What an instance does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guest {
    /// It runs, or is a machine of somebody else's.
    Runs,
    /// It is stopped, starting or has failed, in a word.
    DoesNotRun(String),
    /// The interface belongs to no instance.
    None,
}

/// What a host has seen of a port that may claim a VIP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// How long ago it last sent a VRRP advert naming the VIP, and the interval that it named.
    pub advert: Option<(Duration, Duration)>,
    /// How long ago it was last asked whether it has the address.
    pub asked: Option<Duration>,
    /// How long ago it last answered that it has.
    pub answered: Option<Duration>,
}

/// What the switch refused for a VIP's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Who sent it.
    pub who: String,
    /// What was wrong with it.
    pub what: String,
    /// What to do if it was meant.
    pub advice: String,
    /// It was an announcement of the VIP.
    pub is_claim: bool,
    /// How many like it.
    pub count: u64,
    /// How long ago.
    pub ago: Duration,
}
