//! The stories, by what they are about. Each has a lab of its own.

mod applications;
mod assist;
mod claims;
mod contests;
mod daemons;
mod drill;
mod eip;
mod external;
mod failover;
mod faults;
mod history;
mod hosts;
mod ipv6;
mod lifecycle;
mod machines;
mod mtu;
mod noise;
mod path;
mod scenario;
mod software;
mod spoofing;
mod systemd;
mod trace;
mod trust;
