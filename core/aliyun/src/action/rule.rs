//! The rules of security groups.
//!
//! The cloud's rules and Havip's agree: 1 to 100, of the same priority what drops wins, over all groups of an interface.
//! Two rules are implied there and are rules like others here: what goes out passes, and members reach each other.

use super::{Action, Does, done, group};
use crate::{ask::Ask, error, name};
use havip_admission::{Code, Refusal, request, request::NewRule};
use havip_dialect::{Clock, Error, Params, Step, View, format_time};
use havip_model::{
    Direction, Peer, Ports, Protocol, Rule, RuleAction, RuleNumber, SecurityGroup, SecurityGroupId,
};
use ipnet::IpNet;
use serde_json::{Value, json};

/// What a rule consists of; in front of it may stand `Permissions.N.`.
macro_rules! of_a_rule {
    ($($other:literal),* $(,)?) => {
        &[
            "SecurityGroupId", "ClientToken", "Permissions",
            "IpProtocol", "PortRange", "Policy", "Priority", "NicType", "Description",
            "SourceCidrIp", "Ipv6SourceCidrIp", "SourceGroupId",
            "DestCidrIp", "Ipv6DestCidrIp", "DestGroupId",
            $($other,)*
        ]
    };
}

pub const ACTIONS: &[Action] = &[
    Action {
        name: "AuthorizeSecurityGroup",
        product: None,
        honoured: of_a_rule!(),
        harmless: &[],
        does: Does::Change {
            plan: |ask, view| authorize(ask, view, Direction::Ingress),
            answer: done,
            refused,
        },
    },
    Action {
        name: "AuthorizeSecurityGroupEgress",
        product: None,
        honoured: of_a_rule!(),
        harmless: &[],
        does: Does::Change {
            plan: |ask, view| authorize(ask, view, Direction::Egress),
            answer: done,
            refused,
        },
    },
    Action {
        name: "RevokeSecurityGroup",
        product: None,
        honoured: of_a_rule!("SecurityGroupRuleId"),
        harmless: &[],
        does: Does::Change { plan: |ask, view| revoke(ask, view, Direction::Ingress), answer: done, refused },
    },
    Action {
        name: "RevokeSecurityGroupEgress",
        product: None,
        honoured: of_a_rule!("SecurityGroupRuleId"),
        harmless: &[],
        does: Does::Change { plan: |ask, view| revoke(ask, view, Direction::Egress), answer: done, refused },
    },
    Action {
        name: "ModifySecurityGroupRule",
        product: None,
        honoured: of_a_rule!("SecurityGroupRuleId"),
        harmless: &[],
        does: Does::Change { plan: |ask, view| modify(ask, view, Direction::Ingress), answer: done, refused },
    },
    Action {
        name: "ModifySecurityGroupEgressRule",
        product: None,
        honoured: of_a_rule!("SecurityGroupRuleId"),
        harmless: &[],
        does: Does::Change { plan: |ask, view| modify(ask, view, Direction::Egress), answer: done, refused },
    },
];

fn authorize(ask: &Ask, view: &View, direction: Direction) -> Result<Vec<Step>, Error> {
    let group = group::find(ask, view)?;
    let mut rules: Vec<NewRule> = vec![];
    for rule in read_all(ask, view, direction)? {
        // What is there already is no mistake to the cloud.
        if !group.rules.iter().any(|old| is_same(old, &rule)) && !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    match rules.is_empty() {
        true => Ok(vec![]),
        false => Ok(vec![request::AddRules { group: group.id, rules }.into()]),
    }
}

fn revoke(ask: &Ask, view: &View, direction: Direction) -> Result<Vec<Step>, Error> {
    let group = group::find(ask, view)?;
    let ids = ask.params.list("SecurityGroupRuleId");
    let mut rules: Vec<RuleNumber> = vec![];
    if ids.is_empty() {
        for rule in read_all(ask, view, direction)? {
            let there = group.rules.iter().find(|old| is_same(old, &rule));
            rules.extend(there.map(|old| old.number));
        }
    } else {
        for id in ids {
            rules.push(named(group, id, direction)?.number);
        }
    }
    rules.sort();
    rules.dedup();
    // And what is not there neither.
    match rules.is_empty() {
        true => Ok(vec![]),
        false => Ok(vec![request::RemoveRules { group: group.id, rules }.into()]),
    }
}

fn modify(ask: &Ask, view: &View, direction: Direction) -> Result<Vec<Step>, Error> {
    let group = group::find(ask, view)?;
    let rule = named(group, ask.required("SecurityGroupRuleId")?, direction)?;
    let mut new = NewRule::from(rule);
    let says = |name: &str| ask.text(name).is_some();
    let params = &ask.params;
    if ["IpProtocol", "PortRange"].iter().any(|name| says(name)) {
        (new.protocol, new.ports) = service(params)?;
    }
    if PEERS.iter().flatten().any(|name| says(name)) {
        new.peer = peer(params, view, direction)?;
    }
    if says("Policy") {
        new.action = action(params)?;
    }
    if says("Priority") {
        new.priority = priority(params)?;
    }
    if let Some(description) = params.sent("Description") {
        new.description = description.into();
    }
    let rules: Vec<NewRule> = group
        .rules
        .iter()
        .map(|old| if old.number == rule.number { new.clone() } else { old.into() })
        .collect();
    match new == rule.into() {
        true => Ok(vec![]),
        false => Ok(vec![request::ReplaceRules { group: group.id, rules }.into()]),
    }
}

fn refused(refusal: &Refusal) -> Option<(u16, &'static str)> {
    Some(match refusal.code {
        Code::TooManyRules => (403, "AuthorizationLimitExceed"),
        Code::RuleExists => (400, "InvalidParam.Conflict"),
        Code::InvalidRule => (400, "InvalidParam.PortRange"),
        Code::CidrHasHostBits => (400, "InvalidParam.SourceIp"),
        Code::OtherVpc => (403, "InvalidParamter.Conflict"),
        _ => return None,
    })
}

/// The rules of a request: those of `Permissions`, or the one of its own parameters.
fn read_all(ask: &Ask, view: &View, direction: Direction) -> Result<Vec<NewRule>, Error> {
    let parts = ask.params.structs("Permissions");
    match parts.len() {
        0 => Ok(vec![read(&ask.params, view, direction)?]),
        1..=100 => parts
            .iter()
            .map(|part| {
                let known = |name: &str| OF_A_PERMISSION.contains(&name);
                match part.iter().find(|(name, _)| !known(name)) {
                    Some((name, _)) => Err(error::unsupported(&format!("Permissions.N.{name}"))),
                    None => read(part, view, direction),
                }
            })
            .collect(),
        _ => Err(error::invalid("There may be at most 100 Permissions.")),
    }
}

fn read(params: &Params, view: &View, direction: Direction) -> Result<NewRule, Error> {
    if params.text("NicType").is_some_and(|kind| !kind.eq_ignore_ascii_case("intranet")) {
        return Err(error::invalid("NicType can only be intranet in a VPC."));
    }
    let (protocol, ports) = service(params)?;
    Ok(NewRule {
        direction,
        action: action(params)?,
        priority: priority(params)?,
        protocol,
        ports,
        peer: peer(params, view, direction)?,
        description: params.text("Description").unwrap_or_default().into(),
    })
}

fn action(params: &Params) -> Result<RuleAction, Error> {
    match params.text("Policy").map(str::to_ascii_lowercase).as_deref() {
        None | Some("accept") => Ok(RuleAction::Allow),
        Some("drop") => Ok(RuleAction::Drop),
        Some(_) => Err(Error::new(400, "InvalidPolicy.Malformed", "Policy must be accept or drop.")),
    }
}

fn priority(params: &Params) -> Result<u8, Error> {
    let wrong = || Error::new(400, "InvalidPriority.Malformed", "Priority must be 1 to 100.");
    let number = params.parsed::<u8>("Priority", "1 to 100").map_err(|_| wrong())?.unwrap_or(1);
    (1..=100).contains(&number).then_some(number).ok_or_else(wrong)
}

/// The protocol and its ports: `22/80`; `-1/-1` where all, or none, are meant.
fn service(params: &Params) -> Result<(Protocol, Option<Ports>), Error> {
    let wrong = |what: String| Error::new(400, "InvalidParam.PortRange", what);
    let word = params.required("IpProtocol").map_err(error::of_parameter)?.to_ascii_lowercase();
    let protocol = Protocol::called(&word).ok_or_else(|| {
        let message = format!("IpProtocol must be TCP, UDP, ICMP, ICMPv6, GRE or ALL, not {word:?}.");
        Error::new(400, "InvalidIpProtocol.Malformed", message)
    })?;
    let text = params.required("PortRange").map_err(error::of_parameter)?;
    let number = |part: &str| part.trim().parse::<i32>().ok();
    let range = text.split_once('/').and_then(|(first, last)| Some((number(first)?, number(last)?)));
    let ports = match range {
        Some((-1, -1)) if protocol.has_ports() => {
            return Err(wrong("PortRange of TCP and UDP must be such as 1/65535, not -1/-1.".into()));
        }
        Some((-1, -1)) => None,
        Some(_) if !protocol.has_ports() => {
            return Err(wrong("PortRange must be -1/-1 for what has no ports.".into()));
        }
        Some((first, last)) => {
            let both = u16::try_from(first).ok().zip(u16::try_from(last).ok());
            let ports =
                both.filter(|(first, _)| *first > 0).and_then(|(first, last)| Ports::new(first, last));
            let ports =
                ports.ok_or_else(|| wrong(format!("PortRange {text:?} must be FIRST/LAST, 1 to 65535.")))?;
            (ports.range() != (1..=u16::MAX)).then_some(ports)
        }
        None => return Err(wrong(format!("PortRange {text:?} must be such as 22/22."))),
    };
    Ok((protocol, ports))
}

/// The other end. Its own end a rule of the cloud may narrow, too; that is refused here.
fn peer(params: &Params, view: &View, direction: Direction) -> Result<Peer, Error> {
    let (theirs, own) = match direction {
        Direction::Ingress => (PEERS[0], PEERS[1]),
        Direction::Egress => (PEERS[1], PEERS[0]),
    };
    if let Some(own) = own.iter().find(|name| params.text(name).is_some()) {
        return Err(error::unsupported(own));
    }
    let given: Vec<(&str, &str)> =
        theirs.iter().filter_map(|name| Some((*name, params.text(name)?))).collect();
    let [(name, text)] = given[..] else {
        return Err(Error::new(
            400,
            "MissingParameter",
            format!("Say exactly one of {}: who the other end is.", theirs.join(", ")),
        ));
    };
    if name.ends_with("GroupId") {
        return Ok(Peer::Group(group::look_up(view, text)?.id));
    }
    let wrong = || {
        let code =
            if direction == Direction::Ingress { "InvalidParam.SourceIp" } else { "InvalidParam.DestIp" };
        Error::new(400, code, format!("{name} {text:?} is not a range such as 10.0.0.0/8."))
    };
    let net: IpNet = match text.contains('/') {
        true => text.parse().map_err(|_| wrong())?,
        false => text.parse::<std::net::IpAddr>().map_err(|_| wrong())?.into(),
    };
    let is_6 = matches!(net, IpNet::V6(_));
    (is_6 == name.starts_with("Ipv6")).then_some(Peer::Prefix(net)).ok_or_else(wrong)
}

fn named<'a>(group: &'a SecurityGroup, id: &str, direction: Direction) -> Result<&'a Rule, Error> {
    let number = id.strip_prefix("sgr-").and_then(|number| number.parse::<u32>().ok());
    let rule = group.rules.iter().find(|rule| Some(rule.number.get()) == number);
    let rule = rule.filter(|rule| rule.direction == direction && !is_implied(group, rule));
    rule.ok_or_else(|| error::not_found("InvalidSecurityGroupRuleId.NotFound", "security group rule", id))
}

/// A rule as the cloud shows it.
pub fn show(view: &View, group: &SecurityGroup, rule: &Rule) -> Value {
    let is_in = rule.direction == Direction::Ingress;
    let vpc = group.vpc.and_then(|vpc| view.world.vpcs.get(&vpc));
    let (net, other) = match rule.peer {
        Peer::Any => (Some(IpNet::V4(ipnet::Ipv4Net::default())), None),
        Peer::Vpc => (Some(vpc.map_or_else(ipnet::Ipv4Net::default, |vpc| vpc.cidr).into()), None),
        Peer::Prefix(net) => (Some(net), None),
        Peer::Group(id) => (None, Some(id)),
    };
    let range = |is_4: bool| net.filter(|net| matches!(net, IpNet::V4(_)) == is_4).map(|net| net.to_string());
    let (range4, range6) = (range(true).unwrap_or_default(), range(false).unwrap_or_default());
    let named = other.and_then(|id| view.world.groups.get(&id));
    let name = named.map(|group| group.meta.name.clone()).unwrap_or_default();
    let id = other.map(|id| name::GROUP.show(id)).unwrap_or_default();
    let side = |is_it: bool, text: &str| if is_it { text.to_string() } else { String::new() };
    json!({
        "SecurityGroupRuleId": format!("sgr-{}", rule.number.get()),
        "Direction": if is_in { "ingress" } else { "egress" },
        "IpProtocol": protocol(rule.protocol),
        "PortRange": port_range(rule),
        "Policy": if rule.action == RuleAction::Allow { "Accept" } else { "Drop" },
        "Priority": rule.priority,
        "NicType": "intranet",
        "Description": rule.description,
        "CreateTime": format_time(group.meta.updated_at, Clock::Seconds),
        "SourceCidrIp": side(is_in, &range4),
        "Ipv6SourceCidrIp": side(is_in, &range6),
        "SourceGroupId": side(is_in, &id),
        "SourceGroupName": side(is_in, &name),
        "DestCidrIp": side(!is_in, &range4),
        "Ipv6DestCidrIp": side(!is_in, &range6),
        "DestGroupId": side(!is_in, &id),
        "DestGroupName": side(!is_in, &name),
        "SourceGroupOwnerAccount": "",
        "DestGroupOwnerAccount": "",
        "SourcePrefixListId": "",
        "SourcePrefixListName": "",
        "DestPrefixListId": "",
        "DestPrefixListName": "",
        "PortRangeListId": "",
        "PortRangeListName": "",
        "SourcePortRange": "",
    })
}

fn protocol(protocol: Protocol) -> String {
    match protocol {
        Protocol::Number(47) => "GRE".into(),
        Protocol::ICMPV6 => "ICMPv6".into(),
        other => other.to_string().to_ascii_uppercase(),
    }
}

fn port_range(rule: &Rule) -> String {
    match rule.ports {
        None if rule.protocol.has_ports() => "1/65535".into(),
        None => "-1/-1".into(),
        Some(ports) => format!("{}/{}", ports.range().start(), ports.range().end()),
    }
}

/// The description says nothing about packets.
fn is_same(rule: &Rule, new: &NewRule) -> bool {
    NewRule { description: new.description.clone(), ..rule.into() } == *new
}

/// Everything may go out, unless a rule says otherwise.
pub fn outwards() -> NewRule {
    NewRule::allow(Direction::Egress, Peer::Any)
}

/// The members of a group reach each other, unless a rule says otherwise.
pub fn inner(group: SecurityGroupId) -> NewRule {
    NewRule::allow(Direction::Ingress, Peer::Group(group))
}

/// Whether a rule is that one.
pub fn is_inner(group: &SecurityGroup, rule: &Rule) -> bool {
    is_same(rule, &inner(group.id))
}

/// Whether the cloud does not show it.
pub fn is_implied(group: &SecurityGroup, rule: &Rule) -> bool {
    is_inner(group, rule) || is_same(rule, &outwards())
}

/// Who sends, and who is sent to.
const PEERS: [[&str; 3]; 2] =
    [["SourceCidrIp", "Ipv6SourceCidrIp", "SourceGroupId"], ["DestCidrIp", "Ipv6DestCidrIp", "DestGroupId"]];
/// What may stand in one of `Permissions`.
const OF_A_PERMISSION: &[&str] = &[
    "IpProtocol",
    "PortRange",
    "Policy",
    "Priority",
    "NicType",
    "Description",
    "SourceCidrIp",
    "Ipv6SourceCidrIp",
    "SourceGroupId",
    "DestCidrIp",
    "Ipv6DestCidrIp",
    "DestGroupId",
];
