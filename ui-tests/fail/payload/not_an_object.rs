use queue::prelude::*;

#[derive(Queueable)]
#[serde(untagged)]
struct Untagged {
    a: u8,
}

#[derive(Queueable)]
#[serde(tag = "t")]
struct Tagged {
    a: u8,
}

#[derive(Queueable)]
#[serde(transparent)]
struct Transparent {
    a: u8,
}

#[derive(Queueable)]
#[serde(into = "u8")]
struct Intos {
    a: u8,
}

#[derive(Queueable)]
#[serde(crate = "serde")]
struct Crate {
    a: u8,
}

#[derive(Queueable)]
#[serde(rename = "x")]
struct Rename {
    a: u8,
}

#[derive(Queueable)]
#[serde(default)]
struct Defaults {
    a: u8,
}

#[derive(Queueable)]
#[serde(zebra)]
struct Unknown {
    a: u8,
}

impl Job for Untagged { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Tagged { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Transparent { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Intos { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Crate { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Rename { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Defaults { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Unknown { async fn handle(&self) -> JobResult { Ok(()) } }

fn main() {}
