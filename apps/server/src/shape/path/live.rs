//! The way that a packet really went, beside what the maps say.

use crate::{
    service::{Asked, Went},
    shape::{Shapes, trace::micros},
};
use havip_api::{FoundPath, LiveHop, LiveOutcome, LivePath};
use havip_explain::probe::{LiveEnd, Sight, Track};
use havip_model::{Holder, HostNumber, PortNumber, reason};

impl Shapes<'_> {
    /// What the maps of hosts say, and what hosts saw.
    pub fn probed_path(&self, hops: &[Asked], went: &Went) -> FoundPath {
        let Track { sights, end } = &went.track;
        let is_as_told = is_as_told(hops, &went.track);
        let (outcome, mut summary) = self.live_end(sights, end, hops.first().map(|hop| hop.host));
        if is_as_told {
            summary.push_str(", as the maps say");
        } else if went.lost > 0 && !went.track.is_final() {
            let lost = went.lost;
            summary.push_str(&format!(
                "; or it is among {lost} packets that came too fast to be told: try again"
            ));
        }
        let reason = match end {
            LiveEnd::Dropped { reason, .. } => Some(reason.clone()),
            _ => None,
        };
        let hops_seen = sights.iter().map(|sight| self.live_hop(sight)).collect();
        let live = LivePath { outcome, reason, summary, is_as_told, hops: hops_seen };
        FoundPath { live: Some(live), ..self.found_path(hops) }
    }

    fn live_hop(&self, sight: &Sight) -> LiveHop {
        let to = match &sight.became {
            LiveEnd::Delivered(port) => Some(self.who(Holder { host: sight.host, port: *port })),
            LiveEnd::ToHost(host) => Some(self.called(*host)),
            LiveEnd::Outside => Some("outside".into()),
            _ => None,
        };
        let did = match (&sight.became, &to) {
            (LiveEnd::Delivered(_), Some(to)) => format!("gave it to {to}"),
            (LiveEnd::ToHost(_), Some(to)) => format!("sent it to {to}"),
            (LiveEnd::Dropped { reason, is_told: false }, _) => format!("dropped it: {reason}"),
            (LiveEnd::Dropped { reason, .. }, _) => format!("dropped it and told its sender: {reason}"),
            (LiveEnd::Outside, _) => "sent it outside".into(),
            (LiveEnd::Answered, _) => "answered it".into(),
            _ => "used it".into(),
        };
        LiveHop {
            host: self.host_id(sight.host),
            name: self.called(sight.host),
            at: micros(sight.at_us),
            from: sight.from.map_or("its own port".into(), |from| self.called(from)),
            did,
            to,
        }
    }

    /// The end in a word and in a sentence.
    fn live_end(&self, sights: &[Sight], end: &LiveEnd, first: Option<HostNumber>) -> (LiveOutcome, String) {
        let last = sights.last().map(|sight| sight.host).or(first);
        let at = last.map_or(String::new(), |host| self.called(host));
        match end {
            LiveEnd::Delivered(port) => {
                let to = last.map(|host| self.who(Holder { host, port: *port })).unwrap_or_default();
                (LiveOutcome::Delivered, format!("{to} was given it on {at}"))
            }
            LiveEnd::Outside => (LiveOutcome::Outside, format!("it left by {at}")),
            LiveEnd::Answered => (LiveOutcome::Answered, format!("the gateway answered it on {at}")),
            LiveEnd::Used => (LiveOutcome::Used, format!("{at} took it for something that is for itself")),
            LiveEnd::Dropped { reason: word, is_told } => {
                let known = reason::REASONS.iter().find(|known| known.name == *word);
                let why = known.map_or(word.as_str(), |known| known.explanation);
                let told = if *is_told { ", and its sender was told" } else { "" };
                (LiveOutcome::Dropped, format!("it was dropped on {at}: {why}{told}"))
            }
            LiveEnd::ToHost(to) | LiveEnd::OutOfSight(to) => {
                let to = self.called(*to);
                (LiveOutcome::Unknown, format!("{at} sent it to {to}, where nobody looked on: try again"))
            }
            LiveEnd::LostOnTheWay { from, to } => {
                let (from, to) = (self.called(*from), self.called(*to));
                let words = format!(
                    "{from} sent it to {to}, where it did not come: the network between them lost it"
                );
                (LiveOutcome::Lost, words)
            }
            LiveEnd::NeverSeen => (
                LiveOutcome::Lost,
                format!("{at} sent it, and its switch has not seen it: the host is overloaded"),
            ),
        }
    }
}

/// It was seen on the same hosts, and ended in the same way.
fn is_as_told(hops: &[Asked], track: &Track) -> bool {
    let Some(last) = hops.last() else { return false };
    let found = &last.found;
    let is_same_end = match &track.end {
        LiveEnd::Delivered(port) => {
            found.outcome == "delivered" && PortNumber::new(found.to_port) == Ok(*port)
        }
        LiveEnd::Outside => found.outcome == "outside",
        LiveEnd::Answered => found.outcome == "answered",
        LiveEnd::Dropped { reason, .. } => found.outcome == "dropped" && found.reason == *reason,
        _ => false,
    };
    is_same_end && track.sights.iter().map(|sight| sight.host).eq(hops.iter().map(|hop| hop.host))
}
