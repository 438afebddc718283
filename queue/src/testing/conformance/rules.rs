//! The list of rules, and the way one is checked.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::subject::Subject;
use super::{Skip, Store, Verdict};
use crate::drivers::BoxFuture;

/// How long a rule may take in real time. None waits for time to pass, so this is only for a driver that hangs.
const DEADLINE: Duration = Duration::from_secs(120);

/// What a thread that hangs gets on top of it, so that a future that hangs is told apart.
const BLOCKED: Duration = Duration::from_secs(5);

/// One rule of the driver contract.
pub struct Rule {
    topic: &'static str,
    name: &'static str,
    body: for<'a> fn(&'a Subject) -> BoxFuture<'a, Verdict>,
}

/// What the check of a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// The driver keeps it.
    Kept,
    /// It needs what the driver says that it cannot do.
    Skipped(String),
}

/// A rule that a driver does not keep.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the driver breaks the rule `{rule}`: {how}")]
pub struct Broken {
    rule: String,
    how: String,
}

impl Rule {
    /// The file of the suite that it stands in: `push`, `lease`, …
    #[must_use]
    pub fn topic(&self) -> &'static str {
        self.topic
    }

    /// What it says.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Checks it on a fresh store. A driver that hangs breaks it after two minutes.
    ///
    /// # Errors
    ///
    /// When the driver breaks it; the text says how.
    pub fn check(&'static self, store: impl Store) -> Result<Checked, Broken> {
        self.check_within(store, DEADLINE)
    }

    /// The same with another deadline, in real time. A thread that the driver blocks for good is left behind.
    ///
    /// # Errors
    ///
    /// When the driver breaks it; the text says how.
    pub fn check_within(&'static self, store: impl Store, deadline: Duration) -> Result<Checked, Broken> {
        let (sender, answer) = mpsc::channel();
        let body = move || {
            let found = catch_unwind(AssertUnwindSafe(|| self.run(&(Arc::new(store) as Arc<dyn Store>), deadline)));
            // Nobody listens any more once the deadline is over.
            let _ = sender.send(found.unwrap_or_else(|panic| Err(text_of(&*panic))));
        };
        std::thread::Builder::new()
            .name(format!("{}::{}", self.topic, self.name))
            .spawn(body)
            .map_err(|error| self.broken(format!("no thread to check it on: {error}")))?;
        answer
            .recv_timeout(deadline + BLOCKED)
            .unwrap_or_else(|_| Err(format!("it blocked its thread for {deadline:?}")))
            .map_err(|how| self.broken(how))
    }

    fn run(&self, store: &Arc<dyn Store>, deadline: Duration) -> Result<Checked, String> {
        if let Some(why) = store.is_missing() {
            return Ok(Checked::Skipped(why));
        }
        // Several threads, so that two calls of a driver are really made at once.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .enable_all()
            .build()
            .map_err(|error| format!("no runtime to check it on: {error}"))?;
        let verdict = runtime.block_on(async {
            let check = async {
                let subject = Subject::open(Arc::clone(store)).await;
                (self.body)(&subject).await
            };
            let verdict = tokio::time::timeout(deadline, check).await;
            if verdict.is_ok() {
                store.remove().await;
            }
            verdict
        });
        runtime.shutdown_background();
        match verdict {
            Ok(Ok(())) => Ok(Checked::Kept),
            Ok(Err(Skip(why))) => Ok(Checked::Skipped(why)),
            Err(_) => Err(format!("it did not end within {deadline:?}")),
        }
    }

    fn broken(&self, how: String) -> Broken {
        Broken { rule: format!("{}::{}", self.topic, self.name), how }
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rule({}::{})", self.topic, self.name)
    }
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked").to_owned()
}

/// Every rule, in the order of the list.
#[must_use]
pub fn all() -> &'static [Rule] {
    RULES
}

/// The rule with this path, as `lease::an_old_token_renews_nothing`.
///
/// # Panics
///
/// When there is none.
#[must_use]
pub fn rule(path: &str) -> &'static Rule {
    let found = RULES.iter().find(|rule| path.split_once("::") == Some((rule.topic, rule.name)));
    found.unwrap_or_else(|| panic!("the suite has no rule `{path}`"))
}

/// Checks a rule as a test does: panics when the driver breaks it, and says on the standard error when it was skipped.
///
/// # Panics
///
/// When the driver breaks the rule, or there is none with this path.
pub fn check(path: &str, store: impl Store) {
    match rule(path).check(store) {
        Ok(Checked::Kept) => {}
        Ok(Checked::Skipped(why)) => {
            use std::io::Write;
            // Written past the capture of the test harness, which would hide it: a skip is to be seen.
            let _ = writeln!(std::io::stderr(), "skipped {path}: {why}");
        }
        Err(broken) => panic!("{broken}"),
    }
}

/// Makes one `#[test]` of each rule that a driver must keep; takes a [`Store`](crate::testing::conformance::Store), which is made anew for each.
///
/// See [`testing::conformance`](crate::testing::conformance). Once a module: it makes a module a topic.
#[macro_export]
macro_rules! conformance {
    ($store:expr $(,)?) => {
        fn store_under_test() -> impl $crate::testing::conformance::Store {
            $store
        }
        $crate::__conformance_rules! { $crate::__conformance_tests }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($($topic:ident { $($rule:ident,)* })*) => {
        $(mod $topic {
            $(#[test]
            fn $rule() {
                let path = concat!(stringify!($topic), "::", stringify!($rule));
                $crate::testing::conformance::check(path, super::store_under_test());
            })*
        })*
    };
}

macro_rules! table {
    ($($topic:ident { $($rule:ident,)* })*) => {
        static RULES: &[Rule] = &[
            $($(Rule {
                topic: stringify!($topic),
                name: stringify!($rule),
                body: |subject| Box::pin(super::$topic::$rule(subject)),
            },)*)*
        ];
    };
}

crate::__conformance_rules! { table }
