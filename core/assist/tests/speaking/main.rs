//! When the switch speaks for the dead: as a table, on timelines, and whatever happens.

mod anything;
mod scene;
mod table;
mod timelines;
