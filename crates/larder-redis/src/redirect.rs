//! [`Redirect`]: that a key is at another node.

use redis::Value;

use crate::address::Address;

/// Where a node of a cluster says that a key is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Redirect {
    host: String,
    port: u16,
    /// For this request only, since the slot is on its way there (`ASK`).
    pub(crate) is_once: bool,
}

impl Redirect {
    pub(crate) fn of(answer: &Value) -> Option<Self> {
        let Value::ServerError(error) = answer else {
            return None;
        };
        let is_once = match error.code() {
            "ASK" => true,
            "MOVED" => false,
            _ => return None,
        };
        // `12182 127.0.0.1:7001`, and the host may be missing or an IPv6 address without brackets.
        let (host, port) = error.details()?.split_once(' ')?.1.rsplit_once(':')?;
        Some(Self {
            host: host.to_owned(),
            port: port.parse().ok()?,
            is_once,
        })
    }

    pub(crate) fn is_to(&self, address: &Address) -> bool {
        let Address::Tcp { host, port, .. } = address else {
            return false;
        };
        *port == self.port && (*host == self.host || self.host.is_empty())
    }
}
