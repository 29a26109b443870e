//! A host with everything real: programs at devices, frames through cables, and somebody who listens everywhere.
//!
//! Host 1 is an edge. Ports 11 and 12 (subnet 1) and 21 (subnet 2) are of VPC 100, port 31 of VPC 200, where it has
//! the address that 12 has in VPC 100. Port 13 is on host 2. A VIP of each subnet is held by 12, 21 and 31; 11, which
//! lies, is associated with none, and has an EIP. Ports 41 and 42, and 43 on host 2, are of an external subnet
//! ([`segment`]). Every cable's far end is named as its device and `x`.

pub mod segment;

use crate::hook::{ip, listen, receive};
use havip_claim::Order;
use havip_model::{
    HostNumber, Incarnation, MacAddr, MoveCause, PortNumber, PortState, Record, SealKey, SealKeys,
    SubnetNumber, VipKey, Vni,
};
use havip_reconcile::table::{Address, Entry, EntryKey, Port};
use havip_switch::{Attach, Capacity, Edge, Events, Ledger, Options, Outcome, Switch, detach_all};
use nix::sched::{CloneFlags, unshare};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    time::{Duration, Instant},
};

pub const VIRTUAL_MAC: MacAddr = MacAddr([0x02, 0x68, 0x76, 0, 0, 1]);
pub const EDGE_MAC: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 0xe0]);
pub const ROUTER_MAC: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 0xee]);
pub const UNDERLAY_MAC: MacAddr = MacAddr([0x02, 0, 0, 0, 2, 1]);
pub const ROUTER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
/// Somebody outside.
pub const CLIENT: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
pub const CLIENT6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xc, 0, 0, 0, 0, 7);
pub const ROUTER6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xe, 0, 0, 0, 0, 1);

pub fn vni(number: u32) -> Vni {
    Vni::new(number).unwrap()
}
pub fn port(number: u32) -> PortNumber {
    PortNumber::new(number).unwrap()
}
pub fn host(number: u32) -> HostNumber {
    HostNumber::new(number).unwrap()
}
pub fn mac(number: u32) -> MacAddr {
    MacAddr([0x02, 0, 0, 0, 0, number as u8])
}
/// Of VPC 100.
pub fn own(number: u32) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, number as u8 / 10 - 1, number as u8)
}
pub fn own6(number: u32) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, 0, 0, number as u16 / 10 - 1, 0, 0, 0, number as u16)
}
pub fn underlay(number: u32) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, number as u8)
}
/// The VIP of a subnet; subnet 3, of VPC 200, has the addresses of subnet 1.
pub fn vip(subnet: u32) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, (subnet % 3) as u8 / 2, 100)
}
pub fn vip6(subnet: u32) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, 0, 0, (subnet % 3) as u16 / 2, 0, 0, 0, 0x100)
}
pub fn gateway(subnet: u32) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, (subnet % 3) as u8 / 2, 1)
}
pub fn gateway6(subnet: u32) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, 0, 0, (subnet % 3) as u16 / 2, 0, 0, 0, 1)
}
/// The EIP of a port.
pub fn eip(number: u32) -> Ipv4Addr {
    Ipv4Addr::new(203, 0, 113, number as u8)
}
pub fn eip6(number: u32) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0xe, 0, 0, 0, 0, number as u16)
}
pub fn key(id: u32) -> SealKey {
    SealKey { id, secret: [id as u8; 16] }
}

/// Ports: number, VPC, subnet, the host it is on, whose address of VPC 100 it has.
const PORTS: [(u32, u32, u32, u32, u32); 5] =
    [(11, 100, 1, 1, 11), (12, 100, 1, 1, 12), (21, 100, 2, 1, 21), (13, 100, 1, 2, 13), (31, 200, 3, 1, 12)];
/// VIPs: VPC, subnet, the port that may claim it and holds it.
const VIPS: [(u32, u32, u32); 3] = [(100, 1, 12), (100, 2, 21), (200, 3, 31)];
/// The far ends of all cables.
const FAR_ENDS: [&str; 9] = ["p11x", "p12x", "p21x", "p31x", "p41x", "p42x", "u0x", "e0x", "d0x"];
/// Devices of the switch whose frames are nothing to the host's stack.
const SILENT: [&str; 8] = ["p11", "p12", "p21", "p31", "p41", "p42", "ov", "d0x"];

pub struct Wall {
    pub switch: Switch,
    name: String,
    events: Events,
    before: Ledger,
    /// Who listens at the far ends, and sends there.
    cables: BTreeMap<&'static str, OwnedFd>,
    /// Who hears what the host's stack is given: a socket for one protocol comes after the programs.
    stack: Vec<(&'static str, OwnedFd)>,
}

impl Wall {
    /// The scene; `name` is unique among tests.
    pub fn new(name: &str, attach: Attach) -> Self {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        for (setting, value) in [
            ("ipv6/conf/all/disable_ipv6", "1"),
            ("ipv6/conf/default/disable_ipv6", "1"),
            ("ipv4/conf/all/rp_filter", "0"),
            ("ipv4/conf/default/rp_filter", "0"),
        ] {
            std::fs::write(format!("/proc/sys/net/{setting}"), value).unwrap();
        }
        cables();
        let stack = SILENT
            .into_iter()
            .flat_map(|device| PROTOCOLS.map(|protocol| (device, listen_to(device, protocol))));
        let stack: Vec<_> = stack.collect();
        let cables: BTreeMap<_, _> = FAR_ENDS.into_iter().map(|end| (end, listen(end))).collect();
        for socket in cables.values() {
            ignore_outgoing(socket);
        }

        let name = format!("hvw-{name}-{}", std::process::id());
        let index = |device: &str| nix::net::if_::if_nametoindex(device).unwrap();
        let switch = Switch::open(&Options {
            name: name.clone(),
            host: host(1),
            underlay: underlay(1),
            overlay_ifindex: index("ov"),
            attach,
            capacity: Capacity { records: 64, addresses: 256, entitlements: 256, ports: 64 },
        })
        .unwrap();
        let events = switch.events().unwrap();
        let mut wall = Self { switch, name, events, before: Ledger::new(), cables, stack };
        wall.furnish();

        // Before a program guards it the stack is given what comes, and the listeners hear it.
        let lost = havip_wire::build::gratuitous_arp(mac(11), own(11));
        wall.sends("p11x", &lost);
        wall.eventually("what falls through is heard", |wall| wall.fell_through().contains(&"p11"));

        for device in ["p11", "p12", "p21", "p31", "p41", "p42"] {
            wall.switch.attach_port(index(device)).unwrap();
        }
        wall.switch.attach_overlay().unwrap();
        wall.switch.attach_agent(index("d0x")).unwrap();
        wall.switch.attach_dhcp(index("d0")).unwrap();
        let address = Some(Ipv4Addr::new(203, 0, 113, 2));
        wall.switch.attach_edge(Edge { ifindex: index("e0"), mac: EDGE_MAC, address }).unwrap();
        wall.settle();
        wall
    }

    fn furnish(&self) {
        let boot = Duration::from(nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).unwrap());
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        self.switch.set_clock((now - boot).as_nanos() as i64).unwrap();
        let keys = SealKeys { stage: 1, sending: Some(1), required: true, keys: vec![key(1)] };
        self.switch.set_keys(&keys).unwrap();
        for number in 1..=2 {
            self.put(EntryKey::Host(host(number)), Entry::Host { underlay: underlay(number).into() });
        }
        for number in [100, 200] {
            self.put(EntryKey::Members(vni(number)), Entry::Members { hosts: vec![host(1), host(2)] });
        }
        for (number, vpc) in [(1, 100), (2, 100), (3, 200)] {
            let subnet = SubnetNumber::new(number).unwrap();
            let (four, six) = (gateway(number), gateway6(number));
            self.put(
                EntryKey::Subnet(subnet),
                Entry::Subnet {
                    vni: vni(vpc),
                    virtual_mac: VIRTUAL_MAC,
                    gateway: Some(four.into()),
                    gateway6: Some(six.into()),
                },
            );
            for address in [IpAddr::from(four), six.into()] {
                self.put(EntryKey::Address(vni(vpc), address), Entry::Address(Address::Gateway { subnet }));
            }
        }
        for row in PORTS {
            self.plug(row);
        }
        for (vpc, subnet, holder) in VIPS {
            for address in [IpAddr::from(vip(subnet)), vip6(subnet).into()] {
                self.make_vip(VipKey { vni: vni(vpc), address }, subnet, holder);
            }
        }
        let pool = "203.0.113.0/24".parse().unwrap();
        self.put(EntryKey::Pool(pool), Entry::Pool { gateway: Some(ROUTER.into()) });
        let pool6 = "2001:db8:e::/64".parse().unwrap();
        self.put(EntryKey::Pool(pool6), Entry::Pool { gateway: Some(ROUTER6.into()) });
        for (number, vpc, _, on, address) in PORTS {
            if on == 1 {
                self.bind(vni(vpc), eip(number).into(), own(address).into());
                self.bind(vni(vpc), eip6(number).into(), own6(address).into());
            }
        }
        self.join_segment();
    }

    fn plug(&self, (number, vpc, subnet, on, address): (u32, u32, u32, u32, u32)) {
        let (subnet, mac, port) = (SubnetNumber::new(subnet).unwrap(), mac(number), port(number));
        let (four, six) = (own(address), own6(address));
        let host = Some(host(on));
        let entry = Address::Interface { subnet, port, host, mac, source_dest_check: true, primary: true };
        for address in [IpAddr::from(four), six.into()] {
            self.put(EntryKey::Address(vni(vpc), address), Entry::Address(entry));
        }
        self.put(EntryKey::Mac(subnet, mac), Entry::Mac { port, address: four.into() });
        if on == 1 {
            self.open_port(number, vni(vpc), subnet, Some(four.into()), Some(six.into()));
        }
    }

    /// A port of this host, whose guest is behind pNUMBER.
    fn open_port(
        &self,
        number: u32,
        vni: Vni,
        subnet: SubnetNumber,
        primary: Option<IpAddr>,
        primary6: Option<IpAddr>,
    ) {
        let entry = Port {
            ifindex: nix::net::if_::if_nametoindex(format!("p{number}").as_str()).unwrap(),
            is_veth: false,
            vni,
            subnet,
            mac: mac(number),
            virtual_mac: VIRTUAL_MAC,
            primary,
            primary6,
            is_awaited: false,
            mtu: 1500,
            source_dest_check: true,
            state: PortState::Active,
            editions: None,
        };
        self.put(EntryKey::Port(port(number)), Entry::Port(entry));
    }

    fn make_vip(&self, key: VipKey, subnet: u32, holder: u32) {
        let incarnation = Incarnation(5);
        self.switch.order(&Order::Prepare { key, incarnation }).unwrap();
        let subnet = SubnetNumber::new(subnet).unwrap();
        let address = Address::Vip { subnet, incarnation, subnet_binding: false, hold: false };
        self.put(EntryKey::Address(key.vni, key.address), Entry::Address(address));
        self.put(EntryKey::Entitled(key, port(holder)), Entry::Entitled { direct_return: false });
        self.take(key, holder, mac(holder));
    }

    fn bind(&self, vni: Vni, public: IpAddr, target: IpAddr) {
        let (incarnation, key) = (Incarnation(6), VipKey { vni, address: public });
        self.put(EntryKey::Eip(public), Entry::Eip { vni, target, bandwidth_mbps: None });
        self.put(EntryKey::Nat(vni, target), Entry::Nat { public, incarnation });
        self.switch.order(&Order::Prepare { key, incarnation }).unwrap();
        self.take(key, 1, EDGE_MAC);
    }

    fn take(&self, key: VipKey, number: u32, mac: MacAddr) {
        let expected = self.switch.record(key).unwrap();
        let order = Order::Take { key, port: port(number), mac, expected, cause: MoveCause::Claim };
        assert_eq!(self.switch.order(&order).unwrap(), Outcome::Done);
    }

    fn put(&self, key: EntryKey, entry: Entry) {
        self.switch.put(&key, &entry).unwrap();
    }

    /// Puts a frame into a cable.
    pub fn sends(&self, end: &str, frame: &[u8]) {
        // SAFETY: a buffer of the length that it says.
        let sent = unsafe {
            libc::send(self.cables[end].as_raw_fd(), frame.as_ptr().cast(), frame.len(), libc::MSG_DONTWAIT)
        };
        assert_eq!(sent, frame.len() as isize, "{}", std::io::Error::last_os_error());
    }

    /// What has come out of a cable so far.
    pub fn came(&self, end: &str) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| receive(&self.cables[end])).collect()
    }

    /// The ends that anything came out of, with what it was.
    pub fn came_anywhere(&self) -> Vec<(&'static str, Vec<Vec<u8>>)> {
        let heard = FAR_ENDS.into_iter().map(|end| (end, self.came(end)));
        heard.filter(|(_, frames)| !frames.is_empty()).collect()
    }

    /// The devices of which the host's stack was given something.
    pub fn fell_through(&self) -> Vec<&'static str> {
        let heard = self.stack.iter().filter(|(_, socket)| receive(socket).is_some());
        heard.map(|(device, _)| *device).collect()
    }

    /// Who holds which VIP and EIP.
    pub fn records(&self) -> Vec<Option<Record>> {
        let vips = VIPS.into_iter().flat_map(|(vpc, subnet, _)| {
            [IpAddr::from(vip(subnet)), vip6(subnet).into()].map(|address| VipKey { vni: vni(vpc), address })
        });
        let eips = PORTS.into_iter().filter(|port| port.3 == 1);
        let eips = eips.map(|(number, vpc, ..)| VipKey { vni: vni(vpc), address: eip(number).into() });
        vips.chain(eips).chain(segment::keys()).map(|key| self.switch.record(key).unwrap()).collect()
    }

    /// What the ledger has counted since the scene was settled.
    pub fn counted(&self) -> Ledger {
        let mut moved = self.switch.ledger().unwrap();
        for (name, count) in &self.before {
            *moved.get_mut(name).unwrap() -= count;
        }
        moved.retain(|_, count| *count > 0);
        moved
    }

    /// Forgets everything that was counted and heard so far.
    pub fn settle(&mut self) {
        self.before = self.switch.ledger().unwrap();
        self.events.poll(Duration::ZERO).unwrap();
        self.came_anywhere();
        while !self.fell_through().is_empty() {}
    }

    /// Waits until it is so: frames in cables take microseconds, a busy machine may take half a second.
    #[track_caller]
    pub fn eventually(&self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(5);
        while !is_so(self) {
            assert!(Instant::now() < deadline, "{what}: not within 5 s");
            std::thread::yield_now();
        }
    }
}

impl Drop for Wall {
    fn drop(&mut self) {
        detach_all(&self.name).unwrap();
    }
}

/// The devices, with neighbours that nobody has to ask for.
fn cables() {
    ip("link set lo up");
    for device in ["p11", "p12", "p21", "p31", "p41", "p42", "u0", "e0", "d0"] {
        ip(&format!("link add {device} mtu 1600 type veth peer name {device}x mtu 1600"));
    }
    ip(&format!("link set u0 address {UNDERLAY_MAC}"));
    ip(&format!("link set e0 address {EDGE_MAC}"));
    for device in ["p11", "p12", "p21", "p31", "p41", "p42", "u0", "e0", "d0"] {
        ip(&format!("link set {device} up"));
        ip(&format!("link set {device}x up"));
    }
    ip("addr add 192.0.2.1/24 dev u0");
    ip("addr add 203.0.113.2/24 dev e0");
    ip(&format!("neigh add 192.0.2.2 lladdr {} dev u0 nud permanent", mac(202)));
    ip(&format!("neigh add {ROUTER} lladdr {ROUTER_MAC} dev e0 nud permanent"));
    ip("link add ov mtu 1550 type vxlan external dstport 7402 nolearning");
    ip("link set ov up");
}

/// What the host's stack would read.
const PROTOCOLS: [i32; 3] = [libc::ETH_P_IP, libc::ETH_P_IPV6, libc::ETH_P_ARP];

/// A socket that hears a device's frames of this protocol when all programs have let them pass.
fn listen_to(device: &str, protocol: i32) -> OwnedFd {
    let protocol = (protocol as u16).to_be();
    // SAFETY: a socket, and an address of the size that it says.
    unsafe {
        let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        let socket = libc::socket(libc::AF_PACKET, kind, 0);
        assert!(socket >= 0);
        let socket = OwnedFd::from_raw_fd(socket);
        let mut address: libc::sockaddr_ll = std::mem::zeroed();
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = protocol;
        address.sll_ifindex = nix::net::if_::if_nametoindex(device).unwrap() as i32;
        let bound = libc::bind(socket.as_raw_fd(), (&raw const address).cast(), size_of_val(&address) as u32);
        assert_eq!(bound, 0);
        socket
    }
}

/// The socket does not hear what it sends itself.
fn ignore_outgoing(socket: &OwnedFd) {
    const PACKET_IGNORE_OUTGOING: i32 = 23;
    let on = 1i32;
    // SAFETY: a value of the size that it says.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            PACKET_IGNORE_OUTGOING,
            (&raw const on).cast(),
            size_of_val(&on) as u32,
        )
    };
    assert_eq!(set, 0);
}
