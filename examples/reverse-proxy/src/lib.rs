//! reverse-proxy
