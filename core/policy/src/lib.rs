//! What policies say about who may do what.
//!
//! A policy is a document as RAM has them: statements that allow or deny actions on resources, under conditions.
//! What no statement allows is not allowed; what one denies is denied, whatever others allow.
//! The same documents decide for the native API and for every dialect: what is asked is named by [`needed`] alike,
//! whichever API it came through.

mod condition;
mod document;
mod evaluate;
mod needed;
mod pattern;

pub use condition::Context;
pub use document::{Document, DocumentError, Effect, Statement};
pub use evaluate::{At, Verdict, evaluate, may_ever};
pub use needed::{Needed, all_of, arn, group_of, needed, resource_of};
pub use pattern::Pattern;
