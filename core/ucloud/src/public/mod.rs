//! UCloud's actions.

mod network;
mod vip;

pub use vip::blocked;

use crate::action::Action;

/// All of them.
pub const TABLES: &[&[Action]] = &[vip::ACTIONS, network::ACTIONS];
