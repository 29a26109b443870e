//! Every value survives the way there and back; every wrong field is named.

use super::*;
use crate::proto::{self, change::Item as Body};
use havip_groups::{GroupPeer, GroupRule};
use havip_model::*;
use havip_reconcile::item::*;
use ipnet::IpNet;
use proptest::{collection::vec, option, prelude::*};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

fn body() -> impl Strategy<Value = Body20> {
    any::<[u8; 16]>().prop_map(havip_model::Body::from_entropy)
}
type Body20 = havip_model::Body;

fn ip() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(|octets| IpAddr::V4(Ipv4Addr::from(octets))),
        any::<[u8; 16]>().prop_map(|octets| IpAddr::V6(Ipv6Addr::from(octets)).to_canonical()),
    ]
}

fn net() -> impl Strategy<Value = IpNet> {
    (ip(), 0u8..=128).prop_map(|(address, length)| {
        let most = if address.is_ipv4() { 32 } else { 128 };
        IpNet::new(address, length.min(most)).unwrap()
    })
}

fn hardware() -> impl Strategy<Value = MacAddr> {
    any::<[u8; 6]>().prop_map(MacAddr)
}

fn vni() -> impl Strategy<Value = Vni> {
    (1u32..1 << 22).prop_map(|value| Vni::new(value).unwrap())
}

fn host() -> impl Strategy<Value = HostNumber> {
    (1u32..1 << 31).prop_map(|value| HostNumber::new(value).unwrap())
}

fn port() -> impl Strategy<Value = PortNumber> {
    (1u32..=u32::MAX).prop_map(|value| PortNumber::new(value).unwrap())
}

fn subnet() -> impl Strategy<Value = SubnetNumber> {
    (1u32..1 << 31).prop_map(|value| SubnetNumber::new(value).unwrap())
}

fn group_number() -> impl Strategy<Value = GroupNumber> {
    (1u32..=u32::MAX).prop_map(|value| GroupNumber::new(value).unwrap())
}

fn rules() -> impl Strategy<Value = GroupRule> {
    let peer = prop_oneof![
        Just(GroupPeer::Any),
        Just(GroupPeer::Vpc),
        net().prop_map(GroupPeer::Prefix),
        group_number().prop_map(GroupPeer::Group),
    ];
    let protocol = option::of(any::<u8>()).prop_map(|number| number.map_or(Protocol::All, Protocol::Number));
    let ports = option::of((any::<u16>(), any::<u16>()))
        .prop_map(|range| range.and_then(|(one, other)| Ports::new(one.min(other), one.max(other))));
    (1u32..=u32::MAX, any::<bool>(), any::<bool>(), any::<u8>(), protocol, ports, peer).prop_map(
        |(number, inwards, allows, priority, protocol, ports, peer)| GroupRule {
            number: RuleNumber::new(number).unwrap(),
            direction: if inwards { Direction::Ingress } else { Direction::Egress },
            action: if allows { RuleAction::Allow } else { RuleAction::Drop },
            priority,
            protocol,
            ports,
            peer,
        },
    )
}

fn vip_keys() -> impl Strategy<Value = VipKey> {
    (vni(), ip()).prop_map(|(vni, address)| VipKey { vni, address })
}

fn a_record() -> impl Strategy<Value = Record> {
    (any::<u64>(), 0u64..1 << 63, host(), port(), any::<bool>(), hardware(), any::<u32>()).prop_map(
        |(incarnation, epoch, host, port, released, mac, moves)| Record {
            incarnation: Incarnation(incarnation),
            epoch: Epoch(epoch),
            holder: Holder { host, port },
            released,
            mac,
            moves,
        },
    )
}

fn items() -> impl Strategy<Value = Item> {
    let hosts = (host(), ".{0,8}", ip(), ".{0,8}", any::<bool>()).prop_map(
        |(number, name, underlay, peer_endpoint, is_edge)| {
            Item::Host(HostItem { number, name, underlay, peer_endpoint, is_edge })
        },
    );
    let vpcs = (body(), vni(), hardware(), vec(host(), 0..4)).prop_map(|(id, vni, virtual_mac, members)| {
        Item::Vpc(VpcItem { id: VpcId::new(id), vni, virtual_mac, members })
    });
    let external =
        (option::of(1u16..4095), any::<u64>(), vec(host(), 0..3)).prop_map(|(vlan, incarnation, edges)| {
            ExternalItem { vlan, incarnation: Incarnation(incarnation), edges }
        });
    let subnets =
        ((body(), subnet(), vni(), vec(net(), 0..3), vec(ip(), 0..3), hardware()), option::of(external))
            .prop_map(|((id, number, vni, cidrs, gateways, virtual_mac), external)| {
                let id = SubnetId::new(id);
                Item::Subnet(SubnetItem { id, number, vni, cidrs, gateways, virtual_mac, external })
            });
    let groups = (body(), group_number(), 1u32..1 << 31, vec(rules(), 0..4)).prop_map(
        |(id, number, edition, rules)| {
            let (id, edition) = (SecurityGroupId::new(id), Edition::new(edition).unwrap());
            Item::Group(GroupItem { id, number, edition, rules })
        },
    );
    let endpoints = (
        body(),
        port(),
        vni(),
        subnet(),
        option::of(host()),
        hardware(),
        vec(ip(), 0..3),
        any::<bool>(),
        (option::of(body()), vec(group_number(), 0..3)),
    )
        .prop_map(
            |(id, port, vni, subnet, host, mac, addresses, source_dest_check, (instance, groups))| {
                let interface = InterfaceId::new(id);
                let instance = instance.map(InstanceId::new);
                Item::Endpoint(EndpointItem {
                    interface,
                    port,
                    vni,
                    subnet,
                    host,
                    mac,
                    addresses,
                    source_dest_check,
                    instance,
                    groups,
                })
            },
        );
    let entitled =
        (port(), any::<bool>()).prop_map(|(port, direct_return)| Entitlement { port, direct_return });
    let vips = (
        body(),
        vip_keys(),
        subnet(),
        any::<u64>(),
        prop_oneof![Just(Binding::Associated), Just(Binding::Subnet)],
        any::<bool>(),
        vec(entitled, 0..4),
        vec(ip(), 0..3),
    )
        .prop_map(|(id, key, subnet, incarnation, binding, assist, entitled, advert_sources)| {
            Item::Vip(VipItem {
                id: VipId::new(id),
                key,
                subnet,
                incarnation: Incarnation(incarnation),
                binding,
                contention: Contention::Follow,
                assist,
                entitled,
                advert_sources,
            })
        });
    let routes = (body(), vni(), net(), ip()).prop_map(|(id, vni, destination, next_hop)| {
        Item::Route(RouteItem { id: RouteId::new(id), vni, destination, next_hop })
    });
    let pools = (body(), vec(net(), 0..3), option::of(ip())).prop_map(|(id, cidrs, gateway)| {
        Item::EipPool(EipPoolItem { id: EipPoolId::new(id), cidrs, gateway })
    });
    let eips = (body(), ip(), vni(), ip(), any::<u64>(), option::of(1u32..), vec(host(), 0..3)).prop_map(
        |(id, address, vni, target, incarnation, bandwidth_mbps, edges)| {
            let (id, incarnation) = (EipId::new(id), Incarnation(incarnation));
            Item::Eip(EipItem { id, address, vni, target, incarnation, bandwidth_mbps, edges })
        },
    );
    let ports = (
        (body(), port(), vni(), subnet(), hardware(), hardware(), vec(net(), 0..3), vec(ip(), 0..3)),
        (any::<u16>(), any::<bool>(), 0usize..3, option::of("[a-z]{1,8}"), option::of((body(), any::<u8>()))),
    )
        .prop_map(
            |(
                (id, port, vni, subnet, mac, virtual_mac, addresses, gateways),
                (mtu, check, state, device, instance),
            )| {
                Item::Port(PortItem {
                    interface: InterfaceId::new(id),
                    port,
                    vni,
                    subnet,
                    mac,
                    virtual_mac,
                    addresses,
                    gateways,
                    mtu,
                    source_dest_check: check,
                    state: [PortState::Inactive, PortState::Active, PortState::MigratingOut][state],
                    device,
                    instance: instance.map(|(id, position)| (InstanceId::new(id), position)),
                    arrives: instance
                        .is_none()
                        .then(|| Arrival { host: HostNumber::MAX, device: Some("tap7".into()) }),
                    groups: instance.map(|(id, _)| SecurityGroupId::new(id)).into_iter().collect(),
                })
            },
        );
    let instances =
        (body(), ".{0,8}", any::<bool>(), any::<u32>(), any::<u32>(), ".{0,20}", 0usize..3, any::<u64>())
            .prop_map(|(id, name, external, cpu_millis, memory_mib, user_data, power, starts)| {
                Item::Instance(InstanceItem {
                    id: InstanceId::new(id),
                    name,
                    driver: if external { Driver::External } else { Driver::Qemu },
                    image: (!external).then(|| "small".to_owned()),
                    init: if external { InitSystem::Systemd } else { InitSystem::Minimal },
                    cpu_millis,
                    memory_mib,
                    user_data,
                    power: [PowerState::Running, PowerState::Stopped, PowerState::PoweredOff][power],
                    starts,
                    goes_to: (!external).then_some(HostNumber::MAX),
                })
            });
    prop_oneof![
        prop_oneof![hosts, vpcs],
        subnets,
        groups,
        endpoints,
        vips,
        routes,
        pools,
        eips,
        ports,
        instances
    ]
}

proptest! {
    #[test]
    fn an_item_reads_back_as_it_was_sent(item in items()) {
        prop_assert_eq!(Changed::try_from(change(&item)), Ok(Changed::Is(item.clone())));
        prop_assert_eq!(Changed::try_from(gone(&item.key())), Ok(Changed::Gone(item.key())));
        prop_assert_eq!(key(&key_text(&item.key())), Ok(item.key()));
    }

    #[test]
    fn a_record_and_a_move_read_back_as_they_were_sent(
        vip in vip_keys(), one in a_record(), from in option::of((host(), port())), cause in 0usize..14, at in any::<u64>(),
        evidence in option::of("[a-z0-9 ,]{1,40}"),
    ) {
        prop_assert_eq!(record(&record_message(&one)), Ok(one));
        let all = records_message(vip.vni, 3, [(vip.address, one)]);
        prop_assert_eq!(records(&all), Ok(vec![(vip, one)]));
        let causes = [
            MoveCause::Claim, MoveCause::Asked, MoveCause::Doubted, MoveCause::Released,
            MoveCause::TakenBack, MoveCause::Repeated, MoveCause::Repaired, MoveCause::HostLost,
            MoveCause::PortDown, MoveCause::Assisted, MoveCause::Contested, MoveCause::Disassociated,
            MoveCause::Deleted, MoveCause::Migrated,
        ];
        let from = from.map(|(host, port)| Holder { host, port });
        let sent = Move { vip, record: one, from, cause: causes[cause], at: Timestamp(at), evidence };
        prop_assert_eq!(moved(&move_message(&sent)), Ok(sent));
    }

    #[test]
    fn a_refusal_reads_back_as_it_was_sent(
        reason in any::<u16>(), port in option::of(port()), mac in hardware(), address in option::of(ip()), count in any::<u64>(),
    ) {
        let sent = Refused { reason: RefusalReason(reason), port, mac, address, count, at: Timestamp(5) };
        prop_assert_eq!(refused(&refused_message(&sent)), Ok(sent));
    }
}

#[test]
fn what_a_holder_sent_reads_back_as_it_was_told() {
    let at = |ms| Some(Timestamp(ms));
    for sending in [
        Sending::Began { first_at: Timestamp(7), before_at: at(5) },
        Sending::Began { first_at: Timestamp(7), before_at: None },
        Sending::Ended { last_at: at(9) },
        Sending::Ended { last_at: None },
    ] {
        let vip = VipKey { vni: Vni::MIN, address: "10.0.0.100".parse().unwrap() };
        let told = Sent { vip, epoch: Epoch(9), sending };
        assert_eq!(sent(&sent_message(&told)), Ok(told));
    }
}

#[test]
fn every_finding_reads_back_as_it_was_sent() {
    let at =
        |host, port| Holder { host: HostNumber::new(host).unwrap(), port: PortNumber::new(port).unwrap() };
    for finding in [
        Finding::BothAnswer { holder: at(1, 2), other: at(3, 4) },
        Finding::OneAnswers { holder: at(1, 2), other: at(3, 4) },
        Finding::ClockAhead { holder: at(1, 2), ahead_ms: 7_200_000 },
    ] {
        let vip = VipKey { vni: Vni::MIN, address: "10.0.0.100".parse().unwrap() };
        let sent = Found { vip, epoch: Epoch(9), count: 3, at: Timestamp(5), finding };
        assert_eq!(found(&found_message(&sent)), Ok(sent));
        let unknown = proto::Finding { what: None, ..found_message(&sent) };
        assert_eq!(found(&unknown).unwrap_err().to_string(), "what is missing");
    }
}

fn text_of(change: proto::Change) -> String {
    Changed::try_from(change).unwrap_err().to_string()
}

#[test]
fn a_wrong_field_is_named_with_what_is_wrong() {
    let id = VipId::new(havip_model::Body::from_entropy([1; 16]));
    let vip = |entitled| proto::VipItem {
        id: id.to_string(),
        key: Some(proto::VipKey { vni: 1, address: vec![0; 16] }),
        subnet: 1,
        contention: "follow".into(),
        entitled,
        ..Default::default()
    };
    let change = |item| proto::Change { key: format!("vip/{id}"), item: Some(item) };

    let no_port = change(Body::Vip(vip(vec![proto::Entitlement { port: 0, direct_return: false }])));
    assert_eq!(
        text_of(no_port),
        format!("vip/{id}.entitled[0].port is wrong: port 0 is outside 1..=4294967295")
    );

    let short = change(Body::Vip(proto::VipItem {
        key: Some(proto::VipKey { vni: 1, address: vec![10, 0, 0, 1] }),
        ..vip(vec![])
    }));
    assert_eq!(text_of(short), format!("vip/{id}.key.address has 4 bytes, an address has 16"));

    let fighting = change(Body::Vip(proto::VipItem { contention: "fight".into(), ..vip(vec![]) }));
    assert_eq!(text_of(fighting), format!("vip/{id}.contention is \"fight\", known are hold, follow"));
}

#[test]
fn a_change_under_another_items_name_is_refused() {
    let host = proto::HostItem { number: 4, underlay: vec![0; 16], ..Default::default() };
    let change = proto::Change { key: "host/5".into(), item: Some(Body::Host(host)) };
    assert_eq!(text_of(change), "key is \"host/5\" on host/4");
}

#[test]
fn an_item_of_an_unknown_kind_is_refused_by_name() {
    let change = proto::Change { key: "moon/1".into(), item: None };
    assert_eq!(text_of(change), "key is \"moon/1\", of a kind that this version does not know");
}

#[test]
fn an_epoch_beyond_the_limit_is_refused() {
    let message = proto::Record { epoch: 1 << 63, host: 1, port: 1, mac: vec![0; 6], ..Default::default() };
    assert_eq!(record(&message).unwrap_err().field, "epoch");
}
