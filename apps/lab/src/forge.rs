//! What a host, or a stranger on the underlay, says of a VPC that is none of its business.

use crate::{Scene, names::HostName};
use anyhow::Result;
use havip_model::{Epoch, Holder, HostNumber, Incarnation, MacAddr, PortNumber, Record, VipKey, Vni};
use havip_netlink::Namespace;
use havip_wire::{Announcement, Message, RecordKind, Vxlan, build};
use std::net::IpAddr;

impl Scene {
    /// Sends host 3 an announcement that green's port holds the VIP, from an underlay address of no host.
    pub fn forge_announcement_from_unknown_host(&self) -> Result<()> {
        let vip = self.vip_now()?;
        let vni = self.lab.api(|client| client.vpc(&self.vpc))?.vni;
        let packet = forged_announcement(HostNumber::MAX, vni, self.vip_address, vip.incarnation);
        let to = (HostName::Host(3).underlay(), VXLAN_PORT).into();
        // The hub's own address is the server's, which is no host.
        crate::socket::send_udp(&Namespace::open(&self.lab.name().hub())?, to, &packet)
    }

    /// Sends host 3 the same from the underlay address of host 2, in its name: only the seal is missing.
    pub fn forge_announcement_from_known_host(&self) -> Result<()> {
        let vip = self.vip_now()?;
        let vni = self.lab.api(|client| client.vpc(&self.vpc))?.vni;
        let id = self.host_id(HostName::Host(2))?;
        let from = HostNumber::new(self.lab.api(|client| client.host(&id))?.number)?;
        let packet = forged_announcement(from, vni, self.vip_address, vip.incarnation);
        let to = (HostName::Host(3).underlay(), VXLAN_PORT).into();
        crate::socket::send_udp(&Namespace::open(&self.lab.name().host(&HostName::Host(2)))?, to, &packet)
    }

    /// Sends a guest's host a ping in another guest's name, from a host, as every process there can that has a socket.
    pub fn forge_ping_by_host_process(&self, at: HostName, from: &str, to: &str, on: HostName) -> Result<()> {
        let vni = self.lab.api(|client| client.vpc(&self.vpc))?.vni;
        let forger = MacAddr([2, 0xde, 0xad, 0xbe, 0xef, 1]);
        let ping = build::frame(forger, forger).ip(self[from].address, self[to].address).ping(1, 1);
        let packet = Vxlan { vni, payload: &ping }.encode();
        let to = (on.underlay(), VXLAN_PORT).into();
        crate::socket::send_udp(&Namespace::open(&self.lab.name().host(&at))?, to, &packet)
    }
}

fn forged_announcement(from: HostNumber, vni: u32, address: IpAddr, incarnation: u64) -> Vec<u8> {
    let record = Record {
        incarnation: Incarnation(incarnation),
        epoch: Epoch(Epoch::LIMIT.0 - 1),
        holder: Holder { host: from, port: PortNumber::MIN },
        released: false,
        mac: MacAddr([2, 0xde, 0xad, 0xbe, 0xef, 1]),
        moves: 1,
    };
    let key = VipKey { vni: Vni::new(vni).expect("the API shows valid VNIs"), address };
    let message = Message::Record { kind: RecordKind::Announce, key, record };
    let announcement = Announcement { from, hops: 0, nonce: 0, sent_at: 0, message };
    let switch = MacAddr([0x02, 0x68, 0x76, 0, 0, 0]);
    let frame = build::frame(switch, MacAddr::BROADCAST).announcement(&announcement);
    Vxlan { vni: 0xff_ffff, payload: &frame }.encode()
}

/// The agents' VXLAN port.
const VXLAN_PORT: u16 = 7402;
