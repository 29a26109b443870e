//! The keeper alone: what it orders, when it wakes, and what it never does whatever it is told.

mod anything;
mod scene;
mod timelines;
