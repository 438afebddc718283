use queue::prelude::*;

#[derive(Queueable)]
struct Welcome {
    #[inject]
    url: String, //~ error: `String` cannot be injected
//~ note: not injectable
//~ note: inject `Arc<T>`, `Option<Arc<T>>`, `Vec<Arc<T>>`, `Lazy<T>`, `Provider<T>`, `JobContext`, `Queue`, or a struct of these that derives `FromContainer`
//~ note: a value that is cloned: `#[inject(clone)]`
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
