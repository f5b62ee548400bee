//! linli-probe.
