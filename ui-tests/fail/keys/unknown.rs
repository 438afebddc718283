use queue::prelude::*;

#[derive(Queueable)]
#[queueable(quue = "mail")]
struct Near;

#[derive(Queueable)]
#[queueable(zebra = 3)]
struct Far;

#[derive(Queueable)]
#[queueable(tries = 3, kind = "x")]
struct OtherWord;

#[derive(Queueable)]
#[queueable(timeuot = "3s", bakcoff = "none", zebra(1, 2), queue = "mail")]
struct Several;

impl Job for Near { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Far { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for OtherWord { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Several { async fn handle(&self) -> JobResult { Ok(()) } }

fn main() {}
