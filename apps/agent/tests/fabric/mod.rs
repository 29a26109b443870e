//! Two hosts in namespaces of the test's own, an agent on each, and a server that says what the test wants.

mod server;

pub use server::Server;

use havip_agent::Args;
use havip_model::*;
use havip_netlink::{BridgeSpec, Links, Namespace, VethEnd, VethSpec};
use havip_reconcile::item::*;
use havip_stream::proto::peer_client::PeerClient;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::process::Output;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

/// The VPC's number in every test.
pub const VNI: u32 = 77;
/// The VIP in every test.
pub const VIP: &str = "10.20.1.100";

/// The namespaces, bridges and certificates; removed when dropped.
pub struct Fabric {
    name: String,
    directory: tempfile::TempDir,
    hosts: Vec<Namespace>,
    net: Namespace,
    guests: Vec<(String, Namespace)>,
    pub server: Server,
    runtime: tokio::runtime::Runtime,
}

/// An agent at work on a thread of its own.
pub struct Agent {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<anyhow::Result<()>>>,
}

impl Agent {
    /// Tells it to end, waits, and says how it went.
    pub fn stop(mut self) {
        let _ = self.stop.take().unwrap().send(());
        self.thread.take().unwrap().join().unwrap().unwrap();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let (Some(stop), Some(thread)) = (self.stop.take(), self.thread.take()) {
            let _ = stop.send(());
            let _ = thread.join();
        }
    }
}

impl Fabric {
    /// Builds it; `name` and this process keep the namespaces and pins of tests that run side by side apart.
    pub fn build(name: &str, hosts: u32) -> Self {
        sweep();
        let name = &format!("{name}-{}", std::process::id());
        let _ =
            tracing_subscriber::fmt().with_env_filter("havip_agent=debug,warn").with_test_writer().try_init();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let net = fresh(&format!("hv-{name}-net"));
        let authority = server::Authority::new();
        let server = Server::start(&net, SocketAddr::from((SERVER, 7401)), &authority);
        let mut fabric =
            Self { name: name.into(), directory, hosts: vec![], net, guests: vec![], server, runtime };
        fabric.runtime.block_on(async {
            let links = Links::open_in(&fabric.net).unwrap();
            let bridge = links.create_bridge(BridgeSpec { name: "br0", mtu: 1600 }).await.unwrap();
            links.add_address(bridge, format!("{SERVER}/24").parse().unwrap()).await.unwrap();
            links.set_up(bridge).await.unwrap();
            for number in 1..=hosts {
                let host = fresh(&format!("hv-{name}-h{number}"));
                let (near, far) = (format!("u{number}"), "eth0");
                let end = |name| VethEnd { name, mac: None, mtu: 1600 };
                let spec = VethSpec { near: end(&near), far: end(far), far_namespace: Some(host.as_fd()) };
                let index = links.create_veth(spec).await.unwrap();
                links.set_master(index, Some(bridge)).await.unwrap();
                links.set_up(index).await.unwrap();
                let inside = Links::open_in(&host).unwrap();
                let eth0 = inside.index_of(far).await.unwrap();
                inside.add_address(eth0, format!("{}/24", underlay(number)).parse().unwrap()).await.unwrap();
                inside.set_up(eth0).await.unwrap();
                let data = fabric.directory.path().join(number.to_string());
                std::fs::create_dir_all(&data).unwrap();
                std::fs::write(data.join("identity.json"), authority.host(number)).unwrap();
                fabric.hosts.push(host);
            }
        });
        fabric
    }

    /// Plugs a guest into a host: a namespace whose eth0 is the other end of the device `gN` of the host.
    pub fn guest(&mut self, number: u32, host: u32) {
        let label = format!("hv-{}-g{number}", self.name);
        let guest = fresh(&label);
        self.runtime.block_on(async {
            let links = Links::open_in(&self.hosts[host as usize - 1]).unwrap();
            let near = format!("g{number}");
            let spec = VethSpec {
                near: VethEnd { name: &near, mac: None, mtu: 1500 },
                far: VethEnd { name: "eth0", mac: Some(mac(number)), mtu: 1500 },
                far_namespace: Some(guest.as_fd()),
            };
            links.create_veth(spec).await.unwrap();
            let inside = Links::open_in(&guest).unwrap();
            let eth0 = inside.index_of("eth0").await.unwrap();
            let net = format!("{}/24", address(number)).parse().unwrap();
            inside.add_address(eth0, net).await.unwrap();
            inside.set_up(eth0).await.unwrap();
        });
        self.guests.push((label, guest));
    }

    /// Starts the agent of a host.
    pub fn agent(&self, number: u32) -> Agent {
        self.agent_with(number, |_| {})
    }

    /// The same with other flags.
    pub fn agent_with(&self, number: u32, change: impl FnOnce(&mut Args)) -> Agent {
        let namespace = self.hosts[number as usize - 1].clone();
        let mut args = Args {
            server: Some(format!("https://{SERVER}:7401")),
            underlay: Some(underlay(number).into()),
            data: Some(self.directory.path().join(number.to_string())),
            name: Some(format!("{}-h{number}", self.name)),
            ..Args::default()
        };
        change(&mut args);
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            namespace.enter()?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(havip_agent::run_until(args, async {
                let _ = stopped.await;
            }))
        });
        Agent { stop: Some(stop), thread: Some(thread) }
    }

    /// Speaks to the agent of a host from another one's address, with the certificate that lies in that host's data.
    pub fn asks<T: Send>(
        &self,
        from: u32,
        of: u32,
        questions: impl AsyncFnOnce(PeerClient<Channel>) -> T + Send,
    ) -> T {
        let data = self.directory.path().join(from.to_string()).join("identity.json");
        let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(data).unwrap()).unwrap();
        let text = |name: &str| kept[name].as_str().unwrap().to_owned();
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(text("authority_pem")))
            .domain_name(format!("host-{of}.havip"))
            .identity(Identity::from_pem(text("certificate_pem"), text("key_pem")));
        let endpoint = Endpoint::from_shared(format!("https://{}:7403", underlay(of))).unwrap();
        let endpoint = endpoint.tls_config(tls).unwrap();
        let host = &self.hosts[from as usize - 1];
        let ask = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let channel = endpoint.connect().await.unwrap();
                questions(PeerClient::new(channel)).await
            })
        };
        host.run(ask).unwrap()
    }

    /// Takes away what a reboot takes away: pins, and the devices that the agent made.
    pub fn reboot(&self, number: u32) {
        let name = format!("{}-h{number}", self.name);
        self.hosts[number as usize - 1].run(|| havip_switch::detach_all(&name).unwrap()).unwrap();
        self.runtime.block_on(async {
            let links = Links::open_in(&self.hosts[number as usize - 1]).unwrap();
            for device in ["hvov", "hvd0"] {
                links.delete_by_name(device).await.unwrap();
            }
        });
    }

    /// Where a host's maps and programs are pinned.
    pub fn pins(&self, number: u32) -> std::path::PathBuf {
        format!("/sys/fs/bpf/havip/{}-h{number}", self.name).into()
    }

    /// Removes a host's agent with all its traces.
    pub fn detach(&self, number: u32) -> anyhow::Result<()> {
        let args = Args {
            server: Some("https://unused:1".into()),
            underlay: Some(underlay(number).into()),
            data: Some(self.directory.path().join(number.to_string())),
            name: Some(format!("{}-h{number}", self.name)),
            ..Args::default()
        };
        let namespace = self.hosts[number as usize - 1].clone();
        let work = std::thread::spawn(move || {
            namespace.enter()?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(havip_agent::detach(&args.settle()?, false))
        });
        work.join().unwrap()
    }

    /// The names of a host's devices.
    pub fn devices(&self, number: u32) -> Vec<String> {
        let namespace = &self.hosts[number as usize - 1];
        let links = self.runtime.block_on(async { Links::open_in(namespace).unwrap().list().await.unwrap() });
        links.into_iter().map(|link| link.name).collect()
    }

    /// Runs a command in a guest.
    pub fn run(&self, guest: u32, words: &str) -> Output {
        let label = format!("hv-{}-g{guest}", self.name);
        let (_, namespace) = self.guests.iter().find(|(name, _)| *name == label).unwrap();
        let mut words = words.split_whitespace();
        namespace.command(words.next().unwrap()).args(words).output().unwrap()
    }

    /// Does something in a guest's network namespace.
    pub fn inside<T: Send>(&self, guest: u32, work: impl FnOnce() -> T + Send) -> T {
        let label = format!("hv-{}-g{guest}", self.name);
        let (_, namespace) = self.guests.iter().find(|(name, _)| *name == label).unwrap();
        namespace.run(work).unwrap()
    }

    /// Runs a command in a guest that must succeed.
    pub fn succeeds(&self, guest: u32, words: &str) {
        let output = self.run(guest, words);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{words}: {out}{err}");
    }

    /// Shows what the hosts look like when a test fails.
    fn describe(&self) {
        let hosts = self.hosts.iter().zip(1..).map(|(host, number)| (format!("h{number}"), host));
        for (name, namespace) in hosts.chain([("net".to_owned(), &self.net)]) {
            for words in ["ip neigh", "ip -s -br link", "ip -s link show eth0", "bridge fdb", "ip route"] {
                let mut words = words.split_whitespace();
                let output = namespace.command(words.next().unwrap()).args(words).output().unwrap();
                eprintln!("{}-{name}: {}", self.name, String::from_utf8_lossy(&output.stdout));
            }
        }
    }

    /// Waits until a guest reaches the VIP, and says how many of its pings were lost on the way.
    #[track_caller]
    pub fn reaches_vip(&self, guest: u32) {
        within(Duration::from_secs(10), || self.run(guest, &format!("ping -c1 -W1 {VIP}")).status.success());
    }
}

impl Drop for Fabric {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.describe();
        }
        for number in 1..=self.hosts.len() {
            let _ = havip_switch::detach_all(&format!("{}-h{number}", self.name));
            let _ = Namespace::delete(&format!("hv-{}-h{number}", self.name));
        }
        for (label, _) in &self.guests {
            let _ = Namespace::delete(label);
        }
        let _ = Namespace::delete(&format!("hv-{}-net", self.name));
    }
}

fn fresh(name: &str) -> Namespace {
    Namespace::create(name).unwrap()
}

/// Removes what tests have left whose process was killed.
fn sweep() {
    for namespace in Namespace::names().unwrap() {
        let Some(rest) = namespace.strip_prefix("hv-").filter(|rest| rest.starts_with("agt")) else {
            continue;
        };
        let is_left = rest.split('-').nth(1).is_some_and(|pid| {
            pid.parse::<u32>().is_ok() && !std::path::Path::new("/proc").join(pid).exists()
        });
        if is_left {
            let _ = havip_switch::detach_all(rest);
            let _ = Namespace::delete(&namespace);
        }
    }
}

/// Waits for something to become true; the deadline is generous as two cores may be shared with a compiler.
#[track_caller]
pub fn within(patience: Duration, mut is_true: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !is_true() {
        assert!(Instant::now() < deadline, "not within {patience:?}");
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// A host's address between the hosts.
pub fn underlay(host: u32) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, host as u8)
}

/// A guest's MAC.
pub fn mac(guest: u32) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, guest as u8])
}

/// A guest's address.
pub fn address(guest: u32) -> IpAddr {
    Ipv4Addr::new(10, 20, 1, 10 + guest as u8).into()
}

/// The VIP as the switch knows it.
pub fn vip_key() -> VipKey {
    VipKey { vni: Vni::new(VNI).unwrap(), address: VIP.parse().unwrap() }
}

/// The items of hosts, VPC and subnet.
pub fn base(hosts: u32) -> Vec<Item> {
    let virtual_mac = MacAddr([2, 0x68, 0x76, 0, 0, 1]);
    let numbers = (1..=hosts).map(|number| HostNumber::new(number).unwrap());
    let vni = Vni::new(VNI).unwrap();
    let mut items: Vec<Item> = numbers
        .clone()
        .map(|number| {
            let underlay = underlay(number.get());
            Item::Host(HostItem {
                number,
                name: format!("h{number}"),
                underlay: underlay.into(),
                peer_endpoint: format!("{underlay}:7403"),
                is_edge: false,
            })
        })
        .collect();
    items.push(Item::Vpc(VpcItem { id: VpcId::new(body(1)), vni, virtual_mac, members: numbers.collect() }));
    items.push(Item::Subnet(SubnetItem {
        external: None,
        id: SubnetId::new(body(1)),
        number: SubnetNumber::MIN,
        vni,
        cidrs: vec!["10.20.1.0/24".parse().unwrap()],
        gateways: vec!["10.20.1.1".parse().unwrap()],
        virtual_mac,
    }));
    items
}

/// A guest's interface as all hosts know it.
pub fn endpoint(guest: u32, host: u32) -> Item {
    Item::Endpoint(EndpointItem {
        interface: InterfaceId::new(body(guest as u8)),
        port: PortNumber::new(guest).unwrap(),
        vni: Vni::new(VNI).unwrap(),
        subnet: SubnetNumber::MIN,
        host: Some(HostNumber::new(host).unwrap()),
        mac: mac(guest),
        addresses: vec![address(guest)],
        source_dest_check: true,
        instance: None,
        groups: vec![],
    })
}

/// A guest's interface as its own host knows it.
pub fn port(guest: u32) -> Item {
    Item::Port(PortItem {
        interface: InterfaceId::new(body(guest as u8)),
        port: PortNumber::new(guest).unwrap(),
        vni: Vni::new(VNI).unwrap(),
        subnet: SubnetNumber::MIN,
        mac: mac(guest),
        virtual_mac: MacAddr([2, 0x68, 0x76, 0, 0, 1]),
        addresses: vec![format!("{}/24", address(guest)).parse().unwrap()],
        gateways: vec!["10.20.1.1".parse().unwrap()],
        mtu: 1500,
        source_dest_check: true,
        state: PortState::Active,
        device: Some(format!("g{guest}")),
        instance: None,
        arrives: None,
        groups: vec![],
    })
}

/// The VIP and the guests that may claim it.
pub fn vip(entitled: &[u32]) -> Item {
    let entitled = entitled
        .iter()
        .map(|port| Entitlement { port: PortNumber::new(*port).unwrap(), direct_return: false });
    Item::Vip(VipItem {
        id: VipId::new(body(1)),
        key: vip_key(),
        subnet: SubnetNumber::MIN,
        incarnation: Incarnation(1),
        binding: Binding::Associated,
        contention: Contention::Follow,
        assist: true,
        entitled: entitled.collect(),
        advert_sources: vec![],
    })
}

/// Another VIP.
pub fn second_vip(entitled: &[u32]) -> Item {
    let Item::Vip(vip) = vip(entitled) else { unreachable!("vip makes a VIP") };
    let key = VipKey { address: "10.20.1.101".parse().unwrap(), ..vip.key };
    Item::Vip(VipItem { id: VipId::new(body(2)), key, incarnation: Incarnation(2), ..vip })
}

fn body(seed: u8) -> Body {
    Body::from_entropy([seed; 16])
}

const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 254);
