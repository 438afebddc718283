//! The thread of a proxy: it takes connections and obeys.

use std::net::{Ipv4Addr, TcpListener as Bound};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinSet, unconstrained};

use super::books::{Books, Rules};
use super::carry::Carrier;
use crate::postgres::port;

/// What the thread works with. All connections are on it, so between two looks at the rules nothing is forwarded by others.
pub(super) struct Stage {
    pub(super) server: String,
    pub(super) port: u16,
    pub(super) rules: watch::Receiver<Rules>,
    pub(super) books: watch::Sender<Books>,
}

impl Stage {
    /// Serves until it is over.
    pub(super) async fn serve(mut self, bound: Bound) {
        bound.set_nonblocking(true).expect("a socket can be");
        let mut listener = Some(TcpListener::from_std(bound).expect("it does not block"));
        let mut connections = JoinSet::new();
        let mut cuts = 0;
        loop {
            let rules = *self.rules.borrow_and_update();
            if rules.is_over || rules.refuses {
                listener.take().into_iter().for_each(|listener| port::close(listener.into_std().expect("it is a socket")));
            } else if listener.is_none() {
                listener = Some(TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await.expect("nobody took the port"));
            }
            if rules.is_over {
                return;
            }
            if rules.cuts > cuts {
                cuts = rules.cuts;
                let open = self.books.borrow().seen.open;
                connections.shutdown().await;
                self.books.send_modify(|books| books.seen.cuts += open as u64);
            }
            self.books.send_modify(|books| books.obeyed = rules.version);
            tokio::select! {
                biased;
                told = self.rules.changed() => {
                    if told.is_err() {
                        return;
                    }
                }
                client = accept(listener.as_ref()), if listener.is_some() => {
                    let carrier = Carrier::new(self.rules.clone(), self.books.clone());
                    // Without a budget: a pause between the look at the rules and the write would let bytes through after them.
                    connections.spawn(unconstrained(carrier.carry(client, self.server.clone())));
                }
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
            }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    let (client, _) = listener.expect("it is asked only where there is one").accept().await.expect("connections can be taken");
    client
}
