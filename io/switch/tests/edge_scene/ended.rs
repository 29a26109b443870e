//! What becomes of a packet in few words, by the kernel's counters and as it is told beforehand.

use crate::hook::{Ran, mac};
use havip_explain::path::End;
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
