//! Shapes of the native API and its client.
