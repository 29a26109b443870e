//! A packet's path, as the API shows it; [`live`]: the way that one went.

mod live;

use super::Shapes;
use crate::service::Asked;
use havip_api::{FoundPath, PathHop, PathOutcome, PathRule};
use havip_model::{Holder, HostNumber, PortNumber, reason};
use havip_stream::{convert, proto};

impl Shapes<'_> {
    /// What the hosts have said, in order; there is at least one.
    pub fn found_path(&self, hops: &[Asked]) -> FoundPath {
        let text =
            |bytes: &[u8]| convert::address("address", bytes).map_or_else(|_| "?".into(), |a| a.to_string());
        let first = hops.first().map(|hop| &hop.question);
        let last = hops.last().map(|hop| &hop.found);
        let outcome = last.map_or("", |found| found.outcome.as_str()).parse().unwrap_or(PathOutcome::Dropped);
        let word = last.map(|found| found.reason.clone()).filter(|reason| !reason.is_empty());
        let known = word.as_ref().and_then(|word| reason::REASONS.iter().find(|known| known.name == *word));
        let shown: Vec<PathHop> = hops.iter().map(|hop| self.path_hop(hop)).collect();
        let end = shown.last();
        let at = end.map_or(String::new(), |hop| format!(" on {}", hop.name));
        let summary = match (outcome, end.and_then(|hop| hop.to.as_ref())) {
            (PathOutcome::Delivered, Some(to)) => format!("it would reach {to}{at}"),
            (PathOutcome::Delivered, None) => format!("it would be delivered{at}"),
            (PathOutcome::Outside, _) => format!("it would leave{at}, by the edge"),
            (PathOutcome::Answered, _) => format!("the gateway would answer it{at}"),
            (PathOutcome::Dropped, _) => {
                let why = known.map_or(word.clone().unwrap_or_default(), |known| known.explanation.into());
                format!("it would be dropped{at}: {why}")
            }
        };
        FoundPath {
            source: first.map_or(String::new(), |asked| text(&asked.source)),
            destination: first.map_or(String::new(), |asked| text(&asked.destination)),
            outcome,
            reason: word,
            summary,
            advice: known.map_or(String::new(), |known| known.remedy.into()),
            hops: shown,
            live: None,
        }
    }

    fn path_hop(&self, Asked { host, question, found }: &Asked) -> PathHop {
        let who = |port: u32| PortNumber::new(port).ok().map(|port| self.who(Holder { host: *host, port }));
        let called = |number: u32| HostNumber::new(number).ok().map(|number| self.called(number));
        let from = who(question.from_port).or_else(|| called(question.from_host));
        let to = who(found.to_port).or_else(|| called(found.to_host));
        let outside = (found.outcome == "outside").then(|| "outside".to_owned());
        PathHop {
            host: self.host_id(*host),
            name: self.called(*host),
            from: from.unwrap_or_else(|| "outside".into()),
            rules: found.rules.iter().map(|rule| self.path_rule(rule)).collect(),
            to: to.or(outside),
        }
    }

    /// A host knows the rules of security groups by number.
    fn path_rule(&self, rule: &proto::PathRule) -> PathRule {
        let mut groups = self.seen.groups.values();
        let named = groups.find_map(|group| {
            let it = group.rules.iter().find(|known| known.number.get() == rule.group_rule)?;
            let name =
                if group.meta.name.is_empty() { group.id.to_string() } else { group.meta.name.clone() };
            Some(format!(": {} of {name}", self.rule_in_words(it)))
        });
        PathRule { code: rule.code.clone(), text: rule.text.clone() + &named.unwrap_or_default() }
    }
}
