//! An instance that sends as much as it can: the neighbour that nobody wants.

use crate::{Guest, Scene, names::HostName};
use anyhow::{Context, Result};
use havip_api::{Associate, CreateSubnet, CreateVip, CreateVpc};
use havip_model::MacAddr;
use havip_netlink::{Links, Namespace};
use havip_packet_socket::PacketSocket;
use havip_wire::{
    Arp, Authentication, Dhcp, Icmp, IcmpError, Icmpv6, Nd, NdOption, Vrrp, VrrpVersion,
    build::{frame, gratuitous_arp},
    multicast_mac, solicited_node,
};
use std::{
    net::{Ipv4Addr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

/// What it may send, and whom it annoys with it.
#[derive(Debug, Clone, Copy)]
pub struct Noisy {
    /// Its own address.
    pub own: Ipv4Addr,
    /// A VIP that it is associated with.
    pub vip: Ipv4Addr,
    /// Another instance of its subnet.
    pub peer: Ipv4Addr,
    /// Its gateway.
    pub gateway: Ipv4Addr,
    /// Its own address of IPv6.
    pub own6: Ipv6Addr,
    /// A VIP of IPv6 that it is associated with.
    pub vip6: Ipv6Addr,
    /// The other instance's address of IPv6.
    pub peer6: Ipv6Addr,
}

impl Scene {
    /// A VPC of another tenant: `loud` on the first host and `peer` on the second, which holds a VIP of both in
    /// each family.
    pub fn add_noisy_vpc(&mut self) -> Result<Noisy> {
        let vip = Ipv4Addr::new(10, 99, 1, 100);
        let vip6 = Ipv6Addr::new(0xfd00, 0x99, 0, 1, 0, 0, 0, 0x100);
        let vpc = CreateVpc {
            name: "loud".into(),
            cidr: "10.99.0.0/16".into(),
            cidr6: Some("fd00:99::/48".into()),
            ..CreateVpc::default()
        };
        let vpc = self.lab.api(|client| client.create_vpc(&vpc))?.meta.id;
        let subnet = CreateSubnet {
            vpc,
            name: "loud".into(),
            cidr: "10.99.1.0/24".into(),
            cidr6: Some("fd00:99:0:1::/64".into()),
            ..CreateSubnet::default()
        };
        let subnet = self.lab.api(|client| client.create_subnet(&subnet))?.meta.id;
        for (name, host) in [("loud", 1), ("peer", 2)] {
            self.add_guest_in(&subnet, name, HostName::Host(host), "")?;
        }
        for address in [vip.to_string(), vip6.to_string()] {
            let body = CreateVip {
                subnet: subnet.clone(),
                address: Some(address),
                associations: ["loud", "peer"].map(|guest| Associate::claim(&self[guest].id)).into(),
                ..CreateVip::default()
            };
            self.settled(|client| client.create_vip(&body))?;
        }
        // Somebody else holds it, so that probes have somewhere to go.
        self["peer"].shell(&format!("ip address add {vip}/32 dev eth0 && arping -U -c 1 -I eth0 {vip}"))?;
        let (own, peer) = (&self["loud"], &self["peer"]);
        let six = |guest: &Guest| guest.address6.context("a guest of a dual subnet has no address of IPv6");
        Ok(Noisy {
            own: own.address,
            vip,
            peer: peer.address,
            gateway: Ipv4Addr::new(10, 99, 1, 1),
            own6: six(own)?,
            vip6,
            peer6: six(peer)?,
        })
    }
}

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

fn all_nodes_mac() -> MacAddr {
    MacAddr([0x33, 0x33, 0, 0, 0, 1])
}

/// Whole frames from inside a guest, over and over, until this is dropped.
pub struct Flood {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    sent: AtomicU64,
}

impl Noisy {
    /// Kinds of noise by name: each makes the switch do something else.
    pub fn kinds(&self, mac: MacAddr) -> Vec<(&'static str, Vec<Vec<u8>>)> {
        let Self { own, vip, peer, gateway, own6, .. } = *self;
        let any = Ipv4Addr::UNSPECIFIED;
        let asks = Dhcp::discover(mac, 7).encode();
        let nobody = Ipv4Addr::from((own.to_bits() | 0xff) - 1);
        let router = MacAddr([2, 0x68, 0x76, 0xff, 0xff, 0xff]);
        let from = || frame(mac, router);
        let version = VrrpVersion::V2 { interval_secs: 1, authentication: Authentication::None };
        let advert = Vrrp { vrid: 7, priority: 100, version, addresses: vec![vip.into()] };
        let group = Ipv4Addr::new(224, 0, 0, 18);
        let vrrp_macs = (0..=255).map(|vrid| MacAddr::vrrp(false, vrid));
        // Probes go to whoever holds the VIP, so they come before the claims.
        vec![
            ("false claims", vec![gratuitous_arp(mac, peer), gratuitous_arp(mac, nobody)]),
            (
                "probes",
                vrrp_macs
                    .map(|mac| frame(mac, MacAddr::BROADCAST).arp(Arp::request(mac, any, vip)))
                    .collect(),
            ),
            ("claims", vec![gratuitous_arp(mac, vip), gratuitous_arp(MacAddr::vrrp(false, 7), vip)]),
            (
                "ARP",
                [gateway, peer, vip, nobody].map(|target| from().arp(Arp::request(mac, own, target))).into(),
            ),
            (
                "adverts",
                vec![
                    from().ip(own, group).ttl(255).vrrp(&advert),
                    from().ip(own, peer).ttl(255).vrrp(&advert),
                ],
            ),
            ("DHCP", vec![frame(mac, MacAddr::BROADCAST).ip(any, Ipv4Addr::BROADCAST).udp(68, 67, &asks)]),
            (
                "errors",
                vec![
                    from().ip(own, nobody).udp(9, 9, b"x"),
                    from().ip(own, Ipv4Addr::new(198, 51, 100, 1)).udp(9, 9, b"x"),
                    from().ip(Ipv4Addr::new(10, 1, 2, 3), peer).udp(9, 9, b"x"),
                    from().ip(own, gateway).ping(1, 1),
                ],
            ),
            ("ND", self.neighbour_discovery(mac)),
            (
                "redirects",
                vec![
                    from().ip(own, peer).icmp(&Icmp::Error {
                        error: IcmpError::Redirect { code: 1, gateway: own },
                        quoted: &frame(mac, router).ip(peer, vip).udp(9, 9, &[0; 8])[14..],
                    }),
                    frame(mac, all_nodes_mac()).ip6(own6, ALL_NODES).hop_limit(255).icmp(&Icmpv6::Other {
                        kind: 137,
                        code: 0,
                        data: &[0; 36],
                    }),
                ],
            ),
        ]
    }

    /// Questions for whom there is and for whom there is not, probes, true claims and false ones.
    fn neighbour_discovery(&self, mac: MacAddr) -> Vec<Vec<u8>> {
        let Self { own6, vip6, peer6, .. } = *self;
        let gateway = Ipv6Addr::from(own6.to_bits() >> 64 << 64 | 1);
        let nobody = Ipv6Addr::from(own6.to_bits() | 0xffff);
        let asked = |source: Ipv6Addr, target: Ipv6Addr| {
            let group = solicited_node(target);
            let options = if source.is_unspecified() { vec![] } else { vec![NdOption::SourceMac(mac)] };
            let to = multicast_mac(group.into()).expect("a group has a MAC");
            frame(mac, to).ip6(source, group).nd(Nd::NeighbourSolicitation { target, options })
        };
        let claimed = |target: Ipv6Addr| {
            frame(mac, all_nodes_mac()).ip6(own6, ALL_NODES).nd(Nd::NeighbourAdvertisement {
                router: false,
                solicited: false,
                override_flag: true,
                target,
                options: vec![NdOption::TargetMac(mac)],
            })
        };
        let questions = [gateway, peer6, vip6, nobody].map(|target| asked(own6, target));
        let claims = [vip6, peer6, nobody].map(claimed);
        questions.into_iter().chain([asked(Ipv6Addr::UNSPECIFIED, vip6)]).chain(claims).collect()
    }

    /// All of it in turns.
    pub fn everything(&self, mac: MacAddr) -> Vec<Vec<u8>> {
        self.kinds(mac).into_iter().flat_map(|(_, frames)| frames).collect()
    }
}

impl Flood {
    /// Begins to send these frames from a guest's eth0.
    pub fn start(namespace: &Namespace, frames: impl FnOnce(MacAddr) -> Vec<Vec<u8>>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let link = runtime.block_on(async { Links::open_in(namespace)?.by_name("eth0").await })?;
        let link = link.ok_or_else(|| anyhow::anyhow!("the guest has no eth0"))?;
        let socket = namespace.run(|| PacketSocket::open(link.index))??;
        let frames = frames(MacAddr(link.mac.0));
        let shared = Arc::<Shared>::default();
        let thread = std::thread::spawn({
            let shared = shared.clone();
            move || {
                for bytes in frames.iter().cycle() {
                    if shared.stop.load(Ordering::Relaxed) {
                        return;
                    }
                    // A full queue is part of it.
                    if socket.send(bytes).is_ok() {
                        shared.sent.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        });
        Ok(Self { shared, thread: Some(thread) })
    }

    /// How many frames have left the guest.
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
