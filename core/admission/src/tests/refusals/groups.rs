//! Refusals of security groups.

use super::*;
use crate::{request::*, tests::scene::*};
use havip_model::{Direction, Peer, Ports, Protocol, RuleNumber, SecurityGroupId};

pub fn rows() -> Vec<Row> {
    let mut scene = Scene::new();
    let (vpc_id, default) = (scene.vpc, scene.world.default_group(scene.vpc).unwrap());
    let web = scene.make_group(group(vpc_id, vec![from(Peer::Any)]));
    let user = scene.make_group(group(vpc_id, vec![from(Peer::Group(web))]));
    let named = scene.refuse(DeleteSecurityGroup { group: web });
    blocked_by(&named, [ResourceKey::SecurityGroup(user)]);
    let guarded = CreateInterface { groups: vec![user], ..interface(scene.subnet) };
    let guarded = scene.make_interface(guarded);
    let used = scene.refuse(DeleteSecurityGroup { group: user });
    blocked_by(&used, [ResourceKey::Interface(guarded)]);
    let full_of_groups = scene.clone().refuse(DeleteVpc { vpc: vpc_id });
    let elsewhere = scene.make_vpc(vpc("10.20.0.0/16"));
    let foreign = scene.make_group(group(elsewhere, vec![]));
    let still_has = scene.refuse(DeleteVpc { vpc: elsewhere });
    blocked_by(&still_has, [ResourceKey::SecurityGroup(foreign)]);
    let gone = SecurityGroupId::new("aaaaaaaaaaaaaaaaaaaa".parse().unwrap());
    let add = |rule: NewRule| scene.refuse(AddRules { group: web, rules: vec![rule] });
    let with = |groups| scene.refuse(CreateInterface { groups, ..interface(scene.subnet) });
    let mut crowded = scene.clone();
    crowded.facts.quotas.groups_per_vpc = Some(3);
    let mut strict = scene.clone();
    strict.facts.quotas.rules_per_group = Some(1);
    let (six, four) = ("fd00::/64".parse().unwrap(), "10.0.0.0/8".parse().unwrap());
    let about = |protocol, net| NewRule { protocol, ..from(Peer::Prefix(net)) };
    vec![
        Row(full_of_groups, Code::VpcInUse, "/vpc", "delete them first"),
        Row(still_has, Code::VpcInUse, "/vpc", "besides its default one"),
        Row(named, Code::GroupInUse, "/group", "remove those rules first"),
        Row(used, Code::GroupInUse, "/group", "give them other groups first"),
        Row(
            scene.refuse(DeleteSecurityGroup { group: default }),
            Code::DefaultGroup,
            "/group",
            "goes with it",
        ),
        Row(
            scene.refuse(DeleteSecurityGroup { group: gone }),
            Code::SecurityGroupNotFound,
            "/group",
            "list them",
        ),
        Row(crowded.refuse(group(vpc_id, vec![])), Code::TooManyGroupsInVpc, "/vpc", "delete one"),
        Row(add(from(Peer::Any)), Code::RuleExists, "/rules/0", "give it once"),
        Row(
            strict.refuse(AddRules { group: web, rules: vec![from(Peer::Vpc)] }),
            Code::TooManyRules,
            "/rules",
            "the most it may have are 1",
        ),
        Row(
            add(NewRule { priority: 0, ..from(Peer::Vpc) }),
            Code::OutOfRange,
            "/rules/0/priority",
            "1 to 100",
        ),
        Row(
            add(NewRule { priority: 101, ..from(Peer::Vpc) }),
            Code::OutOfRange,
            "/rules/0/priority",
            "1 to 100",
        ),
        Row(
            add(NewRule { ports: Ports::new(80, 80), ..from(Peer::Vpc) }),
            Code::InvalidRule,
            "/rules/0/ports",
            "protocol all has no ports",
        ),
        Row(add(about(Protocol::ICMP, six)), Code::InvalidRule, "/rules/0/peer", "say icmp for IPv4"),
        Row(add(about(Protocol::ICMPV6, four)), Code::InvalidRule, "/rules/0/peer", "icmpv6 for IPv6"),
        Row(
            add(about(Protocol::All, "::ffff:10.0.0.0/104".parse().unwrap())),
            Code::InvalidRule,
            "/rules/0/peer",
            "say it as IPv4",
        ),
        Row(
            add(about(Protocol::All, "10.0.0.1/8".parse().unwrap())),
            Code::CidrHasHostBits,
            "/rules/0/peer",
            "say 10.0.0.0/8",
        ),
        Row(add(from(Peer::Group(gone))), Code::SecurityGroupNotFound, "/rules/0/peer", "does not exist"),
        Row(add(from(Peer::Group(foreign))), Code::OtherVpc, "/rules/0/peer", "name one that is"),
        Row(
            scene.refuse(RemoveRules { group: web, rules: vec![RuleNumber::MAX] }),
            Code::RuleNotFound,
            "/rules",
            "show the group",
        ),
        Row(scene.refuse(AddRules { group: web, rules: vec![] }), Code::NothingToDo, "", "give rules"),
        Row(scene.refuse(RemoveRules { group: web, rules: vec![] }), Code::NothingToDo, "", "give rules"),
        Row(
            scene.refuse(ReplaceRules { group: web, rules: vec![from(Peer::Any)] }),
            Code::NothingToDo,
            "",
            "other rules than it has",
        ),
        Row(
            scene.refuse(UpdateSecurityGroup { group: web, texts: NewTexts::default() }),
            Code::NothingToDo,
            "",
            "a name or a description",
        ),
        Row(with(vec![foreign]), Code::OtherVpc, "/security_groups/0", "use one that is"),
        Row(with(vec![web, web]), Code::GroupRepeated, "/security_groups/1", "name it once"),
        Row(with(vec![gone]), Code::SecurityGroupNotFound, "/security_groups/0", "does not exist"),
        Row(
            with(vec![web, user, default, web, user, default]),
            Code::TooManyGroups,
            "/security_groups",
            "at most 5",
        ),
    ]
}

fn from(peer: Peer) -> NewRule {
    NewRule::allow(Direction::Ingress, peer)
}
