//! Which edge serves an EIP: its record passes on when its host is lost (section 4, "EIP edge").

use crate::Liveness;
use havip_model::{HostNumber, Record};

/// This edge is to take the EIP by a new epoch (`Order::Take` for port 1, cause `HostLost`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Take {
    /// The record that must still be there; none if the EIP was never active.
    pub expected: Option<Record>,
}

/// Whether this edge has to take the EIP now.
///
/// `edges` are those that may serve it, lowest host number first; `record` is the EIP's under its present incarnation.
/// Without a record the lowest live edge begins. Later the record's edge stays, also when a lower one returns;
/// only when it is lost, or is no edge of this EIP any more, does the lowest live one take over.
pub fn edge_duty(
    own: HostNumber,
    edges: &[HostNumber],
    liveness: &Liveness,
    record: Option<&Record>,
) -> Option<Take> {
    if !edges.contains(&own) {
        return None;
    }
    let present = record.and_then(|record| record.present_holder()).map(|holder| holder.host);
    let present = present.filter(|host| edges.contains(host));
    if present == Some(own) || present.is_some_and(|host| liveness.believes_alive(host)) {
        return None;
    }
    let is_lowest = edges.iter().take_while(|edge| **edge != own).all(|edge| !liveness.believes_alive(*edge));
    is_lowest.then_some(Take { expected: record.copied() })
}
