//! A small mail server on a port of this machine: it speaks SMTP and keeps what it takes.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::{io, thread};

/// What the server says to a recipient.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reply {
    Accept,
    /// Not now: 451.
    Busy,
    /// Never: 550.
    Refuse,
}

/// A server. Its threads live as long as the test's process.
pub(crate) struct Server {
    address: SocketAddr,
    post: Arc<Post>,
}

/// What the connections share.
struct Post {
    /// Answers a recipient and how often it was named before.
    rule: fn(&str, usize) -> Reply,
    named: Mutex<HashMap<String, usize>>,
    received: Mutex<Vec<(String, Vec<u8>)>>,
}

impl Server {
    /// Listens on a free port.
    pub(crate) fn start(rule: fn(&str, usize) -> Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let post = Arc::new(Post { rule, named: Mutex::default(), received: Mutex::default() });
        let shared = post.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let post = shared.clone();
                // A client that hangs up ends its conversation; what it sent is kept.
                thread::spawn(move || drop(post.talk(&connection)));
            }
        });
        Self { address, post }
    }

    /// What `SMTP_URL` is set to.
    pub(crate) fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// The recipients and messages so far.
    pub(crate) fn received(&self) -> Vec<(String, Vec<u8>)> {
        self.post.received.lock().unwrap().clone()
    }
}

impl Post {
    fn talk(&self, mut connection: &TcpStream) -> io::Result<()> {
        let mut lines = BufReader::new(connection.try_clone()?);
        let mut recipient = String::new();
        connection.write_all(b"220 test.example.org ready\r\n")?;
        loop {
            let line = read_line(&mut lines)?;
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let answer = match verb.as_str() {
                "" => return Ok(()),
                "EHLO" | "HELO" => "250 test.example.org",
                "RCPT" => {
                    recipient = line.trim().trim_start_matches("RCPT TO:<").trim_end_matches('>').to_owned();
                    self.answer(&recipient)
                }
                "DATA" => {
                    connection.write_all(b"354 go on\r\n")?;
                    let message = read_message(&mut lines)?;
                    self.received.lock().unwrap().push((recipient.clone(), message));
                    "250 taken"
                }
                "QUIT" => {
                    connection.write_all(b"221 bye\r\n")?;
                    return Ok(());
                }
                "MAIL" | "RSET" | "NOOP" => "250 fine",
                _ => "502 unknown",
            };
            connection.write_all(format!("{answer}\r\n").as_bytes())?;
        }
    }

    fn answer(&self, recipient: &str) -> &'static str {
        let mut named = self.named.lock().unwrap();
        let times = named.entry(recipient.to_owned()).or_default();
        *times += 1;
        match (self.rule)(recipient, *times - 1) {
            Reply::Accept => "250 fine",
            Reply::Busy => "451 come back later",
            Reply::Refuse => "550 no such mailbox",
        }
    }
}

fn read_line(lines: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    lines.read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Reads up to the line with a lone dot; a line that begins with a dot has one too many.
fn read_message(lines: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        let mut line = Vec::new();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line == b".\r\n" {
            return Ok(message);
        }
        message.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}
