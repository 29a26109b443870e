//! The devices that an agent makes for itself: the overlay, and the pair by which DHCP comes up to it.

use crate::args::Config;
use anyhow::{Context, ensure};
use havip_model::MacAddr;
use havip_netlink::{Link, Links, VethEnd, VethSpec, VxlanSpec};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr};

/// The devices an agent works with, by index.
#[derive(Debug, Clone)]
pub struct Devices {
    /// The device that has the underlay address.
    pub underlay: u32,
    /// The external-mode VXLAN device.
    pub overlay: u32,
    /// The switch's end of the DHCP pair.
    pub dhcp_switch: u32,
    /// The agent's end of the DHCP pair.
    pub dhcp_agent: u32,
    /// The outside device of an edge.
    pub edge: Option<OutsideDevice>,
}

/// The outside device of an edge.
#[derive(Debug, Clone, Copy)]
pub struct OutsideDevice {
    /// Its index.
    pub index: u32,
    /// Its MAC.
    pub mac: MacAddr,
    /// Its own IPv4 address, if it has one.
    pub address: Option<Ipv4Addr>,
    /// Whether it works now.
    pub has_carrier: bool,
}

/// The underlay device and what fits through it.
#[derive(Debug, Clone, Copy)]
pub struct Underlay {
    /// Its index.
    pub index: u32,
    /// The largest packet a guest may send: its MTU less 50 (IPv4) or 70 (IPv6).
    pub guest_mtu: u16,
}

/// Finds the device with the underlay address.
///
/// # Errors
/// No device has it, or its MTU leaves guests less than IPv6 needs.
pub async fn underlay(links: &Links, address: IpAddr) -> anyhow::Result<Underlay> {
    for link in links.list().await? {
        let addresses = links.addresses(link.index).await?;
        if addresses.iter().any(|net| net.addr() == address) {
            let overhead = if address.is_ipv4() { 50 } else { 70 };
            let guest_mtu = link.mtu.saturating_sub(overhead).min(65_000);
            ensure!(guest_mtu >= 1280, "{} has an MTU of {}, too small to carry VXLAN", link.name, link.mtu);
            return Ok(Underlay { index: link.index, guest_mtu: guest_mtu as u16 });
        }
    }
    anyhow::bail!(
        "no device has the underlay address {address}; give one of this host's addresses as --underlay"
    )
}

/// Makes what is missing; what an earlier life made is used again.
///
/// The overlay stays down until its program is attached.
///
/// # Errors
/// A device cannot be made, or the edge device does not exist.
pub async fn prepare(links: &Links, config: &Config, underlay: Underlay) -> anyhow::Result<Devices> {
    let overlay_name = config.overlay_device();
    let overlay = match links.by_name(&overlay_name).await? {
        Some(link) => link.index,
        None => {
            let mtu = u32::from(underlay.guest_mtu);
            let spec = VxlanSpec { name: &overlay_name, port: config.vxlan_port, mtu, mac: None };
            links.create_vxlan(spec).await.context("could not make the overlay device")?
        }
    };
    quiet(&overlay_name)?;

    let (near, far) = config.dhcp_devices();
    if links.by_name(&near).await?.is_none() {
        let end = |name| VethEnd { name, mac: None, mtu: 1500 };
        let spec = VethSpec { near: end(&near), far: end(&far), far_namespace: None };
        links.create_veth(spec).await.context("could not make the DHCP devices")?;
    }
    quiet(&near)?;
    quiet(&far)?;

    let edge = match &config.edge {
        None => None,
        Some(name) => {
            let link = links.by_name(name).await?;
            let link = link.with_context(|| format!("the edge device {name} does not exist"))?;
            Some(outside(links, &link).await?)
        }
    };
    let (dhcp_switch, dhcp_agent) = (links.index_of(&near).await?, links.index_of(&far).await?);
    Ok(Devices { underlay: underlay.index, overlay, dhcp_switch, dhcp_agent, edge })
}

async fn outside(links: &Links, link: &Link) -> anyhow::Result<OutsideDevice> {
    let own = links.addresses(link.index).await?;
    let address = own.iter().find_map(|net| match net {
        IpNet::V4(net) => Some(net.addr()),
        IpNet::V6(_) => None,
    });
    Ok(OutsideDevice { index: link.index, mac: link.mac, address, has_carrier: link.has_carrier })
}

/// Keeps the host's own stack silent on a device of the fabric: no IPv6 address of its own, nothing forwarded.
///
/// # Errors
/// `/proc/sys` is not writable.
pub fn quiet(name: &str) -> anyhow::Result<()> {
    let path = format!("/proc/sys/net/ipv6/conf/{name}/disable_ipv6");
    match std::fs::write(&path, "1") {
        // A kernel without IPv6 has nothing to silence.
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("could not write {path}"))
        }
        _ => Ok(()),
    }
}
