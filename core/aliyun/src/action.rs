//! The table of actions: which parameters each honours, what it does, what it answers.

mod deployment_set;
mod eip;
mod group;
mod havip;
mod instance;
mod interface;
mod place;
pub mod resource_group;
mod route;
mod rule;
mod server;
pub mod tag;
mod vpc;
mod vswitch;

use crate::ask::Ask;
use havip_admission::Refusal;
use havip_dialect::{Error, Step, View};
use havip_model::ResourceKey;
use serde_json::{Value, json};

/// One action.
pub struct Action {
    /// Its name.
    pub name: &'static str,
    /// The version of the API that it is of; none if both mean the same by it.
    pub product: Option<&'static str>,
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
        /// Its own words for refusals, where they are others than usual.
        refused: fn(&Refusal) -> Option<(u16, &'static str)>,
    },
}

/// Every action.
pub fn all() -> impl Iterator<Item = &'static Action> {
    let tables = [
        havip::ACTIONS,
        vpc::ACTIONS,
        vswitch::ACTIONS,
        eip::ACTIONS,
        route::ACTIONS,
        server::ACTIONS,
        deployment_set::ACTIONS,
        instance::ACTIONS,
        interface::ACTIONS,
        group::ACTIONS,
        rule::ACTIONS,
        tag::ACTIONS,
        resource_group::ACTIONS,
        place::ACTIONS,
    ];
    tables.into_iter().flatten()
}

/// An answer that says no more than that it is done.
fn done(_: &Ask, _: &View, _: &[ResourceKey]) -> Value {
    json!({})
}
