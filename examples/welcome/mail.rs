//! Sending a message: into a folder, or to a mail server.

use std::collections::HashSet;
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lettre::transport::smtp;
use lettre::{Address, Message, SmtpTransport, Transport};

/// Sends messages. Jobs ask for this trait, so that a test can give them another one.
pub(crate) trait Mailer: Send + Sync {
    /// Hands a message over, on the caller's thread.
    fn send(&self, message: &Message) -> Result<(), MailError>;
}

/// Why a message was not handed over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MailError {
    /// The server has decided: no retry will help.
    #[error("the mail server refused the message")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// It may work later.
    #[error("the message could not be handed over")]
    Later(#[source] Box<dyn Error + Send + Sync>),
}

/// A folder that takes each message as a file that mail programs can open.
///
/// The file is named after the id of the message, which is the same in every attempt of its job. No transaction reaches from the queue into a
/// folder or to a mail server, so `JobContext::complete_in`, which ends a job together with what it wrote to the same database, cannot help:
/// killed between the message and its settlement, the program sends it again. Here it lands on itself then, and is there once.
pub(crate) struct Outbox {
    folder: PathBuf,
}

impl Outbox {
    /// Makes the folder where there is none.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// How many messages lie in it.
    pub(crate) fn messages(&self) -> io::Result<usize> {
        let is_message = |path: PathBuf| path.extension().is_some_and(|extension| extension == "eml");
        Ok(fs::read_dir(&self.folder)?.filter_map(Result::ok).filter(|entry| is_message(entry.path())).count())
    }

    fn put(&self, message: &Message) -> io::Result<()> {
        let id = message.headers().get_raw("Message-ID").ok_or_else(|| io::Error::other("the message has no id"))?;
        let name: String = id.chars().filter(|char| char.is_ascii_alphanumeric() || "-@.".contains(*char)).collect();
        // Half a message never has the name of a whole one.
        let part = self.folder.join(format!("{name}.part"));
        let mut file = File::create(&part)?;
        file.write_all(&message.formatted())?;
        file.sync_all()?;
        fs::rename(part, self.folder.join(format!("{name}.eml")))
    }
}

impl Mailer for Outbox {
    fn send(&self, message: &Message) -> Result<(), MailError> {
        self.put(message).map_err(|error| MailError::Later(error.into()))
    }
}

/// A mail server.
pub(crate) struct Smtp(SmtpTransport);

impl Smtp {
    /// `smtps://user:password@host`, or `smtp://host:port`; the scheme decides on encryption. Connects at the first message.
    pub(crate) fn new(url: &str) -> Result<Self, smtp::Error> {
        // Less than the timeout of the job, so that a server that hangs is an error with a name.
        Ok(Self(SmtpTransport::from_url(url)?.timeout(Some(Duration::from_secs(20))).build()))
    }
}

impl Mailer for Smtp {
    fn send(&self, message: &Message) -> Result<(), MailError> {
        match self.0.send(message) {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => Err(MailError::Refused(error.into())),
            Err(error) => Err(MailError::Later(error.into())),
        }
    }
}

/// A server with greylisting: it turns the first message to an address at `example.net` away, and takes the next one.
pub(crate) struct Greylist {
    server: Arc<dyn Mailer>,
    seen: Mutex<HashSet<Address>>,
}

impl Greylist {
    pub(crate) fn before(server: Arc<dyn Mailer>) -> Self {
        Self { server, seen: Mutex::default() }
    }
}

impl Mailer for Greylist {
    fn send(&self, message: &Message) -> Result<(), MailError> {
        for address in message.envelope().to() {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if address.domain() == "example.net" && seen.insert(address.clone()) {
                return Err(MailError::Later(format!("451 {address} is greylisted, try again later").into()));
            }
        }
        self.server.send(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message with an id of its own.
    fn message_to(address: &str) -> Message {
        let from = "welcome@example.org".parse().unwrap();
        Message::builder().from(from).to(address.parse().unwrap()).message_id(None).body(String::new()).unwrap()
    }

    #[test]
    fn an_outbox_holds_one_file_a_message() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(&folder.path().join("new/outbox")).unwrap();
        let first = message_to("ada@example.org");
        outbox.send(&first).unwrap();
        outbox.send(&message_to("ada@example.org")).unwrap();
        assert_eq!(outbox.messages().unwrap(), 2);
        outbox.send(&first).unwrap();
        assert_eq!(fs::read_dir(folder.path().join("new/outbox")).unwrap().count(), 2, "it lands on itself");
    }

    #[test]
    fn a_folder_that_is_gone_may_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(folder.path()).unwrap();
        folder.close().unwrap();
        assert!(matches!(outbox.send(&message_to("ada@example.org")), Err(MailError::Later(_))));
    }

    #[test]
    fn a_greylist_turns_an_address_away_once() {
        let folder = tempfile::tempdir().unwrap();
        let greylist = Greylist::before(Arc::new(Outbox::open(folder.path()).unwrap()));
        assert!(matches!(greylist.send(&message_to("ada@example.net")), Err(MailError::Later(_))));
        greylist.send(&message_to("ada@example.net")).unwrap();
        greylist.send(&message_to("bob@example.org")).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
