use queue::prelude::*;

#[derive(Queueable)]
#[queueable(unique(fields = [user]))]
struct NoField {
    #[inject]
    mail: std::sync::Arc<u8>,
    user_id: u64,
    #[serde(flatten)]
    rest: serde_json::Value,
}

#[derive(Queueable)]
#[queueable(unique(fields = [mail]))]
struct Service {
    #[inject]
    mail: std::sync::Arc<u8>,
    user_id: u64,
    #[serde(flatten)]
    rest: serde_json::Value,
}

#[derive(Queueable)]
#[queueable(unique(fields = [rest]))]
struct Flat {
    #[inject]
    mail: std::sync::Arc<u8>,
    user_id: u64,
    #[serde(flatten)]
    rest: serde_json::Value,
}

#[derive(Queueable)]
#[queueable(unique(fields = ["user_id"]))]
struct Quoted {
    #[inject]
    mail: std::sync::Arc<u8>,
    user_id: u64,
    #[serde(flatten)]
    rest: serde_json::Value,
}

#[derive(Queueable)]
#[queueable(unique(fields = [user_id, user_id]))]
struct Twice {
    #[inject]
    mail: std::sync::Arc<u8>,
    user_id: u64,
    #[serde(flatten)]
    rest: serde_json::Value,
}

#[derive(Queueable)]
#[queueable(unique(fields = []))]
struct NoFields {
    #[inject]
    mail: std::sync::Arc<u8>,
    user_id: u64,
    #[serde(flatten)]
    rest: serde_json::Value,
}

#[derive(Queueable)]
#[queueable(unique())]
struct Empty {
    #[inject]
    mail: std::sync::Arc<u8>,
    user_id: u64,
    #[serde(flatten)]
    rest: serde_json::Value,
}

#[derive(Queueable)]
#[queueable(unique = true)]
struct Value {
    #[inject]
    mail: std::sync::Arc<u8>,
    user_id: u64,
    #[serde(flatten)]
    rest: serde_json::Value,
}

#[derive(Queueable)]
#[queueable(unique(field = [user_id]))]
struct Key {
    #[inject]
    mail: std::sync::Arc<u8>,
    user_id: u64,
    #[serde(flatten)]
    rest: serde_json::Value,
}

#[derive(Queueable)]
#[queueable(unique(fields = user_id))]
struct NoList {
    #[inject]
    mail: std::sync::Arc<u8>,
    user_id: u64,
    #[serde(flatten)]
    rest: serde_json::Value,
}

#[derive(Queueable)]
#[queueable(unique(fields = [user_id]))]
struct NoPayload;

#[derive(Queueable)]
#[queueable(unique(to))]
struct Bare {
    to: String,
}

#[derive(Queueable)]
#[queueable(unique(user_id, name))]
struct BareTwo {
    user_id: u64,
    name: String,
}

#[derive(Queueable)]
#[queueable(unique = "to")]
struct ByText {
    to: String,
}

#[derive(Queueable)]
#[queueable(unique = ["user_id", "to"])]
struct ByList {
    user_id: u64,
    to: String,
}

impl Job for NoField { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Service { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Flat { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Quoted { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Twice { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for NoFields { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Empty { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Value { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Key { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for NoList { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for NoPayload { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Bare { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for BareTwo { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for ByText { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for ByList { async fn handle(&self) -> JobResult { Ok(()) } }

fn main() {}
