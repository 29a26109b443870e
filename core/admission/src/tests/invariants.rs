//! Random requests: whatever is admitted, the world stays sound.

use crate::{Code, Quotas, admit, random::Random};
use havip_model::{
    Counter, EipTarget, Family, Interface, NextHop, Peer, PortState, Profile, Resource, ResourceKey, Rule,
    Target, World,
};
use ipnet::IpNet;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn random_requests_never_break_the_world(seed: u64) {
        let mut random = Random::new(seed);
        let mut world = World::default();
        for step in 0..250 {
            let (facts, request) = (random.facts(&world), random.request(&world));
            let before = world.clone();
            let decision = admit(&world, &request, &facts);
            prop_assert_eq!(&before, &world);
            match decision {
                Err(refusal) => {
                    prop_assert!(refusal.message.len() > 20 && !refusal.message.contains('\n'), "{}", refusal);
                    prop_assert!(refusal.field.is_empty() || refusal.field.starts_with('/'));
                    let missing = refusal.blocked_by.iter().find(|key| world.get(**key).is_none());
                    prop_assert_eq!(missing, None, "{}", refusal);
                }
                Ok(change) => {
                    let touched = change.puts.iter().map(Resource::key).chain(change.deletes.iter().copied());
                    prop_assert!(touched.collect::<Vec<_>>().contains(&change.subject));
                    world.apply(&change);
                    prop_assert!(world.is_consistent(), "step {}: {:?}", step, request);
                    let broken = broken(&world, &facts.quotas);
                    prop_assert_eq!(broken, None, "step {}: {:?}", step, request);
                    prop_assert!(numbers_only_grow(&before, &world));
                }
            }
        }
    }
}

#[test]
fn random_requests_reach_nearly_everything() {
    let (mut admitted, mut codes) = (BTreeMap::<String, u32>::new(), BTreeSet::new());
    for seed in 0..30 {
        let mut random = Random::new(seed);
        let mut world = World::default();
        for _ in 0..400 {
            let (facts, request) = (random.facts(&world), random.request(&world));
            match admit(&world, &request, &facts) {
                Err(refusal) => drop(codes.insert(refusal.code)),
                Ok(change) => {
                    let name = format!("{request:?}");
                    *admitted.entry(name.split('(').next().unwrap().to_owned()).or_default() += 1;
                    world.apply(&change);
                }
            }
        }
    }
    // Everything that can be asked for, but for the texts of instances, pools and EIPs.
    assert!(admitted.len() >= 43, "{admitted:?}");
    // Those who may ask are another decision.
    let others: BTreeSet<Code> = crate::identity::tests::refused().into_iter().collect();
    assert!(codes.len() * 3 >= (Code::ALL.len() - others.len()) * 2, "{codes:?}");
}

/// Resources are in groups that are there, groups in none; no two have one name.
fn sorted(world: &World) -> Option<String> {
    let names: BTreeSet<&str> = world.resource_groups.values().map(|one| one.meta.name.as_str()).collect();
    if names.len() != world.resource_groups.len() {
        return Some("two resource groups have one name".into());
    }
    let stray = world.resources().find(|one| match one.meta().resource_group {
        Some(group) => {
            matches!(one, Resource::ResourceGroup(_) | Resource::Host(_) | Resource::EipPool(_))
                || world.resource_groups.get(&group).is_none()
        }
        None => false,
    });
    stray.map(|one| format!("{} is in a group that is not there, or that it cannot be in", one.key()))
}

/// No two instances of a set are on one host, or on their way to it.
fn spread(world: &World) -> Option<String> {
    world.deployment_sets.keys().find_map(|set| {
        let mut seen = BTreeSet::new();
        world.instances_of_set(*set).find_map(|one| {
            let ports = world.interfaces_of(one.id).flat_map(|interface| {
                let to = interface.migration.as_ref().map(|migration| migration.to);
                interface.host.into_iter().chain(to)
            });
            let places: BTreeSet<_> = ports.chain([one.host]).collect();
            let twice = places.into_iter().find(|place| !seen.insert(*place));
            twice.map(|host| format!("two instances of {set} are on host {host}"))
        })
    })
}

/// What is wrong with a world, if anything.
fn broken(world: &World, quotas: &Quotas) -> Option<String> {
    addresses(world)
        .or_else(|| networks(world))
        .or_else(|| references(world))
        .or_else(|| limits(world, quotas))
        .or_else(|| places(world))
        .or_else(|| public(world))
        .or_else(|| sorted(world))
        .or_else(|| spread(world))
}

/// Every address of a VPC has one user, is usable, and is of its subnet.
fn addresses(world: &World) -> Option<String> {
    let of_interfaces = world.interfaces.values().flat_map(|i| i.addresses().map(|a| (i.vpc, i.subnet, a)));
    let of_vips = world.vips.values().map(|vip| (vip.vpc, vip.subnet, vip.address()));
    let mut seen = BTreeSet::new();
    for (vpc, subnet, address) in of_interfaces.chain(of_vips) {
        let range = world.subnets.get(&subnet).and_then(|subnet| subnet.range(Family::of(address)));
        if !seen.insert((vpc, address)) {
            return Some(format!("{address} is used twice"));
        }
        if !range.is_some_and(|(_, first, last)| (first..=last).contains(&address)) {
            return Some(format!("{address} is not usable"));
        }
    }
    let macs = world.interfaces.values().map(|i| i.mac).chain(world.vpcs.values().map(|vpc| vpc.virtual_mac));
    let count = world.interfaces.len() + world.vpcs.len();
    (macs.collect::<BTreeSet<_>>().len() != count).then(|| "a MAC is used twice".into())
}

fn networks(world: &World) -> Option<String> {
    for subnet in world.subnets.values() {
        let vpc = world.vpcs.get(&subnet.vpc).filter(|vpc| {
            let within = |cidr: &_| vpc.cidr6.is_some_and(|range| range.contains(cidr));
            // A provider's network has addresses of its own.
            let fits = vpc.cidr.contains(&subnet.cidr) == subnet.external.is_none();
            fits && subnet.cidr6.as_ref().is_none_or(|cidr| within(cidr) == subnet.external.is_none())
        });
        let overlaps = |other: &&havip_model::Subnet| {
            let by_ipv4 = other.cidr.contains(&subnet.cidr) || subnet.cidr.contains(&other.cidr);
            let by_ipv6 = subnet.cidr6.is_some() && other.cidr6 == subnet.cidr6;
            other.id != subnet.id && (by_ipv4 || by_ipv6)
        };
        let same_vlan = |other: &&havip_model::Subnet| {
            let vlan = |subnet: &havip_model::Subnet| subnet.external.map(|external| external.vlan);
            other.id != subnet.id && subnet.external.is_some() && vlan(other) == vlan(subnet)
        };
        if world.subnets.values().any(|other| same_vlan(&other)) {
            return Some(format!("subnet {} has no VLAN to itself", subnet.id));
        }
        if vpc.is_none() || world.subnets_of(subnet.vpc).any(|other| overlaps(&other)) {
            return Some(format!("subnet {} does not fit", subnet.id));
        }
    }
    let route = world.routes.values().find(|route| {
        let inside = |subnet: &havip_model::Subnet| match route.destination {
            IpNet::V4(destination) => subnet.cidr.contains(&destination),
            IpNet::V6(destination) => subnet.cidr6.is_some_and(|cidr| cidr.contains(&destination)),
        };
        world.subnets_of(route.vpc).any(inside)
    });
    route.map(|route| format!("route {} leads into a subnet", route.id))
}

/// Whatever a resource names exists, and is of the same VPC and subnet.
fn references(world: &World) -> Option<String> {
    let in_vpc = |key: ResourceKey| match key {
        ResourceKey::Instance(id) => world.primary_interface(id).map(|interface| interface.vpc),
        ResourceKey::Interface(id) => world.interfaces.get(&id).map(|interface| interface.vpc),
        ResourceKey::Vip(id) => world.vips.get(&id).map(|vip| vip.vpc),
        _ => None,
    };
    for vip in world.vips.values() {
        let kinds: BTreeSet<_> =
            vip.associations.iter().map(|a| matches!(a.target, Target::Instance(_))).collect();
        let targets: BTreeSet<_> = vip.associations.iter().map(|a| a.target).collect();
        let fits = |target: &Target| in_vpc((*target).into()) == Some(vip.vpc);
        if kinds.len() > 1 || targets.len() != vip.associations.len() || !targets.iter().all(fits) {
            return Some(format!("the associations of {} are wrong: {:?}", vip.id, vip.associations));
        }
    }
    for eip in world.eips.values() {
        if eip.target.map(|target| in_vpc(target.into())) != eip.vpc.map(Some) {
            return Some(format!("EIP {} leads nowhere", eip.id));
        }
    }
    let foreign = |id, vpc| world.groups.get(&id).is_none_or(|group| group.vpc.is_some() && group.vpc != vpc);
    let stray = world.interfaces.values().find(|interface| {
        let none = interface.groups.is_empty() && world.default_group(interface.vpc).is_some();
        none || interface.groups.iter().any(|id| foreign(*id, Some(interface.vpc)))
    });
    if let Some(interface) = stray {
        return Some(format!("the groups of interface {} are wrong: {:?}", interface.id, interface.groups));
    }
    for group in world.groups.values() {
        let numbers: BTreeSet<_> = group.rules.iter().map(|rule| rule.number).collect();
        let odd = |rule: &Rule| matches!(rule.peer, Peer::Group(id) if foreign(id, group.vpc));
        let is_lost = group.vpc.is_some_and(|vpc| !world.vpcs.contains_key(&vpc));
        if is_lost || numbers.len() != group.rules.len() || group.rules.iter().any(odd) {
            return Some(format!("security group {} is wrong: {:?}", group.id, group.rules));
        }
    }
    let editions: BTreeSet<_> = world.groups.values().map(|group| group.edition).collect();
    if editions.len() != world.groups.len() {
        return Some("two states of rules have one name".into());
    }
    let dangling = |hop: NextHop, vpc| in_vpc(hop.into()) != Some(vpc);
    let route = world.routes.values().find(|route| dangling(route.next_hop, route.vpc));
    route.map(|route| format!("route {} leads nowhere", route.id))
}

fn limits(world: &World, quotas: &Quotas) -> Option<String> {
    let limits = quotas.limits(Profile::Native);
    let wrong = [
        world.vips.values().any(|vip| vip.associations.len() > limits.associations_per_vip),
        world.instances.keys().any(|id| world.vip_count_of_instance(*id) > limits.vips_per_instance),
        world.vpcs.keys().any(|id| world.vip_count(*id) > limits.vips_per_vpc),
        world.vips.len() > limits.vips_per_project,
        world.interfaces.values().any(|interface| interface.secondary.len() > limits.secondary_addresses),
        world.vpcs.keys().any(|id| {
            let to_vip = |route: &&havip_model::Route| matches!(route.next_hop, NextHop::Vip(_));
            world.routes_of(*id).filter(to_vip).count() > limits.vip_routes_per_vpc
        }),
        world.interfaces.values().any(|interface| interface.groups.len() > limits.groups_per_interface),
        world.groups.values().any(|group| group.rules.len() > limits.rules_per_group),
        world.vpcs.keys().any(|id| world.groups_of(*id).count() > limits.groups_per_vpc),
        world.common_groups().count() > limits.groups_per_vpc,
        world.resources().any(|one| one.meta().tags.len() > limits.tags_per_resource),
        world.resource_groups.len() > limits.resource_groups_per_project,
        world.deployment_sets.len() > limits.deployment_sets_per_project,
        world.resources().any(|one| one.meta().tags.keys().any(|key| key.starts_with("acs:"))),
        world.pools.values().any(|pool| !pool.meta.tags.is_empty()),
    ];
    wrong.contains(&true).then(|| format!("a limit is exceeded: {wrong:?}"))
}

/// Instances have their interfaces, each on the instance's host; devices are used once.
fn places(world: &World) -> Option<String> {
    let wrong = |interface: &Interface| {
        let instance = interface.instance.map(|id| world.instances.get(&id));
        let is_apart = match instance {
            Some(None) => true,
            // One of several may be ahead, in a migration.
            Some(Some(instance)) => {
                let came_from = interface.migrated.as_ref().map(|migrated| migrated.from);
                interface.host.is_some_and(|host| host != instance.host) && came_from != Some(instance.host)
            }
            None => interface.is_primary,
        };
        let is_odd = interface.host.is_none() && interface.port_state != PortState::Inactive;
        let goes = interface.migration.as_ref().map(|migration| migration.to);
        let is_lost = goes.is_some() != (interface.port_state == PortState::MigratingOut)
            || goes.is_some_and(|to| interface.host == Some(to) || !world.hosts.contains_key(&to));
        is_apart || is_lost || is_odd || interface.host.is_some_and(|host| !world.hosts.contains_key(&host))
    };
    if let Some(interface) = world.interfaces.values().find(|interface| wrong(interface)) {
        return Some(format!("{interface:?} is in the wrong place"));
    }
    let plugged = world.interfaces.values().filter_map(|i| Some((i.host?, i.device.as_ref()?)));
    let awaited = world.interfaces.values().filter_map(|i| i.migration.as_ref());
    let devices: Vec<_> =
        plugged.chain(awaited.filter_map(|goes| Some((goes.to, goes.device.as_ref()?)))).collect();
    if devices.iter().collect::<BTreeSet<_>>().len() != devices.len() {
        return Some("a device is used twice".into());
    }
    let odd = world.instances.values().find(|instance| {
        let positions: Vec<_> =
            world.interfaces_of(instance.id).map(|interface| interface.position).collect();
        let primaries = world.interfaces_of(instance.id).filter(|interface| interface.is_primary).count();
        let is_distinct = positions.iter().collect::<BTreeSet<_>>().len() == positions.len();
        primaries != 1
            || positions.first() != Some(&0)
            || !is_distinct
            || !world.hosts.contains_key(&instance.host)
    });
    odd.map(|instance| format!("instance {} has odd interfaces", instance.id))
}

/// One EIP per private address, each of its pool.
fn public(world: &World) -> Option<String> {
    let private = |target: EipTarget| match target {
        EipTarget::Vip(id) => world.vips.get(&id).map(|vip| (vip.vpc, vip.address())),
        target => world.interface_of(target).and_then(|interface| Some((interface.vpc, interface.primary?))),
    };
    let targets: Vec<_> = world.eips.values().filter_map(|eip| eip.target).collect();
    if targets.iter().filter_map(|target| private(*target)).collect::<BTreeSet<_>>().len() != targets.len() {
        return Some("a private address has two EIPs, or an EIP leads to no address".into());
    }
    let of_pool = |eip: &havip_model::Eip| {
        world.pools.get(&eip.pool).is_some_and(|pool| pool.range_of(eip.address).is_some())
    };
    let stray = world.eips.values().find(|eip| !of_pool(eip));
    stray.map(|eip| format!("EIP {} is of no pool", eip.id))
}

fn numbers_only_grow(before: &World, after: &World) -> bool {
    Counter::ALL.into_iter().all(|counter| before.next(counter) <= after.next(counter))
}
