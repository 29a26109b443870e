//! The server: API, rules, store, and the stream to agents.
//!
//! A request is translated (`http`, `agents`), decided by pure rules on the newest state and committed
//! (`service`, `ledger`), and shown from what is durable (`shape`).

mod access;
mod agents;
mod authority;
mod config;
mod entropy;
mod files;
mod http;
mod ledger;
mod outage;
mod run;
mod secrets;
mod service;
mod shape;

pub use config::{Args, Config, Quotas, Throttle};
pub use run::{Server, run};

/// The description of the API (OpenAPI 3.1), as JSON.
pub fn openapi() -> String {
    let document = http::document();
    document.to_pretty_json().expect("the description holds only what JSON can say") + "\n"
}
