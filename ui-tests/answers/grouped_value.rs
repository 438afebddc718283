use queue::FromContainer;

#[derive(FromContainer)]
struct Outbox {
    url: String, //~ error: `String` cannot be injected
//~ note: not injectable
//~ note: or a struct of these that derives `FromContainer`
//~ note: a value that is cloned: `#[inject(clone)]`
}

fn main() {}
