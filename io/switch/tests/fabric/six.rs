//! The same scene with IPv6: guests fd00::PORT/64 behind the gateway fd00::1, and the VIP fd00::100.

use super::{Fabric, GATEWAY, VIRTUAL_MAC, eventually, host, mac, output, port, run, subnet, vni};
use havip_claim::Order;
use havip_model::{Incarnation, MacAddr, Record, VipKey};
use havip_reconcile::table::{Address, Entry, EntryKey};
use std::{net::Ipv6Addr, time::Duration};

pub const VIP: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0x100);
pub const GATEWAY6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);

pub fn vip() -> VipKey {
    VipKey { vni: vni(), address: VIP.into() }
}
/// The address of the guest behind a port.
pub fn own(number: u32) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, number as u16)
}
/// What a kernel makes of a MAC.
pub fn link_local(mac: MacAddr) -> Ipv6Addr {
    mac.link_local()
}

impl Fabric {
    /// Two hosts whose subnet has IPv6.
    pub fn six(name: &str) -> Self {
        let fabric = Self::new(name);
        // As an agent does: the hosts' own stacks are silent on devices of the fabric.
        for number in 1..=2 {
            let namespace = fabric.namespace(number);
            run(&format!("ip netns exec {namespace} sysctl -qw net.ipv6.conf.all.disable_ipv6=1"));
            run(&format!("ip netns exec {namespace} sysctl -qw net.ipv6.conf.default.disable_ipv6=1"));
        }
        let (gateway, gateway6) = (Some(GATEWAY.into()), Some(GATEWAY6.into()));
        let entry = Entry::Subnet { vni: vni(), virtual_mac: VIRTUAL_MAC, gateway, gateway6 };
        fabric.put(EntryKey::Subnet(subnet()), entry);
        let gateway = Entry::Address(Address::Gateway { subnet: subnet() });
        fabric.put(EntryKey::Address(vni(), GATEWAY6.into()), gateway);
        fabric
    }

    /// The VIP of IPv6 with these ports entitled, on both hosts.
    pub fn vip6(&self, entitled: &[u32]) {
        let incarnation = Incarnation(1);
        for switch in &self.hosts {
            switch.order(&Order::Prepare { key: vip(), incarnation }).unwrap();
        }
        let address = Address::Vip { subnet: subnet(), incarnation, subnet_binding: false, hold: false };
        self.put(EntryKey::Address(vni(), VIP.into()), Entry::Address(address));
        for number in entitled {
            self.put(EntryKey::Entitled(vip(), port(*number)), Entry::Entitled { direct_return: false });
        }
    }

    /// A guest with both families whose kernel has found nobody else with its addresses; returns its namespace.
    pub fn guest6(&mut self, on: u32, number: u32) -> String {
        let entry = Address::Interface {
            subnet: subnet(),
            port: port(number),
            host: Some(host(on)),
            mac: mac(number),
            source_dest_check: true,
            primary: true,
        };
        self.put(EntryKey::Address(vni(), own(number).into()), Entry::Address(entry));
        let guest = self.guest(on, number);
        run(&format!("ip -n {guest} -6 addr add {}/64 dev eth0", own(number)));
        run(&format!("ip -n {guest} -6 route add default via {GATEWAY6} dev eth0"));
        // A kernel waits a second for each address.
        eventually(Duration::from_secs(10), "the guest's addresses are its own", || {
            let shown = run(&format!("ip -n {guest} -6 addr show dev eth0"));
            assert!(!shown.contains("dadfailed"), "{shown}");
            shown.contains("fe80::") && !shown.contains("tentative")
        });
        guest
    }

    /// Starts keepalived with a VIP of IPv6 and without peers; returns its process.
    pub fn keepalived6(&mut self, guest: &str, priority: u8, peer: Option<u32>) -> u32 {
        let files = std::env::temp_dir().join(guest);
        std::fs::create_dir_all(&files).unwrap();
        let files = files.display();
        let peer = peer.map_or(String::new(), |peer| format!("unicast_peer {{\n {}\n }}\n", own(peer)));
        let text = format!(
            "global_defs {{\n vrrp_version 3\n}}\n\
             vrrp_instance VI_1 {{\n state BACKUP\n interface eth0\n virtual_router_id 51\n\
             priority {priority}\n advert_int 0.2\n {peer} virtual_ipaddress {{\n {VIP}\n }}\n}}\n"
        );
        std::fs::write(format!("{files}/conf"), text).unwrap();
        self.start_in(
            guest,
            &format!("keepalived -n -l -f {files}/conf -p {files}/pid -r {files}/vrrp -c {files}/check"),
        )
    }

    pub fn pings6(&self, guest: &str, address: &str) -> bool {
        output(&format!("ip netns exec {guest} ping -6 -c1 -W1 -n {address}")).status.success()
    }

    /// Both hosts name this port as the present holder of the VIP of IPv6.
    pub fn held6_by(&self, on: u32, number: u32) -> bool {
        let record = |record: Option<Record>| record.and_then(|record| record.present_holder());
        self.hosts
            .iter()
            .map(|switch| record(switch.record(vip()).unwrap()))
            .all(|holder| holder.is_some_and(|holder| (holder.host, holder.port) == (host(on), port(number))))
    }
}
