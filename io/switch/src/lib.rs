//! The eBPF switch: programs, pinned maps, rings.
