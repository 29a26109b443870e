//! Several requests as one decision: all of them or none.

use crate::{Draw, Facts, Refusal, Request, admit};
use havip_model::{Change, Resource, ResourceKey, World};
use std::collections::{BTreeMap, BTreeSet};

/// Decides requests one after the other, each in the world that those before would leave, and joins what they
/// change. The subjects are in the order of the requests; the change is about the first one.
///
/// # Errors
/// The first refusal; then nothing of it happens.
pub fn admit_all(
    world: &World,
    requests: &[Request],
    facts: &Facts,
) -> Result<Option<(Vec<ResourceKey>, Change)>, Refusal> {
    let (mut subjects, mut deletes) = (Vec::new(), BTreeSet::new());
    let (mut puts, mut counters) = (BTreeMap::<ResourceKey, Resource>::new(), BTreeMap::new());
    let (mut after, mut whole, mut draw) = (world.clone(), facts.whole.clone(), Draw::new(facts.entropy));
    for request in requests {
        let facts = Facts { entropy: draw.entropy(), whole: whole.clone(), ..facts.clone() };
        let change = admit(&after, request, &facts)?;
        after.apply(&change);
        whole.iter_mut().for_each(|whole| whole.apply(&change));
        subjects.push(change.subject);
        for key in change.deletes {
            puts.remove(&key);
            // What was only made on the way leaves no trace.
            if world.get(key).is_some() {
                deletes.insert(key);
            }
        }
        puts.extend(change.puts.into_iter().map(|resource| (resource.key(), resource)));
        counters.extend(change.counters);
    }
    let Some(first) = subjects.first().copied() else { return Ok(None) };
    let change = Change {
        deletes: deletes.into_iter().collect(),
        // In the order of their keys each resource comes after those that it names.
        puts: puts.into_values().collect(),
        counters,
        ..Change::about(first)
    };
    Ok(Some((subjects, change)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{CreateSubnet, CreateVip, CreateVpc, DeleteVip, Texts};
    use havip_model::{SubnetId, VpcId};

    fn scene() -> (World, SubnetId) {
        let mut world = World::default();
        let make = |world: &mut World, request: Request, seed| {
            let change = admit(world, &request, &Facts { entropy: [seed; 32], ..Facts::default() }).unwrap();
            world.apply(&change);
            change.subject
        };
        let vpc = CreateVpc {
            texts: Texts::default(),
            region: "local".into(),
            cidr: "10.0.0.0/16".parse().unwrap(),
            cidr6: None,
        };
        let ResourceKey::Vpc(vpc) = make(&mut world, vpc.into(), 1) else { unreachable!() };
        let vpc: VpcId = vpc;
        let subnet = CreateSubnet {
            vpc,
            texts: Texts::default(),
            zone: "local-a".into(),
            cidr: "10.0.0.0/24".parse().unwrap(),
            cidr6: None,
            external: None,
        };
        let ResourceKey::Subnet(subnet) = make(&mut world, subnet.into(), 2) else { unreachable!() };
        (world, subnet)
    }

    #[test]
    fn several_requests_become_one_change_that_leaves_what_they_would_one_by_one() {
        let (world, subnet) = scene();
        let requests = vec![Request::from(CreateVip::of(subnet)); 3];
        let facts = Facts { entropy: [3; 32], ..Facts::default() };
        let (subjects, change) = admit_all(&world, &requests, &facts).unwrap().unwrap();
        let mut after = world.clone();
        after.apply(&change);

        assert!(after.is_consistent());
        assert_eq!(after.vips.len(), 3);
        assert_eq!(subjects.iter().collect::<BTreeSet<_>>().len(), 3);
        let incarnations: BTreeSet<_> = after.vips.values().map(|vip| vip.incarnation).collect();
        assert_eq!(incarnations.len(), 3);
    }

    #[test]
    fn one_refusal_refuses_all() {
        let (world, subnet) = scene();
        let one = CreateVip {
            address: crate::request::Choice::Chosen("10.0.0.9".parse().unwrap()),
            ..CreateVip::of(subnet)
        };
        let refusal = admit_all(&world, &[one.clone().into(), one.into()], &Facts::default()).unwrap_err();
        assert_eq!(refusal.code, crate::Code::AddressInUse);
    }

    #[test]
    fn what_is_made_and_deleted_on_the_way_leaves_no_trace_but_its_number() {
        let (world, subnet) = scene();
        let facts = Facts { entropy: [3; 32], ..Facts::default() };
        let (subjects, _) = admit_all(&world, &[CreateVip::of(subnet).into()], &facts).unwrap().unwrap();
        let ResourceKey::Vip(vip) = subjects[0] else { unreachable!() };
        let requests = [CreateVip::of(subnet).into(), DeleteVip { vip, unbind: false }.into()];
        let (_, change) = admit_all(&world, &requests, &facts).unwrap().unwrap();

        assert!(change.deletes.is_empty() && change.puts.is_empty(), "{change:?}");
        assert_eq!(change.counters.len(), 1);
    }
}
