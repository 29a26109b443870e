//! Beyond 64 hosts of a VPC, relays tell the others (C4); who relays to whom is what agents compile.

use crate::scene::*;
use havip_claim::{
    Order,
    switch::{Action, Event, Message, MessageKind, SwitchModel},
};
use havip_model::{Body, HostNumber, Incarnation, MacAddr, VpcId};
use havip_reconcile::{
    compile::Desired,
    item::{Item, VpcItem},
    table::{Entry, EntryKey},
};
use std::collections::BTreeMap;

/// The switches of a VPC of so many hosts; port 11 is on each, entitled.
fn fabric(hosts: u32) -> BTreeMap<HostNumber, SwitchModel> {
    let members: Vec<_> = (1..=hosts).map(host).collect();
    let of = |number: HostNumber| {
        let mut desired = Desired::new(number);
        let id = VpcId::new(Body::from_entropy([7; 16]));
        desired.put(Item::Vpc(VpcItem {
            id,
            vni: vni(),
            virtual_mac: MacAddr::ZERO,
            members: members.clone(),
        }));
        let list = |key| match desired.table().get(&key) {
            Some(Entry::Members { hosts }) => hosts.clone(),
            _ => vec![],
        };
        let mut switch = SwitchModel::new(number);
        for event in [
            Event::MembersSet { vni: vni(), others: list(EntryKey::Members(vni())) },
            Event::RelayedSet { vni: vni(), hosts: list(EntryKey::Relayed(vni())) },
            Event::PortSet { port: port(11), state: active(true) },
            Event::Ordered(Order::Prepare { key: key(), incarnation: Incarnation(5) }),
            Event::Configured { key: key(), configured: configured(5) },
            Event::Entitled { key: key(), port: port(11) },
            Event::ClockSet { offset: ms(1000) },
        ] {
            switch.handle(ms(0), event);
        }
        (number, switch)
    };
    members.iter().map(|number| of(*number)).collect()
}

/// Delivers everything until nothing is sent any more; how often each host heard something.
fn deliver(
    fabric: &mut BTreeMap<HostNumber, SwitchModel>,
    first: Vec<Action>,
) -> BTreeMap<HostNumber, usize> {
    let mut heard = BTreeMap::new();
    let mut under_way = first;
    while let Some(action) = under_way.pop() {
        if let Action::Send { to, message } = action {
            *heard.entry(to).or_default() += 1;
            under_way.extend(fabric.get_mut(&to).unwrap().handle(ms(1), Event::Received(message)));
        }
    }
    heard
}

#[test]
fn c4_every_one_of_300_hosts_hears_of_a_claim_and_of_each_answer_to_a_doubt() {
    let mut fabric = fabric(300);
    for claimant in [1, 150, 300].map(host) {
        let sent = fabric.get_mut(&claimant).unwrap().handle(ms(1), claimed(11, MAC));
        let record = fabric[&claimant].record(key()).unwrap();
        assert!(sent.len() <= 65, "{}", sent.len());
        let heard = deliver(&mut fabric, sent);
        assert_eq!(heard.len(), 299, "the claimant is told by nobody");
        assert!(heard.values().all(|times| (1..=2).contains(times)), "{heard:?}");
        assert!(fabric.values().all(|switch| switch.record(key()) == Some(record)));
    }
    let holder = fabric.get_mut(&host(300)).unwrap();
    let record = holder.record(key()).unwrap();
    holder.handle(ms(1), Event::Ordered(Order::Doubt { key: key(), record }));
    let alive = holder.handle(ms(1), replied(11));
    assert_eq!(deliver(&mut fabric, alive).len(), 299);
}

#[test]
fn c4_a_relay_passes_on_what_it_has_already_and_what_it_keeps_waiting_but_not_what_is_older() {
    let told = |switch: &mut SwitchModel, record| {
        let message = Message { hops: 0, kind: MessageKind::Announce, from: host(2), key: key(), record };
        let sent = switch.handle(ms(1), Event::Received(message)).into_iter();
        sent.filter(|action| matches!(action, Action::Send { message, .. } if message.hops == 1)).count()
    };
    let mut relay = switch();
    relay.handle(ms(0), Event::RelayedSet { vni: vni(), hosts: [2, 7, 8].map(host).to_vec() });
    let record = record(5, 100, 2, 20);
    assert_eq!(told(&mut relay, record), 2, "all but its maker");
    assert_eq!(told(&mut relay, record), 2, "a repeat, for whoever missed the first");
    assert_eq!(told(&mut relay, havip_model::Record { epoch: havip_model::Epoch(99), ..record }), 0);
    relay.handle(ms(1), Event::Ordered(Order::Forget { key: key(), incarnation: Incarnation(5) }));
    assert_eq!(told(&mut relay, record), 2, "not configured here yet");
}
