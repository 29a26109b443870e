//! Everything dies, in any order and combination, and VIPs move all the while: what must be so after each step.
//!
//! [`Plan`] chooses the steps from a seed, [`World`] knows by the rules alone what each host's kernel must have then,
//! and [`Storm`] takes the steps in a lab and compares. The stories and `cargo xtask soak` share it.

mod account;
mod duel;
mod growth;
mod plan;
mod random;
mod step;
mod storm;
mod world;

pub use duel::{Duel, Fall};
pub use growth::Growth;
pub use plan::Plan;
pub use random::{Random, seed};
pub use step::Step;
pub use storm::{Figures, Storm};
pub use world::{View, World};
