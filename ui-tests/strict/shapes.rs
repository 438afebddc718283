//! Every shape of struct, private and public.

use std::sync::Arc;

use queue::prelude::*;

/// A service.
pub trait Mailer: Send + Sync {
    /// Sends.
    fn send(&self);
}

/// A job with services and payload.
#[derive(Queueable)]
#[queueable(queue = "mail", max_attempts = 5, timeout = "30s")]
pub struct SendWelcomeEmail {
    #[inject]
    mail: Arc<dyn Mailer>,
    #[inject(name = "audit")]
    audit: Arc<dyn Mailer>,
    #[inject]
    context: JobContext,
    user_id: u64,
    /// Documented.
    note: String,
}

impl Job for SendWelcomeEmail {
    async fn handle(&self) -> JobResult {
        self.mail.send();
        self.audit.send();
        let _ = (self.user_id, self.note.as_str(), &self.context);
        Ok(())
    }
}

#[derive(Queueable)]
struct Unit;

impl Job for Unit {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

#[derive(Queueable)]
#[queueable(blocking)]
struct Braces {}

impl BlockingJob for Braces {
    fn handle(&self) -> JobResult {
        Ok(())
    }
}

#[derive(Queueable)]
struct Tuple(u64, #[inject] Arc<dyn Mailer>, String);

impl Job for Tuple {
    async fn handle(&self) -> JobResult {
        self.1.send();
        let _ = (self.0, self.2.as_str());
        Ok(())
    }
}

fn main() {
    drop(SendWelcomeEmail::with(7, String::new()).push());
    drop(queue::Pending::<SendWelcomeEmail>::from(SendWelcomeEmailArgs { user_id: 7, note: String::new() }));
    drop(Tuple::with(7, String::new()).push());
    drop(Unit::with().push());
    drop(queue::Queue::push::<Unit>());
    drop(queue::Queue::push::<Braces>());
    let stored = serde_json::to_string(&TupleArgs { arg0: 7, arg1: "x".to_owned() }).unwrap();
    assert_eq!(stored, r#"{"arg0":7,"arg1":"x"}"#);
    assert_eq!(serde_json::to_string(&UnitArgs {}).unwrap(), "{}");
}
