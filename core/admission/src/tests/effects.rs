//! What an admitted request changes, beyond what it was about.
