//! Which EIPs this edge takes and gives up (design section 4: each EIP has one active edge).

use havip_claim::{Order, Release};
use havip_liveness::{Liveness, Take, edge_duty};
use havip_model::{Holder, HostNumber, MacAddr, MoveCause, PortNumber, Record, VipKey};
use havip_reconcile::item::EipItem;

/// The port that stands for an edge in the records of EIPs.
pub const EDGE_PORT: PortNumber = PortNumber::MIN;

/// This edge, as it is now.
#[derive(Debug, Clone, Copy)]
pub struct Edge<'a> {
    /// This host.
    pub host: HostNumber,
    /// The outside device works.
    pub is_able: bool,
    /// The MAC of the outside device.
    pub mac: MacAddr,
    /// Who is lost, as far as this host knows.
    pub liveness: &'a Liveness,
}

/// What this edge does about an EIP, if anything.
///
/// An edge whose outside device fails gives its EIPs up; a released record tells the others that its edge cannot
/// serve now, though its host may be alive.
pub fn duty(eip: &EipItem, record: Option<Record>, edge: Edge<'_>) -> Option<Order> {
    let key = VipKey { vni: eip.vni, address: eip.address };
    let record = record.filter(|record| record.incarnation >= eip.incarnation);
    let serves = record.and_then(|record| record.present_holder());

    if serves == Some(Holder { host: edge.host, port: EDGE_PORT }) {
        let stays = edge.is_able && eip.edges.contains(&edge.host);
        return (!stays).then_some(Order::Release { key, only: Release::Port(EDGE_PORT) });
    }
    if !edge.is_able {
        return None;
    }
    let gave_up = record.filter(|record| record.released).map(|record| record.holder.host);
    let able = |host: &HostNumber| *host == edge.host || Some(*host) != gave_up;
    let edges: Vec<HostNumber> = eip.edges.iter().copied().filter(able).collect();
    let Take { expected } = edge_duty(edge.host, &edges, edge.liveness, record.as_ref())?;
    let cause = if serves.is_some() { MoveCause::HostLost } else { MoveCause::Claim };
    Some(Order::Take { key, port: EDGE_PORT, mac: edge.mac, expected, cause })
}

#[cfg(test)]
mod tests {
    use super::*;
    use havip_model::{Body, EipId, Epoch, Incarnation, Vni};

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);

    fn host(number: u32) -> HostNumber {
        HostNumber::new(number).unwrap()
    }

    fn eip() -> EipItem {
        EipItem {
            id: EipId::new(Body::from_entropy([1; 16])),
            address: [203, 0, 113, 5].into(),
            vni: Vni::new(4).unwrap(),
            target: [10, 0, 0, 9].into(),
            incarnation: Incarnation(3),
            bandwidth_mbps: None,
            edges: vec![host(2), host(5)],
        }
    }

    fn record(edge: u32, released: bool) -> Option<Record> {
        Some(Record {
            incarnation: Incarnation(3),
            epoch: Epoch(1),
            holder: Holder { host: host(edge), port: EDGE_PORT },
            released,
            mac: MAC,
            moves: 1,
        })
    }

    /// What host `own` does while the hosts of `lost` are lost.
    fn decided(own: u32, is_able: bool, lost: &[u32], record: Option<Record>) -> Option<Order> {
        let lost = lost.iter().copied().map(host).collect();
        let liveness = &Liveness { lost, trouble_is_here: false };
        duty(&eip(), record, Edge { host: host(own), is_able, mac: MAC, liveness })
    }

    fn take(expected: Option<Record>, cause: MoveCause) -> Option<Order> {
        let key = VipKey { vni: eip().vni, address: eip().address };
        Some(Order::Take { key, port: EDGE_PORT, mac: MAC, expected, cause })
    }

    #[test]
    fn the_first_live_edge_begins() {
        assert_eq!(decided(2, true, &[], None), take(None, MoveCause::Claim));
        assert_eq!(decided(5, true, &[], None), None);
        assert_eq!(decided(5, true, &[2], None), take(None, MoveCause::Claim));
        assert_eq!(decided(7, true, &[2, 5], None), None, "no edge of this EIP");
    }

    #[test]
    fn an_eip_that_is_served_stays_where_it_is() {
        assert_eq!(decided(2, true, &[], record(5, false)), None);
        assert_eq!(decided(5, true, &[2], record(5, false)), None);
    }

    #[test]
    fn the_eip_of_a_lost_edge_goes_to_the_first_live_one() {
        assert_eq!(decided(5, true, &[2], record(2, false)), take(record(2, false), MoveCause::HostLost));
        assert_eq!(decided(2, true, &[5], record(5, false)), take(record(5, false), MoveCause::HostLost));
    }

    #[test]
    fn an_edge_whose_outside_fails_gives_its_eips_up_and_another_takes_them() {
        let key = VipKey { vni: eip().vni, address: eip().address };
        let release = Order::Release { key, only: Release::Port(EDGE_PORT) };
        assert_eq!(decided(2, false, &[], record(2, false)), Some(release));
        assert_eq!(decided(2, false, &[], record(2, true)), None);
        assert_eq!(decided(5, true, &[], record(2, true)), take(record(2, true), MoveCause::Claim));
        assert_eq!(
            decided(2, true, &[5], record(2, true)),
            take(record(2, true), MoveCause::Claim),
            "able again, and alone"
        );
    }

    #[test]
    fn the_record_of_an_earlier_binding_counts_for_nothing() {
        let old = record(5, false).map(|record| Record { incarnation: Incarnation(2), ..record });
        assert_eq!(decided(2, true, &[], old), take(None, MoveCause::Claim));
    }
}
