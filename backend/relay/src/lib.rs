//! The relay: verify, store, forward, watch.
