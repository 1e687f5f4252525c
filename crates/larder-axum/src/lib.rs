//! larder-axum
