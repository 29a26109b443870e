//! Raw frames of one device.
