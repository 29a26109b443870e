//! One switch in a network namespace of its own, whose hooks are run on single frames.
//!
//! Host 1 is this one; ports 11 and 12 (subnet 1) and 21 (subnet 2) are on it, 13 is on host 2.
//! Hosts 2 and 3 are members of the VPC; what is sent to them comes out of a veth and is read there.
//! [`six`] adds IPv6 to it.

#![allow(dead_code)] // each test file uses its part

pub mod guard;
pub mod six;

use havip_claim::{Order, Release};
use havip_model::{
    HostNumber, Incarnation, MacAddr, PortNumber, PortState, Record, SubnetNumber, VipKey, Vni,
};
use havip_reconcile::table::{Address, Entry, EntryKey, Port};
use havip_switch::{
    Attach, Capacity, Events, Ledger, Options, Outcome, Switch, SwitchEvent, TEST_ENTRY, detach_all,
};
use havip_wire::{Arp, ArpOperation};
use libbpf_rs::{
    MapCore, MapFlags, Object, ObjectBuilder, ProgramInput, libbpf_sys::BPF_F_TEST_SKB_CHECKSUM_COMPLETE,
};
use nix::sched::{CloneFlags, unshare};
use std::{
    cell::Cell,
    collections::BTreeMap,
    net::Ipv4Addr,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    process::Command,
    time::{Duration, Instant},
};

pub const VIP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 100);
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub const VIRTUAL_MAC: MacAddr = MacAddr([0x02, 0x68, 0x76, 0, 0, 1]);
pub const DROPPED: i32 = 2;
pub const REDIRECTED: i32 = 7;

pub fn vni() -> Vni {
    Vni::new(100).unwrap()
}
pub fn vip() -> VipKey {
    VipKey { vni: vni(), address: VIP.into() }
}
pub fn port(number: u32) -> PortNumber {
    PortNumber::new(number).unwrap()
}
pub fn host(number: u32) -> HostNumber {
    HostNumber::new(number).unwrap()
}
/// Ports 1x are in subnet 1, 2x in subnet 2.
pub fn subnet_of(number: u32) -> SubnetNumber {
    SubnetNumber::new(number / 10).unwrap()
}
pub fn own(number: u32) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, number as u8 / 10 - 1, number as u8)
}
pub fn mac(number: u32) -> MacAddr {
    MacAddr([0x02, 0, 0, 0, 0, number as u8])
}
pub fn underlay(number: u32) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, number as u8)
}

/// What a hook did to a frame.
#[derive(Debug, PartialEq, Eq)]
pub struct Ran {
    pub verdict: i32,
    pub frame: Vec<u8>,
}

pub struct Hook {
    pub switch: Switch,
    name: String,
    entry: Object,
    events: Events,
    before: Ledger,
    asked: Ledger,
    devices: BTreeMap<String, u32>,
    listeners: BTreeMap<String, OwnedFd>,
    run_flags: Cell<u32>,
    tag: Cell<u32>,
    has_ipv6: bool,
}

impl Hook {
    /// The scene of the module's first lines; the VIP is prepared under incarnation 5, ports 11, 12 and 13 are
    /// entitled, nobody holds it, no agent is at work. `name` is unique among tests.
    pub fn new(name: &str) -> Self {
        Self::with(name, Capacity { records: 64, addresses: 256, entitlements: 256, ports: 64 })
    }

    pub fn with(name: &str, capacity: Capacity) -> Self {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        std::fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1").unwrap();
        std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").unwrap();
        ip("link set lo up");
        let mut devices = BTreeMap::new();
        let mut listeners = BTreeMap::new();
        for device in ["ov", "p11", "p12", "p21", "d0", "e0"] {
            ip(&format!("link add {device} type veth peer name {device}x"));
            ip(&format!("link set {device} up"));
            ip(&format!("link set {device}x up"));
            devices.insert(device.into(), nix::net::if_::if_nametoindex(device).unwrap());
            listeners.insert(device.into(), listen(&format!("{device}x")));
        }
        detach_dead(&format!("hvh-{name}-"));
        // Others may run the same test at the same time.
        let name = format!("hvh-{name}-{}", std::process::id());
        let switch = Switch::open(&Options {
            name: name.clone(),
            host: host(1),
            underlay: underlay(1),
            overlay_ifindex: devices["ov"],
            attach: Attach::from_environment(),
            capacity,
        })
        .unwrap();
        let entry = ObjectBuilder::default().open_memory(TEST_ENTRY).unwrap().load().unwrap();
        let hooks = entry.maps().find(|map| map.name() == "entry_hooks").unwrap();
        for (slot, program) in HOOKS.iter().enumerate() {
            let slot = (slot as u32).to_ne_bytes();
            switch.with_program(program, |program| {
                hooks.update(&slot, &program.as_raw_fd().to_ne_bytes(), MapFlags::ANY).unwrap();
            });
        }
        let events = switch.events().unwrap();
        let mut hook = Self {
            switch,
            name,
            entry,
            events,
            before: Ledger::new(),
            asked: Ledger::new(),
            devices,
            listeners,
            run_flags: Cell::new(0),
            tag: Cell::new(0),
            has_ipv6: false,
        };
        hook.furnish();
        hook.settle();
        hook
    }

    fn furnish(&mut self) {
        for number in 1..=3 {
            self.put(EntryKey::Host(host(number)), Entry::Host { underlay: underlay(number).into() });
        }
        let hosts = [1, 2, 3].map(host).to_vec();
        self.put(EntryKey::Members(vni()), Entry::Members { hosts });
        for number in [10, 20] {
            let gateway = Ipv4Addr::new(10, 0, number as u8 / 10 - 1, 1);
            let subnet = subnet_of(number);
            self.put(
                EntryKey::Subnet(subnet),
                Entry::Subnet {
                    vni: vni(),
                    virtual_mac: VIRTUAL_MAC,
                    gateway: Some(gateway.into()),
                    gateway6: None,
                },
            );
            self.put(EntryKey::Address(vni(), gateway.into()), Entry::Address(Address::Gateway { subnet }));
        }
        for (number, on) in [(11, 1), (12, 1), (21, 1), (13, 2)] {
            self.interface(number, Some(on), true);
            if on == 1 {
                self.plug(number, PortState::Active, true);
            }
        }
        self.order(Order::Prepare { key: vip(), incarnation: Incarnation(5) });
        let incarnation = Incarnation(5);
        let address = Address::Vip { subnet: subnet_of(10), incarnation, subnet_binding: false, hold: false };
        self.put(EntryKey::Address(vni(), VIP.into()), Entry::Address(address));
        for number in [11, 12, 13] {
            self.put(EntryKey::Entitled(vip(), port(number)), Entry::Entitled { direct_return: false });
        }
        let boot = Duration::from(nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).unwrap());
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        self.switch.set_clock((now - boot).as_nanos() as i64).unwrap();
    }

    /// Configures an interface's address and MAC.
    pub fn interface(&self, number: u32, on: Option<u32>, source_dest_check: bool) {
        let (subnet, mac, port) = (subnet_of(number), mac(number), port(number));
        let host = on.map(host);
        let entry = Address::Interface { subnet, port, host, mac, source_dest_check, primary: true };
        self.put(EntryKey::Address(vni(), own(number).into()), Entry::Address(entry));
        if self.has_ipv6 {
            self.put(EntryKey::Address(vni(), six::own(number).into()), Entry::Address(entry));
        }
        self.put(EntryKey::Mac(subnet, mac), Entry::Mac { port, address: own(number).into() });
    }

    /// Configures a port of this host.
    pub fn plug(&self, number: u32, state: PortState, source_dest_check: bool) {
        self.plug_as(number, state, source_dest_check, 1500, false);
    }
    /// A port that waits for a guest from another host.
    pub fn await_guest(&self, number: u32) {
        self.plug_as(number, PortState::Inactive, true, 1500, true);
    }
    /// An active port that takes packets up to this size.
    pub fn plug_with_mtu(&self, number: u32, mtu: u16) {
        self.plug_as(number, PortState::Active, true, mtu, false);
    }
    fn plug_as(&self, number: u32, state: PortState, source_dest_check: bool, mtu: u16, is_awaited: bool) {
        let entry = Port {
            ifindex: self.devices[&format!("p{number}")],
            is_veth: false,
            vni: vni(),
            subnet: subnet_of(number),
            mac: mac(number),
            virtual_mac: VIRTUAL_MAC,
            primary: Some(own(number).into()),
            primary6: self.has_ipv6.then(|| six::own(number).into()),
            mtu,
            source_dest_check,
            is_awaited,
            state,
            editions: None,
        };
        self.put(EntryKey::Port(port(number)), Entry::Port(entry));
    }

    pub fn put(&self, key: EntryKey, entry: Entry) {
        self.switch.put(&key, &entry).unwrap();
    }
    pub fn remove(&self, key: EntryKey) {
        self.switch.remove(&key).unwrap();
    }
    pub fn order(&self, order: Order) -> Outcome {
        self.switch.order(&order).unwrap()
    }
    pub fn record(&self) -> Option<Record> {
        self.switch.record(vip()).unwrap()
    }
    pub fn ifindex(&self, device: &str) -> u32 {
        self.devices[device]
    }

    /// The VIP without a holder again.
    pub fn vacate(&mut self) {
        self.order(Order::Forget { key: vip(), incarnation: Incarnation(5) });
        self.order(Order::Prepare { key: vip(), incarnation: Incarnation(5) });
        self.settle();
    }
    /// The port of this host claims the VIP; what that does is not looked at.
    pub fn holds(&mut self, number: u32) {
        self.take(number);
        self.settle();
    }
    fn take(&mut self, number: u32) {
        self.take_of(vip(), number);
    }
    fn take_of(&mut self, key: VipKey, number: u32) {
        let expected = self.switch.record(key).unwrap();
        let order = Order::Take {
            key,
            port: port(number),
            mac: mac(number),
            expected,
            cause: havip_model::MoveCause::Repeated,
        };
        assert_eq!(self.order(order), Outcome::Done);
    }
    /// The port's host releases the VIP.
    pub fn released(&mut self, number: u32) {
        let only = Release::Port(port(number));
        assert_eq!(self.order(Order::Release { key: vip(), only }), Outcome::Done);
        self.settle();
    }

    /// What a program that is run on a frame of this device must be told.
    pub fn context(&self, device: &str) -> Vec<u8> {
        context(0, self.devices[device], 0, 0).to_vec()
    }
    /// A guest sends this frame.
    pub fn sends(&self, number: u32, frame: &[u8]) -> Ran {
        self.run(0, self.devices[&format!("p{number}")], 0, 0, frame)
    }
    /// Another host sends this frame in a tunnel.
    pub fn arrives(&self, from: Ipv4Addr, vni: u32, frame: &[u8]) -> Ran {
        self.run(1, self.devices["ov"], u32::from(from), vni, frame)
    }
    /// This frame comes in by the DHCP device, or from outside.
    pub fn enters(&self, hook: &str, device: &str, frame: &[u8]) -> Ran {
        let slot = HOOKS.iter().position(|name| *name == hook).unwrap();
        self.run(slot as u32, self.devices[device], 0, 0, frame)
    }

    /// This frame comes in from outside under a VLAN's tag, which the device has taken out of it.
    pub fn enters_in_vlan(&self, vlan: u16, frame: &[u8]) -> Ran {
        self.tag.set(1 << 16 | u32::from(vlan));
        let ran = self.enters("edge_rx", "e0", frame);
        self.tag.set(0);
        ran
    }

    /// Runs hooks on packets whose sum the device has told (CHECKSUM_COMPLETE); a run fails if the sum that they
    /// end with is not that of their bytes.
    pub fn summed<T>(&self, complete: bool, act: impl FnOnce() -> T) -> T {
        self.run_flags.set(if complete { BPF_F_TEST_SKB_CHECKSUM_COMPLETE } else { 0 });
        let outcome = act();
        self.run_flags.set(0);
        outcome
    }

    fn run(&self, slot: u32, ifindex: u32, outer: u32, vni: u32, frame: &[u8]) -> Ran {
        let mut context = context(slot, ifindex, outer, vni);
        context[60..64].copy_from_slice(&self.tag.get().to_ne_bytes());
        let mut out = vec![0; frame.len() + 4096];
        let entry = self.entry.progs_mut().find(|program| program.name() == "entry").unwrap();
        let output = entry
            .test_run(ProgramInput {
                data_in: Some(frame),
                data_out: Some(&mut out),
                context_in: Some(&mut context),
                flags: self.run_flags.get(),
                ..Default::default()
            })
            .unwrap();
        let length = output.data.unwrap().len();
        let verdict = output.return_value as i32;
        out.truncate(length);
        Ran { verdict, frame: out }
    }

    /// Exactly these counters moved since the last look.
    #[track_caller]
    pub fn counted(&mut self, expected: &[(&'static str, u64)]) {
        let now = self.switch.ledger().unwrap();
        let mut moved = now.clone();
        for (name, count) in &self.before {
            *moved.get_mut(name).unwrap() -= count;
        }
        moved.retain(|_, count| *count > 0);
        self.before = now;
        assert_eq!(moved, expected.iter().copied().collect());
    }

    /// By how much every counter has moved since the last look, if it has.
    pub fn moved_all(&mut self) -> Ledger {
        let now = self.switch.ledger().unwrap();
        let before = std::mem::replace(&mut self.before, now);
        let moved = self.before.iter().map(|(name, count)| (*name, count - before.get(name).unwrap_or(&0)));
        moved.filter(|(_, count)| *count > 0).collect()
    }

    /// By how much these counters moved since this was last asked.
    pub fn moved<const N: usize>(&mut self, names: &[&'static str; N]) -> [u64; N] {
        let now = self.switch.ledger().unwrap();
        names.map(|name| {
            let count = now.get(name).copied().unwrap_or_default();
            count - self.asked.insert(name, count).unwrap_or_default()
        })
    }

    /// Drops of any reason since the last look.
    pub fn dropped(&mut self) -> u64 {
        let now = self.switch.ledger().unwrap();
        let is_drop = |name: &str| havip_model::reason::REASONS.iter().any(|reason| reason.name == name);
        let before = std::mem::replace(&mut self.before, now);
        let drops = self.before.iter().filter(|(name, _)| is_drop(name));
        drops.map(|(name, count)| count - before.get(name).unwrap_or(&0)).sum()
    }

    /// The frames that have left by this device so far.
    pub fn sent(&self, device: &str) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| receive(&self.listeners[device])).collect()
    }

    /// The frames that left by this device until there are enough.
    pub fn sent_until(&self, device: &str, enough: impl Fn(&[Vec<u8>]) -> bool) -> Vec<Vec<u8>> {
        let mut frames = vec![];
        let deadline = Instant::now() + Duration::from_secs(1);
        loop {
            while let Some(frame) = receive(&self.listeners[device]) {
                frames.push(frame);
            }
            if enough(&frames) || Instant::now() > deadline {
                return frames;
            }
            std::thread::yield_now();
        }
    }

    /// Lets so much time pass for what the kernel remembers of ports that lost a VIP.
    pub fn age_losses(&self, by: Duration) {
        let map = self.memory("losses");
        for key in map.keys().collect::<Vec<_>>() {
            let until = map.lookup(&key, MapFlags::ANY).unwrap().unwrap();
            let until = u64::from_ne_bytes(until.try_into().unwrap()) - by.as_nanos() as u64;
            map.update(&key, &until.to_ne_bytes(), MapFlags::ANY).unwrap();
        }
    }
    /// Empties that.
    pub fn forget_losses(&self) {
        let map = self.memory("losses");
        for key in map.keys().collect::<Vec<_>>() {
            map.delete(&key).unwrap();
        }
    }
    /// The agent's heartbeat was long ago.
    pub fn forget_beat(&self) {
        let map = self.memory("clock");
        let mut clock = map.lookup(&[0; 4], MapFlags::ANY).unwrap().unwrap();
        clock[8..].fill(0);
        map.update(&[0; 4], &clock, MapFlags::ANY).unwrap();
    }
    pub fn memory(&self, map: &str) -> libbpf_rs::MapHandle {
        let path = format!("/sys/fs/bpf/havip/{}/v1/maps/{map}", self.name);
        libbpf_rs::MapHandle::from_pinned_path(path).unwrap()
    }

    /// Empties what the kernel remembers of asks, losses and of records that wait.
    pub fn forget_memories(&self) {
        for map in ["asks", "delivered", "losses", "waiting"] {
            let map = self.memory(map);
            let keys: Vec<_> = map.keys().collect();
            for key in keys {
                let _ = map.delete(&key);
            }
        }
    }

    /// The frames that left by this device, as many as expected; one more would be seen by the next look.
    #[track_caller]
    pub fn left_by(&self, device: &str, count: usize) -> Vec<Vec<u8>> {
        let mut frames = vec![];
        let deadline = Instant::now() + Duration::from_secs(1);
        loop {
            while let Some(frame) = receive(&self.listeners[device]) {
                frames.push(frame);
            }
            if frames.len() >= count || Instant::now() > deadline {
                break;
            }
            std::thread::yield_now();
        }
        assert_eq!(frames.len(), count, "frames that left by {device}: {frames:02x?}");
        frames
    }

    /// What the kernel told.
    pub fn told(&mut self) -> Vec<SwitchEvent> {
        self.events.poll(Duration::ZERO).unwrap()
    }

    /// Forgets everything seen so far.
    pub fn settle(&mut self) {
        self.before = self.switch.ledger().unwrap();
        self.told();
        for listener in self.listeners.values() {
            while receive(listener).is_some() {}
        }
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        detach_all(&self.name).unwrap();
    }
}

/// A struct __sk_buff for the entry program.
fn context(slot: u32, ifindex: u32, outer: u32, vni: u32) -> [u8; 192] {
    let mut context = [0; 192];
    for (at, field) in [(40, ifindex), (48, outer), (52, vni), (56, slot)] {
        context[at..at + 4].copy_from_slice(&field.to_ne_bytes());
    }
    context
}

/// Removes the switches of processes that crashed.
fn detach_dead(prefix: &str) {
    let names = std::fs::read_dir("/sys/fs/bpf/havip").into_iter().flatten().flatten();
    for name in names.filter_map(|entry| entry.file_name().into_string().ok()) {
        let process = name.strip_prefix(prefix);
        if process.is_some_and(|process| !std::path::Path::new("/proc").join(process).exists()) {
            let _ = detach_all(&name);
        }
    }
}

pub fn ip(line: &str) {
    let output = Command::new("ip").args(line.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "ip {line}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A packet socket at a device that does not block.
pub fn listen(device: &str) -> OwnedFd {
    // SAFETY: a socket, and an address of the size that it says.
    unsafe {
        let protocol = (libc::ETH_P_ALL as u16).to_be();
        let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        let socket = libc::socket(libc::AF_PACKET, kind, i32::from(protocol));
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

pub fn receive(socket: &OwnedFd) -> Option<Vec<u8>> {
    let mut frame = vec![0; 65536];
    // SAFETY: a buffer of the length that it says.
    let length =
        unsafe { libc::recv(socket.as_raw_fd(), frame.as_mut_ptr().cast(), frame.len(), libc::MSG_DONTWAIT) };
    frame.truncate(usize::try_from(length).ok()?);
    Some(frame)
}

/// The slots of the entry program.
const HOOKS: [&str; 4] = ["port_rx", "overlay_rx", "edge_rx", "dhcp_rx"];

/// Waits until it is so; `within` is what a slow machine may need.
#[track_caller]
pub fn eventually(within: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: not within {within:?}");
        std::thread::yield_now();
    }
}

/// An ordinary ARP reply.
pub fn arp_reply(sender_mac: MacAddr, sender: Ipv4Addr, target_mac: MacAddr, target: Ipv4Addr) -> Arp {
    Arp { operation: ArpOperation::Reply, sender_mac, sender, target_mac, target }
}
