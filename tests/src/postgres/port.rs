//! Ports that stay free while nobody listens there.

use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

/// Below those that systems give to connections: of a server that is away, nobody may get the port as that of his own end.
const PORTS: std::ops::Range<u16> = 15_000..32_000;

/// A port of 127.0.0.1 where nobody listens now.
pub(super) fn free() -> u16 {
    let (listener, port) = listen();
    close(listener);
    port
}

/// Ends the listening itself. A process that another thread is just starting has a copy of the socket, which would keep it up a moment longer.
pub(super) fn close(listener: TcpListener) {
    // Only this type tells a socket to end; not every system lets one that listens.
    let _ = TcpStream::from(OwnedFd::from(listener)).shutdown(Shutdown::Both);
}

/// One that is listened at.
pub(super) fn listen() -> (TcpListener, u16) {
    std::iter::repeat_with(|| fastrand::u16(PORTS))
        .take(1_000)
        .find_map(|port| Some((TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?, port)))
        .expect("one of a thousand ports is free")
}
