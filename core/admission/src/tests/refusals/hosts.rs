//! Refusals of hosts.

use super::{interfaces::number, *};
use crate::{request::*, tests::scene::*};
use havip_model::HostId;

pub fn rows() -> Vec<Row> {
    let mut scene = Scene::new();
    let same_name = scene.refuse(JoinHost { facts: facts(9), ..host(1) });
    blocked_by(&same_name, [ResourceKey::Host(number(1))]);
    let same_underlay = scene.refuse(JoinHost { name: "h9".into(), ..host(1) });
    blocked_by(&same_underlay, [ResourceKey::Host(number(1))]);
    let instance = scene.run();
    let interface = scene.primary(instance);
    let busy = scene.instance(instance).host;
    let busy = scene.world.hosts.get(&busy).unwrap().id;
    let in_use = scene.refuse(RemoveHost { host: busy });
    blocked_by(&in_use, [ResourceKey::Instance(instance), ResourceKey::Interface(interface)]);
    let join = |facts| JoinHost { facts, ..host(9) };
    let nowhere = HostFacts { peer_endpoint: "h9:7403".into(), ..facts(9) };
    let tiny = HostFacts { guest_mtu: 575, ..facts(9) };
    let device = HostFacts { edge_device: Some("a b".into()), ..facts(9) };
    let multicast = HostFacts { underlay: ip("239.1.1.1"), ..facts(9) };
    let update =
        |texts, facts| UpdateHost { host: number(1), texts, facts, cpu_millis: None, memory_mib: None };
    let gone = HostId::new("aaaaaaaaaaaaaaaaaaaa".parse().unwrap());
    vec![
        Row(same_name, Code::HostNameInUse, "/name", "is called \"h1\" already"),
        Row(same_underlay, Code::UnderlayInUse, "/underlay", "give this host's own"),
        Row(in_use, Code::HostInUse, "/host", "delete the instances"),
        Row(scene.refuse(JoinHost { name: "h 9".into(), ..host(9) }), Code::InvalidText, "/name", "\"h 9\""),
        Row(scene.refuse(join(nowhere)), Code::InvalidText, "/peer_endpoint", "address:port"),
        Row(scene.refuse(join(tiny)), Code::OutOfRange, "/guest_mtu", "576 to 65535"),
        Row(scene.refuse(join(device)), Code::InvalidDevice, "/edge_device", "1 to 15"),
        Row(scene.refuse(join(multicast)), Code::AddressNotUnicast, "/underlay", "unicast"),
        Row(scene.refuse(update(NewTexts::default(), None)), Code::NothingToDo, "", "changes nothing"),
        Row(scene.refuse(update(renamed("h2"), None)), Code::HostNameInUse, "/name", "host 2"),
        Row(
            scene.refuse(update(NewTexts::default(), Some(facts(2)))),
            Code::UnderlayInUse,
            "/underlay",
            "host 2",
        ),
        Row(scene.refuse(RemoveHost { host: gone }), Code::HostNotFound, "/host", "does not exist"),
    ]
}
