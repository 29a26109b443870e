//! Alibaba Cloud's API for VPCs (version 2016-04-28) and servers (2014-05-26).
//!
//! Bytes of a request become a [`Call`](havip_dialect::Call) by somebody who is known, results become bytes.

mod action;
mod ask;
mod authenticate;
pub mod client;
mod dispatch;
mod error;
mod name;
mod page;
mod permission;
mod reply;
mod v1;
mod v3;

pub use dispatch::{is_for_us, understand};
pub use permission::ALL as PERMISSIONS;

/// Every action and its parameters, for the documentation: name, honoured, of no effect.
pub fn table() -> impl Iterator<Item = (&'static str, &'static [&'static str], &'static [&'static str])> {
    action::all().map(|action| (action.name, action.honoured, action.harmless))
}
