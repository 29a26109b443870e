//! The tables say what the rules say, whatever the rules are.

use havip_groups::{Compiled, GroupPeer, GroupRule, OtherEnd, judge, walk};
use havip_model::{Direction, GroupNumber, Ports, Protocol, RuleAction, RuleNumber};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::{collection, prelude::*, sample};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Few values, so that rules overlap.
fn net() -> impl Strategy<Value = IpNet> {
    let of4 = (0u32..4, 0u8..=32).prop_map(|(last, length)| {
        Ipv4Net::new(Ipv4Addr::from_bits(0x0a00_0000 | last), length).unwrap().into()
    });
    let of6 = (0u128..4, 0u8..=128).prop_map(|(last, length)| {
        Ipv6Net::new(Ipv6Addr::from_bits(0xfd00 << 112 | last), length).unwrap().into()
    });
    prop_oneof![of4, of6]
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (0u32..8).prop_map(|last| IpAddr::from(Ipv4Addr::from_bits(0x0a00_0000 | last))),
        (0u128..8).prop_map(|last| IpAddr::from(Ipv6Addr::from_bits(0xfd00 << 112 | last))),
        any::<[u8; 4]>().prop_map(IpAddr::from),
    ]
}

fn group() -> impl Strategy<Value = GroupNumber> {
    (1u32..4).prop_map(|number| GroupNumber::new(number).unwrap())
}

fn direction() -> impl Strategy<Value = Direction> {
    sample::select(vec![Direction::Ingress, Direction::Egress])
}

prop_compose! {
    fn rule()(
        number in 1u32..1000,
        direction in direction(),
        action in sample::select(vec![RuleAction::Drop, RuleAction::Allow]),
        priority in 1u8..5,
        protocol in sample::select(vec![
            Protocol::All, Protocol::TCP, Protocol::UDP, Protocol::ICMP, Protocol::ICMPV6, Protocol::Number(47),
        ]),
        range in proptest::option::of((0u16..40, 0u16..30)),
        far in any::<bool>(),
        peer in prop_oneof![
            Just(GroupPeer::Any), Just(GroupPeer::Vpc), net().prop_map(GroupPeer::Prefix), group().prop_map(GroupPeer::Group),
        ],
    ) -> GroupRule {
        let base = if far { 65_450 } else { 0 };
        let ports = range.filter(|_| protocol.has_ports()).map(|(first, more)| {
            Ports::new(base + first, (base + first).saturating_add(more)).unwrap()
        });
        let number = RuleNumber::new(number).unwrap();
        GroupRule { number, direction, action, priority, protocol, ports, peer }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_tables_decide_as_a_walk_over_all_rules_does(
        groups in collection::vec(collection::vec(rule(), 0..20), 1..=5),
        packets in collection::vec(
            (direction(), sample::select(vec![1u8, 6, 17, 47, 58, 112]), 0u16..80, any::<bool>(), address(),
             any::<bool>(), collection::btree_set(group(), 0..3)),
            1..30,
        ),
    ) {
        let compiled: Vec<_> = groups.iter().map(|rules| Compiled::of(rules)).collect();
        for (direction, protocol, port, far, address, is_of_vpc, groups_of_other) in packets {
            let port = if far { 65_456 + port } else { port };
            let other = OtherEnd { address, is_of_vpc, groups: groups_of_other };
            let expected = walk(groups.iter().flatten(), direction, protocol, port, &other);
            let (found, by) = judge(&compiled, direction, protocol, port, &other);
            prop_assert_eq!(found, expected, "{:?} {} {} {:?}", direction, protocol, port, other);
            let mut named = groups.iter().flatten().filter(|rule| Some(rule.number) == by);
            let decides = |rule: &GroupRule| {
                rule.action == expected && rule.matches(direction, protocol, port, &other)
            };
            prop_assert!(by.is_none() || named.any(decides), "another rule than the one that is named");
        }
    }
}

#[test]
fn two_hundred_rules_of_any_ports_and_addresses_make_a_bounded_number_of_entries() {
    let rules: Vec<_> = (0u16..200)
        .map(|n| GroupRule {
            number: RuleNumber::new(u32::from(n) + 1).unwrap(),
            direction: Direction::Ingress,
            action: RuleAction::Allow,
            priority: 1,
            protocol: Protocol::TCP,
            // Ranges that begin and end as oddly as they can.
            ports: Ports::new(1 + 300 * n / 2, 65_534 - 300 * n / 2 % 30_000),
            peer: GroupPeer::Prefix(Ipv4Net::new(Ipv4Addr::from_bits(u32::from(n) << 8), 32).unwrap().into()),
        })
        .collect();
    let compiled = Compiled::of(&rules);
    assert_eq!(compiled.rules.len(), 200);
    assert_eq!(compiled.nets.len(), 202);
    assert!(compiled.services.len() <= 200 * 30 + 2, "{}", compiled.services.len());
}

#[test]
fn of_two_rules_alike_the_one_that_drops_wins_and_a_lower_priority_wins_over_both() {
    let rule = |number, action, priority| GroupRule {
        number: RuleNumber::new(number).unwrap(),
        direction: Direction::Ingress,
        action,
        priority,
        protocol: Protocol::All,
        ports: None,
        peer: GroupPeer::Any,
    };
    let other =
        OtherEnd { address: Ipv4Addr::LOCALHOST.into(), is_of_vpc: false, groups: Default::default() };
    let decides = |rules: &[GroupRule]| judge(&[Compiled::of(rules)], Direction::Ingress, 6, 80, &other);
    let (allow, drop) = (rule(1, RuleAction::Allow, 2), rule(2, RuleAction::Drop, 2));
    assert_eq!(decides(&[allow, drop]).0, RuleAction::Drop);
    assert_eq!(decides(&[allow, drop, rule(3, RuleAction::Allow, 1)]).0, RuleAction::Allow);
    assert_eq!(decides(&[]), (RuleAction::Drop, None), "what no rule allows is dropped");
}
