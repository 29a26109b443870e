//! The vocabulary of stories: a subnet, guests by name, a VIP, and what they see of each other.

use crate::{
    Lab,
    guest::Guest,
    names::{HostName, OUTSIDE_CLIENT},
    patience::eventually,
};
use anyhow::{Context, Result, ensure};
use havip_api::{
    AllocateEip, Associate, Client, ClientError, Contention, CreateSubnet, Driver, Event, EventFilter,
    HistoryFilter, InitSystem, RunInstance, UpdateVip, Vip,
};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    ops::Index,
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

impl Scene {
    /// A lab with a VPC, and nothing in it yet.
    pub(crate) fn without_guests(lab: Lab, vpc: String, vip_address: Option<IpAddr>) -> Self {
        Self {
            lab,
            vpc,
            subnet: String::new(),
            vip: None,
            vip_address: vip_address.unwrap_or(Ipv4Addr::UNSPECIFIED.into()),
            expects_errors: false,
            tells_logs: true,
            guests: BTreeMap::new(),
            keep: std::env::var_os("HAVIP_KEEP_LAB").is_some(),
        }
    }

    /// Asks the API and waits until the hosts have followed.
    pub fn settled<T: Send>(&self, ask: impl FnOnce(&Client) -> Result<T, ClientError> + Send) -> Result<T> {
        self.lab.api(|client| ask(&client.waiting(SETTLE)))
    }

    /// Another subnet of the VPC; returns its id.
    pub fn make_subnet(&self, name: &str, cidr: &str) -> Result<String> {
        self.create_subnet(name, cidr, None)
    }

    /// The same with IPv6: a /64 of [`CIDR6`](crate::setting::CIDR6).
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

/// How long an API call may take to reach all hosts; a host that does not follow in 10 s is an error by itself.
const SETTLE: Duration = Duration::from_secs(15);

/// keepalived needs up to 4 s to elect; twice that, and some for a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(12);
