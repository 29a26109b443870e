//! Which EIPs this edge should take (design section 4: each EIP has one active edge).

use havip_claim::Order;
use havip_model::{Holder, HostNumber, MacAddr, MoveCause, PortNumber, Record, VipKey};
use havip_reconcile::item::EipItem;

/// The port that stands for an edge in the records of EIPs.
pub const EDGE_PORT: PortNumber = PortNumber::MIN;

/// What an edge is judged by.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// This host.
    pub host: HostNumber,
    /// This edge's outside device works.
    pub is_able: bool,
    /// The MAC of the outside device.
    pub mac: MacAddr,
    /// Whether a host is taken for alive: not lost, as far as this host knows.
    pub is_live: &'a dyn Fn(HostNumber) -> bool,
}

/// What this edge does about an EIP, if anything.
///
/// The live edge with the lowest number takes an EIP that nobody alive serves; one that is served stays where it
/// is. Edges that judge differently who is alive may both take it: the greater epoch wins on all hosts alike.
pub fn duty(eip: &EipItem, record: Option<Record>, view: View<'_>) -> Option<Order> {
    let key = VipKey { vni: eip.vni, address: eip.address };
    let own = Holder { host: view.host, port: EDGE_PORT };
    let record = record.filter(|record| record.incarnation >= eip.incarnation);
    let holder = record.and_then(|record| record.present_holder());

    let may_serve = |host: HostNumber| eip.edges.contains(&host);
    if holder == Some(own) {
        let stays = view.is_able && may_serve(view.host);
        return (!stays).then_some(Order::Release { key, only: havip_claim::Release::Port(EDGE_PORT) });
    }
    if holder.is_some_and(|holder| may_serve(holder.host) && (view.is_live)(holder.host)) {
        return None;
    }
    // A released record says that its edge cannot serve now, though its host may be alive.
    let unable = record.filter(|record| record.released).map(|record| record.holder.host);
    let first = eip.edges.iter().filter(|edge| Some(**edge) != unable || **edge == view.host);
    let first = first.filter(|edge| **edge == view.host || (view.is_live)(**edge)).min();
    let takes = view.is_able && first == Some(&view.host);
    takes.then_some(Order::Take {
        key,
        port: EDGE_PORT,
        mac: view.mac,
        expected: record,
        cause: MoveCause::Claim,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use havip_claim::Release;
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
        let is_live = |other: HostNumber| !lost.contains(&other.get());
        duty(&eip(), record, View { host: host(own), is_able, mac: MAC, is_live: &is_live })
    }

    fn take(expected: Option<Record>) -> Option<Order> {
        let key = VipKey { vni: eip().vni, address: eip().address };
        Some(Order::Take { key, port: EDGE_PORT, mac: MAC, expected, cause: MoveCause::Claim })
    }

    #[test]
    fn the_first_live_edge_begins() {
        assert_eq!(decided(2, true, &[], None), take(None));
        assert_eq!(decided(5, true, &[], None), None);
        assert_eq!(decided(5, true, &[2], None), take(None));
        assert_eq!(decided(7, true, &[2, 5], None), None, "no edge of this EIP");
    }

    #[test]
    fn an_eip_that_is_served_stays_where_it_is() {
        assert_eq!(decided(2, true, &[], record(5, false)), None);
        assert_eq!(decided(5, true, &[2], record(5, false)), None);
    }

    #[test]
    fn the_eip_of_a_lost_edge_goes_to_the_first_live_one() {
        assert_eq!(decided(5, true, &[2], record(2, false)), take(record(2, false)));
        assert_eq!(decided(2, true, &[5], record(5, false)), take(record(5, false)));
    }

    #[test]
    fn an_edge_whose_outside_fails_gives_its_eips_up_and_another_takes_them() {
        let key = VipKey { vni: eip().vni, address: eip().address };
        let release = Order::Release { key, only: Release::Port(EDGE_PORT) };
        assert_eq!(decided(2, false, &[], record(2, false)), Some(release));
        assert_eq!(decided(2, false, &[], record(2, true)), None);
        assert_eq!(decided(5, true, &[], record(2, true)), take(record(2, true)));
        assert_eq!(decided(2, true, &[5], record(2, true)), take(record(2, true)), "able again, and alone");
    }

    #[test]
    fn the_record_of_an_earlier_binding_counts_for_nothing() {
        let old = record(5, false).map(|record| Record { incarnation: Incarnation(2), ..record });
        assert_eq!(decided(2, true, &[], old), take(None));
    }
}
