//! The server: API, rules, store, and the stream to agents.
