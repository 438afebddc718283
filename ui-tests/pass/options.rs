//! Every key of `#[queueable(..)]`, and what it becomes.

use std::time::Duration;

use queue::job::{Backoff, JobOptions, Unique};
use queue::prelude::*;
use queue::{Pending, Queueable};

#[derive(Queueable)]
struct Silent;

#[derive(Queueable)]
#[queueable(name = "mail.welcome", aliases = ["SendWelcome", "Welcome-2"], queue = "mail:fast/1")]
#[queueable(tags = ["billing", "eu"], priority = 0, max_attempts = 1_000, timeout = "1h30m")]
#[queueable(backoff = "exponential(15s, 6h)", version = 3, upgrade = upgrades::welcome)]
#[queueable(unique(fields = [team, user_id], name = "member"), constructor = of_user, args = Welcome)]
struct Everything {
    user_id: u64,
    #[serde(rename = "group")]
    team: String,
}

mod upgrades {
    pub fn welcome(mut payload: serde_json::Value, from: u16) -> Result<serde_json::Value, std::num::ParseIntError> {
        let id: u64 = payload["user"].as_str().unwrap_or_default().parse()?;
        payload["user_id"] = (id + u64::from(from)).into();
        Ok(payload)
    }
}

#[derive(Queueable)]
#[queueable(timeout = "none", backoff = ["10s", "1m"], unique,)]
struct Lists;

#[derive(Queueable)]
#[queueable(blocking, backoff = "linear(100ms)", unique(fields = [r#type]))]
struct Linear {
    r#type: u8,
}

#[derive(Queueable)]
#[queueable(backoff = "fixed(2d)", unique(name = "one"))]
#[serde(rename_all = "camelCase")]
struct Fixed {
    user_id: u64,
}

macro_rules! limited {
    ($job:ident, $attempts:literal, $queue:expr) => {
        #[derive(Queueable)]
        #[queueable(max_attempts = $attempts, queue = $queue)]
        struct $job;

        impl Job for $job {
            async fn handle(&self) -> JobResult {
                Ok(())
            }
        }
    };
}

limited!(Limited, 7, "macro");

impl Job for Silent {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

impl Job for Everything {
    async fn handle(&self) -> JobResult {
        let _ = (self.user_id, &self.team);
        Ok(())
    }
}

impl Job for Lists {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

impl BlockingJob for Linear {
    fn handle(&self) -> JobResult {
        let _ = self.r#type;
        Ok(())
    }
}

impl Job for Fixed {
    async fn handle(&self) -> JobResult {
        let _ = self.user_id;
        Ok(())
    }
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn main() {
    assert_eq!((Silent::KIND, Silent::ALIASES, Silent::OPTIONS), ("Silent", &[][..], JobOptions::DEFAULT));

    assert_eq!(Everything::KIND, "mail.welcome");
    assert_eq!(Everything::ALIASES, ["SendWelcome", "Welcome-2"]);
    assert_eq!(
        Everything::OPTIONS,
        JobOptions::DEFAULT
            .queue("mail:fast/1")
            .tags(&["billing", "eu"])
            .priority(0)
            .max_attempts(1000)
            .timeout(Some(seconds(5_400)))
            .backoff(Backoff::Exponential { base: seconds(15), cap: seconds(21_600) })
            .version(3)
            // The stored keys, in the order of the struct.
            .unique(Unique::new(Some("member"), Some(&["user_id", "group"])))
    );
    let _: Pending<Everything> = Everything::of_user(3, String::new());
    let _: Pending<Everything> = Welcome { user_id: 3, team: String::new() }.into();
    let upgraded = Everything::upgrade(serde_json::json!({ "user": "7" }), 2).unwrap();
    assert_eq!(upgraded["user_id"], 9);
    assert!(Everything::upgrade(serde_json::json!({}), 2).is_err());

    const DELAYS: &[Duration] = &[seconds(10), seconds(60)];
    assert_eq!(
        Lists::OPTIONS,
        JobOptions::DEFAULT.timeout(None).backoff(Backoff::List(DELAYS)).unique(Unique::new(None, None))
    );
    assert_eq!(
        Linear::OPTIONS,
        JobOptions::DEFAULT
            .blocking()
            .backoff(Backoff::Linear { base: Duration::from_millis(100) })
            .unique(Unique::new(None, Some(&["type"])))
    );
    assert_eq!(
        Fixed::OPTIONS,
        JobOptions::DEFAULT.backoff(Backoff::Fixed { delay: seconds(172_800) }).unique(Unique::new(Some("one"), None))
    );
    assert_eq!(serde_json::to_string(&FixedArgs { user_id: 1 }).unwrap(), r#"{"userId":1}"#);
    assert_eq!(Limited::OPTIONS, JobOptions::DEFAULT.max_attempts(7).queue("macro"));
}
