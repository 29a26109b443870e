//! A world that grows by admitted requests, for tests.

use crate::{Facts, LiveHost, Refusal, Request, admit, request::*};
use havip_model::{
    Eip, EipId, EipPoolId, HostNumber, Instance, InstanceId, Interface, InterfaceId, NextHop, ResourceKey,
    RouteId, SecurityGroupId, SubnetId, Timestamp, Vip, VipId, VpcId, World,
};
use ipnet::Ipv4Net;
use std::net::IpAddr;

/// One VPC 10.20.0.0/16 with the subnet 10.20.1.0/24 and two live hosts.
#[derive(Clone)]
pub struct Scene {
    pub world: World,
    pub facts: Facts,
    pub vpc: VpcId,
    pub subnet: SubnetId,
    draws: u64,
}

macro_rules! made {
    ($($name:ident: $kind:ident($id:ty);)*) => {$(
        /// Makes one and says its id.
        pub fn $name(&mut self, request: impl Into<Request>) -> $id {
            match self.admit(request) {
                ResourceKey::$kind(id) => id,
                other => panic!("{other} was made"),
            }
        }
    )*};
}

impl Scene {
    /// The same, and the VPC has fd00:20::/56, the subnet fd00:20:0:1::/64.
    pub fn dual() -> Self {
        let mut scene = Self::empty();
        let cidr6 = Some("fd00:20::/56".parse().unwrap());
        scene.vpc = scene.make_vpc(CreateVpc { cidr6, ..vpc("10.20.0.0/16") });
        let cidr6 = Some("fd00:20:0:1::/64".parse().unwrap());
        scene.subnet = scene.make_subnet(CreateSubnet { cidr6, ..subnet(scene.vpc, "10.20.1.0/24") });
        scene.with_hosts()
    }

    pub fn empty() -> Self {
        let id = "aaaaaaaaaaaaaaaaaaaa".parse().unwrap();
        let (vpc, subnet) = (VpcId::new(id), SubnetId::new(id));
        let facts = Facts { now: Timestamp(1000), ..Facts::default() };
        Self { world: World::default(), facts, vpc, subnet, draws: 0 }
    }

    pub fn new() -> Self {
        let mut scene = Self::empty();
        scene.vpc = scene.make_vpc(vpc("10.20.0.0/16"));
        scene.subnet = scene.make_subnet(subnet(scene.vpc, "10.20.1.0/24"));
        scene.with_hosts()
    }

    fn with_hosts(mut self) -> Self {
        for number in 1..=2 {
            let host = self.make_host(host(number));
            self.facts.live.push(LiveHost { host, load_millis: 0 });
        }
        self
    }

    made! {
        make_vpc: Vpc(VpcId);
        make_subnet: Subnet(SubnetId);
        make_interface: Interface(InterfaceId);
        make_instance: Instance(InstanceId);
        make_vip: Vip(VipId);
        make_pool: EipPool(EipPoolId);
        make_eip: Eip(EipId);
        make_route: Route(RouteId);
        make_group: SecurityGroup(SecurityGroupId);
        make_host: Host(HostNumber);
    }

    /// Does what is asked for; it must be admitted.
    pub fn admit(&mut self, request: impl Into<Request>) -> ResourceKey {
        let request = request.into();
        self.draws += 1;
        self.facts.entropy[..8].copy_from_slice(&self.draws.to_be_bytes());
        self.facts.entropy[8..16]
            .copy_from_slice(&self.draws.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        let change = admit(&self.world, &request, &self.facts)
            .unwrap_or_else(|refusal| panic!("{request:?}: {refusal}"));
        self.world.apply(&change);
        assert!(self.world.is_consistent());
        change.subject
    }

    /// Why it is refused.
    pub fn refuse(&self, request: impl Into<Request>) -> Refusal {
        let request = request.into();
        match admit(&self.world, &request, &self.facts) {
            Err(refusal) => refusal,
            Ok(change) => panic!("{request:?} was admitted: {change:?}"),
        }
    }

    pub fn vip(&self, id: VipId) -> &Vip {
        self.world.vips.get(&id).unwrap()
    }

    pub fn eip(&self, id: EipId) -> &Eip {
        self.world.eips.get(&id).unwrap()
    }

    pub fn instance(&self, id: InstanceId) -> &Instance {
        self.world.instances.get(&id).unwrap()
    }

    pub fn interface(&self, id: InterfaceId) -> &Interface {
        self.world.interfaces.get(&id).unwrap()
    }

    /// The interface that was made with an instance.
    pub fn primary(&self, id: InstanceId) -> InterfaceId {
        self.world.primary_interface(id).unwrap().id
    }

    /// An instance in the scene's subnet.
    pub fn run(&mut self) -> InstanceId {
        self.make_instance(RunInstance::of(self.subnet))
    }

    /// A VIP in the scene's subnet.
    pub fn float(&mut self) -> VipId {
        self.make_vip(CreateVip::of(self.subnet))
    }
}

pub fn texts(name: &str) -> Texts {
    Texts { name: name.into(), ..Texts::default() }
}

pub fn renamed(name: &str) -> NewTexts {
    NewTexts { name: Some(name.into()), description: None }
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub fn chosen(text: &str) -> Choice {
    Choice::Chosen(ip(text))
}

pub fn vpc(cidr: &str) -> CreateVpc {
    CreateVpc {
        texts: texts("web"),
        region: "local".into(),
        cidr: cidr.parse::<Ipv4Net>().unwrap(),
        cidr6: None,
    }
}

pub fn subnet(vpc: VpcId, cidr: &str) -> CreateSubnet {
    CreateSubnet {
        vpc,
        texts: texts("web"),
        zone: "local-a".into(),
        cidr: cidr.parse().unwrap(),
        cidr6: None,
        external: None,
    }
}

pub fn interface(subnet: SubnetId) -> CreateInterface {
    CreateInterface {
        subnet,
        texts: Texts::default(),
        address: Choice::default(),
        address6: Choice6::default(),
        secondary: Vec::new(),
        mac: None,
        source_dest_check: true,
        groups: Vec::new(),
        instance: None,
    }
}

pub fn group(vpc: VpcId, rules: Vec<NewRule>) -> CreateSecurityGroup {
    CreateSecurityGroup { vpc: Some(vpc), texts: texts("web"), rules, members_reach_each_other: false }
}

pub fn pool(cidr: &str) -> CreateEipPool {
    CreateEipPool {
        texts: texts("public"),
        cidrs: vec![cidr.parse().unwrap()],
        gateway: None,
        reserved: Vec::new(),
    }
}

pub fn eip() -> AllocateEip {
    AllocateEip { pool: None, texts: Texts::default(), address: None, family: None, bandwidth_mbps: None }
}

pub fn route(vpc: VpcId, destination: &str, next_hop: NextHop) -> CreateRoute {
    CreateRoute { vpc, texts: Texts::default(), destination: destination.parse().unwrap(), next_hop }
}

pub fn facts(number: u8) -> HostFacts {
    let underlay = IpAddr::from([192, 168, 0, number]);
    HostFacts { underlay, peer_endpoint: format!("{underlay}:7403"), edge_device: None, guest_mtu: 1500 }
}

pub fn host(number: u8) -> JoinHost {
    JoinHost {
        name: format!("h{number}"),
        region: "local".into(),
        zone: "local-a".into(),
        facts: facts(number),
    }
}
