//! How fast, against which baseline: what the benches share.
//!
//! Each bench answers one question, runs its baseline in the same process in turns with ours, and prints
//! medians with their spread and the number of trials. Nothing here passes or fails.

pub mod clouds;
pub mod crowd;
pub mod fabric;
pub mod interrupt;
pub mod memory;
pub mod plain;
pub mod post;
pub mod priority;
pub mod report;
pub mod sender;
pub mod stats;
pub mod traffic;
