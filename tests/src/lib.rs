//! Whole stories in the lab with unmodified software.
