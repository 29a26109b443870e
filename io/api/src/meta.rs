//! What all resources have in common, pages, and the parameters of changes.

use crate::Status;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};
use utoipa::{IntoParams, ToSchema};

/// Common to every resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Meta {
    /// Its name in every API, never reused.
    pub id: String,
    /// Given by the user; may be empty, need not be unique.
    pub name: String,
    /// Given by the user; may be empty.
    pub description: String,
    /// When it was made.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When its specification last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// Counts changes of the specification, from 1; in quotes it is the ETag.
    pub generation: u64,
    /// The generation that every live host has acknowledged.
    pub observed_generation: u64,
    /// How far the world is with it.
    pub status: Status,
    /// Why, in words; empty where there is nothing to say.
    pub reason: String,
    /// What it is sorted by: keys with values, which may be empty.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The id of the resource group that it is in; says nothing of hosts, pools and groups themselves.
    #[serde(default)]
    pub resource_group: String,
}

/// Anything with a [`Meta`].
pub trait Resource {
    /// What it has in common with all others.
    fn meta(&self) -> &Meta;
}

macro_rules! resources {
    ($($name:ty),*) => {$(
        impl Resource for $name {
            fn meta(&self) -> &Meta { &self.meta }
        }
    )*};
}
resources!(
    crate::ResourceGroup,
    crate::DeploymentSet,
    crate::Vpc,
    crate::Subnet,
    crate::Route,
    crate::SecurityGroup,
    crate::Interface,
    crate::Instance,
    crate::Vip,
    crate::EipPool,
    crate::Eip,
    crate::Host
);

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// At most `limit` of them.
    pub items: Vec<T>,
    /// What to send as `after` for the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A change of what every resource has; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Update {
    /// The new name, at most 128 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new description, at most 256 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// How long the answer to a change may wait until the resource's status is settled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wait(pub Duration);

impl Wait {
    /// The longest one.
    pub const MAX: Duration = Duration::from_secs(60);
}

impl std::fmt::Display for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}ms", self.0.as_millis())
    }
}

impl std::str::FromStr for Wait {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a time such as 10s or 500ms, at most 60s");
        let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        let wait = match (unit, digits.len()) {
            ("ms", ..=5) => Duration::from_millis(number),
            ("s", ..=2) => Duration::from_secs(number),
            _ => return Err(wrong()),
        };
        if wait > Self::MAX {
            return Err(wrong());
        }
        Ok(Self(wait))
    }
}

/// The parameter of creations and changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct WithWait {
    /// Answer when the status is settled, or after this time: `10s`, `500ms`, at most `60s`.
    #[param(pattern = "^([0-9]{1,5}ms|[0-9]{1,2}s)$")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<String>,
}

/// The parameters of deletions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Unbind {
    /// Unbind it first: a VIP from associations, EIP and routes, an EIP from its target.
    #[serde(default)]
    pub unbind: bool,
    /// Answer when it is gone everywhere, or after this time: `10s`, `500ms`, at most `60s`.
    #[param(pattern = "^([0-9]{1,5}ms|[0-9]{1,2}s)$")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<String>,
}

/// How an instance is stopped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// Let others have its share of the host until it is started, which then needs room there.
    #[serde(default)]
    pub give_up_share: bool,
    /// Answer when it is done everywhere, or after this time: `10s`, `500ms`, at most `60s`.
    #[param(pattern = "^([0-9]{1,5}ms|[0-9]{1,2}s)$")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<String>,
}

/// Numbers beyond 2⁵³, as texts: many readers of JSON would round them.
pub(crate) mod number_as_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(number: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(number)
    }
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// A field of a change that may be absent (stays), null (cleared) or a value.
pub(crate) mod present {
    use serde::{Deserialize, Deserializer};

    pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        Option::deserialize(from).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_reads_back_what_it_shows_and_has_an_end() {
        assert_eq!("10s".parse(), Ok(Wait(Duration::from_secs(10))));
        assert_eq!(
            Wait(Duration::from_millis(1500)).to_string().parse(),
            Ok(Wait(Duration::from_millis(1500)))
        );
        for wrong in ["", "s", "10", "10m", "61s", "-1s", "007s", "99999999999999999999s"] {
            assert!(wrong.parse::<Wait>().is_err(), "{wrong}");
        }
    }
}
