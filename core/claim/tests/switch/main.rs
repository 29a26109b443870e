//! What a switch does with one packet or order, rule by rule.

mod asks;
mod claims;
mod records;
mod relays;
mod scene;
