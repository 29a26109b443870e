//! Names of resources: a prefix that says the kind, a random body that is never reused.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The part of an id that every API shares: 20 characters of a–z and 0–9.
///
/// Each dialect shows its own prefix and length of the same body (`design.md` section 8).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Body([u8; Body::LEN]);

impl Body {
    /// Characters in a body: 36²⁰ is 103 bits, so two random ones never meet.
    pub const LEN: usize = 20;

    /// Spells 16 random bytes; the caller brings the randomness.
    pub fn from_entropy(entropy: [u8; 16]) -> Self {
        let mut rest = u128::from_be_bytes(entropy);
        Self(std::array::from_fn(|_| {
            let digit = ALPHABET[(rest % 36) as usize];
            rest /= 36;
            digit
        }))
    }

    /// The body as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a body holds only a-z and 0-9")
    }

    /// The beginning of the body that tells two resources of a kind apart, for APIs with short ids.
    pub fn head(&self) -> &str {
        &self.as_str()[..Self::HEAD]
    }

    /// Characters of a [`head`](Self::head): no two resources of a kind are made with the same ones.
    pub const HEAD: usize = 8;

    /// The least body that begins so; none if nothing can.
    pub(crate) fn least(head: &str) -> Option<Self> {
        let bytes = head.as_bytes();
        let fits = bytes.len() <= Self::LEN && bytes.iter().all(|byte| ALPHABET.contains(byte));
        // '0' comes before every letter.
        fits.then(|| Self(std::array::from_fn(|at| bytes.get(at).copied().unwrap_or(b'0'))))
    }
}

/// An id of any kind: a kind and a body.
pub trait Id: Copy + Ord {
    /// The id with this body.
    fn of(body: Body) -> Self;
    /// The part that every API shares.
    fn body_of(&self) -> Body;
}

impl FromStr for Body {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let bytes: [u8; Self::LEN] = text.as_bytes().try_into().map_err(|_| IdError::Length(text.len()))?;
        match bytes.iter().all(|b| ALPHABET.contains(b)) {
            true => Ok(Self(bytes)),
            false => Err(IdError::Character),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The prefix is of another kind of resource, or missing.
    #[error("expected an id that begins with {expected:?}, got {got:?}")]
    Prefix {
        /// What such an id begins with, dash included.
        expected: &'static str,
        /// The whole text.
        got: String,
    },
    /// The body has the wrong length.
    #[error("the part behind the dash has {0} characters, it must have 20")]
    Length(usize),
    /// The body holds something else than a–z and 0–9.
    #[error("the part behind the dash may hold only a-z and 0-9")]
    Character,
}

macro_rules! resource_id {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(Body);

        impl $name {
            /// What every id of this kind begins with.
            pub const PREFIX: &'static str = $prefix;
            /// The id with this body.
            pub const fn new(body: Body) -> Self { Self(body) }
            /// The part that every API shares.
            pub const fn body(&self) -> Body { self.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{}{}", $prefix, self.0.as_str()) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(self, f) }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let body = text.strip_prefix($prefix)
                    .ok_or_else(|| IdError::Prefix { expected: $prefix, got: text.chars().take(64).collect() })?;
                Ok(Self(body.parse()?))
            }
        }
        impl Id for $name {
            fn of(body: Body) -> Self { Self(body) }
            fn body_of(&self) -> Body { self.0 }
        }
        impl From<$name> for String { fn from(id: $name) -> String { id.to_string() } }
        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> { text.parse() }
        }
    )*};
}

resource_id! {
    /// A VPC.
    VpcId = "vpc-";
    /// A subnet.
    SubnetId = "subnet-";
    /// A network interface (ENI).
    InterfaceId = "eni-";
    /// An instance.
    InstanceId = "i-";
    /// A VIP.
    VipId = "vip-";
    /// A pool of public addresses.
    EipPoolId = "pool-";
    /// A public address.
    EipId = "eip-";
    /// A custom route.
    RouteId = "route-";
    /// A security group.
    SecurityGroupId = "sg-";
    /// A resource group.
    ResourceGroupId = "rg-";
    /// A deployment set.
    DeploymentSetId = "ds-";
    /// A host.
    HostId = "host-";
    /// An access key.
    AccessKeyId = "key-";
    /// A project.
    ProjectId = "project-";
    /// A user.
    UserId = "user-";
    /// A policy.
    PolicyId = "policy-";
    /// A request for another limit.
    QuotaRequestId = "quotareq-";
}

const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_what_it_shows() {
        let id = VipId::new(Body::from_entropy([7; 16]));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{id}\""));
    }

    #[test]
    fn an_id_of_another_kind_is_refused_by_name() {
        let error = "eip-aaaaaaaaaaaaaaaaaaaa".parse::<VipId>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected an id that begins with \"vip-\", got \"eip-aaaaaaaaaaaaaaaaaaaa\""
        );
    }
}
