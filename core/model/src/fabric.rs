//! Small numbers that the switch uses as keys, given by the server and never reused while a host may hold them.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A number outside its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value} is outside {least}..={most}")]
pub struct OutOfRange {
    what: &'static str,
    value: u32,
    least: u32,
    most: u32,
}

/// The text is not such a number in plain digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{got:?} is not the number of a {what}")]
pub struct NotANumber {
    what: &'static str,
    got: String,
}

macro_rules! number {
    ($($(#[$doc:meta])* $name:ident: $what:literal in $least:expr, $most:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "u32", try_from = "u32")]
        pub struct $name(u32);

        impl $name {
            /// The least one.
            pub const MIN: Self = Self($least);
            /// The greatest one.
            pub const MAX: Self = Self($most);

            /// Takes a number within [`Self::MIN`] and [`Self::MAX`].
            pub const fn new(value: u32) -> Result<Self, OutOfRange> {
                // The ranges that begin with 0 compare in vain here.
                #[allow(clippy::absurd_extreme_comparisons, unused_comparisons)]
                if value < $least || value > $most {
                    return Err(OutOfRange { what: $what, value, least: $least, most: $most });
                }
                Ok(Self(value))
            }
            /// The number.
            pub const fn get(self) -> u32 { self.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(&self.0, f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, concat!($what, " {}"), self.0) }
        }
        impl FromStr for $name {
            type Err = NotANumber;
            fn from_str(text: &str) -> Result<Self, NotANumber> {
                let bad = || NotANumber { what: $what, got: text.chars().take(64).collect() };
                let value: u32 = text.parse().map_err(|_| bad())?;
                let number = Self::new(value).map_err(|_| bad())?;
                (value.to_string() == text).then_some(number).ok_or_else(bad)
            }
        }
        impl From<$name> for u32 { fn from(number: $name) -> u32 { number.0 } }
        impl TryFrom<u32> for $name {
            type Error = OutOfRange;
            fn try_from(value: u32) -> Result<Self, OutOfRange> { Self::new(value) }
        }
    )*};
}

number! {
    /// A VPC's number on the wire: 22 bits, as bit 23 is the mark of rule C8 and the top is for announcements.
    Vni: "VNI" in 1, (1 << 22) - 1;
    /// A host's number; the switch packs it beside a released bit, so 31 bits.
    HostNumber: "host" in 1, (1 << 31) - 1;
    /// An interface's number in every switch.
    PortNumber: "port" in 1, u32::MAX;
    /// A subnet's number in every switch; link-local addresses are keyed by it.
    SubnetNumber: "subnet" in 1, (1 << 31) - 1;
    /// A security group's number in every switch.
    GroupNumber: "security group" in 1, u32::MAX;
    /// A rule's number in every switch.
    RuleNumber: "rule" in 1, u32::MAX;
    /// The number of one state of a security group's rules; the switch packs it beside a direction, so 31 bits.
    Edition: "edition" in 1, (1 << 31) - 1;
}

impl SubnetNumber {
    /// The bit that numbers of external subnets have: every hook knows them by it, and frames of such a segment travel
    /// between hosts under its number.
    pub const EXTERNAL: u32 = 1 << 21;

    /// Whether the subnet is a part of a provider's network.
    pub const fn is_external(self) -> bool {
        self.0 & Self::EXTERNAL != 0
    }
}
