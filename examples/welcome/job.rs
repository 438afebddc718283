//! The job, and the service that lives as long as one run of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use lettre::Message;
use lettre::message::{Mailbox, SinglePart};
use queue::prelude::*;

use crate::mail::{MailError, Mailer};
use crate::signups::User;

/// Sends its welcome message to somebody who signed up.
///
/// It carries the id and looks the user up when it runs: by then the name may be another one. `unique`: a form that was sent
/// twice makes one job while the first still waits. `blocking`: the mailer blocks its thread.
#[derive(Queueable)]
#[queueable(queue = "mail", blocking, unique, max_attempts = 5, timeout = "1m", backoff = ["500ms", "5s", "1m"])]
pub(crate) struct SendWelcomeEmail {
    #[inject]
    mailer: Arc<dyn Mailer>,
    #[inject]
    request: Arc<Request>,
    user_id: u64,
}

impl BlockingJob for SendWelcomeEmail {
    fn handle(&self) -> JobResult {
        let user = self.request.user(self.user_id)?;
        let message = welcome(user, self.request.message_id())?;
        match self.mailer.send(&message) {
            Ok(()) => Ok(()),
            // Four more attempts would only make the server think worse of us.
            Err(error @ MailError::Refused(_)) => Err(JobError::fail(error)),
            Err(error) => Err(error.into()),
        }
    }
}

/// What one run works with. The container makes it for each run and drops it afterwards, so it may hold what others must not
/// share: here this run's identity, elsewhere a transaction or the rights of a user.
pub(crate) struct Request {
    run: JobContext,
    users: Arc<Users>,
}

impl Request {
    /// The constructor that the container calls; its arguments are injected too.
    pub(crate) fn new(run: JobContext, users: Arc<Users>) -> Self {
        Self { run, users }
    }

    fn user(&self, id: u64) -> Result<&User, String> {
        self.users.find(id).ok_or_else(|| format!("there is no user {id}"))
    }

    /// The same in every attempt: where a message went out and the run was lost before it could say so, the second one is
    /// recognised by the reader's mail program.
    fn message_id(&self) -> String {
        format!("<{}@example.org>", self.run.id())
    }
}

/// The users, by id, as they are at the start: a job that blocks its thread looks nothing up in an async database.
#[derive(Debug)]
pub(crate) struct Users(BTreeMap<u64, User>);

impl Users {
    pub(crate) fn new(users: Vec<User>) -> Self {
        Self(users.into_iter().map(|user| (user.id, user)).collect())
    }

    pub(crate) fn find(&self, id: u64) -> Option<&User> {
        self.0.get(&id)
    }
}

/// Writes the message.
fn welcome(user: &User, message_id: String) -> Result<Message, Box<dyn std::error::Error + Send + Sync>> {
    let name = &user.name;
    let text = format!("Hello {name},\n\nwelcome! Your account is ready: your user number is {}.\n\nYour team\n", user.id);
    let message = Message::builder()
        .from("Your team <welcome@example.org>".parse()?)
        .to(Mailbox::new(Some(name.clone()), user.email.clone()))
        .subject(format!("Welcome, {name}"))
        .message_id(Some(message_id))
        .singlepart(SinglePart::plain(text))?;
    Ok(message)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Keeps what it is given, and answers as it is told.
    #[derive(Default)]
    struct Fake {
        answer: Option<fn() -> MailError>,
        sent: Mutex<Vec<Message>>,
    }

    impl Mailer for Fake {
        fn send(&self, message: &Message) -> Result<(), MailError> {
            self.sent.lock().unwrap().push(message.clone());
            self.answer.map_or(Ok(()), |answer| Err(answer()))
        }
    }

    fn job(mailer: &Arc<Fake>, user_id: u64) -> SendWelcomeEmail {
        let ada = User { id: 7, name: "Ada".to_owned(), email: "ada@example.org".parse().unwrap() };
        let request = Request::new(JobContext::for_test(), Arc::new(Users::new(vec![ada])));
        SendWelcomeEmail { mailer: mailer.clone(), request: Arc::new(request), user_id }
    }

    #[test]
    fn every_attempt_sends_the_same_message_id() {
        let mailer = Arc::new(Fake::default());
        let job = job(&mailer, 7);
        job.handle().unwrap();
        job.handle().unwrap();
        let ids: Vec<String> = mailer
            .sent
            .lock()
            .unwrap()
            .iter()
            .map(|message| message.headers().get_raw("Message-ID").unwrap().to_owned())
            .collect();
        assert_eq!(ids.len(), 2);
        assert_eq!(ids[0], ids[1]);
    }

    #[test]
    fn an_unknown_user_gets_no_message() {
        let mailer = Arc::new(Fake::default());
        assert_eq!(job(&mailer, 8).handle().unwrap_err().to_string(), "there is no user 8");
        assert!(mailer.sent.lock().unwrap().is_empty());
    }

    #[test]
    fn what_the_server_says_reaches_the_job() {
        let mailer = Arc::new(Fake { answer: Some(|| MailError::Later("busy".into())), ..Fake::default() });
        let error = job(&mailer, 7).handle().unwrap_err();
        assert_eq!(error.message(), "the message could not be handed over: busy");
    }
}
