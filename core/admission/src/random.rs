//! Random requests about a world, for tests of whatever follows decisions: some sensible, some not.

use crate::{Draw, Facts, LiveHost, Quotas, Request, request::*};
use havip_model::{
    AssociationMode, Binding, Body, Contention, Direction, Driver, EipTarget, Family, HostId, HostNumber,
    InterfaceId, Map, NextHop, Peer, Ports, Profile, ProjectId, Protocol, ResourceGroupId, ResourceKey,
    RuleAction, SecurityGroupId, Target, Timestamp, World,
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A source of random requests.
#[derive(Debug, Clone)]
pub struct Random(Draw);

impl Random {
    /// The same seed asks for the same.
    pub fn new(seed: u64) -> Self {
        let mut entropy = [0x5a; 32];
        entropy[..8].copy_from_slice(&seed.to_be_bytes());
        let mut draw = Draw::new(entropy);
        (0..8).for_each(|_| _ = draw.next()); // seeds that are alike begin alike
        Self(draw)
    }

    /// Facts for one decision: all hosts live, small quotas so that limits are reached.
    pub fn facts(&mut self, world: &World) -> Facts {
        let mut entropy = [0; 32];
        entropy.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&self.0.next().to_be_bytes()));
        let live =
            world.hosts.keys().map(|host| LiveHost { host: *host, load_millis: self.below(1000) as u32 });
        let live = live.collect();
        let quotas = Quotas {
            associations_per_vip: Some(3),
            vips_per_instance: Some(2),
            vips_per_vpc: Some(6),
            vips_per_project: Some(10),
            vip_routes_per_vpc: Some(2),
            secondary_addresses: Some(3),
            groups_per_vpc: Some(4),
            groups_per_interface: Some(2),
            rules_per_group: Some(5),
            tags_per_resource: Some(2),
            resource_groups_per_project: Some(3),
            deployment_sets_per_project: Some(2),
            ..Quotas::default()
        };
        let now = Timestamp(self.below(1 << 40));
        Facts { now, entropy, live, quotas, ..Facts::default() }
    }

    /// One request; makes more than it deletes, so that worlds grow.
    pub fn request(&mut self, world: &World) -> Request {
        match self.below(64) {
            62 if self.maybe() => CreateDeploymentSet { texts: self.tagged(world) }.into(),
            62 => {
                let (instance, set) = (self.of(&world.instances), self.of(&world.deployment_sets));
                JoinDeploymentSet { instance, set }.into()
            }
            63 if self.maybe() => LeaveDeploymentSet { instance: self.of(&world.instances) }.into(),
            63 => DeleteDeploymentSet { set: self.of(&world.deployment_sets) }.into(),
            56..58 => self.tags(world),
            58..62 => self.resource_groups(world),
            48..51 => {
                let (vpc, texts, rules) = (self.of(&world.vpcs), self.tagged(world), self.rules(world));
                let (vpc, members_reach_each_other) = (Some(vpc).filter(|_| self.below(4) > 0), self.maybe());
                CreateSecurityGroup { vpc, texts, rules, members_reach_each_other }.into()
            }
            51 => {
                let (group, texts) = (self.of(&world.groups), self.new_texts());
                UpdateSecurityGroup { group, texts }.into()
            }
            52 => DeleteSecurityGroup { group: self.of(&world.groups) }.into(),
            53 => AddRules { group: self.of(&world.groups), rules: self.rules(world) }.into(),
            54 => {
                let group = self.of(&world.groups);
                let its = world.groups.get(&group).map(|group| group.rules.clone()).unwrap_or_default();
                let rules = its.iter().filter(|_| self.maybe()).map(|rule| rule.number).collect();
                RemoveRules { group, rules }.into()
            }
            55 => ReplaceRules { group: self.of(&world.groups), rules: self.rules(world) }.into(),
            0 => {
                let (texts, region) = (self.tagged(world), "local".into());
                CreateVpc { texts, region, cidr: self.cidr(), cidr6: self.cidr6(56) }.into()
            }
            1 if self.maybe() => {
                let (vpc, texts) = (self.of(&world.vpcs), self.new_texts());
                UpdateVpc { vpc, texts, cidr6: self.cidr6(56) }.into()
            }
            1 => {
                let (subnet, texts) = (self.of(&world.subnets), self.new_texts());
                let is_external = world.subnets.get(&subnet).is_some_and(|subnet| subnet.external.is_some());
                let cidr6 = if is_external { self.provider_cidr6() } else { self.cidr6(64) };
                UpdateSubnet { subnet, texts, cidr6 }.into()
            }
            2 => DeleteVpc { vpc: self.of(&world.vpcs) }.into(),
            3..5 => {
                let (vpc, texts, cidr) = (self.of(&world.vpcs), self.tagged(world), self.cidr());
                let external = (self.below(4) == 0).then(|| NewExternal {
                    vlan: self.maybe().then(|| self.below(3) as u16),
                    gateway: self.maybe().then(|| Ipv4Addr::new(172, 20, 0, self.below(16) as u8)),
                    gateway6: (self.below(4) == 0).then(|| self.router6()),
                });
                let cidr = if external.is_some() { self.provider_cidr() } else { cidr };
                let cidr6 = if external.is_some() { self.provider_cidr6() } else { self.cidr6(64) };
                CreateSubnet { vpc, texts, zone: self.zone(), cidr, cidr6, external }.into()
            }
            5 => DeleteSubnet { subnet: self.of(&world.subnets) }.into(),
            6..9 => self.create_interface(world),
            9 => {
                let (interface, texts) = (self.of(&world.interfaces), self.new_texts());
                let source_dest_check = self.maybe().then(|| self.maybe());
                let groups = self.maybe().then(|| self.groups(world));
                UpdateInterface { interface, texts, source_dest_check, groups }.into()
            }
            10 => DeleteInterface { interface: self.of(&world.interfaces) }.into(),
            11..13 => {
                let (interface, instance) = (self.of(&world.interfaces), self.of(&world.instances));
                AttachInterface { interface, instance, device: self.device() }.into()
            }
            13 => DetachInterface { interface: self.of(&world.interfaces) }.into(),
            14..16 => {
                let interface = self.of(&world.interfaces);
                let addresses = self.addresses();
                let (automatic, family) = (self.below(3) as usize, self.family());
                AddAddresses { interface, addresses, automatic, family }.into()
            }
            16 => {
                let interface = self.of(&world.interfaces);
                RemoveAddresses { interface, addresses: self.secondary(world, interface) }.into()
            }
            17 => {
                let (from, to) = (self.of(&world.interfaces), self.of(&world.interfaces));
                match self.below(2) {
                    0 => MoveAddresses { from, to, addresses: self.secondary(world, from) }.into(),
                    _ => TakeAddresses { interface: to, addresses: self.secondary(world, from) }.into(),
                }
            }
            18 => {
                let (interface, host) = (self.of(&world.interfaces), self.of(&world.hosts));
                PlugInterface { interface, host, device: format!("tap{}", self.below(4)) }.into()
            }
            19 if self.below(2) == 0 => self.migrate(world),
            19 => UnplugInterface { interface: self.of(&world.interfaces) }.into(),
            20..23 => self.run_instance(world),
            23 if self.maybe() => RestartInstance { instance: self.of(&world.instances) }.into(),
            23 => StartInstance { instance: self.of(&world.instances) }.into(),
            24 => StopInstance { instance: self.of(&world.instances), gives_up_share: self.maybe() }.into(),
            25 => PowerOffInstance::of(self.of(&world.instances)).into(),
            26 => DeleteInstance { instance: self.of(&world.instances) }.into(),
            27..30 => self.create_vip(world),
            30 => {
                let (vip, texts) = (self.of(&world.vips), self.new_texts());
                let (contention, advert_sources) = (Some(Contention::Follow), Some(self.addresses()));
                UpdateVip { vip, texts, contention, assist: Some(self.maybe()), advert_sources }.into()
            }
            31 if self.maybe() => RenewVip { vip: self.of(&world.vips) }.into(),
            31 => DeleteVip { vip: self.of(&world.vips), unbind: self.maybe() }.into(),
            32..35 => {
                Associate { vip: self.of(&world.vips), target: self.target(world), mode: self.mode() }.into()
            }
            35 => Dissociate { vip: self.of(&world.vips), target: self.target(world) }.into(),
            36 => {
                let (texts, cidr) = (self.texts(), net([203, 0, 113, 16 * self.below(3) as u8], 28));
                let public6 = format!("2001:db8::{}0/124", self.below(3));
                let of_ipv6 = self.below(4) == 0;
                let first = if of_ipv6 { public6.parse().expect("a range") } else { cidr.into() };
                let mut cidrs = vec![first];
                if self.maybe() {
                    cidrs.push(net([198, 51, 100, 16 * self.below(3) as u8], 28).into());
                }
                CreateEipPool { texts, cidrs, gateway: None, reserved: Vec::new() }.into()
            }
            37 if self.maybe() => {
                let cidrs = vec![net([203, 0, 113, 16 * self.below(3) as u8], 28).into()];
                let (pool, texts) = (self.of(&world.pools), NewTexts::default());
                UpdateEipPool { pool, texts, cidrs: Some(cidrs), reserved: None }.into()
            }
            37 => DeleteEipPool { pool: self.of(&world.pools) }.into(),
            38..40 => {
                let public = Ipv4Addr::new(203, 0, 113, self.below(64) as u8).into();
                let address = self.maybe().then_some(public);
                let family = self.maybe().then(|| self.family());
                AllocateEip { pool: None, texts: self.tagged(world), address, family, bandwidth_mbps: None }
                    .into()
            }
            40..42 => BindEip { eip: self.of(&world.eips), target: self.eip_target(world) }.into(),
            42 => UnbindEip { eip: self.of(&world.eips) }.into(),
            43 => ReleaseEip { eip: self.of(&world.eips), unbind: self.maybe() }.into(),
            44 => {
                let (vpc, texts) = (self.of(&world.vpcs), self.tagged(world));
                let six = if self.maybe() { self.cidr6(56) } else { None };
                let destination = six.map_or(IpNet::V4(self.cidr()), IpNet::V6);
                CreateRoute { vpc, texts, destination, next_hop: self.next_hop(world) }.into()
            }
            45 => DeleteRoute { route: self.of(&world.routes) }.into(),
            46 => self.join_host(),
            _ => self.change_host(world),
        }
    }

    fn create_interface(&mut self, world: &World) -> Request {
        let (subnet, texts, address) =
            (self.of(&world.subnets), self.tagged(world), self.choice(Family::Ipv4));
        let secondary = if self.below(4) == 0 { self.addresses() } else { Vec::new() };
        let (address6, source_dest_check) = (self.choice6(), self.maybe());
        let groups = self.groups(world);
        let instance = (self.below(4) == 0).then(|| self.of(&world.instances));
        CreateInterface {
            subnet,
            texts,
            address,
            address6,
            secondary,
            mac: None,
            source_dest_check,
            groups,
            instance,
        }
        .into()
    }

    fn run_instance(&mut self, world: &World) -> Request {
        let mut request = RunInstance::of(self.of(&world.subnets));
        request.texts = self.tagged(world);
        request.address = self.choice(Family::Ipv4);
        request.address6 = self.choice6();
        request.source_dest_check = self.maybe();
        request.groups = self.groups(world);
        if self.maybe() {
            request.driver = Driver::External;
            request.device = self.device();
        }
        request.host = self.maybe().then(|| self.of(&world.hosts));
        request.deployment_set = (self.below(3) == 0).then(|| self.of(&world.deployment_sets));
        request.into()
    }

    fn create_vip(&mut self, world: &World) -> Request {
        let mut request = CreateVip::of(self.of(&world.subnets));
        let family = self.family();
        request.address = self.choice(family);
        request.binding = self.maybe().then_some(Binding::Associated);
        request.profile = [Profile::Native, Profile::Tencent, Profile::Ucloudstack][self.below(3) as usize];
        request.associations = (0..self.below(3)).map(|_| (self.target(world), self.mode())).collect();
        request.into()
    }

    fn join_host(&mut self) -> Request {
        let number = self.below(6);
        let (name, facts) = (format!("h{number}"), self.host_facts(number));
        JoinHost { name, region: "local".into(), zone: self.zone(), facts }.into()
    }

    fn change_host(&mut self, world: &World) -> Request {
        let host = self.of(&world.hosts);
        match world.hosts.get(&host).filter(|_| self.below(3) == 0) {
            Some(host) => RemoveHost { host: host.id }.into(),
            None if self.below(8) == 0 => RemoveHost { host: HostId::new(self.0.body()) }.into(),
            None => {
                let number = self.below(6);
                // Rarely so little that nothing fits.
                let cpu_millis = (self.below(8) == 0).then(|| self.maybe().then(|| self.below(20_000)));
                let facts = Some(self.host_facts(number));
                UpdateHost { host, texts: NewTexts::default(), facts, cpu_millis, memory_mib: None }.into()
            }
        }
    }

    fn host_facts(&mut self, number: u64) -> HostFacts {
        let underlay = IpAddr::from([192, 168, 0, 1 + number as u8]);
        let edge_device = self.maybe().then(|| "out0".into());
        let guest_mtu = 1400 + self.below(2) as u16 * 100;
        HostFacts { underlay, peer_endpoint: format!("{underlay}:7403"), edge_device, guest_mtu }
    }

    /// An existing one nine times out of ten.
    fn of<K: Ord + Copy + Unknown, V>(&mut self, table: &Map<K, V>) -> K {
        let known =
            (!table.is_empty() && self.below(10) > 0).then(|| self.below(table.len() as u64) as usize);
        known
            .and_then(|position| table.keys().nth(position).copied())
            .unwrap_or_else(|| K::unknown(self.0.body()))
    }

    fn target(&mut self, world: &World) -> Target {
        match self.maybe() {
            true => Target::Instance(self.of(&world.instances)),
            false => Target::Interface(self.of(&world.interfaces)),
        }
    }

    fn eip_target(&mut self, world: &World) -> EipTarget {
        match self.below(3) {
            0 => EipTarget::Vip(self.of(&world.vips)),
            1 => EipTarget::Instance(self.of(&world.instances)),
            _ => EipTarget::Interface(self.of(&world.interfaces)),
        }
    }

    fn next_hop(&mut self, world: &World) -> NextHop {
        match self.maybe() {
            true => NextHop::Vip(self.of(&world.vips)),
            false => NextHop::Interface(self.of(&world.interfaces)),
        }
    }

    fn migrate(&mut self, world: &World) -> Request {
        let interface = self.of(&world.interfaces);
        match self.below(6) {
            0..3 => {
                let (host, device) = (self.of(&world.hosts), format!("tap{}", self.below(4)));
                MigrateInterface { interface, host, device }.into()
            }
            3 => FinishMigration { interface, is_seen: self.maybe() }.into(),
            4 if self.maybe() => CancelMigration { interface }.into(),
            4 => {
                let (instance, host) = (self.of(&world.instances), self.of(&world.hosts));
                match self.maybe() {
                    true => MigrateInstance { instance, host }.into(),
                    false => CancelInstanceMigration { instance }.into(),
                }
            }
            _ => {
                let leaving = world.leaving().nth(self.below(4) as usize).map(|(interface, _)| interface);
                SettleInterface { interface: leaving.unwrap_or(interface) }.into()
            }
        }
    }

    fn secondary(&mut self, world: &World, interface: InterfaceId) -> Vec<IpAddr> {
        let has =
            world.interfaces.get(&interface).map(|interface| interface.secondary.clone()).unwrap_or_default();
        has.into_iter().filter(|_| self.maybe()).collect()
    }

    fn groups(&mut self, world: &World) -> Vec<SecurityGroupId> {
        if self.below(4) > 0 {
            return Vec::new(); // most are of another VPC
        }
        (0..self.below(4)).map(|_| self.of(&world.groups)).collect()
    }

    fn rules(&mut self, world: &World) -> Vec<NewRule> {
        (0..self.below(4)).map(|_| self.rule(world)).collect()
    }

    fn rule(&mut self, world: &World) -> NewRule {
        let protocols = [
            Protocol::All,
            Protocol::TCP,
            Protocol::UDP,
            Protocol::ICMP,
            Protocol::ICMPV6,
            Protocol::Number(47),
        ];
        let first = self.below(4) as u16;
        NewRule {
            direction: if self.maybe() { Direction::Ingress } else { Direction::Egress },
            action: if self.maybe() { RuleAction::Allow } else { RuleAction::Drop },
            priority: self.below(4) as u8,
            protocol: protocols[self.below(6) as usize],
            ports: if self.maybe() { Ports::new(first, first + self.below(2) as u16) } else { None },
            peer: match self.below(6) {
                0 => Peer::Any,
                1 => Peer::Vpc,
                2 => Peer::Prefix(self.cidr().into()),
                3 => self.cidr6(64).map_or(Peer::Any, |net| Peer::Prefix(net.into())),
                _ => Peer::Group(self.of(&world.groups)),
            },
            description: String::new(),
        }
    }

    /// One of a few small ranges, so that they meet.
    fn cidr(&mut self) -> Ipv4Net {
        match self.below(4) {
            0 => net([10, 0, 0, 0], 24),
            1 => net([10, 0, 0, 16 * self.below(4) as u8], 28),
            2 => net([10, 0, self.below(2) as u8, 8 * self.below(4) as u8], 29),
            _ => net([0, 0, 0, 0], 0),
        }
    }

    /// One of a few ranges beside those.
    fn provider_cidr(&mut self) -> Ipv4Net {
        match self.below(4) {
            0 => self.cidr(),
            1 => net([172, 20, 1, 0], 29),
            _ => net([172, 20, 0, 0], 28),
        }
    }

    /// A provider's IPv6 range, perhaps, or one of a VPC.
    fn provider_cidr6(&mut self) -> Option<Ipv6Net> {
        let net = |last| Ipv6Net::new_assert(Ipv6Addr::new(0x2001, 0xdb8, 0, last, 0, 0, 0, 0), 64);
        match self.below(4) {
            0 => self.cidr6(64),
            1 => Some(net(0x10)),
            2 => Some(net(0x11)),
            _ => None,
        }
    }

    /// A router there, or no address of any.
    fn router6(&mut self) -> Ipv6Addr {
        match self.below(3) {
            0 => Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1),
            _ => Ipv6Addr::new(0x2001, 0xdb8, 0, 0x10, 0, 0, 0, self.below(4) as u16),
        }
    }

    /// One of a few IPv6 ranges, usually of this length, or none.
    fn cidr6(&mut self, prefix: u8) -> Option<Ipv6Net> {
        let net =
            |fourth, prefix| Ipv6Net::new_assert(Ipv6Addr::new(0xfd00, 0, 0, fourth, 0, 0, 0, 0), prefix);
        match self.below(8) {
            0..2 => None,
            2 => Some(net(0, 0)),
            3 => Some(net(self.below(3) as u16, 64)),
            _ if prefix < 64 => Some(net(0, prefix)),
            _ => Some(net(self.below(3) as u16, prefix)),
        }
    }

    fn family(&mut self) -> Family {
        if self.below(4) == 0 { Family::Ipv6 } else { Family::Ipv4 }
    }

    fn choice6(&mut self) -> Choice6 {
        match self.below(6) {
            0..4 => Choice6::Automatic,
            4 => match self.address() {
                IpAddr::V6(address) => Choice6::Chosen(address),
                IpAddr::V4(address) => Choice6::Chosen(address.to_ipv6_mapped()),
            },
            _ => Choice6::Without,
        }
    }

    fn choice(&mut self, family: Family) -> Choice {
        match self.below(6) {
            0..4 => Choice::Automatic(family),
            4 => Choice::Chosen(self.address()),
            _ => Choice::Without,
        }
    }

    fn addresses(&mut self) -> Vec<IpAddr> {
        (0..self.below(3)).map(|_| self.address()).collect()
    }

    fn address(&mut self) -> IpAddr {
        match self.family() {
            Family::Ipv4 => Ipv4Addr::new(10, 0, self.below(2) as u8, self.below(64) as u8).into(),
            Family::Ipv6 => {
                let (subnet, last) = (self.below(2) as u16, self.below(16) as u16);
                Ipv6Addr::new(0xfd00, 0, 0, subnet, 0, 0, 0, last).into()
            }
        }
    }

    fn mode(&mut self) -> AssociationMode {
        if self.below(4) == 0 { AssociationMode::DirectReturn } else { AssociationMode::Claim }
    }

    fn device(&mut self) -> Option<String> {
        self.maybe().then(|| format!("tap{}", self.below(4)))
    }

    fn zone(&mut self) -> String {
        if self.below(8) == 0 { "local-b".into() } else { "local-a".into() }
    }

    fn tags(&mut self, world: &World) -> Request {
        let resource = match self.below(5) {
            0 => ResourceKey::Vpc(self.of(&world.vpcs)),
            1 => ResourceKey::Subnet(self.of(&world.subnets)),
            2 => ResourceKey::Vip(self.of(&world.vips)),
            3 => ResourceKey::Instance(self.of(&world.instances)),
            _ => ResourceKey::EipPool(self.of(&world.pools)),
        };
        let words = ["team", "tier", "site", "aliyun", "acs:site"];
        let mut word = || words[self.below(5) as usize].to_string();
        let (key, value, other) = (word(), word(), word());
        let set = [(key, value)].into_iter().filter(|_| self.below(4) > 0).collect();
        let remove = [other].into_iter().filter(|_| self.maybe()).collect();
        TagResource { resource, remove, remove_all: self.below(8) == 0, set }.into()
    }

    fn texts(&mut self) -> Texts {
        Texts { name: format!("Name {}", self.below(100)), ..Texts::default() }
    }

    fn resource_groups(&mut self, world: &World) -> Request {
        let group = self.of(&world.resource_groups);
        match self.below(6) {
            0 | 1 => CreateResourceGroup { texts: self.texts() }.into(),
            2 => UpdateResourceGroup { group, texts: self.new_texts() }.into(),
            3 => DeleteResourceGroup { group }.into(),
            _ => {
                let group = match self.below(3) {
                    0 => ResourceGroupId::default_of(ProjectId::first()),
                    _ => group,
                };
                let one = match self.below(5) {
                    0 => ResourceKey::Vpc(self.of(&world.vpcs)),
                    1 => ResourceKey::Interface(self.of(&world.interfaces)),
                    2 => ResourceKey::Instance(self.of(&world.instances)),
                    3 => ResourceKey::Vip(self.of(&world.vips)),
                    _ => ResourceKey::ResourceGroup(self.of(&world.resource_groups)),
                };
                let other = ResourceKey::Subnet(self.of(&world.subnets));
                let resources = [Some(one), Some(other).filter(|_| self.maybe())];
                MoveToGroup { group, resources: resources.into_iter().flatten().collect() }.into()
            }
        }
    }

    /// Some with tags and a resource group, of which some can be nobody's.
    fn tagged(&mut self, world: &World) -> Texts {
        let words = ["team", "tier", "site", "acs:site"];
        let count = if self.below(4) == 0 { 1 + self.below(3) } else { 0 };
        let tags = (0..count).map(|_| (words[self.below(4) as usize].to_string(), String::new())).collect();
        let group = (self.below(4) == 0).then(|| self.of(&world.resource_groups));
        self.texts().tagged(tags).grouped(group)
    }

    fn new_texts(&mut self) -> NewTexts {
        NewTexts { name: self.maybe().then(|| format!("Name {}", self.below(100))), description: None }
    }

    fn maybe(&mut self) -> bool {
        self.below(2) == 0
    }

    fn below(&mut self, bound: u64) -> u64 {
        (self.0.next() >> 16) % bound
    }
}

/// An id of something that does not exist.
trait Unknown {
    fn unknown(body: Body) -> Self;
}

macro_rules! unknown {
    ($($id:ident)*) => {$(
        impl Unknown for havip_model::$id {
            fn unknown(body: Body) -> Self { Self::new(body) }
        }
    )*};
}

unknown! { DeploymentSetId ResourceGroupId SecurityGroupId VpcId SubnetId InterfaceId InstanceId VipId EipPoolId EipId RouteId }

impl Unknown for HostNumber {
    fn unknown(_: Body) -> Self {
        Self::MAX
    }
}

fn net(address: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(address.into(), prefix)
}
