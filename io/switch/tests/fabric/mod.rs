//! Two hosts joined by an underlay, each a network namespace with a switch, and guests behind their ports.

#![allow(dead_code)] // each test file uses its part

pub mod six;

use havip_claim::Order;
use havip_model::{
    HostNumber, Incarnation, MacAddr, PortNumber, PortState, Record, SubnetNumber, VipKey, Vni,
};
use havip_reconcile::table::{Address, Entry, EntryKey, Port};
use havip_switch::{Attach, Capacity, Options, Switch, detach_all};
use nix::{
    sched::{CloneFlags, setns},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    collections::BTreeSet,
    fs::File,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

pub const VNI: u32 = 100;
pub const SUBNET: u32 = 1;
pub const VIP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 100);
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub const VIRTUAL_MAC: MacAddr = MacAddr([0x02, 0x68, 0x76, 0, 0, 1]);

pub fn vni() -> Vni {
    Vni::new(VNI).unwrap()
}
pub fn vip() -> VipKey {
    VipKey { vni: vni(), address: VIP.into() }
}
pub fn subnet() -> SubnetNumber {
    SubnetNumber::new(SUBNET).unwrap()
}
pub fn port(number: u32) -> PortNumber {
    PortNumber::new(number).unwrap()
}
pub fn host(number: u32) -> HostNumber {
    HostNumber::new(number).unwrap()
}
/// The address of the guest behind a port.
pub fn own(number: u32) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, number as u8)
}
pub fn mac(number: u32) -> MacAddr {
    MacAddr([0x02, 0, 0, 0, 0, number as u8])
}
fn underlay(number: u32) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, number as u8)
}

/// An active port with address 10.0.0.PORT.
pub fn port_entry(number: u32, ifindex: u32, is_veth: bool) -> Entry {
    Entry::Port(Port {
        ifindex,
        is_veth,
        vni: vni(),
        subnet: subnet(),
        mac: mac(number),
        virtual_mac: VIRTUAL_MAC,
        primary: Some(own(number).into()),
        primary6: None,
        mtu: 1500,
        source_dest_check: true,
        is_awaited: false,
        state: PortState::Active,
        editions: None,
    })
}

/// Runs a command and returns what it printed; a failure fails the test.
pub fn run(line: &str) -> String {
    let output = output(line);
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
/// Runs a command, whatever comes of it.
pub fn output(line: &str) -> Output {
    let mut words = line.split_whitespace();
    Command::new(words.next().unwrap()).args(words).output().unwrap()
}

/// Waits until it is so; `within` is what a slow machine may need.
#[track_caller]
pub fn eventually(within: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: not within {within:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Runs in this network namespace, on a thread of its own.
pub fn inside<T: Send>(namespace: &str, act: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let file = File::open(format!("/run/netns/{namespace}")).unwrap();
            setns(file, CloneFlags::CLONE_NEWNET).unwrap();
            act()
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

pub struct Fabric {
    pub name: String,
    pub hosts: Vec<Switch>,
    attach: Attach,
    children: Vec<Child>,
}

impl Fabric {
    /// Two hosts, numbers 1 and 2; `name` is unique among tests and at most 8 characters.
    pub fn new(name: &str) -> Self {
        Self::attached(name, Attach::from_environment())
    }

    /// The same with programs attached in this way.
    pub fn attached(name: &str, attach: Attach) -> Self {
        clean_dead(&format!("hvt-{name}-"));
        // Others may run the same test at the same time.
        let name = format!("hvt-{name}-{}", std::process::id());
        let (first, second) = (format!("{name}-h1"), format!("{name}-h2"));
        for namespace in [&first, &second] {
            run(&format!("ip netns add {namespace}"));
            run(&format!("ip -n {namespace} link set lo up"));
        }
        run(&format!("ip -n {first} link add u0 mtu 1600 type veth peer name u0 netns {second}"));
        let mut hosts = vec![];
        for number in 1..=2 {
            let namespace = format!("{name}-h{number}");
            run(&format!("ip -n {namespace} link set u0 mtu 1600 up"));
            run(&format!("ip -n {namespace} addr add {}/24 dev u0", underlay(number)));
            run(&format!(
                "ip -n {namespace} link add ov mtu 1550 type vxlan external dstport 7402 nolearning"
            ));
            run(&format!("ip -n {namespace} link set ov up"));
            hosts.push(open(&namespace, number, attach));
            inside(&namespace, || hosts[number as usize - 1].attach_overlay().unwrap());
        }
        let fabric = Self { name, hosts, attach, children: vec![] };
        fabric.set_clocks();
        fabric.furnish();
        // The underlay's neighbours, which BPF cannot ask for. A device that is new may be ready a second later.
        run(&format!("ip netns exec {} ping -c1 -w10 {}", fabric.namespace(1), underlay(2)));
        fabric
    }

    fn furnish(&self) {
        for number in 1..=2 {
            self.put(EntryKey::Host(host(number)), Entry::Host { underlay: underlay(number).into() });
        }
        self.put(EntryKey::Members(vni()), Entry::Members { hosts: vec![host(1), host(2)] });
        let gateway = Some(IpAddr::from(GATEWAY));
        let entry = Entry::Subnet { vni: vni(), virtual_mac: VIRTUAL_MAC, gateway, gateway6: None };
        self.put(EntryKey::Subnet(subnet()), entry);
        self.put(
            EntryKey::Address(vni(), GATEWAY.into()),
            Entry::Address(Address::Gateway { subnet: subnet() }),
        );
    }

    /// The agent's program ends and begins anew.
    pub fn restart(&mut self, number: u32) {
        let switch = open(&self.namespace(number), number, self.attach);
        self.hosts[number as usize - 1] = switch;
    }

    /// The same by a version with another schema.
    pub fn reopen(&mut self, number: u32, schema: u32) {
        let namespace = self.namespace(number);
        let attach = self.attach;
        self.hosts[number as usize - 1] =
            inside(&namespace, || Switch::open_as(&options(&namespace, number, attach), schema).unwrap());
        self.set_clocks();
    }

    /// Writes everything that this scene has told so far: guests as (host, port), and who is entitled.
    pub fn refill(&self, guests: &[(u32, u32)], entitled: &[u32]) {
        self.furnish();
        for &(on, number) in guests {
            self.interface(on, number);
            self.put(
                EntryKey::Mac(subnet(), mac(number)),
                Entry::Mac { port: port(number), address: own(number).into() },
            );
            let name = format!("p{number}");
            let ifindex =
                inside(&self.namespace(on), || nix::net::if_::if_nametoindex(name.as_str()).unwrap());
            let switch = &self.hosts[on as usize - 1];
            switch.put(&EntryKey::Port(port(number)), &port_entry(number, ifindex, true)).unwrap();
        }
        self.vip(1, entitled);
    }

    pub fn namespace(&self, number: u32) -> String {
        format!("{}-h{number}", self.name)
    }

    /// Writes an entry on both hosts.
    pub fn put(&self, key: EntryKey, entry: Entry) {
        for switch in &self.hosts {
            switch.put(&key, &entry).unwrap();
        }
    }

    /// Time since 1970, and an agent at work.
    pub fn set_clocks(&self) {
        let boot = Duration::from(nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).unwrap());
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        for switch in &self.hosts {
            switch.set_clock((now - boot).as_nanos() as i64).unwrap();
        }
    }

    /// The VIP with these ports entitled, under this incarnation, on both hosts.
    pub fn vip(&self, incarnation: u64, entitled: &[u32]) {
        let incarnation = Incarnation(incarnation);
        for switch in &self.hosts {
            switch.order(&Order::Prepare { key: vip(), incarnation }).unwrap();
        }
        let address = Address::Vip { subnet: subnet(), incarnation, subnet_binding: false, hold: false };
        self.put(EntryKey::Address(vni(), VIP.into()), Entry::Address(address));
        for number in entitled {
            self.put(EntryKey::Entitled(vip(), port(*number)), Entry::Entitled { direct_return: false });
        }
    }

    /// A guest with address 10.0.0.PORT on this host; returns its namespace.
    pub fn guest(&mut self, on: u32, number: u32) -> String {
        let guest = format!("{}-g{number}", self.name);
        let namespace = self.namespace(on);
        run(&format!("ip netns add {guest}"));
        run(&format!("ip -n {namespace} link add p{number} type veth peer name eth0 netns {guest}"));
        run(&format!("ip -n {guest} link set lo up"));
        run(&format!("ip -n {guest} link set eth0 address {} mtu 1500", mac(number)));
        run(&format!("ip -n {guest} addr add {}/24 dev eth0", own(number)));
        let name = format!("p{number}");
        let ifindex = inside(&namespace, || nix::net::if_::if_nametoindex(name.as_str()).unwrap());
        let switch = &self.hosts[on as usize - 1];
        switch.put(&EntryKey::Port(port(number)), &port_entry(number, ifindex, true)).unwrap();
        inside(&namespace, || switch.attach_port(ifindex).unwrap());
        self.interface(on, number);
        self.put(
            EntryKey::Mac(subnet(), mac(number)),
            Entry::Mac { port: port(number), address: own(number).into() },
        );
        run(&format!("ip -n {namespace} link set p{number} up"));
        run(&format!("ip -n {guest} link set eth0 up"));
        run(&format!("ip -n {guest} route add default via {GATEWAY}"));
        guest
    }

    /// Writes on both hosts where the guest's address is.
    pub fn interface(&self, on: u32, number: u32) {
        self.put(
            EntryKey::Address(vni(), own(number).into()),
            Entry::Address(Address::Interface {
                subnet: subnet(),
                port: port(number),
                host: Some(host(on)),
                mac: mac(number),
                source_dest_check: true,
                primary: true,
            }),
        );
    }

    /// Runs a command inside a guest or host.
    pub fn run_in(&self, namespace: &str, line: &str) -> Output {
        output(&format!("ip netns exec {namespace} {line}"))
    }

    /// Starts a program that ends with the fabric; returns its process.
    pub fn start_in(&mut self, namespace: &str, line: &str) -> u32 {
        let mut words = line.split_whitespace();
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]).args(&mut words);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let id = child.id();
        self.children.push(child);
        id
    }

    /// Asks a started program to end, and waits until it has.
    pub fn stop(&mut self, id: u32) {
        terminate(id);
        let index = self.children.iter().position(|child| child.id() == id).unwrap();
        self.children.remove(index).wait().unwrap();
    }

    /// Starts keepalived with the configuration that the clouds publish; returns its process.
    pub fn keepalived(&mut self, guest: &str, number: u32, peer: u32, priority: u8) -> u32 {
        let files = std::env::temp_dir().join(guest);
        std::fs::create_dir_all(&files).unwrap();
        let files = files.display();
        let state = if priority >= 100 { "MASTER" } else { "BACKUP" };
        let (own, peer) = (own(number), own(peer));
        let text = format!(
            "global_defs {{\n vrrp_skip_check_adv_addr\n vrrp_garp_interval 0\n}}\n\
             vrrp_instance VI_1 {{\n state {state}\n interface eth0\n virtual_router_id 51\n nopreempt\n\
             priority {priority}\n advert_int 1\n authentication {{\n auth_type PASS\n auth_pass 1111\n }}\n\
             unicast_src_ip {own}\n unicast_peer {{\n {peer}\n }}\n virtual_ipaddress {{\n {VIP}\n }}\n\
             garp_master_delay 1\n garp_master_refresh 5\n}}\n"
        );
        std::fs::write(format!("{files}/conf"), text).unwrap();
        self.start_in(
            guest,
            &format!("keepalived -n -l -f {files}/conf -p {files}/pid -r {files}/vrrp -c {files}/check"),
        )
    }

    pub fn pings(&self, guest: &str, address: Ipv4Addr) -> bool {
        self.run_in(guest, &format!("ping -c1 -W1 -n {address}")).status.success()
    }

    /// What each host records of the VIP.
    pub fn records(&self) -> Vec<Option<Record>> {
        self.hosts.iter().map(|switch| switch.record(vip()).unwrap()).collect()
    }

    /// Both hosts name this port as the present holder.
    pub fn held_by(&self, on: u32, number: u32) -> bool {
        self.records().iter().all(|record| {
            record
                .and_then(|record| record.present_holder())
                .is_some_and(|holder| (holder.host, holder.port) == (host(on), port(number)))
        })
    }
}

impl Drop for Fabric {
    fn drop(&mut self) {
        if thread::panicking() {
            for (number, switch) in (1..).zip(&self.hosts) {
                eprintln!("host {number}: {:?}", switch.ledger());
                eprintln!("host {number}: {:?}", switch.drops());
                eprintln!("host {number}: {:?}", switch.record(vip()));
            }
        }
        for child in &self.children {
            terminate(child.id());
        }
        for child in &mut self.children {
            let _ = child.wait();
        }
        clean(&self.name);
    }
}

fn open(namespace: &str, number: u32, attach: Attach) -> Switch {
    inside(namespace, || Switch::open(&options(namespace, number, attach)).unwrap())
}

/// In the host's namespace.
fn options(namespace: &str, number: u32, attach: Attach) -> Options {
    Options {
        name: namespace.into(),
        host: host(number),
        underlay: underlay(number),
        overlay_ifindex: nix::net::if_::if_nametoindex("ov").unwrap(),
        attach,
        capacity: Capacity { records: 256, addresses: 256, entitlements: 256, ports: 64 },
    }
}

/// Asks a program that the test started to end.
fn terminate(id: u32) {
    let _ = kill(Pid::from_raw(id as i32), Signal::SIGTERM);
}

/// Removes the fabrics of processes that crashed.
fn clean_dead(prefix: &str) {
    let listed = String::from_utf8(output("ip netns list").stdout).unwrap();
    let process = |namespace: &str| namespace.strip_prefix(prefix)?.split('-').next()?.parse().ok();
    let processes: BTreeSet<u32> = listed.split_whitespace().filter_map(process).collect();
    for dead in processes.into_iter().filter(|id| !Path::new(&format!("/proc/{id}")).exists()) {
        clean(&format!("{prefix}{dead}"));
    }
}

/// Removes a fabric: its hosts' switches first, which set their ports down.
fn clean(name: &str) {
    let listed = String::from_utf8(output("ip netns list").stdout).unwrap();
    let ours = |namespace: &&str| namespace.starts_with(&format!("{name}-"));
    let mut namespaces: Vec<_> =
        listed.lines().filter_map(|line| line.split_whitespace().next()).filter(ours).collect();
    namespaces.sort_by_key(|namespace| !namespace.starts_with(&format!("{name}-h")));
    for namespace in namespaces {
        if namespace.starts_with(&format!("{name}-h")) {
            inside(namespace, || detach_all(namespace).unwrap());
        }
        run(&format!("ip netns del {namespace}"));
        let _ = std::fs::remove_dir_all(std::env::temp_dir().join(namespace));
    }
}
