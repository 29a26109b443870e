//! Who plays: the instances of the demo, their addresses and what runs on them.

use crate::{
    Guest, Lab,
    keepalived::{Keepalived, nginx},
    names::HostName,
};
use anyhow::{Context, Result};
use havip_api::{
    AllocateEip, Associate, CreateSubnet, CreateVip, CreateVpc, Direction, Eip, HostFilter, NewRule, Rules,
    RunInstance, SecurityGroupFilter, Vip,
};
use std::{net::Ipv4Addr, time::Duration};

/// Everybody on the stage.
pub struct Cast {
    /// The instance with priority 100, on h1.
    pub primary: Guest,
    /// The instance with priority 10, on h2.
    pub secondary: Guest,
    /// The instance that fetches, on h3.
    pub client: Guest,
    /// An instance of the same subnet that is associated with nothing, on h1.
    pub rogue: Guest,
    /// The machine outside.
    pub outside: Guest,
    subnet: String,
}

impl Cast {
    /// Makes VPC, subnet and instances; keepalived and nginx start with their instances.
    pub fn enter(lab: &Lab) -> Result<Self> {
        let vpc = CreateVpc { name: "demo".into(), cidr: VPC.into(), ..CreateVpc::default() };
        let vpc = lab.api(|client| client.create_vpc(&vpc))?.meta.id;
        let subnet = CreateSubnet { vpc, name: "web".into(), cidr: SUBNET.into(), ..CreateSubnet::default() };
        let subnet = lab.api(|client| client.create_subnet(&subnet))?.meta.id;
        let web = |name: &str, keepalived: Keepalived| nginx(name) + &keepalived.script();
        let (first, second) =
            (Keepalived::primary(WEB_1, WEB_2, VIP), Keepalived::secondary(WEB_2, WEB_1, VIP));
        Ok(Self {
            primary: run(lab, &subnet, "web-1", WEB_1, 1, web("web-1", first))?,
            secondary: run(lab, &subnet, "web-2", WEB_2, 2, web("web-2", second))?,
            client: run(lab, &subnet, "client", CLIENT, 3, String::new())?,
            rogue: run(lab, &subnet, "rogue", ROGUE, 1, String::new())?,
            outside: Guest::outside(lab, crate::names::OUTSIDE_CLIENT)?,
            subnet,
        })
    }

    /// Makes the VIP, associated with nobody.
    pub fn make_vip(&self, lab: &Lab) -> Result<Vip> {
        let body = CreateVip {
            subnet: self.subnet.clone(),
            name: "web".into(),
            address: Some(VIP.to_string()),
            ..CreateVip::default()
        };
        lab.api(|client| client.waiting(SETTLE).create_vip(&body))
    }

    /// Associates both web instances with it.
    pub fn associate(&self, lab: &Lab, vip: &str) -> Result<()> {
        for instance in [&self.primary, &self.secondary] {
            let body = Associate::claim(&instance.id);
            lab.api(|client| client.waiting(SETTLE).associate(vip, &body))?;
        }
        Ok(())
    }

    /// Lets everybody outside fetch pages and ping: the default security group lets in the VPC alone.
    pub fn open_to_all(&self, lab: &Lab) -> Result<()> {
        let filter = SecurityGroupFilter::default();
        let groups = lab.api(|client| client.all_security_groups(&filter))?;
        let group = groups.into_iter().next().context("the VPC has no security group")?;
        let from_all = NewRule::allow(Direction::Ingress, "any");
        let rules = Rules { rules: vec![from_all.clone().of("tcp", "80"), from_all.of("icmp", "")] };
        lab.api(|client| client.waiting(SETTLE).add_rules(&group.meta.id, &rules)).map(drop)
    }

    /// Binds a public address to the VIP.
    pub fn bind_eip(&self, lab: &Lab, vip: &str) -> Result<(Eip, Ipv4Addr)> {
        let eip = lab.api(|client| {
            client.allocate_eip(&AllocateEip { name: "web".into(), ..AllocateEip::default() })
        })?;
        let eip = lab.api(|client| client.waiting(SETTLE).bind_eip(&eip.meta.id, vip))?;
        let address = eip.address.parse().context("the API shows an EIP that is no address")?;
        Ok((eip, address))
    }
}

fn run(lab: &Lab, subnet: &str, name: &str, address: Ipv4Addr, host: u8, user_data: String) -> Result<Guest> {
    let host = HostName::Host(host);
    let host_name = lab.name().agent(&host);
    let hosts = lab.api(|client| client.all_hosts(&HostFilter::default()))?;
    let found = hosts.into_iter().find(|known| known.meta.name == host_name);
    let body = RunInstance {
        subnet: subnet.into(),
        name: name.into(),
        address: Some(address.to_string()),
        host: Some(found.with_context(|| format!("the API knows no host {host_name}"))?.meta.id),
        user_data,
        ..RunInstance::default()
    };
    let instance = lab.api(|client| client.waiting(SETTLE).run_instance(&body))?;
    let guest = Guest::of(lab, host, &instance)?;
    guest.wait_until_running()?;
    Ok(guest)
}

/// The VPC.
pub const VPC: &str = "10.20.0.0/16";
/// Its subnet.
pub const SUBNET: &str = "10.20.1.0/24";
/// The VIP.
pub const VIP: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 100);
const WEB_1: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 11);
const WEB_2: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 12);
/// The client in the subnet.
pub const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 50);
const ROGUE: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 66);
/// A host that does not follow within 10 s is an error by itself.
const SETTLE: Duration = Duration::from_secs(15);
