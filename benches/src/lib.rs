//! How fast, against which baseline.
