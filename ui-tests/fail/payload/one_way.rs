use queue::prelude::*;

#[derive(Queueable)]
struct Unwritten {
    #[serde(skip_serializing)]
    a: u8,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    b: Vec<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fine: Option<u8>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    also_fine: Vec<u8>,
}

#[derive(Queueable)]
struct Unread {
    #[serde(skip_deserializing)]
    a: u8,
}

#[derive(Queueable)]
struct TwoNames {
    #[serde(rename(serialize = "x", deserialize = "y"))]
    a: u8,
}

#[derive(Queueable)]
#[serde(rename_all(serialize = "camelCase"))]
struct TwoCases {
    user_id: u8,
}

impl Job for Unwritten { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Unread { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for TwoNames { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for TwoCases { async fn handle(&self) -> JobResult { Ok(()) } }

fn main() {}
