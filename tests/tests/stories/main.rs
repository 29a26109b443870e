//! The stories, by what they are about. Each has a lab of its own.

mod claims;
mod daemons;
mod eip;
mod external;
mod failover;
mod lifecycle;
mod scenario;
mod spoofing;
