//! Typed header fields: parsed at the edge, written at the edge.
