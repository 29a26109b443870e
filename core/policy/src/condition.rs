//! Conditions: what must be so besides action and resource.

use crate::{DocumentError, Pattern};
use havip_model::ResourceGroupId;
use ipnet::IpNet;
use std::net::IpAddr;

/// What is known of a request besides action and resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// From which address it came.
    pub source: Option<IpAddr>,
    /// When, in seconds since 1970.
    pub now: i64,
    /// Whether it came encrypted.
    pub is_secure: bool,
    /// Through which API: `native`, `aliyun`, `tencent`, `ucloud`, `ucloudstack`.
    pub dialect: &'static str,
}

/// One operator on one key: any of the values must hold; with a negated operator none may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    is_negated: bool,
    tests: Vec<Test>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Text { key: Text, how: How, value: Pattern },
    Source(IpNet),
    Secure(bool),
    Time(Order, i64),
}

/// A key whose value is a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    Dialect,
    Source,
    Group,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Exactly,
    AnyCase,
    Like,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Equal,
    Before,
    BeforeOrEqual,
    After,
    AfterOrEqual,
}

impl Condition {
    /// Reads an operator, a key and its values.
    pub fn read(operator: &str, key: &str, values: &[String]) -> Result<Self, DocumentError> {
        let wrong =
            |what: String| DocumentError::Condition { operator: operator.into(), key: key.into(), what };
        let (base, is_negated) = match operator {
            "NotIpAddress" => ("IpAddress", true),
            "StringNotEquals" => ("StringEquals", true),
            "StringNotEqualsIgnoreCase" => ("StringEqualsIgnoreCase", true),
            "StringNotLike" => ("StringLike", true),
            "DateNotEquals" => ("DateEquals", true),
            other => (other, false),
        };
        let tests = values.iter().map(|value| test(base, key, value).map_err(&wrong));
        let tests = tests.collect::<Result<Vec<_>, _>>()?;
        match tests.is_empty() {
            true => Err(wrong("there is no value".into())),
            false => Ok(Self { is_negated, tests }),
        }
    }

    /// Whether it holds of something in this resource group; what is in none has the empty text.
    pub fn holds(&self, context: &Context, group: Option<ResourceGroupId>) -> bool {
        self.tests.iter().any(|test| test.holds(context, group)) != self.is_negated
    }

    /// Whether it depends on what is asked for.
    pub fn is_about_group(&self) -> bool {
        self.tests.iter().any(|test| matches!(test, Test::Text { key: Text::Group, .. }))
    }
}

fn test(operator: &str, key: &str, value: &str) -> Result<Test, String> {
    let how = match operator {
        "StringEquals" => Some(How::Exactly),
        "StringEqualsIgnoreCase" => Some(How::AnyCase),
        "StringLike" => Some(How::Like),
        _ => None,
    };
    if let Some(how) = how {
        let key = match key {
            "havip:Dialect" => Text::Dialect,
            "acs:SourceIp" => Text::Source,
            "acs:ResourceGroupId" => Text::Group,
            _ => {
                let known = "havip:Dialect, acs:SourceIp and acs:ResourceGroupId";
                return Err(format!("this operator takes the keys {known}"));
            }
        };
        return Ok(Test::Text { key, how, value: Pattern::new(value) });
    }
    let order = match operator {
        "DateEquals" => Some(Order::Equal),
        "DateLessThan" => Some(Order::Before),
        "DateLessThanEquals" => Some(Order::BeforeOrEqual),
        "DateGreaterThan" => Some(Order::After),
        "DateGreaterThanEquals" => Some(Order::AfterOrEqual),
        _ => None,
    };
    match (operator, key, order) {
        (_, "acs:CurrentTime", Some(order)) => {
            let at: jiff::Timestamp = value
                .parse()
                .map_err(|_| format!("{value:?} is not an instant such as 2026-11-27T00:00:00Z"))?;
            Ok(Test::Time(order, at.as_second()))
        }
        ("IpAddress", "acs:SourceIp", _) => {
            let one = value.parse::<IpAddr>().map(IpNet::from);
            let net = value.parse::<IpNet>().or(one);
            net.map(Test::Source).map_err(|_| format!("{value:?} is not an address or a range"))
        }
        ("Bool", "acs:SecureTransport", _) => match value {
            "true" => Ok(Test::Secure(true)),
            "false" => Ok(Test::Secure(false)),
            _ => Err(format!("{value:?} is neither true nor false")),
        },
        (_, _, Some(_)) => Err("this operator takes the key acs:CurrentTime".into()),
        ("IpAddress", ..) => Err("this operator takes the key acs:SourceIp".into()),
        ("Bool", ..) => Err("this operator takes the key acs:SecureTransport".into()),
        _ => Err("there is no such operator".into()),
    }
}

impl Test {
    fn holds(&self, context: &Context, group: Option<ResourceGroupId>) -> bool {
        match self {
            Self::Text { key, how, value } => {
                let text = match key {
                    Text::Dialect => context.dialect.to_string(),
                    Text::Source => context.source.map(|source| source.to_string()).unwrap_or_default(),
                    Text::Group => group.map(|group| group.to_string()).unwrap_or_default(),
                };
                match how {
                    How::Exactly => value.as_str() == text,
                    How::AnyCase => value.as_str().eq_ignore_ascii_case(&text),
                    How::Like => value.fits(&text),
                }
            }
            Self::Source(net) => context.source.is_some_and(|source| net.contains(&source.to_canonical())),
            Self::Secure(wanted) => context.is_secure == *wanted,
            Self::Time(order, at) => match order {
                Order::Equal => context.now == *at,
                Order::Before => context.now < *at,
                Order::BeforeOrEqual => context.now <= *at,
                Order::After => context.now > *at,
                Order::AfterOrEqual => context.now >= *at,
            },
        }
    }
}
