//! What stands between a program and its server, and fails when a test says so.

mod address;
mod books;
mod carry;
mod serve;

use std::thread::JoinHandle;
use std::{fmt, thread};

use tokio::sync::watch;

pub use books::{Direction, Seen};

use self::address::Address;
use self::books::{Books, Rules};
use self::serve::Stage;
use super::port;
use crate::park;
use crate::probe::PATIENCE;

/// A proxy on 127.0.0.1, on a thread of its own. It passes what comes until it is told otherwise.
///
/// What it is told holds when the call returns. What comes of it later is an event: [`until`](Proxy::until).
pub struct Proxy {
    url: String,
    port: u16,
    rules: watch::Sender<Rules>,
    books: watch::Sender<Books>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// One in front of the server that a URL names.
    ///
    /// # Panics
    ///
    /// The URL names no host and port.
    #[must_use]
    pub fn before(url: &str) -> Self {
        let address = Address::of(url);
        let (listener, port) = port::listen();
        let (rules, obeyed) = watch::channel(Rules::default());
        let books = watch::Sender::new(Books::default());
        let stage = Stage { server: address.server(), port, rules: obeyed, books: books.clone() };
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be built").block_on(stage.serve(listener));
        });
        Self { url: address.at(port), port, rules, books, thread: Some(thread) }
    }

    /// The URL that it was given, by way of the proxy.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What went through so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.books.borrow().seen
    }

    /// Waits until this is so; `what` is said where it never is.
    ///
    /// # Panics
    ///
    /// It is not so after the patience of tests.
    pub async fn until(&self, what: &str, is_so: impl Fn(Seen) -> bool) -> Seen {
        self.wait(what, |books| is_so(books.seen)).await
    }

    async fn wait(&self, what: &str, is_so: impl Fn(&Books) -> bool) -> Seen {
        let mut books = self.books.subscribe();
        let waited = tokio::time::timeout(PATIENCE, books.wait_for(is_so)).await;
        match waited {
            Ok(Ok(books)) => books.seen,
            _ => panic!("the proxy never saw: {what}; it saw {:?}", self.seen()),
        }
    }

    /// Cuts every connection that is open. New ones are let through.
    pub fn cut(&self) {
        self.tell(|rules| rules.cuts += 1);
    }

    /// Lets so many more bytes through in one direction, over all connections together, and cuts one of them in place of the next byte.
    /// [`cut_happened`](Proxy::cut_happened) tells when.
    ///
    /// With none of a reply, the server has done what it was asked, and nobody hears of it. A connection begins with one byte of a reply
    /// where it asks for TLS.
    pub fn cut_after(&self, direction: Direction, bytes: u64) {
        self.books.send_modify(|books| books.limits[direction as usize] = Some(bytes));
    }

    /// Waits until no cut of [`cut_after`](Proxy::cut_after) is to come any more.
    ///
    /// # Panics
    ///
    /// It does not come within the patience of tests.
    pub async fn cut_happened(&self) -> Seen {
        self.wait("a cut", |books| books.limits == [None; 2] && books.cutting == 0).await
    }

    /// Takes back every cut of [`cut_after`](Proxy::cut_after) that has not happened.
    pub fn forget_cuts(&self) {
        self.books.send_modify(|books| books.limits = [None; 2]);
    }

    /// Forwards nothing any more in these directions, the end of a connection neither, and keeps all connections open. What comes is
    /// held ([`Seen::held`]). New connections are taken, and treated alike.
    pub fn silence(&self, directions: &[Direction]) {
        self.tell(|rules| directions.iter().for_each(|direction| rules.is_silent[*direction as usize] = true));
    }

    /// Ends the silence: what was held goes on its way.
    pub fn resume(&self) {
        self.tell(|rules| rules.is_silent = [false; 2]);
    }

    /// Refuses new connections. The open ones stay.
    pub fn refuse(&self) {
        self.tell(|rules| rules.refuses = true);
    }

    /// Takes new connections again.
    pub fn accept(&self) {
        self.tell(|rules| rules.refuses = false);
    }

    /// Changes the rules, and waits until they are obeyed.
    fn tell(&self, change: impl FnOnce(&mut Rules)) {
        let mut version = 0;
        self.rules.send_modify(|rules| {
            change(rules);
            rules.version += 1;
            version = rules.version;
        });
        let mut books = self.books.subscribe();
        let obeyed = books.wait_for(|books| books.obeyed >= version);
        // A runtime may be around this, whose budget for a task does not come back before it returns.
        assert!(park::block_on(tokio::task::unconstrained(obeyed)).is_ok(), "the thread of the proxy lives as long as this");
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("url", &self.url).field("seen", &self.seen()).finish_non_exhaustive()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.rules.send_modify(|rules| rules.is_over = true);
        let ended = self.thread.take().map(JoinHandle::join);
        if !thread::panicking() {
            assert!(matches!(ended, Some(Ok(()))), "the thread of the proxy has panicked");
        }
    }
}
