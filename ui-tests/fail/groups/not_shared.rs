use std::sync::Arc;

use queue::FromContainer;

trait Local {}

#[derive(FromContainer)]
struct Group {
    mail: Arc<dyn Local>,
}

fn main() {}
