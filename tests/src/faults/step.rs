//! What is done, one thing after the other.

use havip_lab::names::HostName;
use std::fmt;

/// A step. Guests and VIPs are numbers, from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// `kill -9` of the server, in the middle of writes.
    KillServer,
    /// It is started again.
    StartServer,
    /// `kill -9` of a host's agent.
    KillAgent(HostName),
    /// It is started again.
    StartAgent(HostName),
    /// The underlay cable of a host is pulled.
    Unplug(HostName),
    /// It is plugged in again.
    Plug(HostName),
    /// The power of a host fails.
    LoseHost(HostName),
    /// It boots.
    BootHost(HostName),
    /// The power of a guest is cut, by the API.
    PowerOff(usize),
    /// It is started again.
    PowerOn(usize),
    /// Each of these VIPs is claimed by the first of these guests that does not hold it.
    Claims(Vec<(usize, Vec<usize>)>),
    /// Everything is whole: all hosts agree, counters add up, the history is complete.
    Settle,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillServer => write!(f, "the server is killed"),
            Self::StartServer => write!(f, "the server is started"),
            Self::KillAgent(host) => write!(f, "the agent of {host} is killed"),
            Self::StartAgent(host) => write!(f, "the agent of {host} is started"),
            Self::Unplug(host) => write!(f, "the underlay cable of {host} is pulled"),
            Self::Plug(host) => write!(f, "the underlay cable of {host} is plugged in"),
            Self::LoseHost(host) => write!(f, "{host} loses its power"),
            Self::BootHost(host) => write!(f, "{host} boots"),
            Self::PowerOff(guest) => write!(f, "guest {guest} loses its power"),
            Self::PowerOn(guest) => write!(f, "guest {guest} is started"),
            Self::Claims(claims) => write!(f, "{} VIPs are claimed", claims.len()),
            Self::Settle => write!(f, "everything settles"),
        }
    }
}
