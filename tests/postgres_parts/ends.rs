//! What is left of a server: looked for until it is gone, because nobody tells when.

use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use queue_tests::probe::PATIENCE;

/// The folder and the port of a server, and nothing else.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
}

impl Ends {
    /// Whether the folder is there, and whether somebody listens at the port.
    pub(crate) fn left(&self) -> (bool, bool) {
        (self.folder.exists(), TcpStream::connect(("127.0.0.1", self.port)).is_ok())
    }

    /// It is all there.
    pub(crate) fn assert_there(&self) {
        assert_eq!(self.left(), (true, true), "{self:?}");
    }

    /// It is all gone, sooner or later, and the server before its files.
    pub(crate) async fn gone(&self) {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.left() {
                (false, false) => return,
                (false, true) => panic!("{self:?} was taken from under a server that runs"),
                left => assert!(Instant::now() < until, "of {self:?} there are (folder, port): {left:?}"),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
