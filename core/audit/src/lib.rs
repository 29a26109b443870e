//! Who did what: a chain of entries that nobody can change unnoticed.
//!
//! Each entry carries the hash of the one before it, and its own over everything in it. Whoever changes, removes or
//! inserts one must change all behind it, and then the last hash is another than the one that was noted elsewhere.
//! The oldest entries are forgotten: the first that is left names the hash of its predecessor all the same.

mod chain;
mod entry;
mod refusals;

pub use chain::{Broken, Chain, Verifier};
pub use entry::{Entry, Noted, Outcome};
pub use refusals::{Refusals, VARIOUS};
