use queue::prelude::*;

trait Mailer: Send + Sync {}

#[derive(Queueable)]
struct Welcome {
    #[inject]
    mail: dyn Mailer,
}

fn main() {}
