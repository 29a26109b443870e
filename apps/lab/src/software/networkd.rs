//! systemd-networkd, which asks by ARP whether an address is in use before it takes it (RFC 5227).

use crate::Guest;
use anyhow::Result;
use std::net::Ipv4Addr;

/// The addresses of eth0 that it should take if nobody has them.
#[derive(Debug, Clone)]
pub struct Networkd {
    /// Of the guest's subnet, whose prefix has 24 bits.
    pub addresses: Vec<Ipv4Addr>,
}

impl Networkd {
    /// The text of `/run/systemd/network/10-eth0.network`.
    pub fn config(&self) -> String {
        let address = |address: &Ipv4Addr| {
            format!("\n[Address]\nAddress={address}/24\nDuplicateAddressDetection=ipv4\n")
        };
        let head = "[Match]\nName=eth0\n\n[Network]\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n";
        head.to_owned() + &self.addresses.iter().map(address).collect::<String>()
    }
}

impl Guest {
    /// Starts it without systemd, on an interface that has no address yet.
    pub fn start_networkd(&self, config: &Networkd) -> Result<()> {
        // The program's own user must be able to write its state; systemd's unit does this elsewhere.
        let script = format!(
            "mkdir -p /run/systemd/network /run/systemd/netif/links /run/systemd/netif/leases
chown -R systemd-network:systemd-network /run/systemd/netif
cat > /run/systemd/network/10-eth0.network <<'HAVIP_END'
{config}HAVIP_END
ip -4 address flush dev eth0
SYSTEMD_LOG_LEVEL=debug /lib/systemd/systemd-networkd &
",
            config = config.config()
        );
        self.begin("networkd", &script)
    }
}
