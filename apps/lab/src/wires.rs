//! Namespaces, bridges and cables: what a data centre would be, without any of our programs.

use crate::names::{HostName, LabName, OUTSIDE_CLIENT, OUTSIDE_PREFIX, PUBLIC_POOL, SERVER, UNDERLAY_PREFIX};
use anyhow::{Context, Result};
use havip_netlink::{BridgeSpec, Links, Namespace, Route, VethEnd, VethSpec};
use ipnet::{IpNet, Ipv4Net};
use std::{net::Ipv4Addr, os::fd::AsFd};

/// Makes the hub, the outside client and every host, all connected and addressed.
pub async fn lay(lab: &LabName, hosts: &[HostName], underlay_mtu: u32) -> Result<()> {
    let hub = make(&lab.hub())?;
    let links = Links::open_in(&hub)?;
    for (bridge, mtu) in [(underlay_bridge(lab), underlay_mtu), (outside_bridge(lab), OUTSIDE_MTU)] {
        let index = links.create_bridge(BridgeSpec { name: &bridge, mtu }).await?;
        links.set_up(index).await?;
    }
    let bridge = links.index_of(&underlay_bridge(lab)).await?;
    links.add_address(bridge, net(SERVER, UNDERLAY_PREFIX)).await?;

    let outside =
        Cable { bridge: outside_bridge(lab), near: "oo".into(), far: "out".into(), mtu: OUTSIDE_MTU };
    let client = make(&lab.outside())?;
    let device = outside.pull(lab, &links, &client, net(OUTSIDE_CLIENT, OUTSIDE_PREFIX)).await?;
    let pool = net(PUBLIC_POOL.0, PUBLIC_POOL.1);
    Links::open_in(&client)?.add_route(Route::on_device(pool, device)).await?;

    for host in hosts {
        let namespace = make(&lab.host(host))?;
        let underlay = Cable {
            bridge: underlay_bridge(lab),
            near: format!("u{host}"),
            far: "ul".into(),
            mtu: underlay_mtu,
        };
        underlay.pull(lab, &links, &namespace, net(host.underlay(), UNDERLAY_PREFIX)).await?;
        if let Some(address) = host.outside() {
            let cable = Cable {
                bridge: outside_bridge(lab),
                near: format!("o{host}"),
                far: "out".into(),
                mtu: OUTSIDE_MTU,
            };
            cable.pull(lab, &links, &namespace, net(address, OUTSIDE_PREFIX)).await?;
        }
    }
    Ok(())
}

/// The device of an edge, and of the outside client, that leads outside.
pub fn outside_device(lab: &LabName) -> String {
    lab.device("out")
}

/// The hub's end of a host's underlay cable; setting it down unplugs the host.
pub fn underlay_cable(lab: &LabName, host: HostName) -> String {
    lab.device(&format!("u{host}"))
}

/// The hub's end of an edge's cable to the outside network.
pub fn outside_cable(lab: &LabName, edge: HostName) -> String {
    lab.device(&format!("o{edge}"))
}

/// Removes every namespace of the lab, and with them all devices.
pub fn tear_up(lab: &LabName) -> Result<()> {
    for name in namespaces(lab)? {
        Namespace::delete(&name)?;
    }
    Ok(())
}

/// The lab's namespaces that exist.
pub fn namespaces(lab: &LabName) -> Result<Vec<String>> {
    let prefix = lab.namespace_prefix();
    Ok(Namespace::names()?.into_iter().filter(|name| name.starts_with(&prefix)).collect())
}

/// A veth pair from a bridge of the hub into another namespace.
struct Cable {
    bridge: String,
    near: String,
    far: String,
    mtu: u32,
}

impl Cable {
    /// Returns the index of the far end.
    async fn pull(&self, lab: &LabName, hub: &Links, into: &Namespace, address: IpNet) -> Result<u32> {
        let (near, far) = (lab.device(&self.near), lab.device(&self.far));
        let spec = VethSpec {
            near: VethEnd { name: &near, mac: None, mtu: self.mtu },
            far: VethEnd { name: &far, mac: None, mtu: self.mtu },
            far_namespace: Some(into.as_fd()),
        };
        let index = hub.create_veth(spec).await?;
        hub.set_master(index, Some(hub.index_of(&self.bridge).await?)).await?;
        hub.set_up(index).await?;
        let inside = Links::open_in(into)?;
        let index = inside.index_of(&far).await?;
        inside.add_address(index, address).await?;
        inside.set_up(index).await?;
        Ok(index)
    }
}

fn make(name: &str) -> Result<Namespace> {
    let namespace = Namespace::create(name).map_err(|error| match error.is_exists() {
        true => {
            anyhow::anyhow!("the namespace {name} exists already: `havip lab down` removes a lab's leftovers")
        }
        false => error.into(),
    })?;
    // Nothing but what is cabled here may speak: no router solicitations, no DAD.
    namespace
        .set_sysctl("ipv6/conf/default/disable_ipv6", "1")
        .context("cannot switch IPv6 off in a lab's namespace")?;
    Ok(namespace)
}

fn underlay_bridge(lab: &LabName) -> String {
    lab.device("ub")
}

fn outside_bridge(lab: &LabName) -> String {
    lab.device("ob")
}

fn net(address: Ipv4Addr, prefix: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new(address, prefix).expect("the lab's prefix lengths are at most 32"))
}

const OUTSIDE_MTU: u32 = 1500;
