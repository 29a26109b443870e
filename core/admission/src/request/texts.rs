//! What several requests have: texts, and the choice of an address.

use std::net::IpAddr;

/// A name and a description.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Texts {
    /// The name.
    pub name: String,
    /// The description.
    pub description: String,
}

/// A new name, a new description, or both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewTexts {
    /// The new name.
    pub name: Option<String>,
    /// The new description.
    pub description: Option<String>,
}

/// Which address something is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// The lowest free one.
    #[default]
    Automatic,
    /// This one.
    Chosen(IpAddr),
    /// None; interfaces only.
    Without,
}
