//! Texts of a rule into types that cannot be wrong.

use super::parse;
use crate::service::Fault;
use havip_admission::request::NewRule;
use havip_model::{Direction, Peer, Ports, Protocol, RuleAction, SecurityGroupId};

/// Rules of a body.
pub fn rules(field: &str, all: Vec<havip_api::NewRule>) -> Result<Vec<NewRule>, Fault> {
    all.into_iter().enumerate().map(|(at, one)| rule(&format!("{field}/{at}"), one)).collect()
}

fn rule(field: &str, rule: havip_api::NewRule) -> Result<NewRule, Fault> {
    Ok(NewRule {
        direction: match rule.direction {
            havip_api::Direction::Ingress => Direction::Ingress,
            havip_api::Direction::Egress => Direction::Egress,
        },
        action: match rule.action {
            havip_api::RuleAction::Allow => RuleAction::Allow,
            havip_api::RuleAction::Drop => RuleAction::Drop,
        },
        priority: rule.priority,
        protocol: protocol(&format!("{field}/protocol"), &rule.protocol)?,
        ports: rule.ports.as_deref().map(|text| ports(&format!("{field}/ports"), text)).transpose()?,
        peer: peer(&format!("{field}/peer"), &rule.peer)?,
        description: rule.description,
    })
}

fn protocol(field: &str, text: &str) -> Result<Protocol, Fault> {
    Ok(match text {
        "all" => Protocol::All,
        "tcp" => Protocol::TCP,
        "udp" => Protocol::UDP,
        "icmp" => Protocol::ICMP,
        "icmpv6" => Protocol::ICMPV6,
        number => Protocol::Number(number.parse().map_err(|_| {
            let detail =
                format!("{text:?} is none of all, tcp, udp, icmp, icmpv6, and no number from 0 to 255");
            Fault::invalid(field, "invalid_protocol", detail)
        })?),
    })
}

fn ports(field: &str, text: &str) -> Result<Ports, Fault> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = first.parse().ok().zip(last.parse().ok()).and_then(|(first, last)| Ports::new(first, last));
    range.ok_or_else(|| {
        let detail = format!("{text:?} is not a port such as 80, or ports such as 8000-8080");
        Fault::invalid(field, "invalid_ports", detail)
    })
}

fn peer(field: &str, text: &str) -> Result<Peer, Fault> {
    Ok(match text {
        "any" => Peer::Any,
        "vpc" => Peer::Vpc,
        _ if text.starts_with(SecurityGroupId::PREFIX) => Peer::Group(parse::id(field, text)?),
        _ => Peer::Prefix(text.parse().map_err(|_| {
            let detail = format!(
                "{text:?} is none of any, vpc, a range such as 10.20.0.0/16, and the id of a security group"
            );
            Fault::invalid(field, "invalid_peer", detail)
        })?),
    })
}

/// The security groups of a body.
pub fn groups(texts: &[String]) -> Result<Vec<SecurityGroupId>, Fault> {
    let one = |(at, text): (usize, &String)| parse::id(&format!("/security_groups/{at}"), text);
    texts.iter().enumerate().map(one).collect()
}
