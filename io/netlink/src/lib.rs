//! Devices, addresses, neighbours and namespaces of Linux.
