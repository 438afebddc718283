//! Pushing from anywhere: each kind of thread, with and without awaiting, and what is refused.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use queue::drivers::{AtomicPush, Memory};
use queue::prelude::*;
use queue::{JobState, PushError};
use queue_tests::gate::Gate;
use queue_tests::probe::{PATIENCE, Probe};
use queue_tests::rig::Rig;
use queue_tests::{logs, park};

#[derive(Queueable)]
struct Note {
    n: u32,
}

impl Job for Note {
    async fn handle(&self) -> JobResult {
        let _ = self.n;
        Ok(())
    }
}

#[derive(Queueable)]
#[queueable(queue = "beats", priority = 7, max_attempts = 3, tags = ["heart"])]
struct Beat;

impl Job for Beat {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

#[derive(Queueable)]
struct Text {
    text: String,
}

impl Job for Text {
    async fn handle(&self) -> JobResult {
        let _ = &self.text;
        Ok(())
    }
}

#[derive(Queueable)]
struct Grid {
    cells: BTreeMap<Vec<u8>, u8>,
}

impl Job for Grid {
    async fn handle(&self) -> JobResult {
        let _ = &self.cells;
        Ok(())
    }
}

/// Pushes notes to the current queue, from where it runs.
#[derive(Queueable)]
#[queueable(blocking)]
struct PushesBlocking {
    #[inject]
    probe: Arc<Probe>,
}

impl BlockingJob for PushesBlocking {
    fn handle(&self) -> JobResult {
        let pushed = Note::with(1).push().wait()?;
        drop(Note::with(2).push());
        self.probe.saw(pushed.id.to_string());
        Ok(())
    }
}

#[derive(Queueable)]
struct Pushes {
    #[inject]
    probe: Arc<Probe>,
}

impl Job for Pushes {
    async fn handle(&self) -> JobResult {
        let pushed = Note::with(1).push().await?;
        drop(Note::with(2).push());
        let waited = Note::with(3).push().wait()?;
        self.probe.saw(pushed.id.to_string());
        self.probe.saw(waited.id.to_string());
        Ok(())
    }
}

/// A queue that stores on the caller's thread, and one that stores on its engine.
fn both() -> [Queue; 2] {
    // The first `.wait()` of the process inside a runtime is logged, and a test wants to see it.
    logs::keep();
    [Queue::from_driver(Arc::new(Memory::new())), Queue::from_driver(Gate::new())]
}

fn stored(queue: &Queue) -> u64 {
    park::block_on(async {
        queue.flush().await.unwrap();
        queue.counts().await.unwrap().total(JobState::Available)
    })
}

/// Every way to push, on the thread and in the runtime that this is called in.
fn every_way(queue: &Queue) {
    assert!(!queue.dispatch(Note::with(1)).wait().unwrap().is_duplicate);
    let (one, two) = queue.dispatch((Note::with(2), Beat::with())).wait().unwrap();
    assert!(one.id < two.id);
    assert_eq!(queue.dispatch_all((0..3).map(Note::with)).wait().unwrap().len(), 3);
    drop(queue.dispatch(Note::with(4)));
    let _entered = queue.enter();
    Queue::push::<Beat>().wait().unwrap();
    Note::with(5).push().wait().unwrap();
    drop(Queue::push::<Beat>());
    assert_eq!(stored(queue), 10);
}

async fn every_awaited_way(queue: &Queue) {
    queue.dispatch(Note::with(1)).await.unwrap();
    queue.dispatch((Note::with(2), Beat::with())).await.unwrap();
    queue.dispatch(vec![Note::with(3)]).await.unwrap();
    queue.dispatch([Note::with(4), Note::with(5)]).await.unwrap();
    queue.dispatch_all((0..3).map(Note::with)).await.unwrap();
    queue
        .scope(async {
            Queue::push::<Beat>().await.unwrap();
            Note::with(6).push().await.unwrap();
        })
        .await;
    drop(queue.dispatch(Note::with(7)));
    assert_eq!(stored(queue), 12);
}

#[test]
fn on_a_plain_thread() {
    for queue in both() {
        every_way(&queue);
    }
    for queue in both() {
        park::block_on(every_awaited_way(&queue));
    }
}

#[tokio::test]
async fn in_a_runtime_of_one_thread() {
    for queue in both() {
        every_way(&queue);
    }
    for queue in both() {
        every_awaited_way(&queue).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_runtime_of_several_threads() {
    for queue in both() {
        tokio::spawn(async move { every_way(&queue) }).await.unwrap();
    }
    for queue in both() {
        tokio::spawn(async move { every_awaited_way(&queue).await }).await.unwrap();
    }
}

#[tokio::test]
async fn on_the_blocking_pool() {
    for queue in both() {
        tokio::task::spawn_blocking(move || every_way(&queue)).await.unwrap();
    }
    for queue in both() {
        let handle = tokio::runtime::Handle::current();
        tokio::task::spawn_blocking(move || handle.block_on(every_awaited_way(&queue))).await.unwrap();
    }
}

#[tokio::test]
async fn in_handlers_the_current_queue_is_that_of_the_job() {
    for queue in both() {
        let probe = Arc::<Probe>::default();
        let worker = Worker::builder(&queue, Container::builder().instance(Arc::clone(&probe)).build()).start().await.unwrap();
        for id in [queue.dispatch(Pushes::with()).await.unwrap().id, queue.dispatch(PushesBlocking::with()).await.unwrap().id] {
            let row = queue.wait(id, PATIENCE).await.unwrap();
            assert_eq!(row.state, JobState::Completed, "{:?}", row.errors);
        }
        for id in probe.seen() {
            assert_eq!(queue.wait(id.parse().unwrap(), PATIENCE).await.unwrap().state, JobState::Completed);
        }
        worker.shutdown(PATIENCE).await;
        let counts = queue.counts().await.unwrap();
        assert_eq!(JobState::ALL.iter().map(|state| counts.total(*state)).sum::<u64>(), 7);
    }
}

fn process(how: &str) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_pushes")).arg(how).output().expect("it starts");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn at_the_end_of_main_flush_and_shutdown_wait_for_what_nobody_awaited() {
    assert_eq!(process("flush"), (true, "stored 500 closed 0\nend of main\n".to_owned()));
    assert_eq!(process("shutdown"), (true, "stored 500 closed 1\nend of main\n".to_owned()));
    assert_eq!(process("nothing"), (true, "end of main\n".to_owned()));
}

#[test]
fn the_thread_of_the_engine_ends_with_the_last_handle() {
    assert_eq!(process("drop"), (true, "the thread has ended\nend of main\n".to_owned()));
}

#[tokio::test]
async fn pushes_can_be_joined() {
    for queue in both() {
        let joined = join_all((0..100).map(|n| queue.dispatch(Note::with(n)))).await;
        assert!(joined.iter().all(Result::is_ok));
        let mut unordered: FuturesUnordered<_> = (0..100).map(|n| queue.dispatch(Note::with(n))).collect();
        let mut count = 0;
        while let Some(pushed) = unordered.next().await {
            pushed.unwrap();
            count += 1;
        }
        assert_eq!((count, stored(&queue)), (100, 200));
    }
}

#[tokio::test]
async fn tuples_are_stored_in_order_up_to_twelve() {
    for queue in both() {
        let _entered = queue.enter();
        type Twelve = (Beat, Beat, Beat, Beat, Beat, Beat, Beat, Beat, Beat, Beat, Beat, Beat);
        let twelve = Queue::push::<Twelve>().await.unwrap();
        assert!(twelve.0.id < twelve.1.id && twelve.10.id < twelve.11.id);
        let ((a, b), (c,)) = Queue::push::<((Beat, Beat), (Beat,))>().await.unwrap();
        assert!(a.id < b.id && b.id < c.id);
        let n = Note::with;
        let mixed = queue
            .dispatch((n(0), Beat::with(), n(2), n(3), n(4), n(5), n(6), n(7), n(8), n(9), n(10), Text::with("last".into())))
            .await
            .unwrap();
        let kind = async |id| queue.job(id).await.unwrap().unwrap().kind;
        assert_eq!(
            (kind(mixed.0.id).await, kind(mixed.1.id).await, kind(mixed.11.id).await),
            ("Note".into(), "Beat".into(), "Text".into())
        );
        assert_eq!(stored(&queue), 27);
    }
}

#[tokio::test]
async fn bulk_may_be_larger_than_the_bound_and_may_be_nothing() {
    for queue in both() {
        assert_eq!(queue.dispatch_all((0..100_001).map(Note::with)).await.unwrap().len(), 100_001);
        assert!(queue.dispatch_all((0..0).map(Note::with)).await.unwrap().is_empty());
        assert!(queue.dispatch(Vec::<queue::Pending<Note>>::new()).wait().unwrap().is_empty());
        assert_eq!(stored(&queue), 100_001);
    }
}

#[tokio::test]
async fn a_pending_job_goes_before_the_attributes() {
    let rig = Rig::new();
    let plain = rig.row(rig.queue.dispatch(Beat::with()).await.unwrap().id).await;
    assert_eq!((plain.queue.as_str(), plain.priority, plain.max_attempts, plain.tags), ("beats", 7, 3, vec!["heart".to_owned()]));
    let pending =
        Beat::with().queue("vip").priority(1).max_attempts(9).tag("two").meta("by", "me").delay(Duration::from_secs(60));
    let row = rig.row(rig.queue.dispatch(pending).await.unwrap().id).await;
    assert_eq!((row.queue.as_str(), row.priority, row.max_attempts), ("vip", 1, 9));
    assert_eq!((row.tags, row.meta["by"].as_str()), (vec!["heart".to_owned(), "two".to_owned()], Some("me")));
    assert_eq!(row.state, JobState::Scheduled);
    let past = rig.queue.dispatch(Beat::with().at(SystemTime::UNIX_EPOCH)).await.unwrap();
    assert_eq!(rig.row(past.id).await.state, JobState::Available);
    let ahead = rig.queue.dispatch(Beat::with().at(SystemTime::now() + Duration::from_secs(3600))).await.unwrap();
    assert_eq!(rig.row(ahead.id).await.state, JobState::Scheduled);
}

#[tokio::test]
async fn without_a_queue_the_error_says_how_to_get_one() {
    let errors =
        [Queue::push::<Beat>().await.unwrap_err(), Note::with(1).push().wait().unwrap_err(), Queue::current().unwrap_err()];
    for error in errors {
        assert!(matches!(error, PushError::NoQueue));
        assert!(error.to_string().contains("`.install()`") && error.to_string().contains("`Queue::connect`"), "{error}");
    }
}

#[tokio::test]
async fn a_payload_that_is_no_json_is_refused() {
    for queue in both() {
        let cells = BTreeMap::from([(vec![1], 2)]);
        let error = queue.dispatch_all([Grid::with(BTreeMap::new()), Grid::with(cells)]).await.unwrap_err();
        assert!(matches!(&error, PushError::Encode { kind, .. } if kind == "Grid"));
        assert_eq!(
            format!("{error:?}"),
            "the payload of `Grid` cannot be encoded as JSON: the field `cells`: key must be a string"
        );
        assert_eq!(stored(&queue), 0, "all or none");
    }
}

#[tokio::test]
async fn what_the_driver_cannot_is_refused_and_named() {
    let refused = async |queue: &Queue, pending: queue::Pending<Note>| {
        let error = queue.dispatch(pending).await.unwrap_err();
        assert!(matches!(error, PushError::Unsupported { driver: "gate", .. }));
        error.to_string()
    };
    let queue = Queue::from_driver(Gate::with(|can| (can.unique, can.priorities) = (false, 1)));
    assert_eq!(refused(&queue, Note::with(1).unique_key("a")).await, "the driver `gate` cannot store this: a unique job");
    assert_eq!(refused(&queue, Note::with(1).priority(1)).await, "the driver `gate` cannot store this: a priority");
    queue.dispatch(Note::with(1).priority(100)).await.unwrap();

    let queue = Queue::from_driver(Gate::with(|can| can.atomic_push = AtomicPush::Chunks(2)));
    queue.dispatch_all((0..2).map(Note::with)).await.unwrap();
    let error = queue.dispatch_all((0..3).map(Note::with)).await.unwrap_err();
    assert!(error.to_string().ends_with("3 jobs all or none, it stores at most 2"), "{error}");

    let queue = Queue::from_driver(Gate::with(|can| can.atomic_push = AtomicPush::PerQueue));
    queue.dispatch_all((0..2).map(Note::with)).await.unwrap();
    let error = queue.dispatch((Note::with(1), Beat::with())).await.unwrap_err();
    assert!(error.to_string().ends_with("jobs of several queues all or none"), "{error}");
}

#[tokio::test]
async fn waiting_in_a_runtime_warns_once() {
    logs::keep();
    let queue = Queue::from_driver(Gate::new());
    for n in 0..3 {
        queue.dispatch(Note::with(n)).wait().unwrap();
    }
    assert_eq!(logs::lines("`.wait()` inside a runtime").len(), 1);
}

#[tokio::test]
async fn a_push_that_nobody_awaits_and_that_fails_is_logged() {
    logs::keep();
    let gate = Gate::new();
    let queue = Queue::from_driver(Arc::<Gate>::clone(&gate));
    // Refused at once; refused by the store before it is dropped; and after.
    drop(queue.dispatch(Text::with("z".repeat(1_234_567))));
    gate.refuse("poison");
    let push = queue.dispatch(Text::with("poison".into()));
    queue.flush().await.unwrap();
    drop(push);
    gate.hold();
    drop(queue.dispatch(Text::with("poison".into())));
    gate.open();
    queue.flush().await.unwrap();
    let logged = logs::lines("a push that nobody awaits failed");
    assert_eq!(logged.iter().filter(|line| line.starts_with("ERROR") && line.contains("1234578 bytes")).count(), 1, "{logged:?}");
    assert_eq!(logged.iter().filter(|line| line.contains("the store did not confirm the push: poison")).count(), 2, "{logged:?}");
    // One that was awaited, or stored, is not.
    queue.dispatch(Text::with("poison".into())).await.unwrap_err();
    drop(queue.dispatch(Text::with("fine".into())));
    queue.flush().await.unwrap();
    assert_eq!(logs::lines("a push that nobody awaits failed").len(), logged.len());
}
