//! Decisions as a user meets them, each refusal in a table, and random ones that must break nothing.

mod deployment_sets;
mod effects;
mod invariants;
mod refusals;
mod resource_groups;
mod scene;
mod shares;
mod tags;
