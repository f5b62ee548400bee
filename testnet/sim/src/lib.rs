//! linli-sim.
