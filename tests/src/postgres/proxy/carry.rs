//! One connection through a proxy.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;

use super::books::{Books, Direction, Rules, Seen};

/// A connection that is counted as open as long as this lives.
pub(super) struct Carrier {
    rules: watch::Receiver<Rules>,
    books: watch::Sender<Books>,
    /// Whether it came to a limit.
    is_cutting: AtomicBool,
}

/// Why nothing goes one way any more.
enum End {
    Closed,
    Cut,
}

impl Carrier {
    pub(super) fn new(rules: watch::Receiver<Rules>, books: watch::Sender<Books>) -> Self {
        books.send_modify(|Books { seen, .. }| {
            seen.connections += 1;
            seen.open += 1;
        });
        Self { rules, books, is_cutting: AtomicBool::new(false) }
    }

    /// Carries until one end closes, or is cut. A client of Postgres that closes one way reads no more either.
    pub(super) async fn carry(self, mut client: TcpStream, server: String) {
        let Ok(mut server) = TcpStream::connect(server).await else { return };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (asks, answered) = client.split();
        let (answers, asked) = server.split();
        let end = tokio::select! {
            end = self.pump(Direction::Request, asks, asked) => end,
            end = self.pump(Direction::Reply, answers, answered) => end,
        };
        drop((client, server));
        if matches!(end, Ok(End::Cut)) {
            self.books.send_modify(|books| books.seen.cuts += 1);
        }
    }

    async fn pump(&self, direction: Direction, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> io::Result<End> {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let read = from.read(&mut buffer).await;
            self.until_not_silent(direction).await;
            let read = read?;
            if read == 0 {
                return Ok(End::Closed);
            }
            let mut passed = 0;
            self.books.send_modify(|books| passed = books.pass(direction, read));
            self.is_cutting.store(passed < read, Ordering::Relaxed);
            to.write_all(&buffer[..passed]).await?;
            if passed < read {
                return Ok(End::Cut);
            }
        }
    }

    /// Returns at once where there is no silence.
    async fn until_not_silent(&self, direction: Direction) {
        let mut rules = self.rules.clone();
        if !rules.borrow_and_update().is_silent[direction as usize] {
            return;
        }
        let _held = Held::new(&self.books);
        // The end of the proxy ends this task.
        let _ = rules.wait_for(|rules| !rules.is_silent[direction as usize]).await;
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        // The last that is dropped: both ends are closed by now.
        self.books.send_modify(|books| {
            books.seen.open -= 1;
            books.cutting -= usize::from(self.is_cutting.load(Ordering::Relaxed));
        });
    }
}

/// Something that a silence holds.
struct Held<'a>(&'a watch::Sender<Books>);

impl<'a> Held<'a> {
    fn new(books: &'a watch::Sender<Books>) -> Self {
        books.send_modify(|Books { seen: Seen { held, .. }, .. }| *held += 1);
        Self(books)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|books| books.seen.held -= 1);
    }
}
