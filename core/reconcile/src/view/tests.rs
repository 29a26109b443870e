//! Views of small worlds, and differences of random ones.

use super::*;
use crate::item::{Entitlement, PortItem};
use havip_admission::{
    Facts, LiveHost, Quotas, Request, admit,
    random::Random,
    request::{
        AllocateEip, Associate, BindEip, Choice, Choice6, CreateEipPool, CreateInterface,
        CreateSecurityGroup, CreateSubnet, CreateVip, CreateVpc, DeleteSecurityGroup, FinishMigration,
        HostFacts, JoinHost, MigrateInterface, PlugInterface, RunInstance, SettleInterface, Texts, UnbindEip,
    },
};
use havip_model::{
    AssociationMode, Binding, Change, EipId, EipTarget, Family, InstanceId, InterfaceId, PortState,
    ResourceKey, SubnetId, Target, Timestamp, VipId,
};
use proptest::prelude::*;

/// A world that grows by admitted requests.
#[derive(Default)]
struct Scene {
    world: World,
    facts: Facts,
    draws: u64,
}

impl Scene {
    fn admit(&mut self, request: impl Into<Request>) -> ResourceKey {
        self.draws += 1;
        self.facts.entropy[..8].copy_from_slice(&self.draws.to_be_bytes());
        self.facts.entropy[8..16]
            .copy_from_slice(&self.draws.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        let request = request.into();
        let change = admit(&self.world, &request, &self.facts).unwrap_or_else(|refusal| panic!("{refusal}"));
        let before = self.world.clone();
        self.world.apply(&change);
        check(&before, &self.world, &change);
        change.subject
    }

    fn host(&mut self, edge: bool) -> HostNumber {
        let number = self.world.hosts.len() as u8 + 1;
        let underlay = std::net::IpAddr::from([192, 168, 0, number]);
        let edge_device = edge.then(|| "out0".to_owned());
        let facts =
            HostFacts { underlay, peer_endpoint: format!("{underlay}:7403"), edge_device, guest_mtu: 1500 };
        let request =
            JoinHost { name: format!("h{number}"), region: "local".into(), zone: "local-a".into(), facts };
        let ResourceKey::Host(host) = self.admit(request) else { panic!() };
        self.facts.live.push(LiveHost { host, load_millis: 0 });
        host
    }

    fn subnet(&mut self) -> SubnetId {
        let (texts, cidr) = (Texts::default(), "10.20.0.0/16".parse().unwrap());
        let (region, cidr6) = ("local".into(), Some("fd00:20::/56".parse().unwrap()));
        let ResourceKey::Vpc(vpc) = self.admit(CreateVpc { texts, region, cidr, cidr6 }) else { panic!() };
        let (texts, cidr) = (Texts::default(), "10.20.1.0/24".parse().unwrap());
        let (zone, cidr6) = ("local-a".into(), Some("fd00:20:0:1::/64".parse().unwrap()));
        let request = CreateSubnet { vpc, texts, zone, cidr, cidr6, external: None };
        let ResourceKey::Subnet(subnet) = self.admit(request) else { panic!() };
        subnet
    }

    fn run(&mut self, subnet: SubnetId, host: HostNumber) -> InstanceId {
        let request = RunInstance { host: Some(host), ..RunInstance::of(subnet) };
        let ResourceKey::Instance(instance) = self.admit(request) else { panic!() };
        instance
    }

    fn float(&mut self, request: CreateVip) -> VipId {
        let ResourceKey::Vip(vip) = self.admit(request) else { panic!() };
        vip
    }

    fn eip(&mut self) -> EipId {
        if self.world.pools.is_empty() {
            let (texts, cidrs) = (Texts::default(), vec!["203.0.113.0/24".parse().unwrap()]);
            self.admit(CreateEipPool { texts, cidrs, gateway: None, reserved: Vec::new() });
        }
        let texts = Texts::default();
        let ResourceKey::Eip(eip) =
            self.admit(AllocateEip { pool: None, texts, address: None, family: None, bandwidth_mbps: None })
        else {
            panic!()
        };
        eip
    }

    fn interface(&mut self, subnet: SubnetId) -> InterfaceId {
        let request = CreateInterface {
            subnet,
            texts: Texts::default(),
            address: Choice::default(),
            address6: Choice6::default(),
            secondary: Vec::new(),
            mac: None,
            source_dest_check: true,
            groups: Vec::new(),
            instance: None,
        };
        let ResourceKey::Interface(interface) = self.admit(request) else { panic!() };
        interface
    }

    fn port(&self, instance: InstanceId) -> havip_model::PortNumber {
        self.world.primary_interface(instance).unwrap().port
    }

    fn vip_item(&self, host: HostNumber, vip: VipId) -> Option<crate::item::VipItem> {
        match item(&self.world, host, ItemKey::Vip(vip)) {
            Some(Item::Vip(item)) => Some(item),
            None => None,
            Some(other) => panic!("{other:?}"),
        }
    }
}

/// The cheap difference is that of the full views.
fn check(before: &World, after: &World, change: &Change) {
    let mut expected: BTreeMap<(HostNumber, ItemKey), Option<Item>> = BTreeMap::new();
    let hosts: BTreeSet<_> = before.hosts.keys().chain(after.hosts.keys()).copied().collect();
    for host in &hosts {
        let (was, is) = (view(before, *host), view(after, *host));
        for key in was.keys().chain(is.keys()) {
            if was.get(key) != is.get(key) {
                expected.insert((*host, *key), is.get(key).cloned());
            }
            assert_eq!(
                item(after, *host, *key),
                is.get(key).cloned(),
                "one item and the view differ for {key:?}"
            );
        }
    }
    let mut found = BTreeMap::new();
    for difference in affected(before, after, change) {
        assert!(difference.hosts.is_sorted() && !difference.hosts.is_empty());
        for host in difference.hosts {
            let twice = found.insert((host, difference.key), difference.item.clone());
            assert_eq!(twice, None);
        }
    }
    assert_eq!(found, expected, "{change:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, ..ProptestConfig::default() })]

    #[test]
    fn the_cheap_difference_is_that_of_the_full_views(seed: u64) {
        let mut random = Random::new(seed);
        let mut world = World::default();
        for _ in 0..250 {
            let (facts, request) = (random.facts(&world), random.request(&world));
            let Ok(change) = admit(&world, &request, &facts) else { continue };
            let before = world.clone();
            world.apply(&change);
            check(&before, &world, &change);
        }
    }
}

#[test]
fn a_host_knows_only_the_vpcs_that_have_a_port_on_it() {
    let mut scene = Scene::default();
    let (one, two) = (scene.host(false), scene.host(false));
    let (here, there) = (scene.subnet(), scene.subnet());
    let instance = scene.run(here, one);
    scene.run(there, two);
    let vip = scene.float(CreateVip::of(here));

    let keys: Vec<_> = view(&scene.world, one).into_keys().collect();

    let primary = scene.world.primary_interface(instance).unwrap();
    let expected = [
        ItemKey::Host(one),
        ItemKey::Vpc(primary.vpc),
        ItemKey::Subnet(here),
        ItemKey::Group(primary.groups[0]),
        ItemKey::Endpoint(primary.id),
        ItemKey::Vip(vip),
        ItemKey::Port(primary.id),
        ItemKey::Instance(instance),
    ];
    assert_eq!(keys, expected);
    assert_eq!(item(&scene.world, two, ItemKey::Vip(vip)), None);
    assert_eq!(view(&scene.world, HostNumber::MAX), BTreeMap::new());
}

#[test]
fn an_edge_knows_the_vpcs_that_its_eips_lead_into_and_leaves_them_with_the_last() {
    let mut scene = Scene::default();
    let (host, edge) = (scene.host(false), scene.host(true));
    let subnet = scene.subnet();
    let instance = scene.run(subnet, host);
    let vip = scene.float(CreateVip::of(subnet));
    let eip = scene.eip();
    assert_eq!(view(&scene.world, edge).len(), 2, "itself and the pool");

    scene.admit(BindEip { eip, target: EipTarget::Vip(vip) });

    let vpc = scene.world.vips.get(&vip).unwrap().vpc;
    let Some(Item::Vpc(item)) = item(&scene.world, host, ItemKey::Vpc(vpc)) else { panic!() };
    assert_eq!(item.members, [host, edge]);
    let seen = view(&scene.world, edge);
    assert!(seen.contains_key(&ItemKey::Host(host)) && seen.contains_key(&ItemKey::Vip(vip)));
    let Some(Item::Eip(bound)) = seen.get(&ItemKey::Eip(eip)) else { panic!() };
    assert_eq!((bound.target, &bound.edges), (scene.world.vips.get(&vip).unwrap().address(), &vec![edge]));
    assert!(!seen.contains_key(&ItemKey::Instance(instance)));

    scene.admit(UnbindEip { eip });
    assert_eq!(view(&scene.world, edge).len(), 2);
    assert_eq!(scene.world.eips.get(&eip).unwrap().incarnation, bound.incarnation);
}

#[test]
fn an_instance_entitles_its_interfaces_in_the_subnet_and_a_subnet_all_of_its_own() {
    let mut scene = Scene::default();
    let host = scene.host(false);
    let subnet = scene.subnet();
    let (blue, green) = (scene.run(subnet, host), scene.run(subnet, host));
    let second = scene.interface(subnet);
    scene.admit(havip_admission::request::AttachInterface {
        interface: second,
        instance: blue,
        device: None,
    });
    let vip = scene.float(CreateVip::of(subnet));
    assert_eq!(scene.vip_item(host, vip).unwrap().entitled, []);

    let target = Target::Instance(blue);
    scene.admit(Associate { vip, target, mode: AssociationMode::DirectReturn });
    let entitled = |port, direct_return| Entitlement { port, direct_return };
    let second_port = scene.world.interfaces.get(&second).unwrap().port;
    let expected = [entitled(scene.port(blue), true), entitled(second_port, true)];
    assert_eq!(scene.vip_item(host, vip).unwrap().entitled, expected);

    let open = scene.float(CreateVip { binding: Some(Binding::Subnet), ..CreateVip::of(subnet) });
    let ports = [scene.port(blue), scene.port(green), second_port].map(|port| entitled(port, false));
    assert_eq!(scene.vip_item(host, open).unwrap().entitled, ports);
}

#[test]
fn an_interface_that_is_plugged_in_by_hand_is_a_port_with_its_device() {
    let mut scene = Scene::default();
    let host = scene.host(false);
    let subnet = scene.subnet();
    let interface = scene.interface(subnet);
    assert_eq!(view(&scene.world, host).len(), 1, "only itself");

    scene.admit(PlugInterface { interface, host, device: "tap0".into() });

    let Some(Item::Port(port)) = item(&scene.world, host, ItemKey::Port(interface)) else { panic!() };
    assert_eq!((port.device.as_deref(), port.instance, port.state), (Some("tap0"), None, PortState::Active));
    let addresses: Vec<_> = port.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["10.20.1.3/24", "fd00:20:0:1::3/64"]);
    let gateways: Vec<_> = port.gateways.iter().map(ToString::to_string).collect();
    assert_eq!(gateways, ["10.20.1.1", "fd00:20:0:1::1"]);
}

#[test]
fn a_guest_that_migrates_has_a_port_at_both_hosts_and_the_one_that_it_leaves_stays_a_member_until_all_know() {
    let mut scene = Scene::default();
    let (here, there) = (scene.host(false), scene.host(false));
    let subnet = scene.subnet();
    let interface = scene.interface(subnet);
    let vpc = scene.world.interfaces.get(&interface).unwrap().vpc;
    scene.admit(PlugInterface { interface, host: here, device: "tap0".into() });
    let seen = |scene: &Scene, host| match item(&scene.world, host, ItemKey::Port(interface)) {
        Some(Item::Port(port)) => Some(port.seen_from(host)),
        _ => None,
    };
    let at = |scene: &Scene| match item(&scene.world, here, ItemKey::Endpoint(interface)) {
        Some(Item::Endpoint(endpoint)) => endpoint.host,
        _ => panic!("{here} is no member"),
    };
    assert_eq!(seen(&scene, there), None);

    scene.admit(MigrateInterface { interface, host: there, device: "tap7".into() });
    let [leaves, comes] = [here, there].map(|host| seen(&scene, host).unwrap());
    assert_eq!((leaves.state, leaves.device.as_deref()), (PortState::MigratingOut, Some("tap0")));
    assert_eq!((comes.state, comes.device.as_deref()), (PortState::Active, Some("tap7")));
    assert!(comes.is_awaited_at(there) && !leaves.is_awaited_at(here));
    assert_eq!((at(&scene), members(&scene.world, vpc)), (Some(here), BTreeSet::from([here, there])));

    scene.admit(FinishMigration { interface, is_seen: true });
    assert_eq!(seen(&scene, here), None);
    assert_eq!(seen(&scene, there), Some(PortItem { arrives: None, ..comes }));
    assert_eq!((at(&scene), members(&scene.world, vpc)), (Some(there), BTreeSet::from([here, there])));
    scene.admit(SettleInterface { interface });
    assert_eq!(members(&scene.world, vpc), BTreeSet::from([there]));
}

#[test]
fn a_name_becomes_a_host_name_that_every_program_takes() {
    let mut scene = Scene::default();
    let host = scene.host(false);
    let subnet = scene.subnet();
    for (name, expected) in [("Web 1_é", Some("web-1")), ("--", None), ("", None), ("web", Some("web"))] {
        let texts = Texts { name: name.into(), ..Texts::default() };
        let ResourceKey::Instance(id) = scene.admit(RunInstance { texts, ..RunInstance::of(subnet) }) else {
            panic!()
        };
        let Some(Item::Instance(item)) = item(&scene.world, host, ItemKey::Instance(id)) else { panic!() };
        assert_eq!(item.name, expected.map_or_else(|| id.to_string(), String::from));
    }
}

#[test]
fn a_new_vip_among_many_costs_as_much_as_the_first() {
    let mut scene = Scene::default();
    let host = scene.host(false);
    let (texts, cidr) = (Texts::default(), "10.0.0.0/8".parse().unwrap());
    let ResourceKey::Vpc(vpc) = scene.admit(CreateVpc { texts, region: "local".into(), cidr, cidr6: None })
    else {
        panic!()
    };
    let (texts, cidr) = (Texts::default(), "10.0.0.0/16".parse().unwrap());
    let ResourceKey::Subnet(subnet) =
        scene.admit(CreateSubnet { vpc, texts, zone: "local-a".into(), cidr, cidr6: None, external: None })
    else {
        panic!()
    };
    scene.run(subnet, host);
    let most = Some(usize::MAX);
    let quotas = Quotas { vips_per_vpc: most, vips_per_project: most, ..Quotas::default() };
    let mut random = Random::new(0);

    for _ in 0..5000 {
        let facts = Facts { quotas: quotas.clone(), now: Timestamp(1), ..random.facts(&scene.world) };
        let change = admit(&scene.world, &CreateVip::of(subnet).into(), &facts).unwrap();
        let before = scene.world.clone();
        scene.world.apply(&change);
        let differences = affected(&before, &scene.world, &change);
        assert_eq!((differences.len(), &differences[0].hosts), (1, &vec![host]));
    }
    assert_eq!(
        scene.world.lowest_free(subnet, Family::Ipv4),
        Some([10, 0, 19, 140].into()),
        "10.0.0.4 and 5000 more"
    );
}

#[test]
fn a_group_of_no_vpc_is_known_to_every_host_from_its_first_moment_to_the_last() {
    let mut scene = Scene::default();
    let one = scene.host(false);
    let (texts, rules) = (Texts::default(), vec![]);
    let request = CreateSecurityGroup { vpc: None, texts, rules, members_reach_each_other: true };
    let ResourceKey::SecurityGroup(group) = scene.admit(request) else { panic!() };
    let two = scene.host(false);
    for host in [one, two] {
        assert!(matches!(item(&scene.world, host, ItemKey::Group(group)), Some(Item::Group(_))), "{host}");
    }
    scene.admit(DeleteSecurityGroup { group });
    assert_eq!(view(&scene.world, two).into_keys().collect::<Vec<_>>(), [ItemKey::Host(two)]);
}
