//! Whether a request may happen, with the reason.
