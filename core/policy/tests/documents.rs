//! What documents say, and what is no document.

use havip_model::{Body, ResourceGroupId};
use havip_policy::{At, Context, Document, Needed, Pattern, Verdict, evaluate, may_ever};
use proptest::prelude::*;

fn context() -> Context {
    Context {
        source: Some("192.0.2.9".parse().unwrap()),
        now: 1_700_000_000,
        is_secure: true,
        dialect: "native",
    }
}

fn asked(action: &str, resource: &str) -> Needed {
    Needed { action: action.to_string().into(), resource: resource.into(), group: None }
}

fn says(document: &str, action: &str, resource: &str) -> Verdict {
    let document = Document::read(document).unwrap_or_else(|error| panic!("{error}: {document}"));
    evaluate([&document], &asked(action, resource), &context())
}

/// The list of `seeds/001`: the guide's minimal permissions.
const SCENARIO: &str = r#"{"Version":"1","Statement":[{"Effect":"Allow","Resource":"*","Action":[
    "vpc:CreateVpc","vpc:DeleteVpc","vpc:DescribeVpcs","vpc:AllocateEipAddress","vpc:AssociateEipAddress",
    "vpc:DescribeEipAddresses","vpc:UnassociateEipAddress","vpc:ReleaseEipAddress","vpc:CreateVSwitch",
    "vpc:DeleteVSwitch","vpc:DescribeVSwitches","vpc:CreateHaVip","vpc:DeleteHaVip","vpc:AssociateHaVip",
    "vpc:UnassociateHaVip","vpc:DescribeHaVips","ecs:RunInstances","ecs:StartInstances","ecs:StopInstances",
    "ecs:DescribeInstances","ecs:DeleteInstances"]}]}"#;

const VIP: &str = "acs:vpc:local:project-a:havip/havip-a";

#[test]
fn the_guides_list_allows_what_it_names_and_nothing_else() {
    for action in ["vpc:CreateHaVip", "ecs:RunInstances", "vpc:ReleaseEipAddress"] {
        assert_eq!(says(SCENARIO, action, VIP), Verdict::Allowed(At { policy: 0, statement: 0 }), "{action}");
    }
    for action in ["vpc:ModifyHaVipAttribute", "vpc:CreateRouteEntry", "ecs:RunCommand", "havip:DrillVip"] {
        assert_eq!(says(SCENARIO, action, VIP), Verdict::NotAllowed, "{action}");
    }
}

#[test]
fn a_denial_wins_wherever_it_stands() {
    let allow =
        Document::read(r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#);
    let deny = Document::read(
        r#"{"Version":"1","Statement":[{"Effect":"Deny","Action":"vpc:Delete*","Resource":"acs:vpc:*:*:havip/*"}]}"#,
    );
    let (allow, deny) = (allow.unwrap(), deny.unwrap());
    let delete = asked("vpc:DeleteHaVip", VIP);
    for (policies, policy) in [([&allow, &deny], 1), ([&deny, &allow], 0)] {
        let verdict = evaluate(policies, &delete, &context());
        assert_eq!(verdict, Verdict::Denied(At { policy, statement: 0 }));
        let other = asked("vpc:DeleteVpc", "acs:vpc:local:project-a:vpc/vpc-a");
        assert!(evaluate(policies, &other, &context()).is_allowed());
    }
    assert_eq!(evaluate([], &delete, &context()), Verdict::NotAllowed);
}

#[test]
fn actions_are_compared_whatever_their_case_and_resources_are_not() {
    let one = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"VPC:createhavip","Resource":"acs:vpc:*:*:havip/havip-?"}]}"#;
    assert!(says(one, "vpc:CreateHaVip", VIP).is_allowed());
    assert!(!says(one, "vpc:CreateHaVip", "acs:vpc:local:project-a:HAVIP/havip-a").is_allowed());
    assert!(!says(one, "vpc:CreateHaVip", "acs:vpc:local:project-a:havip/havip-ab").is_allowed());
}

#[test]
fn what_is_not_named_can_be_meant() {
    let but = r#"{"Version":"1","Statement":[{"Effect":"Allow","NotAction":["ecs:*","vpc:Delete*"],"NotResource":"acs:vpc:*:*:vpc/*"}]}"#;
    assert!(says(but, "vpc:CreateHaVip", VIP).is_allowed());
    assert!(!says(but, "vpc:DeleteHaVip", VIP).is_allowed());
    assert!(!says(but, "ecs:RunInstances", VIP).is_allowed());
    assert!(!says(but, "vpc:CreateVpc", "acs:vpc:local:project-a:vpc/*").is_allowed());
}

#[test]
fn conditions_hold_of_address_time_transport_and_dialect() {
    for (condition, holds) in [
        (r#"{"IpAddress":{"acs:SourceIp":["198.51.100.0/24","192.0.2.0/24"]}}"#, true),
        (r#"{"IpAddress":{"acs:SourceIp":"192.0.2.9"}}"#, true),
        (r#"{"IpAddress":{"acs:SourceIp":"192.0.2.8"}}"#, false),
        (r#"{"NotIpAddress":{"acs:SourceIp":["198.51.100.0/24","192.0.2.0/24"]}}"#, false),
        (r#"{"DateLessThan":{"acs:CurrentTime":"2023-11-14T22:13:21Z"}}"#, true),
        (r#"{"DateLessThan":{"acs:CurrentTime":"2023-11-14T22:13:20Z"}}"#, false),
        (r#"{"DateLessThanEquals":{"acs:CurrentTime":"2023-11-14T22:13:20Z"}}"#, true),
        (r#"{"DateGreaterThan":{"acs:CurrentTime":"2023-11-14T22:13:20Z"}}"#, false),
        (r#"{"Bool":{"acs:SecureTransport":true}}"#, true),
        (r#"{"Bool":{"acs:SecureTransport":"false"}}"#, false),
        (r#"{"StringEquals":{"havip:Dialect":["aliyun","native"]}}"#, true),
        (r#"{"StringNotEquals":{"havip:Dialect":["aliyun","native"]}}"#, false),
        (r#"{"StringLike":{"havip:Dialect":"ucloud*"}}"#, false),
        (
            r#"{"StringEqualsIgnoreCase":{"havip:Dialect":"Native"},"Bool":{"acs:SecureTransport":"true"}}"#,
            true,
        ),
        (
            r#"{"StringEqualsIgnoreCase":{"havip:Dialect":"Native"},"Bool":{"acs:SecureTransport":"false"}}"#,
            false,
        ),
    ] {
        let document = format!(
            r#"{{"Version":"1","Statement":[{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{condition}}}]}}"#
        );
        assert_eq!(says(&document, "vpc:CreateHaVip", VIP).is_allowed(), holds, "{condition}");
    }
}

fn group(number: u8) -> ResourceGroupId {
    ResourceGroupId::new(Body::from_entropy([number; 16]))
}

#[test]
fn a_condition_on_the_resource_group_holds_of_what_is_in_it_and_an_action_on_some_group_may_ever_be() {
    let (one, other) = (group(1), group(2));
    let document = |effect: &str, operator: &str| {
        let text = format!(
            r#"{{"Version":"1","Statement":[{{"Effect":"Allow","Action":"vpc:*","Resource":"*"}},
                {{"Effect":"{effect}","Action":"*","Resource":"*","Condition":{{"{operator}":{{"acs:ResourceGroupId":"{one}"}}}}}}]}}"#
        );
        Document::read(&text).unwrap()
    };
    let decided = |document: &Document, action: &str, group| {
        let asked = Needed { group, ..asked(action, VIP) };
        evaluate([document], &asked, &context()).is_allowed()
    };
    for (operator, [in_it, in_another, in_none]) in [
        ("StringEquals", [true, false, false]),
        ("StringNotEquals", [false, true, true]),
        ("StringLike", [true, false, false]),
    ] {
        let allows = document("Allow", operator);
        let of_each = [Some(one), Some(other), None].map(|group| decided(&allows, "ecs:RunInstances", group));
        assert_eq!(of_each, [in_it, in_another, in_none], "{operator} allows");
        let denies = document("Deny", operator);
        let of_each = [Some(one), Some(other), None].map(|group| !decided(&denies, "vpc:DeleteHaVip", group));
        assert_eq!(of_each, [in_it, in_another, in_none], "{operator} denies");
        // Nobody knows yet of which group it is.
        assert!(may_ever([&allows], "ecs:RunInstances", &context()), "{operator}");
        assert!(may_ever([&denies], "vpc:DeleteHaVip", &context()), "{operator}");
        assert!(!may_ever([&denies], "ecs:RunInstances", &context()), "{operator}");
    }
}

#[test]
fn what_is_not_understood_is_refused_with_where_it_stands() {
    let statement = |text: &str| format!(r#"{{"Version":"1","Statement":[{text}]}}"#);
    for (document, where_) in [
        ("{".to_string(), "JSON"),
        ("[]".into(), "the policy"),
        (r#"{"Version":"2","Statement":[]}"#.into(), "Version"),
        (r#"{"Version":"1","Statement":[]}"#.into(), "Statement"),
        (r#"{"Version":"1","Statements":[]}"#.into(), "Statements"),
        (statement(r#"{"Effect":"Perhaps","Action":"*","Resource":"*"}"#), "Statement/0/Effect"),
        (statement(r#"{"Effect":"Allow","Resource":"*"}"#), "Action"),
        (statement(r#"{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}"#), "Action"),
        (statement(r#"{"Effect":"Allow","Action":[],"Resource":"*"}"#), "Statement/0/Action"),
        (statement(r#"{"Effect":"Allow","Action":"CreateHaVip","Resource":"*"}"#), "SERVICE:ACTION"),
        (statement(r#"{"Effect":"Allow","Action":"*","Resource":"havip-a"}"#), "acs:SERVICE"),
        (statement(r#"{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}"#), "Principal"),
        (
            statement(
                r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Near":{"acs:SourceIp":"::1"}}}"#,
            ),
            "Near",
        ),
        (
            statement(
                r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"acs:SourceIp":"home"}}}"#,
            ),
            "home",
        ),
        (
            statement(
                r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"acs:Mood":"::1"}}}"#,
            ),
            "acs:SourceIp",
        ),
        (format!("{SCENARIO}{}", " ".repeat(7000)), "6144"),
    ] {
        let error = Document::read(&document).unwrap_err().to_string();
        assert!(error.contains(where_), "{document}: {error}");
    }
}

/// Says the same by recursion, and slowly.
fn naive_fits(pattern: &[char], text: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some(('*', rest)), None) => naive_fits(rest, text),
        (Some(('*', rest)), Some((_, later))) => naive_fits(rest, text) || naive_fits(pattern, later),
        (Some(('?', rest)), Some((_, later))) => naive_fits(rest, later),
        (Some((wanted, rest)), Some((have, later))) => wanted == have && naive_fits(rest, later),
        _ => false,
    }
}

/// One statement as plain data, and what it says by the book.
#[derive(Debug, Clone)]
struct Plain {
    deny: bool,
    not_action: bool,
    actions: Vec<String>,
    not_resource: bool,
    resources: Vec<String>,
    secure: Option<bool>,
    group: Option<(Operator, String)>,
}

#[derive(Debug, Clone, Copy)]
enum Operator {
    Is,
    IsNot,
    IsLike,
}

impl Plain {
    fn json(&self) -> String {
        let list = |all: &[String]| serde_json::to_string(all).unwrap();
        let secure = self.secure.map(|secure| format!(r#""Bool":{{"acs:SecureTransport":"{secure}"}}"#));
        let group = self.group.as_ref().map(|(operator, value)| {
            let operator = match operator {
                Operator::Is => "StringEquals",
                Operator::IsNot => "StringNotEquals",
                Operator::IsLike => "StringLike",
            };
            format!(r#""{operator}":{{"acs:ResourceGroupId":"{value}"}}"#)
        });
        let both: Vec<String> = secure.into_iter().chain(group).collect();
        let condition = (!both.is_empty()).then(|| format!(r#","Condition":{{{}}}"#, both.join(",")));
        format!(
            r#"{{"Effect":"{}","{}Action":{},"{}Resource":{}{}}}"#,
            if self.deny { "Deny" } else { "Allow" },
            if self.not_action { "Not" } else { "" },
            list(&self.actions),
            if self.not_resource { "Not" } else { "" },
            list(&self.resources),
            condition.unwrap_or_default(),
        )
    }

    fn is_about(&self, action: &str, resource: &str, group: &str) -> bool {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        let any = |patterns: &[String], text: &str| {
            patterns.iter().any(|pattern| naive_fits(&chars(pattern), &chars(text)))
        };
        let lower: Vec<String> = self.actions.iter().map(|action| action.to_lowercase()).collect();
        any(&lower, &action.to_lowercase()) != self.not_action
            && any(&self.resources, resource) != self.not_resource
            && self.secure.is_none_or(|secure| secure)
            && self.group.as_ref().is_none_or(|(operator, value)| match operator {
                Operator::Is => value == group,
                Operator::IsNot => value != group,
                Operator::IsLike => naive_fits(&chars(value), &chars(group)),
            })
    }
}

fn plain() -> impl Strategy<Value = Plain> {
    let actions = prop::collection::vec("(v|V|\\*)[a-c?*]{0,3}:[a-c?*A-C]{0,4}|\\*", 1..3);
    let resources = prop::collection::vec("acs:[a-c?*:]{0,6}|\\*", 1..3);
    (
        any::<bool>(),
        prop::bool::weighted(0.2),
        actions,
        prop::bool::weighted(0.2),
        resources,
        any::<Option<bool>>(),
        prop::option::of((
            prop::sample::select(vec![Operator::Is, Operator::IsNot, Operator::IsLike]),
            prop::sample::select(vec![
                group(1).to_string(),
                group(2).to_string(),
                "rg-*".into(),
                "*".into(),
                String::new(),
            ]),
        )),
    )
        .prop_map(|(deny, not_action, actions, not_resource, resources, secure, group)| Plain {
            deny,
            not_action,
            actions,
            not_resource,
            resources,
            secure,
            group,
        })
}

proptest! {
    #[test]
    fn a_pattern_fits_what_the_recursion_says(pattern in "[ab中?*]{0,8}", text in "[ab中]{0,10}") {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        prop_assert_eq!(Pattern::new(&*pattern).fits(&text), naive_fits(&chars(&pattern), &chars(&text)));
    }

    /// Any denial denies; else any allowance allows; else nothing does. And what may never be is never allowed.
    #[test]
    fn the_evaluator_says_what_the_book_says(
        policies in prop::collection::vec(prop::collection::vec(plain(), 1..4), 0..3),
        action in "v[a-c]{0,3}:[a-cA-C]{0,3}",
        resource in "acs:[a-c:]{0,5}",
        within in prop::option::of(1u8..4),
    ) {
        let documents: Vec<Document> = policies
            .iter()
            .map(|statements| {
                let all: Vec<String> = statements.iter().map(Plain::json).collect();
                Document::read(&format!(r#"{{"Version":"1","Statement":[{}]}}"#, all.join(","))).unwrap()
            })
            .collect();
        let within = within.map(group);
        let shown = within.map(|group| group.to_string()).unwrap_or_default();
        let asked = Needed { group: within, ..asked(&action, &resource) };
        let about = policies.iter().flatten().filter(|one| one.is_about(&action, &resource, &shown));
        let (denials, allowances): (Vec<&Plain>, Vec<&Plain>) = about.partition(|one| one.deny);
        let verdict = evaluate(&documents, &asked, &context());
        match verdict {
            Verdict::Denied(at) => {
                let named = &policies[at.policy][at.statement];
                prop_assert!(named.deny && named.is_about(&action, &resource, &shown));
            }
            Verdict::Allowed(at) => {
                let named = &policies[at.policy][at.statement];
                prop_assert!(denials.is_empty() && !named.deny && named.is_about(&action, &resource, &shown));
                prop_assert!(may_ever(&documents, &action, &context()));
            }
            Verdict::NotAllowed => prop_assert!(denials.is_empty() && allowances.is_empty()),
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = Document::read(&text);
    }
}
