//! The native API and the clouds' own over HTTP: translation to the rules and back, nothing else.

mod access;
mod action;
mod answer;
mod ask;
mod audit;
mod deployment_set;
mod dialect;
mod document;
mod eip;
mod event;
mod flow;
mod group;
mod host;
mod identity;
mod interface;
mod list;
mod machine;
mod metrics;
mod network;
mod parse;
mod path;
mod policy;
mod problem;
mod quota;
mod resource_group;
mod rule;
mod serve;
mod standing;
mod tag;
mod trace;
mod vip;

pub use document::document;
pub use serve::serve;
