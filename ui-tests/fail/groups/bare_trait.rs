use queue::FromContainer;

trait Mailer: Send + Sync {}

#[derive(FromContainer)]
struct Group {
    mail: dyn Mailer,
}

fn main() {}
