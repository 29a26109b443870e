//! Trouble on the way: adverts that a guest does not hear, messages that hosts lose, hosts that do not hear each other,
//! errors that never arrive.

use crate::{Guest, Scene, names::HostName};
use anyhow::{Result, ensure};
use havip_netlink::Namespace;

impl Guest {
    /// It hears no adverts from now on; its own go out.
    pub fn deafen(&self) -> Result<()> {
        let drop = "chain in { type filter hook input priority 0; ip protocol 112 drop; }";
        rules(&self.network_namespace()?, drop)
    }

    /// It is told of no error any more: no packet was too big, no address is unreachable.
    pub fn lose_errors(&self) -> Result<()> {
        let drop = "icmp type { destination-unreachable, time-exceeded } drop;";
        rules(
            &self.network_namespace()?,
            &format!("chain in {{ type filter hook prerouting priority -300; {drop} }}"),
        )
    }

    /// It hears them again.
    pub fn undeafen(&self) -> Result<()> {
        rules(&self.network_namespace()?, "")
    }
}

impl Scene {
    /// Of a hundred packets between hosts so many are lost, announcements as well as guests' own.
    pub fn lose_messages(&self, hosts: u8, share: u8) -> Result<()> {
        for number in 1..=hosts {
            let lost = format!("udp dport 7402 numgen random mod 100 < {share} drop;");
            self.on_arrival(number, &lost)?;
        }
        Ok(())
    }

    /// Of a hundred messages about VIPs between hosts so many are lost: announcements, corrections, doubts and their
    /// answers. Signs of life are not, so that nobody is taken for lost; connections between agents are, if so wished.
    pub fn lose_announcements(&self, hosts: u8, share: u8, connections: bool) -> Result<()> {
        for number in 1..=hosts {
            // Behind UDP's 8 bytes: VXLAN with our own VNI, a frame's header, and the kind as its fifth byte.
            let ours = "udp dport 7402 @th,96,24 0xffffff @th,272,8 != { 3, 4 }";
            let lost = format!("numgen random mod 100 < {share} drop;");
            let connections = if connections { format!("\nip protocol tcp {lost}") } else { String::new() };
            self.on_arrival(number, &format!("{ours} {lost}{connections}"))?;
        }
        Ok(())
    }

    /// Of a host's arriving packets between hosts nothing is lost any more.
    pub fn lose_nothing(&self, hosts: u8) -> Result<()> {
        (1..=hosts).try_for_each(|number| self.on_arrival(number, ""))
    }

    /// A host hears none of the messages about VIPs, but for signs of life.
    pub fn lose_all_announcements(&self, host: u8) -> Result<()> {
        self.on_arrival(host, "udp dport 7402 @th,96,24 0xffffff @th,272,8 != { 3, 4 } drop;")
    }

    /// Two hosts do not hear each other, in any way.
    pub fn cut(&self, one: u8, other: u8) -> Result<()> {
        for (at, from) in [(one, other), (other, one)] {
            self.on_arrival(at, &format!("ip saddr {} drop;", HostName::Host(from).underlay()))?;
        }
        Ok(())
    }

    fn on_arrival(&self, host: u8, rule: &str) -> Result<()> {
        let namespace = Namespace::open(&self.lab.name().host(&HostName::Host(host)))?;
        rules(&namespace, &format!("chain in {{ type filter hook prerouting priority -300; {rule} }}"))
    }
}

/// Loads nftables rules in a namespace, in place of those before, in a table of the story's own.
fn rules(namespace: &Namespace, rules: &str) -> Result<()> {
    let script = format!("table inet story\ndelete table inet story\ntable inet story {{\n{rules}\n}}\n");
    let output = namespace.command("nft").arg(script).output()?;
    ensure!(output.status.success(), "nft {rules}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
