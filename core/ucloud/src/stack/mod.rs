//! UCloudStack's actions.

mod eip;
mod group;
mod network;
mod nic;
mod texts;
mod vip;
mod vm;

use crate::action::Action;

/// All of them.
pub const TABLES: &[&[Action]] =
    &[vip::ACTIONS, network::ACTIONS, vm::ACTIONS, nic::ACTIONS, eip::ACTIONS, group::ACTIONS];
