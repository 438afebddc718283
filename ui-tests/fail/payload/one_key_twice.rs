use queue::prelude::*;

#[derive(Queueable)]
struct Renamed {
    #[serde(rename = "x")]
    a: u8,
    #[serde(rename = "x")]
    b: u8,
}

#[derive(Queueable)]
#[serde(rename_all = "camelCase")]
struct Cased {
    user_id: u8,
    #[serde(rename = "userId")]
    other: u8,
}

impl Job for Renamed { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Cased { async fn handle(&self) -> JobResult { Ok(()) } }

fn main() {}
