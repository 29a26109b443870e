//! Heartbeat 3 with its own resource manager: two nodes that hear each other by unicast, and IPaddr2.

use crate::{Guest, guest::LOGS};
use anyhow::Result;
use std::net::Ipv4Addr;

/// One node of the pair; both have the same resources.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    /// The other node's address.
    pub peer: Ipv4Addr,
    /// The nodes' names as `uname -n` shows them; the first one is preferred.
    pub nodes: [String; 2],
    /// The address that moves.
    pub vip: Ipv4Addr,
}

impl Heartbeat {
    /// The node `own` of a pair in which `first` is preferred.
    pub fn of(own: &Guest, first: &Guest, second: &Guest, vip: Ipv4Addr) -> Self {
        let peer = if own.id == first.id { second } else { first };
        Self { peer: peer.address, nodes: [first.name.clone(), second.name.clone()], vip }
    }

    /// The text of `/etc/ha.d/ha.cf`.
    pub fn config(&self) -> String {
        let [first, second] = &self.nodes;
        // Less than 10 s of `initdead` is warned about; `udpport` counts only for what stands below it.
        format!(
            "logfile {LOGS}/ha.log
udpport 694
keepalive 500ms
warntime 1
deadtime 2
initdead 10
ucast eth0 {peer}
auto_failback off
node {first}
node {second}
",
            peer = self.peer
        )
    }
}

impl Guest {
    /// Starts it; it goes into the background by itself.
    pub fn start_heartbeat(&self, config: &Heartbeat) -> Result<()> {
        let script = format!(
            "mkdir -p /run/heartbeat
cat > /etc/ha.d/ha.cf <<'HAVIP_END'
{text}HAVIP_END
echo '{first} IPaddr2::{vip}/32/eth0' > /etc/ha.d/haresources
(umask 077; printf 'auth 1\\n1 sha1 havip\\n' > /etc/ha.d/authkeys)
/usr/libexec/heartbeat/heartbeat
",
            text = config.config(),
            first = config.nodes[0],
            vip = config.vip
        );
        self.begin("heartbeat", &script)
    }
}
