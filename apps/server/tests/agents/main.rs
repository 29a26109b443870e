//! Hosts: joining, following, acknowledging, reporting, being lost.

mod following;
mod keys;
mod moves;
#[path = "../support/mod.rs"]
mod support;
mod told;

use havip_api::*;
use havip_model::Digest;
use havip_reconcile::item::{Item, ItemKey};
use havip_stream::proto::{
    self, Failure, Hello, InstanceReport, Moves, PortReport, Refusals, report::Body, update,
};
use std::time::{Duration, Instant};
use support::{Scene, eventually};
use tonic::Code;

const WAIT: Duration = Duration::from_secs(10);

fn run(scene: &Scene, subnet: &Subnet, host: &str, name: &str) -> Instance {
    let wish = RunInstance {
        subnet: subnet.meta.id.clone(),
        name: name.into(),
        host: Some(host.into()),
        ..Default::default()
    };
    scene.client.run_instance(&wish).unwrap()
}

fn port(scene: &Scene, instance: &Instance) -> u32 {
    scene.client.interface(&instance.interfaces[0].id).unwrap().port
}

fn running(instance: &Instance) -> Body {
    let (id, state) = (instance.meta.id.clone(), "running".to_string());
    Body::Instance(InstanceReport { id, state, starts: 1, ..InstanceReport::default() })
}

/// In this millisecond all epochs of a test begin.
const BEGAN: u64 = 1_763_710_000_000;

/// A record that has moved once a millisecond.
fn record(vip: &Vip, host: u32, port: u32, epoch: u64, released: bool) -> proto::Record {
    let (mac, moves) = (vec![2, 0, 0, 0, 0, 9], ((epoch >> 16) - BEGAN) as u32);
    proto::Record { incarnation: vip.incarnation, epoch, host, port, released, mac, moves }
}

fn moved(scene: &Scene, vip: &Vip, record: proto::Record, cause: u32) -> Body {
    let vni = scene.client.vpc(&vip.vpc).unwrap().vni;
    let address: std::net::Ipv4Addr = vip.address.parse().unwrap();
    let vip = Some(proto::VipKey { vni, address: address.to_ipv6_mapped().octets().to_vec() });
    let at_ms = 1_763_710_000_000;
    Body::Moves(Moves {
        moves: vec![proto::Move {
            vip,
            record: Some(record),
            from_host: 0,
            from_port: 0,
            cause,
            at_ms,
            ..Default::default()
        }],
    })
}
