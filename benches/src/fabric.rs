//! One host's switch, or two, among peers that are a single socket: what the switch alone costs.
//!
//! A namespace is the underlay's router and, by routes of type `local`, every peer's address at once; one UDP socket
//! hears what is sent to any of them, with the kernel's time of arrival. Two ports of the host take a VIP in turns.

use crate::post::{Nanos, Post};
use anyhow::{Context, Result};
use havip_claim::Order;
use havip_model::{
    HostNumber, Incarnation, MacAddr, PortNumber, PortState, SealKey, SealKeys, SubnetNumber, VipKey, Vni,
};
use havip_netlink::Namespace;
use havip_reconcile::table::{Address, Entry, EntryKey, Port};
use havip_switch::{Attach, Capacity, Options, Switch, detach_all};
use havip_wire::{Announcement, Ethernet};
use nix::{
    net::if_::if_nametoindex,
    sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, setsockopt, sockopt},
    time::{ClockId, clock_gettime},
};
use std::{
    io::IoSliceMut,
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    os::fd::AsRawFd,
    time::Duration,
};

/// Namespaces, switches and the peers' socket; removed when dropped.
pub struct Fabric {
    name: String,
    /// The host whose ports claim.
    pub host: Switch,
    /// Another host, whose kernel is a peer or a relay.
    pub relay: Switch,
    /// Behind the host's two ports.
    pub guests: [Post; 2],
    socket: UdpSocket,
}

/// An announcement that came to a peer.
#[derive(Debug, Clone, Copy)]
pub struct Heard {
    /// When.
    pub at: Nanos,
    /// What it says.
    pub announcement: Announcement,
}

/// The number of the host.
pub const HOST: u32 = 1;
/// The number of the relay.
pub const RELAY: u32 = 2;
/// The VIP.
pub const VIP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 100);

/// A host by its number.
pub fn host(number: u32) -> HostNumber {
    HostNumber::new(number).expect("a bench counts hosts from 1")
}

/// The VIP as the switch knows it.
pub fn vip() -> VipKey {
    VipKey { vni: vni(), address: VIP.into() }
}

fn vni() -> Vni {
    Vni::new(100).expect("100 is a VNI")
}

/// The two hosts with a kernel have addresses apart from those that are the socket's.
fn underlay(number: u32) -> Ipv4Addr {
    let range = if number <= RELAY { Ipv4Addr::new(198, 19, 0, 0) } else { Ipv4Addr::new(198, 18, 0, 0) };
    Ipv4Addr::from(range.to_bits() + number)
}

impl Fabric {
    /// Hosts up to this number exist; the VPC has no members yet.
    pub fn new(most: u32) -> Result<Self> {
        let name = format!("hvb-{}", std::process::id());
        let _ = remove(&name);
        let made = Self::make(&name, most);
        made.inspect_err(|_| drop(remove(&name)))
    }

    fn make(name: &str, most: u32) -> Result<Self> {
        let peers = namespace(&format!("{name}-peers"))?;
        ip(&peers, "link set lo up")?;
        ip(&peers, "route add local 198.18.0.0/16 dev lo")?;
        peers.set_sysctl("ipv4/ip_forward", "1")?;
        let hosts = [HOST, RELAY].map(|number| cable(name, &peers, number));
        let [host_space, relay_space] = hosts;
        let (host_space, relay_space) = (host_space?, relay_space?);
        let socket =
            peers.run(|| UdpSocket::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, VXLAN_PORT)))??;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        setsockopt(&socket, sockopt::RcvBufForce, &(16 << 20))?;
        socket.set_read_timeout(Some(Duration::from_millis(200)))?;

        let open = |space: &Namespace, number| -> Result<Switch> {
            space.run(|| -> Result<Switch> {
                let switch = Switch::open(&Options {
                    name: format!("{name}-s{number}"),
                    host: host(number),
                    underlay: underlay(number),
                    overlay_ifindex: if_nametoindex("ov")?,
                    attach: Attach::from_environment(),
                    capacity: Capacity { records: 256, addresses: 256, entitlements: 256, ports: most + 64 },
                })?;
                switch.attach_overlay()?;
                Ok(switch)
            })?
        };
        let switches = [open(&host_space, HOST)?, open(&relay_space, RELAY)?];
        for switch in &switches {
            furnish(switch, most)?;
        }
        let [host, relay] = switches;
        let guests = [FIRST_PORT, FIRST_PORT + 1].map(|number| plug(name, &host_space, &host, number));
        let [first, second] = guests;
        Ok(Self { name: name.into(), host, relay, guests: [first?, second?], socket })
    }

    /// The host's claims go to these, and the relay passes them on to those.
    pub fn set_audience(&self, members: Vec<HostNumber>, relayed: Vec<HostNumber>) -> Result<()> {
        self.host.put(&EntryKey::Members(vni()), &Entry::Members { hosts: members })?;
        self.relay.put(&EntryKey::Relayed(vni()), &Entry::Members { hosts: relayed })?;
        Ok(())
    }

    /// Lets the switches seal what they say, and demand seals; or not any more.
    pub fn set_sealed(&self, sealed: bool) -> Result<()> {
        let keys = match sealed {
            true => SealKeys { stage: 1, sending: Some(1), required: true, keys: vec![key()] },
            false => SealKeys::default(),
        };
        self.host.set_keys(&keys)?;
        Ok(self.relay.set_keys(&keys)?)
    }

    /// Everything that peers have heard, until nothing more comes, or so many.
    pub fn heard(&self, enough: usize) -> Result<Vec<Heard>> {
        let mut heard = vec![];
        while heard.len() < enough
            && let Some(next) = self.next_heard()?
        {
            heard.push(next);
        }
        Ok(heard)
    }

    fn next_heard(&self) -> Result<Option<Heard>> {
        let mut bytes = [0; 256];
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let mut control = nix::cmsg_space!(nix::sys::time::TimeSpec);
        let socket = self.socket.as_raw_fd();
        let message = match recvmsg::<SockaddrIn>(socket, &mut parts, Some(&mut control), MsgFlags::empty()) {
            Err(nix::errno::Errno::EAGAIN) => return Ok(None),
            message => message?,
        };
        let at = message.cmsgs()?.find_map(|control| match control {
            ControlMessageOwned::ScmTimestampns(time) => {
                Some(time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
            }
            _ => None,
        });
        let at = at.context("the kernel gave no time of arrival")?;
        let length = message.bytes;
        let frame = bytes.get(VXLAN_HEADER..length).context("a datagram without a frame")?;
        Ok(Some(Heard { at, announcement: Announcement::decode(Ethernet::decode(frame)?.payload)? }))
    }

    /// Sends the host what peers say, from this peer's address, and returns when its kernel is done with it.
    pub fn tell_host(&self, from: &UdpSocket, payload: &[u8]) -> Result<()> {
        from.send_to(payload, SocketAddrV4::new(underlay(HOST), VXLAN_PORT))?;
        Ok(())
    }

    /// A socket of one peer.
    pub fn peer(&self, number: u32) -> Result<UdpSocket> {
        let peers = Namespace::open(&format!("{}-peers", self.name))?;
        Ok(peers.run(|| UdpSocket::bind(SocketAddrV4::new(underlay(number), 0)))??)
    }
}

impl Drop for Fabric {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.name) {
            eprintln!("not everything of the bench is gone: {error:#}");
        }
    }
}

/// The fabric's one key.
pub fn key() -> SealKey {
    SealKey { id: 1, secret: [7; 16] }
}

/// A host's namespace, joined to the router, with a device for the overlay.
fn cable(name: &str, peers: &Namespace, number: u32) -> Result<Namespace> {
    let space = namespace(&format!("{name}-h{number}"))?;
    let (own, router) = (underlay(number), Ipv4Addr::new(192, 0, 2, number as u8));
    ip(
        peers,
        &format!("link add u{number} mtu 1600 type veth peer name u0 mtu 1600 netns {name}-h{number}"),
    )?;
    ip(peers, &format!("addr add {router}/32 dev u{number}"))?;
    ip(peers, &format!("link set u{number} up"))?;
    ip(peers, &format!("route add {own}/32 dev u{number}"))?;
    for line in [
        "link set lo up".into(),
        format!("addr add {own}/32 dev u0"),
        "link set u0 up".into(),
        // One neighbour for all: the peers need no resolution one by one.
        format!("route add {router}/32 dev u0"),
        format!("route add 198.18.0.0/15 via {router} src {own}"),
        format!("link add ov mtu 1550 type vxlan external dstport {VXLAN_PORT} nolearning"),
        "link set ov up".into(),
    ] {
        ip(&space, &line)?;
    }
    // BPF cannot ask for the neighbour.
    let warm = space.command("ping").args(["-c1", "-W2", &router.to_string()]).output()?;
    anyhow::ensure!(warm.status.success(), "the router does not answer");
    Ok(space)
}

fn furnish(switch: &Switch, most: u32) -> Result<()> {
    for number in 1..=most {
        switch.put(&EntryKey::Host(host(number)), &Entry::Host { underlay: underlay(number).into() })?;
    }
    let (subnet, incarnation) = (subnet(), Incarnation(1));
    let gateway = Entry::Subnet {
        vni: vni(),
        virtual_mac: VIRTUAL_MAC,
        gateway: Some(Ipv4Addr::new(10, 0, 0, 1).into()),
        gateway6: None,
    };
    switch.put(&EntryKey::Subnet(subnet), &gateway)?;
    switch.put(&EntryKey::Members(vni()), &Entry::Members { hosts: vec![] })?;
    switch.order(&Order::Prepare { key: vip(), incarnation })?;
    let address = Address::Vip { subnet, incarnation, subnet_binding: false, hold: false };
    switch.put(&EntryKey::Address(vni(), VIP.into()), &Entry::Address(address))?;
    for number in [FIRST_PORT, FIRST_PORT + 1] {
        switch.put(&EntryKey::Entitled(vip(), port(number)), &Entry::Entitled { direct_return: false })?;
    }
    let boot = Duration::from(clock_gettime(ClockId::CLOCK_BOOTTIME)?);
    switch.set_clock((std::time::UNIX_EPOCH.elapsed()? - boot).as_nanos() as i64)?;
    Ok(())
}

/// A guest behind a port of the host.
fn plug(name: &str, space: &Namespace, switch: &Switch, number: u32) -> Result<Post> {
    let (guest, mac) = (namespace(&format!("{name}-g{number}"))?, MacAddr([2, 0, 0, 0, 0, number as u8]));
    let address = Ipv4Addr::new(10, 0, 0, number as u8);
    ip(space, &format!("link add p{number} type veth peer name eth0 address {mac} netns {name}-g{number}"))?;
    let ifindex = space.run(|| if_nametoindex(format!("p{number}").as_str()))??;
    let entry = Port {
        ifindex,
        is_veth: true,
        vni: vni(),
        subnet: subnet(),
        mac,
        virtual_mac: VIRTUAL_MAC,
        primary: Some(address.into()),
        primary6: None,
        mtu: 1500,
        source_dest_check: true,
        is_awaited: false,
        state: PortState::Active,
        editions: None,
    };
    switch.put(&EntryKey::Port(port(number)), &Entry::Port(entry))?;
    space.run(|| switch.attach_port(ifindex))??;
    ip(space, &format!("link set p{number} up"))?;
    ip(&guest, "link set eth0 up")?;
    Ok(Post { namespace: guest, address })
}

fn remove(name: &str) -> Result<()> {
    for space in Namespace::names()?.into_iter().filter(|space| space.starts_with(&format!("{name}-"))) {
        if let Some(number) = space.strip_prefix(&format!("{name}-h")) {
            let gone = Namespace::open(&space)?.run(|| detach_all(&format!("{name}-s{number}")))?;
            gone.map_err(|failures| anyhow::anyhow!("{failures:?}"))?;
        }
        Namespace::delete(&space)?;
    }
    Ok(())
}

fn namespace(name: &str) -> Result<Namespace> {
    let namespace = Namespace::create(name)?;
    namespace.set_sysctl("ipv6/conf/default/disable_ipv6", "1")?;
    Ok(namespace)
}

fn ip(namespace: &Namespace, words: &str) -> Result<()> {
    crate::plain::tool("ip", namespace, words)
}

fn port(number: u32) -> PortNumber {
    PortNumber::new(number).expect("ports are counted from 1")
}

fn subnet() -> SubnetNumber {
    SubnetNumber::new(1).expect("subnets are counted from 1")
}

const FIRST_PORT: u32 = 11;
const VIRTUAL_MAC: MacAddr = MacAddr([2, 0x68, 0x76, 0, 0, 1]);
const VXLAN_PORT: u16 = 7402;
const VXLAN_HEADER: usize = 8;
