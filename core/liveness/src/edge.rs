//! Which edge serves an EIP: its record passes on when its host is lost (section 4, "EIP edge").

use crate::Liveness;
use havip_model::{HostNumber, Record};

/// The edge that judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// Its host.
    pub host: HostNumber,
    /// Its outside device works.
    pub is_able: bool,
}

/// What an edge has to do about an EIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// Take it by a new epoch: `Order::Take` for port 1, cause `HostLost`.
    Take {
        /// The record that must still be there; none if the EIP was never active.
        expected: Option<Record>,
    },
    /// Give it up, as it cannot be served here: `Order::Release` of port 1.
    Release,
}

/// What this edge has to do about the EIP now, if anything.
///
/// `edges` are those that may serve it; `record` is the EIP's under its present incarnation.
/// Without a record the lowest live edge begins. Later the record's edge stays, also when a lower one returns; only
/// when it is lost, gave the EIP up or may not serve it any more, does the lowest live one take over.
/// Edges that judge differently who is alive may both take it: the greater epoch wins on all hosts alike.
pub fn edge_duty(
    own: Edge,
    edges: &[HostNumber],
    liveness: &Liveness,
    record: Option<&Record>,
) -> Option<Duty> {
    let may_serve = |host: HostNumber| edges.contains(&host);
    let holder = record.and_then(|record| record.present_holder()).map(|holder| holder.host);
    if holder == Some(own.host) {
        return (!own.is_able || !may_serve(own.host)).then_some(Duty::Release);
    }
    if holder.is_some_and(|host| may_serve(host) && liveness.believes_alive(host)) {
        return None;
    }
    // A released record says that its edge cannot serve now, though its host may be alive.
    let unable = record.filter(|record| record.released).map(|record| record.holder.host);
    let can_serve =
        |host: HostNumber| host == own.host || (Some(host) != unable && liveness.believes_alive(host));
    let first = edges.iter().copied().filter(|host| can_serve(*host)).min();
    (own.is_able && first == Some(own.host)).then_some(Duty::Take { expected: record.copied() })
}
