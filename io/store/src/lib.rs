//! Revisions of keys that survive power loss: SQLite behind a small trait.
