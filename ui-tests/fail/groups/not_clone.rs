use queue::FromContainer;

struct Config;

#[derive(FromContainer)]
struct Group {
    #[inject(clone)]
    config: Config,
}

fn main() {}
