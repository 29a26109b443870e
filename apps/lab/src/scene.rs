//! The vocabulary of stories: a subnet, guests by name, a VIP, and what they see of each other.

use crate::{
    Lab, Plan,
    guest::Guest,
    names::{HostName, LabName, OUTSIDE_CLIENT, UNDERLAY_MTU},
    patience::eventually,
};
use anyhow::{Context, Result, ensure};
use havip_api::{
    AllocateEip, Associate, Client, ClientError, Contention, CreateSubnet, CreateVip, CreateVpc, Driver,
    Event, EventFilter, HistoryFilter, InitSystem, RunInstance, UpdateVip, Vip,
};
use havip_model::{Epoch, Holder, HostNumber, Incarnation, MacAddr, PortNumber, Record, VipKey, Vni};
use havip_netlink::Namespace;
use havip_wire::{Announcement, Message, RecordKind, Vxlan, build};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    ops::Index,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// A lab with one VPC, one subnet, and guests in it. Removed when dropped.
pub struct Scene {
    /// The lab underneath.
    pub lab: Lab,
    /// The VPC's id.
    pub vpc: String,
    /// The subnet's id.
    pub subnet: String,
    /// The VIP's id, if the scene has one.
    pub vip: Option<String>,
    /// The VIP's address, of either family.
    pub vip_address: IpAddr,
    /// Error lines in the logs belong to this story.
    pub expects_errors: bool,
    tells_logs: bool,
    guests: BTreeMap<String, Guest>,
    keep: bool,
}

/// What a scene should be like.
pub struct Setting {
    hosts: u8,
    edges: u8,
    underlay_mtu: u32,
    cidr: String,
    is_dual: bool,
    vip: Option<IpAddr>,
    guests: Vec<(String, HostName)>,
    environment: Vec<(String, String)>,
}

impl Setting {
    /// A subnet of `10.20.0.0/16` on three hosts without an edge.
    pub fn subnet(cidr: &str) -> Self {
        Self {
            hosts: 3,
            edges: 0,
            underlay_mtu: UNDERLAY_MTU,
            cidr: cidr.into(),
            is_dual: false,
            vip: None,
            guests: vec![],
            environment: vec![],
        }
    }

    /// So many hosts for guests.
    pub fn hosts(mut self, hosts: u8) -> Self {
        self.hosts = hosts;
        self
    }

    /// So many edges.
    pub fn edges(mut self, edges: u8) -> Self {
        self.edges = edges;
        self
    }

    /// An underlay that carries packets of so many bytes.
    pub fn underlay_mtu(mut self, mtu: u32) -> Self {
        self.underlay_mtu = mtu;
        self
    }

    /// The VPC and the subnet have IPv6 as well: [`CIDR6`], and its first /64 but one.
    pub fn dual(mut self) -> Self {
        self.is_dual = true;
        self
    }

    /// A VIP of either family, associated with nobody yet.
    pub fn vip(mut self, address: &str) -> Self {
        self.vip = Some(address.parse().expect("a story spells its addresses right"));
        self
    }

    /// Guests, one after the other on the hosts `h1`, `h2`, … and round again.
    pub fn guests<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        for name in names {
            let host = HostName::Host(self.guests.len() as u8 % self.hosts + 1);
            self.guests.push((name.to_owned(), host));
        }
        self
    }

    /// A guest on a certain host, counted from 1.
    pub fn guest_on(mut self, name: &str, host: u8) -> Self {
        self.guests.push((name.to_owned(), HostName::Host(host)));
        self
    }

    /// An environment variable of server and agents.
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Makes it so, in a lab with a name of its own, running `program`.
    pub fn start(self, program: PathBuf) -> Result<Scene> {
        let name = fresh_name();
        // A lab of this name can only be the leftover of a process that has had our number.
        Lab::down(&name, &program)?;
        let plan = Plan {
            name,
            hosts: self.hosts,
            edges: self.edges,
            underlay_mtu: self.underlay_mtu,
            program,
            environment: self.environment,
        };
        let lab = Lab::up(&plan)?;
        let vpc = lab.api(|client| {
            let body = CreateVpc {
                name: "story".into(),
                cidr: "10.20.0.0/16".into(),
                cidr6: self.is_dual.then(|| CIDR6.into()),
                ..CreateVpc::default()
            };
            client.create_vpc(&body)
        })?;
        let mut scene = Scene {
            lab,
            vpc: vpc.meta.id,
            subnet: String::new(),
            vip: None,
            vip_address: self.vip.unwrap_or(Ipv4Addr::UNSPECIFIED.into()),
            expects_errors: false,
            tells_logs: true,
            guests: BTreeMap::new(),
            keep: std::env::var_os("HAVIP_KEEP_LAB").is_some(),
        };
        scene.subnet = match self.is_dual {
            true => scene.make_dual_subnet("web", &self.cidr, "fd00:20:0:1::/64")?,
            false => scene.make_subnet("web", &self.cidr)?,
        };
        if let Some(address) = self.vip {
            let subnet = scene.subnet.clone();
            let body = CreateVip { subnet, address: Some(address.to_string()), ..CreateVip::default() };
            scene.vip = Some(scene.settled(|client| client.create_vip(&body))?.meta.id);
        }
        for (name, host) in &self.guests {
            scene.add_guest(name, *host)?;
        }
        Ok(scene)
    }
}

impl Scene {
    /// Asks the API and waits until the hosts have followed.
    pub fn settled<T: Send>(&self, ask: impl FnOnce(&Client) -> Result<T, ClientError> + Send) -> Result<T> {
        self.lab.api(|client| ask(&client.waiting(SETTLE)))
    }

    /// Another subnet of the VPC; returns its id.
    pub fn make_subnet(&self, name: &str, cidr: &str) -> Result<String> {
        self.create_subnet(name, cidr, None)
    }

    /// The same with IPv6: a /64 of [`CIDR6`].
    pub fn make_dual_subnet(&self, name: &str, cidr: &str, cidr6: &str) -> Result<String> {
        self.create_subnet(name, cidr, Some(cidr6.into()))
    }

    fn create_subnet(&self, name: &str, cidr: &str, cidr6: Option<String>) -> Result<String> {
        let body = CreateSubnet {
            vpc: self.vpc.clone(),
            name: name.into(),
            cidr: cidr.into(),
            cidr6,
            ..CreateSubnet::default()
        };
        Ok(self.lab.api(|client| client.create_subnet(&body))?.meta.id)
    }

    /// Another guest of the scene's subnet.
    pub fn add_guest(&mut self, name: &str, host: HostName) -> Result<&Guest> {
        self.add_guest_in(&self.subnet.clone(), name, host, "")
    }

    /// A guest of any subnet, with user data.
    pub fn add_guest_in(
        &mut self,
        subnet: &str,
        name: &str,
        host: HostName,
        user_data: &str,
    ) -> Result<&Guest> {
        let body = RunInstance {
            subnet: subnet.into(),
            name: name.into(),
            host: Some(self.host_id(host)?),
            user_data: user_data.into(),
            ..RunInstance::default()
        };
        self.run(body, host)
    }

    /// A guest of any subnet with this address.
    pub fn add_guest_at(
        &mut self,
        subnet: &str,
        name: &str,
        host: HostName,
        address: Ipv4Addr,
    ) -> Result<&Guest> {
        let body = RunInstance {
            subnet: subnet.into(),
            name: name.into(),
            host: Some(self.host_id(host)?),
            address: Some(address.to_string()),
            ..RunInstance::default()
        };
        self.run(body, host)
    }

    /// A guest of the scene's subnet that boots systemd; it has just begun to.
    pub fn add_guest_with_systemd(&mut self, name: &str, host: HostName, user_data: &str) -> Result<&Guest> {
        let body = RunInstance {
            subnet: self.subnet.clone(),
            name: name.into(),
            host: Some(self.host_id(host)?),
            init: InitSystem::Systemd,
            user_data: user_data.into(),
            ..RunInstance::default()
        };
        self.run(body, host)
    }

    fn run(&mut self, body: RunInstance, host: HostName) -> Result<&Guest> {
        let instance = self.settled(|client| client.run_instance(&body))?;
        let guest = Guest::of(&self.lab, host, &instance)?;
        guest.wait_until_running()?;
        self.guests.insert(body.name.clone(), guest);
        Ok(&self.guests[&body.name])
    }

    /// A machine of the scene's subnet, emulated, that boots an image of its host; it is switched on, not booted yet.
    pub fn add_machine(
        &mut self,
        name: &str,
        host: HostName,
        image: &str,
        user_data: &str,
    ) -> Result<&Guest> {
        let body = RunInstance {
            subnet: self.subnet.clone(),
            name: name.into(),
            host: Some(self.host_id(host)?),
            driver: Driver::Qemu,
            image: Some(image.into()),
            memory_mib: 192,
            user_data: user_data.into(),
            ..RunInstance::default()
        };
        let instance = self.lab.api(|client| client.run_instance(&body))?;
        let guest = Guest::of(&self.lab, host, &instance)?;
        guest.wait_until_switched_on()?;
        self.guests.insert(name.into(), guest);
        Ok(&self.guests[name])
    }

    /// The id of a host in the API.
    pub fn host_id(&self, host: HostName) -> Result<String> {
        let name = self.lab.name().agent(&host);
        let hosts = self.lab.api(|client| client.all_hosts(&havip_api::HostFilter::default()))?;
        let found = hosts.into_iter().find(|host| host.meta.name == name);
        Ok(found.with_context(|| format!("the API knows no host {name}"))?.meta.id)
    }

    /// Lets guests claim the VIP.
    pub fn associate<'a>(&self, guests: impl IntoIterator<Item = &'a str>) -> Result<()> {
        let vip = self.vip_id();
        for guest in guests {
            let body = Associate::claim(&self[guest].id);
            self.settled(|client| client.associate(vip, &body))?;
        }
        Ok(())
    }

    /// Ends that.
    pub fn dissociate(&self, guest: &str) -> Result<()> {
        let target = &self[guest].id;
        self.settled(|client| client.dissociate(self.vip_id(), target))
    }

    /// Lets the VIP follow every claim at once, for guests that all have the address and take turns, which the
    /// default `hold` is against (rule C9).
    pub fn follow_every_claim(&self) -> Result<()> {
        let follow = UpdateVip { contention: Some(Contention::Follow), ..UpdateVip::default() };
        self.settled(|client| client.update_vip(self.vip_id(), &follow)).map(drop)
    }

    /// The VIP as the API shows it.
    pub fn vip_now(&self) -> Result<Vip> {
        self.lab.api(|client| client.vip(self.vip_id()))
    }

    /// The name of the guest that holds the VIP, as the API shows it.
    pub fn holder(&self) -> Result<Option<String>> {
        Ok(self.vip_now()?.holder.map(|holder| holder.instance_name))
    }

    /// Waits until the API shows this guest as the holder.
    pub fn eventually_held_by(&self, guest: &str) -> Result<()> {
        eventually(PATIENCE, || {
            let holder = self.holder()?;
            anyhow::ensure!(holder.as_deref() == Some(guest), "the holder is {holder:?}, not {guest}");
            Ok(())
        })
    }

    /// A public address bound to the VIP or to a guest's id; web and ping are opened for it, as a user does.
    pub fn bind_eip(&self, target: &str) -> Result<Ipv4Addr> {
        self.open_to_all("tcp", "80")?;
        self.open_to_all("icmp", "")?;
        let eip = self.lab.api(|client| client.allocate_eip(&AllocateEip::default()))?;
        let eip = self.settled(|client| client.bind_eip(&eip.meta.id, target))?;
        eip.address.parse().context("the API shows an EIP that is no address")
    }

    /// What was refused for this guest, newest last.
    pub fn refused(&self, guest: &str) -> Result<Vec<Event>> {
        let filter = EventFilter {
            kind: Some("refused".into()),
            instance: Some(self[guest].id.clone()),
            ..EventFilter::default()
        };
        self.lab.api(|client| client.all_events(&filter))
    }

    /// Waits until a refusal of this guest with this reason is reported.
    pub fn eventually_refused(&self, guest: &str, reason: &str) -> Result<Event> {
        eventually(PATIENCE, || {
            let refused = self.refused(guest)?;
            let found = refused.iter().rev().find(|event| event.reason.as_deref() == Some(reason)).cloned();
            found.with_context(|| {
                let reasons: Vec<_> = refused.iter().filter_map(|event| event.reason.as_deref()).collect();
                format!("nothing of {guest} was refused as {reason}, only {reasons:?}")
            })
        })
    }

    /// Waits until something of this kind is told about the VIP.
    pub fn eventually_told(&self, kind: &str) -> Result<Event> {
        let filter = EventFilter {
            kind: Some(kind.into()),
            vip: Some(self.vip_id().into()),
            ..EventFilter::default()
        };
        eventually(PATIENCE, || {
            let told = self.lab.api(|client| client.all_events(&filter))?;
            told.into_iter().next_back().with_context(|| format!("no {kind} of the VIP is told"))
        })
    }

    /// The client outside.
    pub fn outside(&self) -> Result<Guest> {
        Guest::outside(&self.lab, OUTSIDE_CLIENT)
    }

    /// Drops of a host by reason.
    pub fn drops(&self, host: HostName) -> Result<Vec<(String, u64)>> {
        let id = self.host_id(host)?;
        let drops = self.lab.api(|client| client.host_drops(&id))?.drops;
        Ok(drops.into_iter().map(|drop| (drop.reason, drop.packets)).collect())
    }

    /// How often a host's switch has spoken for the dead.
    pub fn spoken(&self, host: HostName) -> Result<u64> {
        let mut command = self.lab.host_namespace(host)?.command("curl");
        let page = command.args(["-s", "-m", "2", "http://127.0.0.1:7404/metrics"]).output()?;
        ensure!(page.status.success(), "the agent of {host} does not answer");
        let page = String::from_utf8_lossy(&page.stdout).into_owned();
        let line =
            page.lines().find_map(|line| line.strip_prefix("havip_agent_switch_total{what=\"spoken\"} "));
        Ok(line.map_or(Ok(0), str::parse)?)
    }

    /// On what it rested that a holder was dead, where the switch spoke for it, oldest first.
    pub fn evidence(&self) -> Result<Vec<String>> {
        let history = self.lab.api(|client| client.vip_history(self.vip_id(), &HistoryFilter::default()))?;
        Ok(history.items.into_iter().filter_map(|line| line.evidence).collect())
    }

    /// The causes of the VIP's moves, oldest first.
    pub fn causes(&self) -> Result<Vec<havip_api::MoveCause>> {
        let history = self.lab.api(|client| client.vip_history(self.vip_id(), &HistoryFilter::default()))?;
        Ok(history.items.iter().map(|line| line.cause).collect())
    }

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

    /// Forgets a guest that was deleted.
    pub fn forget(&mut self, guest: &str) {
        self.guests.remove(guest);
    }

    /// The VIP's id.
    pub fn vip_id(&self) -> &str {
        self.vip.as_deref().expect("the story asked for a VIP")
    }

    /// Takes the lab down without telling its logs: nobody needs to read them beside the result.
    pub fn went_well(mut self) {
        self.tells_logs = false;
    }

    fn tell_logs(&self) {
        for process in self.lab.processes() {
            eprintln!("---- log of {} ----\n{}", process.role, process.log_tail(60));
        }
        for (name, guest) in &self.guests {
            eprintln!("---- console of {name} ----\n{}", guest.console_tail(40));
        }
    }

    /// Error lines in the logs of server and agents.
    pub fn error_lines(&self) -> Vec<String> {
        let lines = |role: &str, text: String| -> Vec<String> {
            text.lines()
                .filter(|line| line.contains(" ERROR "))
                .map(|line| format!("{role}: {line}"))
                .collect()
        };
        self.lab
            .processes()
            .iter()
            .flat_map(|process| lines(&process.role, process.log_tail(100_000)))
            .collect()
    }
}

impl Index<&str> for Scene {
    type Output = Guest;
    fn index(&self, name: &str) -> &Guest {
        self.guests.get(name).unwrap_or_else(|| panic!("the story has no guest {name}"))
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let errors = if self.expects_errors { vec![] } else { self.error_lines() };
        // Whoever runs the tests shows this only when a story fails; one that returns an error does not panic.
        if self.tells_logs {
            self.tell_logs();
        }
        if self.keep {
            eprintln!("kept: havip lab exec --name {} …", self.lab.name());
            return;
        }
        let (name, program) = (self.lab.name(), self.lab.program().to_owned());
        let gone = Lab::down(&name, &program);
        if !std::thread::panicking() {
            // Nobody else would notice what a story left behind.
            gone.expect("a lab can be removed");
            assert!(errors.is_empty(), "errors were logged:\n{}", errors.join("\n"));
        }
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
    let vxlan = [[8, 0, 0, 0], [0xff, 0xff, 0xff, 0]].concat();
    let ethernet = [&[0xff; 6][..], &[0x02, 0x68, 0x76, 0, 0, 0], &[0x88, 0xb5]].concat();
    [vxlan, ethernet, announcement.encode()].concat()
}

/// A name that no other lab of this machine has: the process's number in base 36, and a letter.
fn fresh_name() -> LabName {
    let count = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut rest = std::process::id();
    let mut name = char::from(b'a' + (count % 26) as u8).to_string();
    for _ in 0..5 {
        name.push(char::from_digit(rest % 36, 36).expect("a remainder of 36 is a digit"));
        rest /= 36;
    }
    name.parse().expect("a letter and five digits name a lab")
}

static NEXT: AtomicU32 = AtomicU32::new(0);

/// How long an API call may take to reach all hosts; a host that does not follow in 10 s is an error by itself.
const SETTLE: Duration = Duration::from_secs(15);

/// The IPv6 addresses of a VPC of both families.
pub const CIDR6: &str = "fd00:20::/56";

/// The agents' VXLAN port.
const VXLAN_PORT: u16 = 7402;

/// keepalived needs up to 4 s to elect; twice that, and some for a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(12);
