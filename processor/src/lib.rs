//! Replica, runtime, projector and reconciliation.
