//! Whole topologies in network namespaces of one machine, and the vocabulary of the system tests.
