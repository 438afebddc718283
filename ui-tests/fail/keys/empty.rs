use queue::prelude::*;

#[derive(Queueable)]
#[queueable]
struct Bare;

#[derive(Queueable)]
#[queueable()]
struct Parentheses;

#[derive(Queueable)]
#[queueable = "mail"]
struct Equals;

#[derive(Queueable)]
#[queueable("mail")]
struct NoKey;

#[derive(Queueable)]
#[queueable(queue = )]
struct NoValue;

#[derive(Queueable)]
#[queueable(queue = "a" "b")]
struct NoComma;

impl Job for Bare { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Parentheses { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Equals { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for NoKey { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for NoValue { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for NoComma { async fn handle(&self) -> JobResult { Ok(()) } }

fn main() {}
