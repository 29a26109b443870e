//! The outside network with IPv6, which no lab has unless a story asks for it.

use crate::{Scene, names::HostName, wires::outside_device};
use anyhow::{Context, Result, ensure};
use havip_api::{AllocateEip, CreateEipPool, Family};
use havip_netlink::Namespace;
use std::net::Ipv6Addr;

/// The outside client's address of IPv6.
pub const OUTSIDE_CLIENT6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xc, 0, 0, 0, 0, 0x99);
/// The pool of public addresses of IPv6.
const PUBLIC_POOL6: &str = "2001:db8:e::/64";

impl Scene {
    /// Switches IPv6 on outside, as a provider's network has it: the client has an address, and the pool's addresses
    /// are on its link; edges have link-local addresses alone. Makes the pool.
    pub fn open_outside6(&self, edges: u8) -> Result<()> {
        let device = outside_device(&self.lab.name());
        let switch_on = format!(
            "cd /proc/sys/net/ipv6/conf/{device} && echo 0 > accept_dad && echo 0 > accept_ra && echo 0 > disable_ipv6"
        );
        shell(&self.lab.outside_namespace()?, &switch_on)?;
        let client = format!(
            "ip address add {OUTSIDE_CLIENT6}/64 dev {device} nodad && ip route add {PUBLIC_POOL6} dev {device}"
        );
        shell(&self.lab.outside_namespace()?, &client)?;
        for edge in 1..=edges {
            shell(&self.lab.host_namespace(HostName::Edge(edge))?, &switch_on)?;
        }
        let body = CreateEipPool { cidrs: vec![PUBLIC_POOL6.into()], ..CreateEipPool::default() };
        self.settled(|client| client.create_eip_pool(&body)).map(drop)
    }

    /// A public address of IPv6 bound to the VIP or to a guest's id; web and ping are opened for it.
    pub fn bind_eip6(&self, target: &str) -> Result<Ipv6Addr> {
        self.open_to_all("tcp", "80")?;
        self.open_to_all("icmpv6", "")?;
        let body = AllocateEip { family: Some(Family::Ipv6), ..AllocateEip::default() };
        let eip = self.lab.api(|client| client.allocate_eip(&body))?;
        let eip = self.settled(|client| client.bind_eip(&eip.meta.id, target))?;
        eip.address.parse().context("the API shows an EIP of IPv6 that is no such address")
    }
}

fn shell(namespace: &Namespace, line: &str) -> Result<()> {
    let output = namespace.command("sh").args(["-c", line]).output()?;
    ensure!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
