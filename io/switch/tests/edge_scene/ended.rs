//! What becomes of a packet in few words, by the kernel's counters and as it is told beforehand.

use crate::hook::{Hook, Ran, host, mac, port};
use havip_claim::Order;
use havip_explain::path::End;
use havip_model::{Epoch, Holder, Incarnation, Record, VipKey};
use havip_switch::Ledger;

/// What became of it. Where two things were dropped, the error about the packet was one, and what is told may be the
/// other.
pub fn became(ran: &Ran, counted: &Ledger, told: End) -> String {
    let has = |name: &str| counted.contains_key(name);
    let mut dropped = havip_model::reason::REASONS.iter().filter(|reason| has(reason.name));
    let is_told = |name: &'static str| told == End::Dropped(name) && has("icmp_sent");
    let reason = dropped.clone().find(|reason| is_told(reason.name)).or(dropped.next());
    match reason {
        Some(reason) => format!("dropped: {}", reason.name),
        None if has("delivered") => {
            let to = (11..=33).find(|number| ran.frame[..6] == mac(*number).0);
            format!("delivered to {to:?}")
        }
        None if has("sent_remote") => "to a host".into(),
        None if has("passed_on") => "passed on".into(),
        None if has("edge_out") || has("segment_out") => "outside".into(),
        None if has("gateway_answered") => "answered".into(),
        None => format!("{}: {counted:?}", ran.verdict),
    }
}

/// The same of what is told.
pub fn told(end: End) -> String {
    match end {
        End::Delivered(number) => format!("delivered to {:?}", Some(number.get())),
        End::ToHost { passed_on: false, .. } => "to a host".into(),
        End::ToHost { passed_on: true, .. } => "passed on".into(),
        End::Outside => "outside".into(),
        End::Answered => "answered".into(),
        // The edge's device belongs to the host.
        End::Dropped("eip_unknown") => "-1: {}".into(),
        End::Dropped(reason) => format!("dropped: {reason}"),
    }
}

/// Somebody holds it, as this host has heard; none: nobody does.
pub fn held(hook: &mut Hook, key: VipKey, incarnation: u64, by: Option<(u32, u32)>) {
    let incarnation = Incarnation(incarnation);
    hook.order(Order::Forget { key, incarnation });
    hook.order(Order::Prepare { key, incarnation });
    if let Some((on, number)) = by {
        let holder = Holder { host: host(on), port: port(number) };
        let (epoch, mac) = (Epoch(1 << 20), mac(number));
        let record = Record { incarnation, epoch, holder, released: false, mac, moves: 1 };
        hook.order(Order::Merge { key, record });
    }
    hook.settle();
}
