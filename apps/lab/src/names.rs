//! What a lab's namespaces, devices, addresses and folders are called.
//!
//! Everything carries the lab's name, so labs run side by side and each removes only its own.

use anyhow::{Result, bail};
use std::{fmt, net::Ipv4Addr, path::PathBuf, str::FromStr};

/// A lab's name: 1 to 6 of a–z and 0–9, so that device names fit into the kernel's 15 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LabName(String);

impl LabName {
    /// The name of a lab when none is given.
    pub const DEFAULT: &'static str = "lab";

    /// The namespace with both bridges and the server.
    pub fn hub(&self) -> String {
        format!("hv-{self}-net")
    }

    /// The namespace of the client outside.
    pub fn outside(&self) -> String {
        format!("hv-{self}-out")
    }

    /// The namespace of a host.
    pub fn host(&self, host: &HostName) -> String {
        format!("hv-{self}-{host}")
    }

    /// What the agent of a host calls itself: its pins lie under this name.
    pub fn agent(&self, host: &HostName) -> String {
        format!("{self}-{host}")
    }

    /// What the names of all devices begin with.
    pub fn prefix(&self) -> String {
        format!("hv{self}")
    }

    /// What the names of all namespaces begin with.
    pub fn namespace_prefix(&self) -> String {
        format!("hv-{self}-")
    }

    /// A device of this lab.
    pub fn device(&self, end: &str) -> String {
        let name = format!("hv{self}{end}");
        debug_assert!(name.len() <= 15, "{name} does not fit");
        name
    }

    /// Where the lab keeps what lives as long as it runs.
    pub fn run_dir(&self) -> PathBuf {
        PathBuf::from("/run/havip/lab").join(&self.0)
    }

    /// Where the server's and the agents' data lie.
    pub fn data_dir(&self) -> PathBuf {
        PathBuf::from("/var/lib/havip/lab").join(&self.0)
    }
}

impl FromStr for LabName {
    type Err = anyhow::Error;
    fn from_str(text: &str) -> Result<Self> {
        let fits = (1..=6).contains(&text.len());
        if !fits || !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
            bail!("{text:?} cannot name a lab: take 1 to 6 of a-z and 0-9");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for LabName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A host of a lab: `h1`, `h2`, … run guests, `e1` and `e2` join the fabric to the outside network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostName {
    /// A host for guests, counted from 1.
    Host(u8),
    /// An edge, counted from 1.
    Edge(u8),
}

impl HostName {
    /// Its address on the underlay.
    pub fn underlay(self) -> Ipv4Addr {
        match self {
            Self::Host(n) => Ipv4Addr::new(172, 29, 0, n),
            Self::Edge(n) => Ipv4Addr::new(172, 29, 0, 200 + n),
        }
    }

    /// An edge's own address on the outside network.
    pub fn outside(self) -> Option<Ipv4Addr> {
        match self {
            Self::Host(_) => None,
            Self::Edge(n) => Some(Ipv4Addr::new(198, 51, 100, n)),
        }
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(n) => write!(f, "h{n}"),
            Self::Edge(n) => write!(f, "e{n}"),
        }
    }
}

impl FromStr for HostName {
    type Err = anyhow::Error;
    fn from_str(text: &str) -> Result<Self> {
        let number = |rest: &str| rest.parse::<u8>().ok().filter(|n| (1..=MOST_HOSTS).contains(n));
        match text.split_at_checked(1) {
            Some(("h", rest)) if number(rest).is_some() => {
                Ok(Self::Host(number(rest).expect("just checked")))
            }
            Some(("e", rest)) if number(rest).is_some() => {
                Ok(Self::Edge(number(rest).expect("just checked")))
            }
            _ => bail!("{text:?} is not a host of a lab: hosts are h1, h2, …, edges e1 and e2"),
        }
    }
}

/// Hosts for guests that a lab may have.
pub const MOST_HOSTS: u8 = 64;
/// The server's address on the underlay.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(172, 29, 0, 254);
/// The prefix length of the underlay.
pub const UNDERLAY_PREFIX: u8 = 24;
/// The underlay's MTU, unless a lab has another one: guests have 1550 of it left.
pub const UNDERLAY_MTU: u32 = 1600;
/// The outside client's address.
pub const OUTSIDE_CLIENT: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 99);
/// The prefix length of the outside network.
pub const OUTSIDE_PREFIX: u8 = 24;
/// The pool of public addresses that a server makes at its first start.
pub const PUBLIC_POOL: (Ipv4Addr, u8) = (Ipv4Addr::new(203, 0, 113, 0), 24);
/// Where the API listens, inside the hub's namespace.
pub const API: &str = "127.0.0.1:7400";
/// Where agents reach the server.
pub const AGENTS_PORT: u16 = 7401;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_still_fits_a_device() {
        let name: LabName = "abcdef".parse().unwrap();
        assert!(name.prefix().len() <= 8, "an agent takes prefixes of at most 8");
        assert!(format!("{}p{}", name.prefix(), 999_999).len() <= 15);
    }

    #[test]
    fn names_that_do_not_fit_are_refused_in_words() {
        for wrong in ["", "toolong", "Lab", "a-b", "ä"] {
            assert!(wrong.parse::<LabName>().unwrap_err().to_string().contains("1 to 6 of a-z"), "{wrong}");
        }
    }

    #[test]
    fn hosts_and_edges_read_back_what_they_show() {
        for host in [HostName::Host(1), HostName::Host(64), HostName::Edge(2)] {
            assert_eq!(host.to_string().parse::<HostName>().unwrap(), host);
        }
        assert!("h0".parse::<HostName>().is_err());
        assert!("x1".parse::<HostName>().is_err());
    }
}
