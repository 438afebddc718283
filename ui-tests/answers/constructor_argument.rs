use queue::Container;

struct Smtp;

impl Smtp {
    fn new(_sender: String) -> Self {
        Self
    }
}

fn main() {
    drop(
        Container::builder()
            .singleton(Smtp::new) //~ error: `fn(String) -> Smtp {Smtp::new}` is not a constructor of a service
            .build(),
    );
}
//~ note: not a constructor
//~ note: a constructor is a fn or closure of 0 to 12 arguments, each of which can be injected
//~ note: a struct of these that derives `FromContainer`
