//! The agent of one host: ports, maps, instances, reports.
