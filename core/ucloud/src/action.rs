//! The tables of actions: which parameters each honours, what it does, what it answers.

use crate::{ask::Ask, public, stack};
use havip_dialect::{Error, Step, View};
use havip_model::ResourceKey;
use serde_json::{Value, json};

/// One action.
pub struct Action {
    /// Its name.
    pub name: &'static str,
    /// Parameters that have the effect that the cloud describes, or are refused with the value at hand.
    pub honoured: &'static [&'static str],
    /// Parameters that are taken and have no effect: billing, mostly. The documentation lists them.
    pub harmless: &'static [&'static str],
    /// What it does.
    pub does: Does,
}

/// What an action does.
pub enum Does {
    /// Shows something.
    Read(fn(&Ask, &View) -> Result<Value, Error>),
    /// Changes something.
    Change {
        /// What it asks of the rules.
        plan: fn(&Ask, &View) -> Result<Vec<Step>, Error>,
        /// What it answers.
        answer: fn(&Ask, &View, &[ResourceKey]) -> Value,
    },
}

/// Every action of one of the two clouds.
pub fn all(is_stack: bool) -> impl Iterator<Item = &'static Action> {
    let tables = if is_stack { stack::TABLES } else { public::TABLES };
    tables.iter().copied().flatten()
}

/// An answer that says no more than that it is done.
pub fn done(_: &Ask, _: &View, _: &[ResourceKey]) -> Value {
    json!({})
}
