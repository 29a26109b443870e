//! Instances: the sandbox of namespaces that runs them.
