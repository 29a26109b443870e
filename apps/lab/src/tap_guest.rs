//! A machine that Havip does not run: a real QEMU on a tap of a host, and behind it a namespace that is the guest.
//!
//! QEMU emulates no machine here: its hub carries frames between the host's tap and the guest's. So it is there in 0.1 s,
//! the guest has all of Debian, and yet the host sees what it sees of any machine: a tap, and a process that has it open.

use crate::{Output, Scene, external::run, keepalived::Keepalived, names::HostName};
use anyhow::{Context, Result};
use havip_api::{CreateInterface, Plug};
use havip_model::MacAddr;
use havip_netlink::{Links, Namespace, create_tap};
use havip_packet_socket::PacketSocket;
use havip_wire::{Arp, ArpOperation, EtherType, build::frame};
use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};
use std::{
    ffi::OsStr,
    fs::{self, File},
    net::Ipv4Addr,
    os::fd::OwnedFd,
    path::Path,
    process::{Child, Command, Stdio},
};

/// The machine; its namespace and its taps go with the lab.
pub struct TapGuest {
    /// The id of its interface.
    pub interface: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// The host that it is on.
    pub host: Namespace,
    /// The host's tap, which is there without QEMU, too.
    pub device: String,
    namespace: Namespace,
    mac: MacAddr,
    /// The guest's eth0 is there as long as this is open.
    eth0: OwnedFd,
    qemu: Running,
}

impl Scene {
    /// Makes a machine with an interface of the scene's subnet, on a tap of a host that is plugged into the switch.
    pub fn tap_guest(&self, host: HostName) -> Result<TapGuest> {
        let body = CreateInterface { subnet: self.subnet.clone(), ..CreateInterface::default() };
        let made = self.lab.api(|client| client.create_interface(&body))?;
        let (interface, mac) = (made.meta.id, made.mac);
        let address: Ipv4Addr = made.address.context("the interface has no address")?.parse()?;

        let (on, device) = (self.lab.host_namespace(host)?, "tap0".to_owned());
        let namespace = Namespace::create(&format!("{}guest", self.lab.name().namespace_prefix()))?;
        let eth0 = namespace.run(|| create_tap("eth0"))??;
        make_tap(&on, &device)?;
        let qemu = Running(hub(&on, &device, eth0.try_clone()?)?);
        for line in [
            format!("link set eth0 address {mac}"),
            "link set eth0 up".into(),
            format!("address add {address}/24 dev eth0"),
        ] {
            run(&namespace, "ip", line.split(' '))?.succeeded()?;
        }
        let plug = Plug { host: self.host_id(host)?, device: device.clone() };
        self.settled(|client| client.plug_interface(&interface, &plug))?;
        let mac = mac.parse().ok().with_context(|| format!("{mac} is no MAC"))?;
        Ok(TapGuest { interface, address, host: on, device, namespace, mac, eth0, qemu })
    }
}

impl TapGuest {
    /// Runs a program in the guest and waits for its end.
    pub fn run<S: AsRef<OsStr>>(&self, program: &str, words: impl IntoIterator<Item = S>) -> Result<Output> {
        run(&self.namespace, program, words)
    }

    /// Runs a program on its host and waits for its end.
    pub fn run_on_host<S: AsRef<OsStr>>(
        &self,
        program: &str,
        words: impl IntoIterator<Item = S>,
    ) -> Result<Output> {
        run(&self.host, program, words)
    }

    /// Starts Debian's keepalived in it, with its files in this folder.
    pub fn start_keepalived(&self, config: &Keepalived, folder: &Path) -> Result<Running> {
        let [file, pid, vrrp_pid, log] =
            ["keepalived.conf", "pid", "vrrp.pid", "log"].map(|name| folder.join(name));
        fs::write(&file, config.config())?;
        let log = File::create(log)?;
        let mut command = self.namespace.command("keepalived");
        command.args(["--dont-fork", "--log-console", "--use-file"]).arg(file);
        command.arg("--pid").arg(pid).arg("--vrrp_pid").arg(vrrp_pid);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(Running(command.spawn().context("cannot run keepalived")?))
    }

    /// Kills QEMU by SIGKILL, as the kernel does where memory is short; the guest itself does not notice.
    pub fn kill_qemu(&mut self) -> Result<()> {
        self.qemu.0.kill().context("cannot kill QEMU")?;
        self.qemu.0.wait().map(drop).context("QEMU does not end")
    }
}

/// A host's end of a machine's migration.
pub struct Destination {
    /// The host.
    pub host: Namespace,
    /// Its tap, which nobody has open yet.
    pub device: String,
}

impl Scene {
    /// A tap of another host for a machine that will go on there.
    pub fn destination(&self, host: HostName) -> Result<Destination> {
        let (host, device) = (self.lab.host_namespace(host)?, "tap1".to_owned());
        make_tap(&host, &device)?;
        Ok(Destination { host, device })
    }
}

impl TapGuest {
    /// Goes on at another host, as QEMU does it: the machine stands still, another QEMU goes on with it there and says so
    /// by reverse ARP, and the first one ends.
    pub fn migrate(&mut self, to: Destination) -> Result<()> {
        // Two that read the guest's frames at once would each get a part of them.
        signal::kill(Pid::from_raw(self.qemu.0.id().cast_signed()), Signal::SIGSTOP)?;
        let there = Running(hub(&to.host, &to.device, self.eth0.try_clone()?)?);
        self.send(
            EtherType::RARP,
            Arp { operation: ArpOperation::ReverseRequest, ..Arp::gratuitous(self.mac, NOBODY) },
        )?;
        self.qemu = there;
        (self.host, self.device) = (to.host, to.device);
        Ok(())
    }

    /// The same without a word: the first QEMU is gone before the other goes on.
    pub fn migrate_silently(&mut self, to: Destination) -> Result<()> {
        self.kill_qemu()?;
        self.qemu = Running(hub(&to.host, &to.device, self.eth0.try_clone()?)?);
        (self.host, self.device) = (to.host, to.device);
        Ok(())
    }

    /// Announces an address by one gratuitous ARP request, as the kernel or the software of a guest does it.
    pub fn announce(&self, address: Ipv4Addr) -> Result<()> {
        self.send(EtherType::ARP, Arp::gratuitous(self.mac, address))
    }

    fn send(&self, kind: EtherType, arp: Arp) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let link = runtime.block_on(async { Links::open_in(&self.namespace)?.by_name("eth0").await })?;
        let index = link.context("the guest has no eth0")?.index;
        let socket = self.namespace.run(|| PacketSocket::open(index))??;
        Ok(socket.send(&frame(self.mac, MacAddr::BROADCAST).raw(kind, &arp.encode()))?)
    }
}

/// One that lasts, as libvirt makes it; nobody has it open.
fn make_tap(host: &Namespace, device: &str) -> Result<()> {
    run(host, "ip", ["tuntap", "add", device, "mode", "tap", "vnet_hdr"])?.succeeded().map(drop)
}

const NOBODY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

/// QEMU between a tap of a host and a guest's, which it is given as its standard input.
fn hub(host: &Namespace, device: &str, guest: OwnedFd) -> Result<Child> {
    let mut qemu: Command = host.command("qemu-system-x86_64");
    qemu.args(["-machine", "none", "-nodefaults", "-no-user-config", "-display", "none"])
        .args(["-netdev", &format!("tap,id=host,ifname={device},script=no,downscript=no")])
        .args(["-netdev", "hubport,id=a,hubid=0,netdev=host"])
        .args(["-netdev", "tap,id=guest,fd=0", "-netdev", "hubport,id=b,hubid=0,netdev=guest"])
        .stdin(Stdio::from(guest))
        .stdout(Stdio::null())
        // It warns that the hub has no device of a machine.
        .stderr(Stdio::null());
    qemu.spawn().context("cannot run qemu-system-x86_64")
}

/// A program that ends with this.
pub struct Running(Child);

impl Running {
    /// Ends it and its children by SIGKILL: they clean nothing up.
    pub fn kill(mut self) -> Result<()> {
        let own = self.0.id();
        let children = fs::read_to_string(format!("/proc/{own}/task/{own}/children"))?;
        let all = children.split_whitespace().map(str::parse).collect::<Result<Vec<i32>, _>>()?;
        // It must neither start them anew nor be followed by them: the kernel would tell them to clean up.
        signal::kill(Pid::from_raw(own.cast_signed()), Signal::SIGSTOP)?;
        for child in all {
            signal::kill(Pid::from_raw(child), Signal::SIGKILL)?;
        }
        self.0.kill()?;
        self.0.wait().map(drop).context("it does not end")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Its children follow it: the kernel tells them.
        let _ended_already = self.0.kill();
        let _reaped = self.0.wait();
    }
}
