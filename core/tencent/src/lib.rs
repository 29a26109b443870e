//! Tencent Cloud's API 3.0 for networks (`vpc`) and servers (`cvm`), both of version 2017-03-12.
//!
//! Bytes of a request become a [`Call`](havip_dialect::Call) by somebody who is known, results become bytes.

mod action;
mod ask;
mod authenticate;
pub mod client;
mod dispatch;
mod error;
mod list;
mod name;
mod permission;
mod reply;
mod tag;
mod tc3;
mod v1;

pub use dispatch::{is_for_us, understand};

/// Every action and its parameters, for the documentation: name, honoured, of no effect.
pub fn table() -> impl Iterator<Item = (&'static str, &'static [&'static str], &'static [&'static str])> {
    action::all().map(|action| (action.name, action.honoured, action.harmless))
}
