//! Which queue is the current one.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::{Arc, Mutex};

use queue::prelude::*;
use queue::{JobState, PushError};
use queue_tests::probe::{PATIENCE, Probe};
use queue_tests::{logs, park};

#[derive(Queueable)]
struct Beat;

impl Job for Beat {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

/// Pushes beats to the current queue, in and out of a scope of another queue.
#[derive(Queueable)]
struct Pushes {
    #[inject]
    own: Queue,
    #[inject]
    other: Arc<Named>,
    #[inject]
    probe: Arc<Probe>,
}

/// A queue that is injected as a service.
struct Named(Queue);

impl Job for Pushes {
    async fn handle(&self) -> JobResult {
        let current = |probe: &Probe| match Queue::current() {
            Ok(queue) => probe.saw(self.name(&queue)),
            Err(error) => probe.saw(error.to_string()),
        };
        current(&self.probe);
        self.other.0.scope(async { current(&self.probe) }).await;
        {
            let _entered = self.other.0.enter();
            current(&self.probe);
        }
        tokio::task::yield_now().await;
        current(&self.probe);
        self.own.dispatch(Beat::with()).await?;
        Ok(())
    }
}

impl Pushes {
    fn name(&self, queue: &Queue) -> &'static str {
        if same(queue, &self.own) {
            "own"
        } else if same(queue, &self.other.0) {
            "other"
        } else {
            "neither"
        }
    }
}

fn memory() -> Queue {
    Queue::connect("memory:").wait().unwrap()
}

fn stored(queue: &Queue) -> u64 {
    park::block_on(queue.counts()).unwrap().total(JobState::Available)
}

/// Whether two handles are of one queue: what is pushed on the one is seen on the other.
fn same(one: &Queue, two: &Queue) -> bool {
    let id = one.dispatch(Beat::with().delay(std::time::Duration::from_secs(3600))).wait().unwrap().id;
    let is_same = park::block_on(two.job(id)).unwrap().is_some();
    park::block_on(one.cancel(id)).unwrap();
    is_same
}

fn is_current(queue: &Queue) -> bool {
    Queue::current().is_ok_and(|current| same(&current, queue))
}

/// The one test of this process that installs, since that is for good.
#[test]
fn the_installed_queue_is_the_last_resort_and_a_second_one_replaces_it() {
    if std::env::var_os("QUEUE_TEST_INSTALLS").is_none() {
        // In a process of its own: the other tests want none to be installed.
        let me = std::env::current_exe().unwrap();
        let name = "the_installed_queue_is_the_last_resort_and_a_second_one_replaces_it";
        let output = std::process::Command::new(me)
            .args(["--exact", name, "--nocapture"])
            .env("QUEUE_TEST_INSTALLS", "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    logs::keep();
    assert!(matches!(Queue::current(), Err(PushError::NoQueue)));
    let first = memory().install();
    assert!(is_current(&first));
    assert!(std::thread::scope(|threads| threads.spawn(|| is_current(&first)).join().unwrap()), "in the whole process");
    let scoped = memory();
    {
        let _entered = scoped.enter();
        assert!(is_current(&scoped));
        let second = memory().install();
        assert!(is_current(&scoped), "what is entered goes before what is installed");
        drop(second);
    }
    assert!(!is_current(&first) && !is_current(&scoped));
    let warnings = || logs::lines("a queue was installed already").len();
    assert_eq!(warnings(), 1);
    let installed = Queue::current().unwrap();
    drop(installed.clone().install());
    assert_eq!(warnings(), 1, "the same once more is nothing new");
    Queue::push::<Beat>().wait().unwrap();
    assert_eq!((stored(&installed), stored(&first)), (1, 0));
}

#[tokio::test]
async fn a_scope_is_around_its_future_and_nowhere_else() {
    let queue = memory();
    let scoped = queue.scope(async {
        assert!(is_current(&queue));
        tokio::task::yield_now().await;
        assert!(is_current(&queue));
        Queue::push::<Beat>().await.unwrap();
        7
    });
    assert!(Queue::current().is_err(), "not before it is polled");
    assert_eq!(scoped.await, 7);
    assert!(Queue::current().is_err());
    assert_eq!(stored(&queue), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scope_goes_with_its_task_and_stays_behind_a_spawn() {
    let queue = memory();
    let task = queue.clone();
    let scoped = queue.scope(async move {
        for _ in 0..100 {
            assert!(is_current(&task));
            tokio::task::yield_now().await;
        }
        let bare = tokio::spawn(async { Queue::push::<Beat>().await });
        assert!(matches!(bare.await.unwrap(), Err(PushError::NoQueue)));
        tokio::spawn(task.scope(async { Queue::push::<Beat>().await })).await.unwrap().unwrap();
    });
    tokio::spawn(scoped).await.unwrap();
    assert_eq!(stored(&queue), 1);
}

#[tokio::test]
async fn the_innermost_scope_counts() {
    let (outer, inner, entered) = (memory(), memory(), memory());
    outer
        .scope(async {
            inner
                .scope(async {
                    assert!(is_current(&inner));
                    let guard = entered.enter();
                    assert!(is_current(&entered));
                    drop(guard);
                    assert!(is_current(&inner));
                })
                .await;
            assert!(is_current(&outer));
        })
        .await;
    // Two that take turns on one thread.
    let turns = async |queue: &Queue| {
        for _ in 0..10 {
            assert!(is_current(queue));
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(outer.scope(turns(&outer)), inner.scope(turns(&inner)));
    assert!(Queue::current().is_err());
}

#[test]
fn guards_may_end_in_any_order() {
    let (one, two, three) = (memory(), memory(), memory());
    let first = one.enter();
    let second = two.enter();
    let third = three.enter();
    drop(second);
    assert!(is_current(&three));
    drop(first);
    assert!(is_current(&three));
    drop(third);
    assert!(Queue::current().is_err());
    let _again = one.enter();
    assert!(is_current(&one));
    std::thread::scope(|threads| {
        threads.spawn(|| assert!(Queue::current().is_err(), "of its thread only"));
    });
}

#[test]
fn a_panic_inside_leaves_nothing_behind() {
    let queue = memory();
    let panics = std::panic::AssertUnwindSafe(|| park::block_on(queue.scope(async { panic!("inside") })));
    assert!(std::panic::catch_unwind(panics).is_err());
    assert!(Queue::current().is_err());
}

#[tokio::test]
async fn what_a_scoped_future_drops_is_dropped_in_the_scope() {
    struct PushesWhenDropped(Arc<Mutex<Vec<bool>>>);
    impl Drop for PushesWhenDropped {
        fn drop(&mut self) {
            self.0.lock().unwrap().push(Queue::push::<Beat>().wait().is_ok());
        }
    }
    let (queue, seen) = (memory(), Arc::<Mutex<Vec<bool>>>::default());
    let guard = PushesWhenDropped(Arc::clone(&seen));
    let mut scoped = Box::pin(queue.scope(async move {
        let _guard = guard;
        std::future::pending::<()>().await;
    }));
    assert!(futures_util::poll!(&mut scoped).is_pending());
    drop(scoped);
    drop(queue.scope(std::future::ready(PushesWhenDropped(Arc::clone(&seen)))));
    assert_eq!(*seen.lock().unwrap(), [true, true]);
    assert_eq!(stored(&queue), 2);
    assert!(Queue::current().is_err());
}

#[tokio::test]
async fn in_a_job_it_is_the_queue_of_the_job_unless_a_scope_is_further_in() {
    let (queue, other, outside, probe) = (memory(), memory(), memory(), Arc::<Probe>::default());
    let container = Container::builder().instance(Arc::clone(&probe)).instance(Arc::new(Named(other.clone()))).build();
    // Its loops run on the runtime of whoever is in another scope; that changes nothing.
    let _entered = outside.enter();
    let worker = Worker::builder(&queue, container).on(tokio::runtime::Handle::current()).start().await.unwrap();
    let id = queue.dispatch(Pushes::with()).await.unwrap().id;
    let row = queue.wait(id, PATIENCE).await.unwrap();
    assert_eq!(row.state, JobState::Completed, "{:?}", row.errors);
    assert_eq!(probe.seen(), ["own", "other", "other", "own"]);
    worker.shutdown(PATIENCE).await;
}
