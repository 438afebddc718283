//! Every shape of struct, private and public.

use std::sync::Arc;

use queue::FromContainer;
use queue::prelude::*;

/// A service.
pub trait Mailer: Send + Sync {
    /// Sends.
    fn send(&self);
}

/// A group of services.
#[derive(FromContainer)]
pub struct Services<M: ?Sized> {
    mail: Arc<M>,
    #[inject(name = "audit")]
    audit: Option<Arc<dyn Mailer>>,
    #[inject(clone)]
    sender: String,
}

impl<M: ?Sized> std::fmt::Debug for Services<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Services")
    }
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
    #[inject]
    services: Services<dyn Mailer>,
    user_id: u64,
    /// Documented.
    note: String,
}

impl std::fmt::Debug for SendWelcomeEmail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SendWelcomeEmail")
    }
}

impl Job for SendWelcomeEmail {
    async fn handle(&self) -> JobResult {
        self.mail.send();
        self.audit.send();
        let Services { mail, audit, sender } = &self.services;
        let _ = (mail, audit, sender);
        let _ = (self.user_id, self.note.as_str(), &self.context);
        Ok(())
    }
}

/// A job whose constructor has many arguments and flags.
#[derive(Queueable, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "to see what the args say")]
pub struct Many {
    a: bool,
    b: bool,
    c: bool,
    d: bool,
    e: String,
    f: String,
    g: String,
    h: [u8; 4],
    #[deprecated(note = "use `h`")]
    old: Option<u8>,
}

#[allow(deprecated, reason = "it is still there")]
impl Job for Many {
    async fn handle(&self) -> JobResult {
        let _ = (self.a, self.b, self.c, self.d, &self.e, &self.f, &self.g, &self.h, self.old);
        Ok(())
    }
}

/// A job that nobody should push any more.
#[deprecated(note = "use `Many`")]
#[derive(Queueable, Debug)]
pub struct Old {
    user: String,
}

#[allow(deprecated, reason = "it is still there")]
impl Job for Old {
    async fn handle(&self) -> JobResult {
        let _ = &self.user;
        Ok(())
    }
}

/// A payload type that only this module knows.
#[derive(serde::Serialize, serde::Deserialize, Debug)]
struct Secret(u8);

/// A public job with a private payload type.
#[derive(Queueable, Debug)]
pub struct Hidden {
    secret: Secret,
}

impl Job for Hidden {
    async fn handle(&self) -> JobResult {
        let _ = self.secret.0;
        Ok(())
    }
}

/// A job that is not pushed anywhere in this program.
#[derive(Queueable, Debug)]
struct Unpushed(u8);

impl Job for Unpushed {
    async fn handle(&self) -> JobResult {
        let _ = self.0;
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
    SendWelcomeEmail::with(7, String::new()).push();
    drop(queue::Pending::<SendWelcomeEmail>::from(SendWelcomeEmailArgs { user_id: 7, note: String::new() }));
    Tuple::with(7, String::new()).push();
    Unit::with().push();
    Queue::push::<Unit>();
    Queue::push::<Braces>();
    let stored = serde_json::to_string(&TupleArgs { arg0: 7, arg1: "x".to_owned() }).unwrap();
    assert_eq!(stored, r#"{"arg0":7,"arg1":"x"}"#);
    assert_eq!(serde_json::to_string(&UnitArgs {}).unwrap(), "{}");
}
