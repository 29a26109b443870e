//! UCloud's API at `/`, and UCloudStack's, which has the same signature and other actions, at `/api`.
//!
//! Bytes of a request become a [`Call`](havip_dialect::Call) by somebody who is known, results become bytes.

mod action;
mod ask;
mod authenticate;
pub mod client;
mod dispatch;
mod error;
mod name;
mod permission;
mod public;
mod reply;
mod stack;

pub use dispatch::{STACK, is_for_us, understand};

/// Every action of UCloud, or of UCloudStack, and its parameters, for the documentation: name, honoured, of no effect.
pub fn table(
    is_stack: bool,
) -> impl Iterator<Item = (&'static str, &'static [&'static str], &'static [&'static str])> {
    action::all(is_stack).map(|action| (action.name, action.honoured, action.harmless))
}
