use std::rc::Rc;

use queue::prelude::*;

trait Mailer: Send + Sync {}

#[derive(Queueable)]
struct Welcome {
    #[inject]
    mail: Rc<dyn Mailer>,
}

fn main() {}
