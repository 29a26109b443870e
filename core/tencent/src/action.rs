//! The table of actions: which parameters each honours, what it does, what it answers.

mod eip;
mod group;
mod havip;
mod image;
mod instance;
mod interface;
mod place;
mod placement;
mod policy;
mod server;
mod subnet;
mod task;
mod used;
mod vpc;

use crate::ask::Ask;
use havip_admission::Code;
use havip_dialect::{Error, Step, View};
use havip_model::ResourceKey;
use serde_json::{Value, json};

/// One action.
pub struct Action {
    /// Its name; no name is of both services.
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
        /// Its own words for refusals, where they are others than usual.
        refused: fn(Code) -> Option<&'static str>,
    },
}

/// Every action.
pub fn all() -> impl Iterator<Item = &'static Action> {
    let tables = [
        havip::ACTIONS,
        vpc::ACTIONS,
        subnet::ACTIONS,
        used::ACTIONS,
        eip::ACTIONS,
        interface::ACTIONS,
        group::ACTIONS,
        policy::ACTIONS,
        server::ACTIONS,
        instance::ACTIONS,
        task::ACTIONS,
        place::ACTIONS,
        image::ACTIONS,
        placement::ACTIONS,
    ];
    tables.into_iter().flatten()
}

/// An answer that says no more than that it is done.
fn done(_: &Ask, _: &View, _: &[ResourceKey]) -> Value {
    json!({})
}

/// The same, with a task's number, which is made of the request's.
fn task(_: &Ask, _: &View, _: &[ResourceKey]) -> Value {
    json!({"TaskId": null})
}
