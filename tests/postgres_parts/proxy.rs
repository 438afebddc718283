//! The proxy, to the byte, in front of a server that is a socket of the test.

use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use queue_tests::postgres::{Direction, Proxy};
use queue_tests::probe::PATIENCE;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How long it is listened to a silence. Longer finds no more: what passes the proxy by mistake does so at once.
const SILENCE: Duration = Duration::from_millis(100);

/// A server, a proxy before it, and both ends of connections.
struct Line {
    server: TcpListener,
    proxy: Proxy,
}

impl Line {
    async fn new() -> Self {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let proxy = Proxy::before(&format!("postgres://{}/x", server.local_addr().unwrap()));
        Self { server, proxy }
    }

    /// The end of a program, and that of the server.
    async fn connect(&self) -> (TcpStream, TcpStream) {
        let client = self.call().await.unwrap();
        (client, self.server.accept().await.unwrap().0)
    }

    async fn call(&self) -> std::io::Result<TcpStream> {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.proxy.port())).await
    }
}

async fn read(end: &mut TcpStream, bytes: usize) -> String {
    let mut text = vec![0; bytes];
    tokio::time::timeout(PATIENCE, end.read_exact(&mut text)).await.expect("it comes").unwrap();
    String::from_utf8(text).unwrap()
}

/// All that comes until the end of the connection.
async fn rest(end: &mut TcpStream) -> String {
    let mut text = Vec::new();
    match tokio::time::timeout(PATIENCE, end.read_to_end(&mut text)).await.expect("it ends") {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    String::from_utf8(text).unwrap()
}

async fn is_silent(end: &mut TcpStream) -> bool {
    tokio::time::timeout(SILENCE, end.read_u8()).await.is_err()
}

#[tokio::test]
async fn what_comes_is_passed_and_counted() {
    let line = Line::new().await;
    let (mut client, mut server) = line.connect().await;
    client.write_all(b"request").await.unwrap();
    assert_eq!(read(&mut server, 7).await, "request");
    server.write_all(b"a reply").await.unwrap();
    server.write_all(&[b'x'; 1_000_000]).await.unwrap();
    assert_eq!(read(&mut client, 1_000_007).await, format!("a reply{}", "x".repeat(1_000_000)));
    let seen = line.proxy.seen();
    assert_eq!((seen.requested, seen.replied, seen.connections, seen.open, seen.cuts), (7, 1_000_007, 1, 1, 0));
    drop(client);
    assert_eq!(rest(&mut server).await, "");
    let other = line.connect().await;
    let seen = line.proxy.until("the first is closed", |seen| seen.open == 1).await;
    assert_eq!((seen.connections, seen.cuts), (2, 0));
    drop(other);
}

#[tokio::test]
async fn the_end_of_the_server_is_passed_after_its_last_word() {
    let line = Line::new().await;
    let (mut client, mut server) = line.connect().await;
    server.write_all(b"farewell").await.unwrap();
    drop(server);
    assert_eq!(rest(&mut client).await, "farewell");
}

#[tokio::test]
async fn a_cut_ends_every_connection_and_no_later_one() {
    let line = Line::new().await;
    let (mut one, mut two) = (line.connect().await, line.connect().await);
    line.proxy.cut();
    assert_eq!((line.proxy.seen().cuts, line.proxy.seen().open), (2, 0), "both are cut when the call returns");
    for end in [&mut one.0, &mut one.1, &mut two.0, &mut two.1] {
        assert_eq!(rest(end).await, "");
    }
    let (mut client, mut server) = line.connect().await;
    client.write_all(b"again").await.unwrap();
    assert_eq!(read(&mut server, 5).await, "again");
}

#[tokio::test]
async fn a_reply_is_cut_after_each_number_of_bytes() {
    let line = Line::new().await;
    let reply = "reply";
    for bytes in 0..reply.len() {
        let (mut client, mut server) = line.connect().await;
        line.proxy.cut_after(Direction::Reply, bytes as u64);
        client.write_all(b"request").await.unwrap();
        assert_eq!(read(&mut server, 7).await, "request", "the other direction has no limit");
        server.write_all(reply.as_bytes()).await.unwrap();
        assert_eq!(line.proxy.cut_happened().await.cuts, bytes as u64 + 1);
        assert_eq!(rest(&mut client).await, reply[..bytes]);
        assert_eq!(rest(&mut server).await, "");
    }
    line.proxy.cut_after(Direction::Reply, 5);
    let (mut client, mut server) = line.connect().await;
    server.write_all(b"whole").await.unwrap();
    assert_eq!(read(&mut client, 5).await, "whole");
    server.write_all(b"!").await.unwrap();
    line.proxy.cut_happened().await;
    assert_eq!(rest(&mut client).await, "");
}

#[tokio::test]
async fn a_request_is_cut_after_so_many_bytes_over_all_connections() {
    let line = Line::new().await;
    let (mut one, mut two) = (line.connect().await, line.connect().await);
    line.proxy.cut_after(Direction::Request, 8);
    one.0.write_all(b"first").await.unwrap();
    assert_eq!(read(&mut one.1, 5).await, "first");
    two.0.write_all(b"second").await.unwrap();
    assert_eq!(line.proxy.cut_happened().await.cuts, 1);
    assert_eq!(rest(&mut two.1).await, "sec");
    assert_eq!(rest(&mut two.0).await, "");
    one.0.write_all(b"goes on").await.unwrap();
    assert_eq!(read(&mut one.1, 7).await, "goes on");
    assert_eq!(line.proxy.seen().requested, 5 + 3 + 7);
}

#[tokio::test]
async fn a_cut_that_is_forgotten_does_not_happen() {
    let line = Line::new().await;
    let (mut client, mut server) = line.connect().await;
    line.proxy.cut_after(Direction::Reply, 0);
    line.proxy.forget_cuts();
    server.write_all(b"reply").await.unwrap();
    assert_eq!(read(&mut client, 5).await, "reply");
    assert_eq!(line.proxy.cut_happened().await.cuts, 0);
}

#[tokio::test]
async fn a_silence_of_replies_holds_them_and_lets_requests_through() {
    let line = Line::new().await;
    let (mut client, mut server) = line.connect().await;
    line.proxy.silence(&[Direction::Reply]);
    client.write_all(b"request").await.unwrap();
    assert_eq!(read(&mut server, 7).await, "request");
    server.write_all(b"reply").await.unwrap();
    line.proxy.until("the reply is held", |seen| seen.held == 1).await;
    assert!(is_silent(&mut client).await);
    assert_eq!(line.proxy.seen().replied, 0);
    line.proxy.resume();
    assert_eq!(read(&mut client, 5).await, "reply");
    assert_eq!(line.proxy.seen().held, 0);
}

#[tokio::test]
async fn a_silence_of_requests_holds_them_and_lets_replies_through() {
    let line = Line::new().await;
    let (mut client, mut server) = line.connect().await;
    line.proxy.silence(&[Direction::Request]);
    client.write_all(b"request").await.unwrap();
    line.proxy.until("the request is held", |seen| seen.held == 1).await;
    server.write_all(b"reply").await.unwrap();
    assert_eq!(read(&mut client, 5).await, "reply");
    assert!(is_silent(&mut server).await);
    line.proxy.resume();
    assert_eq!(read(&mut server, 7).await, "request");
}

#[tokio::test]
async fn a_silence_of_both_hides_the_end_of_a_connection_and_takes_new_ones() {
    let line = Line::new().await;
    let (client, mut server) = line.connect().await;
    line.proxy.silence(&Direction::BOTH);
    drop(client);
    line.proxy.until("the end is held", |seen| seen.held == 1).await;
    assert!(is_silent(&mut server).await, "the server does not see that its client has gone");
    let (mut other, mut behind) = line.connect().await;
    other.write_all(b"hello").await.unwrap();
    line.proxy.until("the word is held", |seen| seen.held == 2).await;
    assert!(is_silent(&mut behind).await);
    line.proxy.resume();
    assert_eq!(read(&mut behind, 5).await, "hello");
    assert_eq!(rest(&mut server).await, "");
}

#[tokio::test]
async fn what_a_silence_holds_is_lost_with_a_cut() {
    let line = Line::new().await;
    let (mut client, mut server) = line.connect().await;
    line.proxy.silence(&[Direction::Reply]);
    server.write_all(b"reply").await.unwrap();
    line.proxy.until("the reply is held", |seen| seen.held == 1).await;
    line.proxy.cut();
    line.proxy.resume();
    assert_eq!(rest(&mut client).await, "");
    assert_eq!((line.proxy.seen().held, line.proxy.seen().open, line.proxy.seen().replied), (0, 0, 0));
}

#[tokio::test]
async fn new_connections_are_refused_and_open_ones_stay() {
    let line = Line::new().await;
    let (mut client, mut server) = line.connect().await;
    line.proxy.refuse();
    assert_eq!(line.call().await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    client.write_all(b"still").await.unwrap();
    assert_eq!(read(&mut server, 5).await, "still");
    line.proxy.cut();
    assert_eq!(rest(&mut client).await, "");
    assert_eq!(line.call().await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    line.proxy.accept();
    let (mut client, mut server) = line.connect().await;
    client.write_all(b"again").await.unwrap();
    assert_eq!(read(&mut server, 5).await, "again");
    assert_eq!(line.proxy.seen().connections, 2);
}

#[tokio::test]
async fn a_server_that_is_away_ends_the_connection() {
    let line = Line::new().await;
    let Line { server, proxy } = line;
    drop(server);
    let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).await.unwrap();
    assert_eq!(rest(&mut client).await, "");
}

#[tokio::test]
async fn with_the_proxy_its_connections_end_and_its_port_is_free() {
    let line = Line::new().await;
    let (mut client, mut server) = line.connect().await;
    let port = line.proxy.port();
    drop(line);
    assert_eq!((rest(&mut client).await, rest(&mut server).await), (String::new(), String::new()));
    assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.is_ok());
}

#[tokio::test]
async fn a_refusal_holds_while_the_program_starts_others() {
    let line = Line::new().await;
    let is_over = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&is_over);
    // Each has a copy of every socket between its fork and its exec.
    let starts = std::thread::spawn(move || {
        while !told.load(Ordering::Relaxed) {
            assert!(Command::new("true").status().unwrap().success());
        }
    });
    for round in 0..300 {
        line.proxy.refuse();
        assert!(line.call().await.is_err(), "taken in round {round}");
        line.proxy.accept();
        drop(line.connect().await);
    }
    is_over.store(true, Ordering::Relaxed);
    starts.join().unwrap();
}
