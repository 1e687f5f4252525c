//! Primary keys, partitions and selecting header fields.
