//! A host's certificate in the hands of a thief: what the server refuses, and how it becomes worthless.

mod support;

use havip_api::*;
use havip_stream::proto::{self, Hello, InstanceReport, Moves, PortReport, Refusals, report::Body};
use support::{Scene, agent::Live, eventually};
use tonic::Code;

/// A VPC with one instance, which may claim the VIP.
struct Tenant {
    vpc: Vpc,
    instance: Instance,
    port: u32,
    vip: Vip,
}

fn tenant(scene: &Scene, name: &str, host: &str) -> Tenant {
    let cidr = "10.20.0.0/16".to_owned();
    let wish = CreateVpc { name: name.into(), cidr, ..Default::default() };
    let vpc = scene.client.create_vpc(&wish).unwrap();
    let wish = CreateSubnet {
        vpc: vpc.meta.id.clone(),
        name: name.into(),
        cidr: "10.20.1.0/24".into(),
        ..Default::default()
    };
    let subnet = scene.client.create_subnet(&wish).unwrap().meta.id;
    let wish = RunInstance {
        subnet: subnet.clone(),
        name: name.into(),
        host: Some(host.into()),
        ..Default::default()
    };
    let instance = scene.client.run_instance(&wish).unwrap();
    let port = scene.client.interface(&instance.interfaces[0].id).unwrap().port;
    let wish =
        CreateVip { subnet, associations: vec![Associate::claim(&instance.meta.id)], ..Default::default() };
    Tenant { vpc, vip: scene.client.create_vip(&wish).unwrap(), instance, port }
}

impl Tenant {
    fn key(&self) -> proto::VipKey {
        let address: std::net::Ipv4Addr = self.vip.address.parse().unwrap();
        proto::VipKey { vni: self.vpc.vni, address: address.to_ipv6_mapped().octets().to_vec() }
    }

    fn record(&self, (host, port): (u32, u32), epoch: u64, released: bool) -> proto::Record {
        let (mac, incarnation) = (vec![2, 0, 0, 0, 0, 9], self.vip.incarnation);
        proto::Record { incarnation, epoch: epoch << 16, host, port, released, mac, moves: epoch as u32 }
    }

    /// The VIP has moved, by a claim, or by a release with this cause.
    fn moved(&self, holder: (u32, u32), epoch: u64, released: Option<u32>) -> Body {
        let record = self.record(holder, epoch, released.is_some());
        let (vip, at_ms) = (Some(self.key()), 1_763_710_000_000);
        let cause = released.unwrap_or(1);
        let moved = proto::Move { vip, record: Some(record), cause, at_ms, ..Default::default() };
        Body::Moves(Moves { moves: vec![moved] })
    }

    fn holder(&self, scene: &Scene) -> Option<(u32, u64)> {
        let held = scene.client.vip(&self.vip.meta.id).unwrap().holder?;
        Some((held.port, held.epoch >> 16))
    }
}

#[test]
fn a_stolen_certificate_says_nothing_about_other_vpcs_and_other_hosts_and_is_believed_about_its_own() {
    let scene = Scene::start();
    let (robbed, other) = (scene.join("h1"), scene.join("h2"));
    let honest: Live = scene.follow(&other).live(&scene);
    let thief: Live = scene.follow(&robbed).live(&scene);
    let (mine, theirs) = (tenant(&scene, "mine", &robbed.id), tenant(&scene, "theirs", &other.id));
    let running = |tenant: &Tenant, state: &str| {
        let (id, state) = (tenant.instance.meta.id.clone(), state.to_string());
        Body::Instance(InstanceReport { id, state, starts: 1, ..InstanceReport::default() })
    };
    honest.say(running(&theirs, "running"));
    honest.say(theirs.moved((other.number, theirs.port), 1, None));
    eventually("its holder is known", || theirs.holder(&scene));

    // As the holder of another VPC's VIP, by a port of its own and by one that it makes up.
    thief.say(theirs.moved((robbed.number, mine.port), 11, None));
    thief.say(theirs.moved((robbed.number, 4711), 12, None));
    // Released by whoever it says held it; in another host's name; in that of a host that is not lost.
    thief.say(theirs.moved((robbed.number, mine.port), 13, Some(4)));
    thief.say(theirs.moved((other.number, theirs.port), 14, Some(4)));
    thief.say(theirs.moved((other.number, theirs.port), 1, Some(8)));
    // The same as records that it has.
    let address = theirs.key().address;
    let record = Some(theirs.record((robbed.number, mine.port), 15, false));
    let entries = vec![proto::records::Entry { address, record }];
    thief.say(Body::Records(proto::Records { vni: theirs.vpc.vni, from_host: robbed.number, entries }));
    // That another host's instance has stopped, its port is down or has come here, its guest was refused something.
    thief.say(running(&theirs, "stopped"));
    thief.say(Body::Port(PortReport { port: theirs.port, up: false, ..Default::default() }));
    thief.say(Body::Port(PortReport { port: theirs.port, up: true, arrived: true, ..Default::default() }));
    let mac = vec![2, 0, 0, 0, 0, 9];
    let refused =
        proto::Refusal { reason: 16, port: theirs.port, mac, count: 1, at_ms: 1, address: vec![0; 16] };
    thief.say(Body::Refusals(Refusals { refusals: vec![refused], lost: 0 }));
    // What it says of its own port comes last, and is believed.
    thief.say(mine.moved((robbed.number, mine.port), 1, None));
    eventually("all of it was heard", || mine.holder(&scene));

    assert_eq!(theirs.holder(&scene), Some((theirs.port, 1)));
    let history = scene.client.vip_history(&theirs.vip.meta.id, &HistoryFilter::default()).unwrap().items;
    assert_eq!(history.len(), 1, "{history:?}");
    let instance = scene.client.instance(&theirs.instance.meta.id).unwrap();
    assert_eq!(instance.state, InstanceState::Running);
    let interface = scene.client.interface(&theirs.instance.interfaces[0].id).unwrap();
    assert_eq!(interface.host.as_deref(), Some(other.id.as_str()));
    let events = scene.client.all_events(&EventFilter::default()).unwrap();
    assert!(events.iter().all(|event| event.kind != "refused"), "{events:?}");
}

#[test]
fn a_removed_hosts_certificate_is_worthless_at_once_and_its_name_can_join_anew() {
    let scene = Scene::start();
    let robbed = scene.join("h1");
    let mut thief = scene.follow(&robbed);

    scene.client.remove_host(&robbed.id).unwrap();

    let end = scene.runtime.block_on(async {
        loop {
            if let Err(status) = thief.take_one().await {
                return status;
            }
        }
    });
    assert_eq!(end.code(), Code::PermissionDenied, "an open stream ends: {end}");
    let hello = Hello { host_number: robbed.number, ..Default::default() };
    let mut again = scene.follow_saying(&robbed, hello).unwrap();
    let refused = scene.runtime.block_on(again.take_one()).unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(refused.message().contains("was removed"), "{refused}");

    // The host itself is let in by a new token, under another number.
    let anew = scene.join("h1");
    assert_ne!(anew.number, robbed.number);
    scene.follow(&anew);
}
