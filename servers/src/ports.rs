use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// A port that nobody listens on at this moment; another process may be faster to take it.
///
/// It is below those that systems give to clients. A client that tries to reach a server which is
/// down could else be given the server's own port, connect to itself, and keep the server from it.
pub(crate) fn free() -> u16 {
    for _ in 0..1000 {
        let port = fastrand::u16(10_000..32_000);
        if TcpListener::bind(loopback(port)).is_ok() {
            return port;
        }
    }
    panic!("no free port in 1000 tries");
}

pub(crate) fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
