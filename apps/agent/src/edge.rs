//! Turns an edge's duty about an EIP, or an external subnet, into an order for the switch.

use havip_claim::{Order, Release};
use havip_liveness::{Duty, Edge, Liveness, edge_duty};
use havip_model::{HostNumber, Incarnation, MacAddr, MoveCause, PortNumber, Record, VipKey};
use havip_reconcile::item::{EipItem, ExternalItem, SubnetItem};
use ipnet::IpNet;

/// What one edge at a time serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// Where the active edge's record is kept: the EIP, or the network's address of an external subnet.
    pub key: VipKey,
    /// The making of that record.
    pub incarnation: Incarnation,
    /// The edges that may serve it.
    pub edges: Vec<HostNumber>,
}

impl From<&EipItem> for Served {
    fn from(eip: &EipItem) -> Self {
        let key = VipKey { vni: eip.vni, address: eip.address };
        Self { key, incarnation: eip.incarnation, edges: eip.edges.clone() }
    }
}

impl Served {
    /// An external subnet; none if this is an ordinary one.
    pub fn segment(subnet: &SubnetItem) -> Option<Self> {
        let ExternalItem { incarnation, edges, .. } = subnet.external.as_ref()?;
        let network = subnet.cidrs.iter().find(|cidr| matches!(cidr, IpNet::V4(_)))?.network();
        let key = VipKey { vni: subnet.vni, address: network };
        Some(Self { key, incarnation: *incarnation, edges: edges.clone() })
    }
}

/// The port that stands for an edge in these records.
pub const EDGE_PORT: PortNumber = PortNumber::MIN;

/// What this edge does about it, if anything; `mac` is that of its outside device.
pub fn duty(
    served: &Served,
    record: Option<Record>,
    edge: Edge,
    mac: MacAddr,
    liveness: &Liveness,
) -> Option<Order> {
    let key = served.key;
    let record = record.filter(|record| record.incarnation >= served.incarnation);
    Some(match edge_duty(edge, &served.edges, liveness, record.as_ref())? {
        Duty::Release => Order::Release { key, only: Release::Port(EDGE_PORT) },
        Duty::Take { expected } => {
            let from_lost = expected.is_some_and(|record| !record.released);
            let cause = if from_lost { MoveCause::HostLost } else { MoveCause::Claim };
            Order::Take { key, port: EDGE_PORT, mac, expected, cause }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use havip_model::{Epoch, Holder, Vni};

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);

    fn host(number: u32) -> HostNumber {
        HostNumber::new(number).unwrap()
    }

    fn record(edge: u32, incarnation: u64) -> Record {
        Record {
            incarnation: Incarnation(incarnation),
            epoch: Epoch(1),
            holder: Holder { host: host(edge), port: EDGE_PORT },
            released: false,
            mac: MAC,
            moves: 1,
        }
    }

    #[test]
    fn an_edge_takes_from_a_lost_one_and_never_by_the_record_of_an_earlier_binding() {
        let key = VipKey { vni: Vni::MIN, address: [203, 0, 113, 5].into() };
        let eip = Served { key, incarnation: Incarnation(3), edges: vec![host(2), host(5)] };
        let own = Edge { host: host(5), is_able: true };
        let lost = Liveness { lost: [host(2)].into(), trouble_is_here: false, somebody_answers: true };
        let take = |expected, cause| Some(Order::Take { key, port: EDGE_PORT, mac: MAC, expected, cause });
        let decided = |record| duty(&eip, record, own, MAC, &lost);

        assert_eq!(decided(Some(record(2, 3))), take(Some(record(2, 3)), MoveCause::HostLost));
        assert_eq!(decided(Some(record(2, 2))), take(None, MoveCause::Claim));
        assert_eq!(decided(Some(record(5, 3))), None);
        let gives_up = duty(&eip, Some(record(5, 3)), Edge { is_able: false, ..own }, MAC, &lost);
        assert_eq!(gives_up, Some(Order::Release { key, only: Release::Port(EDGE_PORT) }));
    }
}
