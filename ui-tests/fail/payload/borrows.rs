use queue::prelude::*;

#[derive(Queueable)]
struct Text {
    name: &'static str,
}

#[derive(Queueable)]
struct Inside {
    names: Option<(u8, Vec<&'static [u8]>)>,
}

impl Job for Text { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Inside { async fn handle(&self) -> JobResult { Ok(()) } }

fn main() {}
