//! The rules of security groups, which the cloud calls policies.
//!
//! There a rule counts by its place, the first that fits. Here it counts by priority, 1 to 100, so the place is the
//! priority: an action of this API gives the rules of the direction that it changes the priorities 1, 2, 3 and so on.

use super::{Action, Does, done, group};
use crate::{ask::Ask, ask::look_up, error, error::error, name};
use havip_admission::{Code, request, request::NewRule};
use havip_dialect::{Clock, Error, ParamError, Params, Step, View, format_time};
use havip_model::{Direction, Peer, Ports, Protocol, Rule, RuleAction, SecurityGroup};
use ipnet::IpNet;
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "CreateSecurityGroupPolicies",
        honoured: &["SecurityGroupId", "SecurityGroupPolicySet"],
        harmless: &[],
        does: Does::Change { plan: add, answer: done, refused },
    },
    Action {
        name: "DeleteSecurityGroupPolicies",
        honoured: &["SecurityGroupId", "SecurityGroupPolicySet"],
        harmless: &[],
        does: Does::Change { plan: remove, answer: done, refused },
    },
    Action {
        name: "ReplaceSecurityGroupPolicy",
        honoured: &["SecurityGroupId", "SecurityGroupPolicySet"],
        harmless: &["OriginalSecurityGroupPolicySet"],
        does: Does::Change { plan: replace, answer: done, refused },
    },
    Action {
        name: "ModifySecurityGroupPolicies",
        honoured: &["SecurityGroupId", "SecurityGroupPolicySet", "SortPolicys"],
        harmless: &[],
        does: Does::Change { plan: replace_all, answer: done, refused },
    },
    Action {
        name: "DescribeSecurityGroupPolicies",
        honoured: &["SecurityGroupId"],
        harmless: &[],
        does: Does::Read(describe),
    },
];

/// The rules of a new group.
pub fn first(ask: &Ask, view: &View) -> Result<Vec<NewRule>, Error> {
    let set = Set::read(ask)?;
    let mut rules = vec![];
    for direction in BOTH {
        let of_it = set.of(direction).iter().map(|one| one.rule(view, direction));
        rules.extend(in_order(of_it.collect::<Result<_, _>>()?)?);
    }
    Ok(rules)
}

/// At the end, or in front of the one whose place is named.
fn add(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let (group, set) = (group::find(ask, view)?, Set::read(ask)?);
    set.check_version(group)?;
    let direction = set.one_direction()?;
    let mut rules = ordered(group, direction);
    let places: Vec<Option<usize>> = set.of(direction).iter().map(Policy::place).collect::<Result<_, _>>()?;
    if places.iter().any(|place| *place != places[0]) {
        return Err(error(
            "InvalidParameterValue",
            "PolicyIndex must be the same of all rules that are added.",
        ));
    }
    let first = places[0].unwrap_or(rules.len());
    if first > rules.len() {
        return Err(no_place(first));
    }
    for (at, policy) in (first..).zip(set.of(direction)) {
        let rule = policy.rule(view, direction)?;
        if rules.iter().any(|old| says_the_same(old, &rule)) {
            return Err(error("InvalidParameterValue.Duplicate", "There is such a rule already."));
        }
        rules.insert(at, rule);
    }
    with(group, direction, rules)
}

/// By place, or by what the rule says.
fn remove(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let (group, set) = (group::find(ask, view)?, Set::read(ask)?);
    set.check_version(group)?;
    let direction = set.one_direction()?;
    let rules = ordered(group, direction);
    let mut gone = vec![];
    for policy in set.of(direction) {
        gone.push(match policy.place()? {
            Some(place) if place < rules.len() => place,
            Some(place) => return Err(no_place(place)),
            None => {
                let wanted = policy.rule(view, direction)?;
                let place = rules.iter().position(|rule| says_the_same(rule, &wanted));
                place.ok_or_else(|| {
                    error("ResourceNotFound", "There is no such rule in the security group.")
                })?
            }
        });
    }
    let kept = rules.into_iter().enumerate().filter(|(place, _)| !gone.contains(place));
    with(group, direction, kept.map(|(_, rule)| rule).collect())
}

fn replace(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let (group, set) = (group::find(ask, view)?, Set::read(ask)?);
    set.check_version(group)?;
    let direction = set.one_direction()?;
    let [policy] = set.of(direction) else {
        return Err(error("InvalidParameterValue", "Exactly one rule can be replaced."));
    };
    let missing = || error::of_parameter(ParamError::Missing("PolicyIndex".into()));
    let place = policy.place()?.ok_or_else(missing)?;
    let mut rules = ordered(group, direction);
    *rules.get_mut(place).ok_or_else(|| no_place(place))? = policy.rule(view, direction)?;
    with(group, direction, rules)
}

/// All rules of both directions; version 0 stands for none.
fn replace_all(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let group = group::find(ask, view)?;
    // Their order is theirs whatever it says.
    ask.flag("SortPolicys")?;
    let set = Set::read(ask)?;
    if set.version.as_deref() == Some("0") {
        return whole(group, vec![]);
    }
    set.check_version(group)?;
    whole(group, first(ask, view)?)
}

fn describe(ask: &Ask, view: &View) -> Result<Value, Error> {
    let group = group::find(ask, view)?;
    let of = |direction| -> Vec<Value> {
        let rules = sorted(group, direction).into_iter().enumerate();
        rules.map(|(place, rule)| show(group, place, rule)).collect()
    };
    let (egress, ingress) = (of(Direction::Egress), of(Direction::Ingress));
    let version = group.edition.get().to_string();
    Ok(json!({"SecurityGroupPolicySet": {"Version": version, "Egress": egress, "Ingress": ingress}}))
}

fn show(group: &SecurityGroup, place: usize, rule: &Rule) -> Value {
    let (net, other) = match rule.peer {
        // Whoever has an address of the VPC: other APIs have a word for that.
        Peer::Any | Peer::Vpc => (Some(IpNet::V4(ipnet::Ipv4Net::default())), None),
        Peer::Prefix(net) => (Some(net), None),
        Peer::Group(id) => (None, Some(id)),
    };
    let range = |is_4: bool| net.filter(|net| matches!(net, IpNet::V4(_)) == is_4).map(|net| net.to_string());
    let protocol = match rule.protocol {
        Protocol::All => "ALL".into(),
        Protocol::Number(47) => "gre".into(),
        other => other.to_string(),
    };
    json!({
        "PolicyIndex": place,
        "Protocol": protocol,
        "Port": rule.ports.map_or_else(|| "ALL".into(), |ports| ports.to_string()),
        "CidrBlock": range(true).unwrap_or_default(),
        "Ipv6CidrBlock": range(false).unwrap_or_default(),
        "SecurityGroupId": other.map(|id| name::GROUP.show(id)).unwrap_or_default(),
        "Action": if rule.action == RuleAction::Allow { "ACCEPT" } else { "DROP" },
        "PolicyDescription": rule.description,
        "ModifyTime": format_time(group.meta.updated_at, Clock::Plain),
        "AddressTemplate": {"AddressId": "", "AddressGroupId": ""},
        "ServiceTemplate": {"ServiceId": "", "ServiceGroupId": ""},
    })
}

fn refused(code: Code) -> Option<&'static str> {
    match code {
        Code::TooManyRules => Some("LimitExceeded"),
        Code::RuleExists => Some("InvalidParameterValue.Duplicate"),
        Code::InvalidRule | Code::CidrHasHostBits => Some("InvalidParameterValue"),
        _ => None,
    }
}

/// `SecurityGroupPolicySet`.
struct Set {
    version: Option<String>,
    ingress: Vec<Policy>,
    egress: Vec<Policy>,
}

struct Policy(Params);

impl Set {
    fn read(ask: &Ask) -> Result<Self, Error> {
        let set = ask.params.part("SecurityGroupPolicySet");
        let of =
            |direction: &str| -> Vec<Policy> { set.structs(direction).into_iter().map(Policy).collect() };
        let read = Self {
            version: set.text("Version").map(Into::into),
            ingress: of("Ingress"),
            egress: of("Egress"),
        };
        for policy in read.ingress.iter().chain(&read.egress) {
            if let Some((name, _)) = policy.0.iter().find(|(name, _)| !OF_A_POLICY.contains(name)) {
                return Err(error::unsupported(&format!("SecurityGroupPolicySet.{name}")));
            }
        }
        Ok(read)
    }

    fn of(&self, direction: Direction) -> &[Policy] {
        if direction == Direction::Ingress { &self.ingress } else { &self.egress }
    }

    fn one_direction(&self) -> Result<Direction, Error> {
        match (self.ingress.is_empty(), self.egress.is_empty()) {
            (false, true) => Ok(Direction::Ingress),
            (true, false) => Ok(Direction::Egress),
            (true, true) => Err(error::of_parameter(ParamError::Missing("SecurityGroupPolicySet".into()))),
            (false, false) => Err(error(
                "InvalidParameter.Coexist",
                "Egress and Ingress exclude each other in this action.",
            )),
        }
    }

    fn check_version(&self, group: &SecurityGroup) -> Result<(), Error> {
        match self.version.as_deref() {
            Some(version) if version != group.edition.get().to_string() => {
                let message = "The security group's rules have changed since this Version; read them again.";
                Err(error("UnsupportedOperation.VersionMismatch", message))
            }
            _ => Ok(()),
        }
    }
}

impl Policy {
    fn place(&self) -> Result<Option<usize>, Error> {
        self.0.parsed("PolicyIndex", "a whole number").map_err(error::of_parameter)
    }

    fn rule(&self, view: &View, direction: Direction) -> Result<NewRule, Error> {
        let policy = &self.0;
        let (protocol, ports) = service(policy)?;
        let action = policy.required("Action").map_err(error::of_parameter)?;
        Ok(NewRule {
            direction,
            action: match action.to_ascii_uppercase().as_str() {
                "ACCEPT" => RuleAction::Allow,
                "DROP" => RuleAction::Drop,
                _ => return Err(error("InvalidParameterValue", "Action must be ACCEPT or DROP.")),
            },
            priority: SecurityGroup::LAST_PRIORITY,
            protocol,
            ports,
            peer: peer(policy, view)?,
            description: policy.text("PolicyDescription").unwrap_or_default().into(),
        })
    }
}

fn service(policy: &Params) -> Result<(Protocol, Option<Ports>), Error> {
    let word = policy.text("Protocol").unwrap_or("ALL");
    let protocol = Protocol::called(word).ok_or_else(|| {
        let message = format!("Protocol must be TCP, UDP, ICMP, ICMPV6, GRE or ALL, not {word:?}.");
        error("InvalidParameterValue", message)
    })?;
    let Some(text) = policy.text("Port").filter(|text| !text.eq_ignore_ascii_case("all")) else {
        return Ok((protocol, None));
    };
    if !protocol.has_ports() {
        return Err(error(
            "InvalidParameter.Coexist",
            format!("Port goes with TCP and UDP, not with {word}."),
        ));
    }
    let number = |part: &str| part.trim().parse::<u16>().ok();
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let ports = number(first).zip(number(last)).and_then(|(first, last)| Ports::new(first, last));
    // A list of single ports would be several rules.
    let wrong =
        || error("InvalidParameterValue", format!("Port {text:?} must be such as 80, 8000-8010 or ALL."));
    Ok((protocol, Some(ports.ok_or_else(wrong)?)))
}

fn peer(policy: &Params, view: &View) -> Result<Peer, Error> {
    let given: Vec<(&str, &str)> =
        PEERS.iter().filter_map(|name| Some((*name, policy.text(name)?))).collect();
    let [(name, text)] = given[..] else {
        return Err(match given.len() {
            0 => error::of_parameter(ParamError::Missing("CidrBlock".into())),
            _ => error("InvalidParameter.Coexist", format!("{} exclude each other.", PEERS.join(", "))),
        });
    };
    if name == "SecurityGroupId" {
        return Ok(Peer::Group(look_up(name, text, name::GROUP, &view.world.groups)?.id));
    }
    let wrong = || error::malformed(name, text);
    let net: IpNet = match text.contains('/') {
        true => text.parse().map_err(|_| wrong())?,
        false => text.parse::<std::net::IpAddr>().map_err(|_| wrong())?.into(),
    };
    let is_6 = matches!(net, IpNet::V6(_));
    (is_6 == name.starts_with("Ipv6")).then_some(Peer::Prefix(net)).ok_or_else(wrong)
}

/// The rules of a direction, in the order in which they count.
fn sorted(group: &SecurityGroup, direction: Direction) -> Vec<&Rule> {
    let mut rules: Vec<&Rule> = group.rules.iter().filter(|rule| rule.direction == direction).collect();
    rules.sort_by_key(|rule| (rule.priority, rule.action, rule.number));
    rules
}

fn ordered(group: &SecurityGroup, direction: Direction) -> Vec<NewRule> {
    sorted(group, direction).into_iter().map(NewRule::from).collect()
}

/// Each has the priority of its place.
fn in_order(rules: Vec<NewRule>) -> Result<Vec<NewRule>, Error> {
    let most = usize::from(SecurityGroup::LAST_PRIORITY);
    if rules.len() > most {
        let message = format!("A security group may have {most} rules of each direction here.");
        return Err(error("LimitExceeded", message));
    }
    Ok((1..).zip(rules).map(|(priority, rule)| NewRule { priority, ..rule }).collect())
}

/// The group with other rules of one direction.
fn with(group: &SecurityGroup, direction: Direction, rules: Vec<NewRule>) -> Result<Vec<Step>, Error> {
    let others = group.rules.iter().filter(|rule| rule.direction != direction).map(NewRule::from);
    whole(group, others.chain(in_order(rules)?).collect())
}

fn whole(group: &SecurityGroup, rules: Vec<NewRule>) -> Result<Vec<Step>, Error> {
    match rules.iter().eq(group.rules.iter().map(NewRule::from).collect::<Vec<_>>().iter()) {
        true => Ok(vec![]),
        false => Ok(vec![request::ReplaceRules { group: group.id, rules }.into()]),
    }
}

/// But for the place and the description.
fn says_the_same(one: &NewRule, other: &NewRule) -> bool {
    let (priority, description) = (other.priority, other.description.clone());
    NewRule { priority, description, ..one.clone() } == *other
}

fn no_place(place: usize) -> Error {
    error("InvalidParameterValue", format!("There is no rule at PolicyIndex {place}."))
}

const BOTH: [Direction; 2] = [Direction::Ingress, Direction::Egress];
const PEERS: [&str; 3] = ["CidrBlock", "Ipv6CidrBlock", "SecurityGroupId"];
/// What may stand in a policy; the time of its change comes back with those that were read.
const OF_A_POLICY: &[&str] = &[
    "PolicyIndex",
    "Protocol",
    "Port",
    "CidrBlock",
    "Ipv6CidrBlock",
    "SecurityGroupId",
    "Action",
    "PolicyDescription",
    "ModifyTime",
];
