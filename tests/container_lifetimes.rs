//! The container: when services are made, shared and dropped; threads, panics, children, start and stop.

use std::any::{Any, TypeId};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use queue::container::{Consumer, Dependencies, Dependency, ResolveError, RunValues, Scope};
use queue::{Clock, Container, FromContainer, JobContext, Lazy, Provider};

trait Mailer: Send + Sync {
    fn name(&self) -> String;
}

struct Smtp(&'static str);

impl Mailer for Smtp {
    fn name(&self) -> String {
        self.0.to_owned()
    }
}

struct Config(&'static str);
struct Session;

/// What happened, in order.
#[derive(Clone, Default)]
struct Ledger(Arc<Mutex<Vec<String>>>);

impl Ledger {
    fn note(&self, text: impl Into<String>) {
        self.0.lock().expect("no note panics").push(text.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no note panics"))
    }
}

/// A service that notes its drop.
struct Noted<const N: usize>(Ledger);

impl<const N: usize> Drop for Noted<N> {
    fn drop(&mut self) {
        self.0.note(format!("drop {N}"));
    }
}

struct Values;

impl RunValues for Values {
    fn value(&self, key: TypeId) -> Option<Arc<dyn Any + Send + Sync>> {
        (key == TypeId::of::<JobContext>()).then(|| Arc::new(JobContext::for_test()) as _)
    }
}

fn consumer(dependencies: &'static [Dependency]) -> Consumer {
    Consumer { name: "Job".into(), type_id: TypeId::of::<Values>(), file: "jobs.rs", line: 1, dependencies }
}

const fn field(field: &'static str, needs: fn(&mut Dependencies)) -> Dependency {
    Dependency { field, file: "jobs.rs", line: 7, needs }
}

fn assert_shared<T: Send + Sync>() {}

#[test]
fn a_job_may_hold_its_scope_over_an_await() {
    assert_shared::<queue::container::RunScope>();
    assert_shared::<Scope<'_>>();
    assert_shared::<Lazy<dyn Mailer>>();
    assert_shared::<Provider<dyn Mailer>>();
}

#[test]
fn a_hundred_threads_make_one_singleton() {
    let count = Arc::new(AtomicUsize::new(0));
    let made = Arc::clone(&count);
    let gate = Arc::new(Barrier::new(100));
    let container = Container::builder()
        .singleton(move || {
            made.fetch_add(1, Ordering::SeqCst);
            thread::yield_now();
            Config("one")
        })
        .build();
    let threads: Vec<_> = (0..100)
        .map(|_| {
            let (container, gate) = (container.clone(), Arc::clone(&gate));
            thread::spawn(move || {
                gate.wait();
                Arc::as_ptr(&container.get::<Config>().unwrap()).addr()
            })
        })
        .collect();
    let addresses: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(addresses.iter().all(|address| *address == addresses[0]));
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn threads_of_one_run_make_one_scoped_service() {
    let count = Arc::new(AtomicUsize::new(0));
    let made = Arc::clone(&count);
    let container = Container::builder().scoped(move || made.fetch_add(1, Ordering::SeqCst)).build();
    let run = container.run_scope(None);
    let gate = Barrier::new(16);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                gate.wait();
                run.scope().resolve::<Arc<usize>>().unwrap();
            });
        }
    });
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

/// Injected first, it makes two constructors wait until both have begun.
struct Meet;

static MEETING: Barrier = Barrier::new(2);
static MET: AtomicUsize = AtomicUsize::new(0);

impl FromContainer for Meet {
    fn dependencies(_: &mut Dependencies) {}

    fn from_container(_: &Scope<'_>) -> Result<Self, ResolveError> {
        if MET.fetch_add(1, Ordering::SeqCst) < 2 {
            MEETING.wait();
        }
        Ok(Self)
    }
}

#[test]
fn two_threads_in_a_circle_get_an_error_and_no_deadlock() {
    struct A;
    struct B;
    let line = line!() + 1;
    let container = Container::builder().singleton(|_: Meet, _: Arc<B>| A).singleton(|_: Meet, _: Arc<A>| B).build();
    let other = container.clone();
    let thread = thread::spawn(move || other.get::<B>().map(drop));
    let mine = container.get::<A>().err().unwrap().to_string();
    let theirs = thread.join().unwrap().unwrap_err().to_string();
    let at = format!("{}:{line}", file!());
    let help = "break it with a `Lazy<..>` or `Provider<..>` argument";
    assert_eq!(mine, format!("the services need each other: `A` ({at}) -> `B` ({at}) -> `A`: {help}"));
    assert_eq!(theirs, format!("the services need each other: `B` ({at}) -> `A` ({at}) -> `B`: {help}"));
}

#[test]
fn scoped_services_are_dropped_in_reverse_when_the_run_ends() {
    let ledger = Ledger::default();
    let (one, two, three) = (ledger.clone(), ledger.clone(), ledger.clone());
    let container = Container::builder()
        .scoped(move |_: Arc<Noted<2>>| Noted::<1>(one.clone()))
        .scoped(move || Noted::<2>(two.clone()))
        .scoped(move || Noted::<3>(three.clone()))
        .build();
    let run = container.run_scope(None);
    run.scope().resolve::<(Arc<Noted<1>>, Arc<Noted<3>>, Arc<Noted<2>>)>().unwrap();
    assert_eq!(ledger.take(), Vec::<String>::new());
    drop(run);
    assert_eq!(ledger.take(), ["drop 3", "drop 1", "drop 2"]);
}

#[test]
fn a_panic_is_an_error_with_the_path_and_the_next_use_tries_again() {
    struct Cache;
    let is_broken = Arc::new(AtomicBool::new(true));
    let broken = Arc::clone(&is_broken);
    let line = line!() + 2;
    let container = Container::builder()
        .singleton(move || {
            assert!(!broken.load(Ordering::SeqCst), "no route to host");
            Config("ok")
        })
        .scoped(|_: Arc<Config>| Cache)
        .build();
    let run = container.run_scope(None);
    let error = run.scope().resolve::<Arc<Cache>>().err().unwrap().to_string();
    let file = file!();
    assert_eq!(
        error,
        format!(
            "the constructor of `Config` ({file}:{line}) panicked: no route to host, needed by `Cache` ({file}:{})",
            line + 4
        )
    );
    is_broken.store(false, Ordering::SeqCst);
    assert!(run.scope().resolve::<Arc<Cache>>().is_ok());
}

#[test]
fn a_failing_constructor_keeps_its_error_as_the_source() {
    let container = Container::builder()
        .try_singleton(|| Err::<Config, _>(std::io::Error::other("refused")))
        .try_scoped(|| Err::<Session, _>("no session"))
        .try_transient(|| Ok::<_, String>(7_u8))
        .build();
    let error = container.get::<Config>().err().unwrap();
    assert!(error.to_string().starts_with("the constructor of `Config` ("), "{error}");
    let source = std::error::Error::source(&error).unwrap();
    assert!(source.downcast_ref::<std::io::Error>().is_some(), "{source}");
    assert!(format!("{error:?}").ends_with("failed: refused"));
    assert_eq!(*container.get::<u8>().unwrap(), 7);
    assert!(container.run_scope(None).scope().resolve::<Arc<Session>>().is_err());
}

#[test]
fn a_singleton_that_keeps_failing_rests_and_is_then_tried_again() {
    let calls = Arc::new(AtomicUsize::new(0));
    let called = Arc::clone(&calls);
    let clock = Clock::manual();
    let line = line!() + 3;
    let container = Container::builder()
        .clock(clock.clone())
        .try_singleton(move || match called.fetch_add(1, Ordering::SeqCst) {
            0..6 => Err("refused"),
            _ => Ok(Config("up")),
        })
        .build();
    let error = || container.get::<Config>().err().map(|error| format!("{error:?}"));
    let label = format!("the constructor of `Config` ({}:{line}) failed", file!());
    for _ in 0..5 {
        assert_eq!(error(), Some(format!("{label}: refused")));
    }
    assert_eq!(error(), Some(format!("{label} 5 times in a row, it is tried again in 10 s: refused")));
    assert_eq!(calls.load(Ordering::SeqCst), 5);
    clock.advance(Duration::from_secs(10));
    assert_eq!(error(), Some(format!("{label}: refused")));
    assert!(error().unwrap().contains("6 times in a row"));
    clock.advance(Duration::from_secs(10));
    assert_eq!(error(), None);
    assert_eq!(calls.load(Ordering::SeqCst), 7);
}

#[test]
fn values_of_the_run_reach_constructors_of_scoped_services() {
    struct Log(u32);
    let container = Container::builder().scoped(|context: JobContext| Log(context.attempt())).build();
    let run = container.run_scope(Some(Arc::new(Values)));
    assert_eq!(run.scope().resolve::<Arc<Log>>().unwrap().0, 1);
    let without = container.run_scope(None);
    let error = without.scope().resolve::<Arc<Log>>().err().unwrap().to_string();
    assert!(error.starts_with("this run gives no `JobContext`, needed by `Log` ("), "{error}");
}

#[test]
fn a_lazy_service_is_made_at_its_first_use_and_once() {
    let ledger = Ledger::default();
    let made = ledger.clone();
    let container = Container::builder()
        .transient(move || {
            made.note("made");
            Smtp("lazy")
        })
        .build();
    let run = container.run_scope(None);
    let lazy: Lazy<Smtp> = run.scope().resolve().unwrap();
    assert!(ledger.take().is_empty());
    assert_eq!((lazy.name(), lazy.name()), ("lazy".to_owned(), "lazy".to_owned()));
    assert_eq!(ledger.take(), ["made"]);
}

#[test]
fn lazy_and_provider_share_the_scoped_services_of_their_run_until_it_ends() {
    let container = Container::builder().scoped(|| Session).singleton(|| Config("stays")).build();
    let run = container.run_scope(None);
    let (lazy, provider): (Lazy<Session>, Provider<Session>) = run.scope().resolve().unwrap();
    let (late, config): (Lazy<Session>, Provider<Config>) = run.scope().resolve().unwrap();
    let direct: Arc<Session> = run.scope().resolve().unwrap();
    assert!(Arc::ptr_eq(lazy.get().unwrap(), &direct));
    assert!(Arc::ptr_eq(&provider.get().unwrap(), &direct));
    drop(run);
    let error = provider.get().err().unwrap().to_string();
    assert!(error.contains("`Session`") && error.contains("went with its run: ask for it before `handle` returns"), "{error}");
    assert!(late.get().is_err());
    assert!(lazy.get().is_ok(), "what was taken stays");
    assert_eq!(config.get().unwrap().0, "stays");
    drop(container);
    assert!(config.get().err().unwrap().to_string().contains("dropped"));
}

#[test]
fn using_a_lazy_service_that_cannot_be_made_panics_with_the_reason() {
    let container = Container::builder().build();
    let lazy: Lazy<Smtp> = container.run_scope(None).scope().resolve().unwrap();
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| lazy.name())).unwrap_err();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "`Smtp` is not bound");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_works_inside_a_task_that_moves_between_threads() {
    let container = Container::builder().scoped(|| Session).build();
    let run = container.run_scope(None);
    let provider: Provider<Session> = run.scope().resolve().unwrap();
    let before = provider.get().unwrap();
    let after = tokio::spawn(async move {
        tokio::task::yield_now().await;
        provider.get().unwrap()
    });
    assert!(Arc::ptr_eq(&before, &after.await.unwrap()));
}

#[test]
fn a_singleton_that_holds_a_lazy_one_does_not_keep_the_container_alive() {
    struct Holder(#[expect(dead_code, reason = "held")] Lazy<Config>);
    let ledger = Ledger::default();
    let noted = ledger.clone();
    let container = Container::builder()
        .singleton(move || Noted::<1>(noted.clone()))
        .singleton(|late: Lazy<Config>, _: Arc<Noted<1>>| Holder(late))
        .build();
    container.get::<Holder>().unwrap();
    drop(container);
    assert_eq!(ledger.take(), ["drop 1"]);
}

#[test]
fn a_child_reaches_the_arguments_of_the_parents_singletons() {
    struct Users(Arc<dyn Mailer>);
    struct Report(Arc<Users>);
    struct Untouched;
    let parent = Container::builder()
        .singleton(|| Smtp("real"))
        .expose::<dyn Mailer>(|smtp| smtp)
        .singleton(Users)
        .singleton(Report)
        .singleton(|| Untouched)
        .build();
    let before = parent.get::<Report>().unwrap();
    let child = parent.child().instance::<dyn Mailer>(Arc::new(Smtp("fake"))).build();
    assert_eq!(child.get::<Report>().unwrap().0.0.name(), "fake");
    assert!(Arc::ptr_eq(&parent.get::<Report>().unwrap(), &before));
    assert_eq!(before.0.0.name(), "real");
    assert!(Arc::ptr_eq(&child.get::<Untouched>().unwrap(), &parent.get::<Untouched>().unwrap()));
    let grandchild = child.child().instance::<dyn Mailer>(Arc::new(Smtp("third"))).build();
    assert_eq!(grandchild.get::<Report>().unwrap().0.0.name(), "third");
    assert_eq!(child.get::<Report>().unwrap().0.0.name(), "fake");
}

#[test]
fn a_child_that_replaces_a_type_replaces_what_it_was_exposed_as() {
    let parent = Container::builder().singleton(|| Smtp("real")).expose::<dyn Mailer>(|smtp| smtp).build();
    let child = parent.child().scoped(|| Smtp("fake")).build();
    let run = child.run_scope(None);
    assert_eq!(run.scope().resolve::<Arc<dyn Mailer>>().unwrap().name(), "fake");
    assert_eq!(parent.get::<dyn Mailer>().unwrap().name(), "real");
    assert_eq!(child.check(&[]), []);
}

#[test]
fn a_child_shadows_in_collections_before_a_primary_and_in_contexts() {
    struct Report(Arc<dyn Mailer>);
    let parent = Container::builder()
        .instance::<dyn Mailer>(Arc::new(Smtp("primary")))
        .named("p")
        .primary()
        .instance::<dyn Mailer>(Arc::new(Smtp("plain")))
        .singleton(Report)
        .when::<Report>()
        .needs::<dyn Mailer>()
        .give(Arc::new(Smtp("given")))
        .build();
    let child = parent.child().instance::<dyn Mailer>(Arc::new(Smtp("fake"))).build();
    let names: Vec<_> = child.all::<dyn Mailer>().unwrap().iter().map(|mailer| mailer.name()).collect();
    assert_eq!(names, ["primary", "fake"]);
    assert_eq!(child.get::<dyn Mailer>().unwrap().name(), "fake");
    assert_eq!(child.get::<Report>().unwrap().0.name(), "given");
    let given = child.child().when::<Report>().needs::<dyn Mailer>().give_named("p").build();
    assert_eq!(given.get::<Report>().unwrap().0.name(), "primary");
}

#[test]
fn a_child_decorates_for_itself() {
    struct Around(Arc<dyn Mailer>);
    impl Mailer for Around {
        fn name(&self) -> String {
            format!("({})", self.0.name())
        }
    }
    let parent = Container::builder().singleton(|| Smtp("s")).expose::<dyn Mailer>(|smtp| smtp).build();
    let child = parent.child().decorate::<dyn Mailer>(|inner| Arc::new(Around(inner))).build();
    assert_eq!(child.get::<dyn Mailer>().unwrap().name(), "(s)");
    assert_eq!(parent.get::<dyn Mailer>().unwrap().name(), "s");
    assert!(Arc::ptr_eq(&child.get::<Smtp>().unwrap(), &parent.get::<Smtp>().unwrap()));
}

#[test]
fn parallel_tests_with_a_child_each_do_not_meet() {
    struct Report(Arc<Config>);
    let parent = Container::builder().singleton(|| Config("parent")).singleton(Report).build();
    thread::scope(|scope| {
        for name in ["a", "b", "c", "d"] {
            let parent = &parent;
            scope.spawn(move || {
                let child = parent.child().instance(Arc::new(Config(name))).build();
                assert_eq!(child.get::<Report>().unwrap().0.0, name);
            });
        }
    });
    assert_eq!(parent.get::<Report>().unwrap().0.0, "parent");
}

async fn connect(config: Arc<Config>, ledger: Option<Arc<Ledger>>) -> Smtp {
    if let Some(ledger) = ledger {
        ledger.note("connect");
    }
    tokio::task::yield_now().await;
    Smtp(config.0)
}

#[tokio::test]
async fn start_makes_the_singletons_that_jobs_need_in_order_and_the_async_ones_too() {
    struct Pool(#[expect(dead_code, reason = "held")] Arc<Smtp>);
    struct Unused;
    let ledger = Ledger::default();
    let (config, pool, unused) = (ledger.clone(), ledger.clone(), ledger.clone());
    let container = Container::builder()
        .instance(Arc::new(ledger.clone()))
        .singleton(move |smtp: Arc<Smtp>| {
            pool.note("pool");
            Pool(smtp)
        })
        .singleton_async(connect)
        .expose::<dyn Mailer>(|smtp| smtp)
        .singleton(move || {
            config.note("config");
            Config("late")
        })
        .singleton(move || {
            unused.note("unused");
            Unused
        })
        .build();
    let error = container.get::<Smtp>().err().unwrap().to_string();
    assert!(
        error.ends_with("async constructor, which has not run: `Worker::start` runs it, or `container.start(..)`"),
        "{error}"
    );
    let fields = const { &[field("pool", <(Arc<Pool>, Lazy<Unused>)>::dependencies)] };
    let jobs = [consumer(fields)];
    assert_eq!(container.check(&jobs), []);
    let (one, two) = tokio::join!(container.start(&jobs), container.start(&jobs));
    assert_eq!((one, two), (vec![], vec![]));
    assert_eq!(ledger.take(), ["config", "connect", "pool"]);
    assert_eq!(container.get::<dyn Mailer>().unwrap().name(), "late");
}

#[tokio::test]
async fn an_async_service_behind_a_lazy_one_is_made_at_the_start() {
    let container = Container::builder().singleton_async(|| async { Smtp("async") }).build();
    let jobs = [consumer(const { &[field("smtp", Lazy::<Smtp>::dependencies)] })];
    assert_eq!(container.start(&jobs).await, []);
    assert_eq!(container.get::<Smtp>().unwrap().name(), "async");
}

#[tokio::test]
async fn a_child_makes_the_async_services_of_its_parent() {
    let parent = Container::builder().singleton(|| Config("parent")).singleton_async(connect).build();
    let jobs = [consumer(const { &[field("smtp", Arc::<Smtp>::dependencies)] })];
    let same = parent.child().instance(Arc::new(7_u8)).build();
    let other = parent.child().instance(Arc::new(Config("child"))).build();
    assert_eq!((same.start(&jobs).await, other.start(&jobs).await), (vec![], vec![]));
    assert_eq!(other.get::<Smtp>().unwrap().name(), "child");
    assert!(Arc::ptr_eq(&same.get::<Smtp>().unwrap(), &parent.get::<Smtp>().unwrap()));
}

#[tokio::test]
async fn start_reports_each_failing_constructor_once_with_its_path() {
    struct Users;
    struct Audit;
    let line = line!();
    let container = Container::builder()
        .try_singleton(|| Err::<Config, _>(std::io::Error::other("refused")))
        .singleton(|_: Arc<Config>| Users)
        .singleton(|| -> Audit { panic!("out of {}", "paper") })
        .try_singleton_async(|| async { Err::<Session, _>("no session") })
        .singleton_async(|| async { panic!("async") as Smtp })
        .build();
    type All = (Arc<Users>, Arc<Config>, Arc<Audit>, Arc<Session>, Arc<Smtp>);
    let jobs = [consumer(const { &[field("all", All::dependencies)] })];
    let faults: Vec<_> = container.start(&jobs).await.iter().map(ToString::to_string).collect();
    let file = file!();
    let at = |row: u32| format!("{file}:{}", line + 1 + row);
    let job = "needed by `Job.all` (jobs.rs:7)";
    assert_eq!(
        faults,
        [
            format!("the constructor of `Audit` ({}) panicked: out of paper\n  {job}", at(3)),
            format!("the constructor of `Config` ({}) failed: refused\n  needed by `Users` ({}), {job}", at(1), at(2)),
            format!("the constructor of `Session` ({}) failed: no session\n  {job}", at(4)),
            format!("the constructor of `Smtp` ({}) panicked: async\n  {job}", at(5)),
        ]
    );
}

#[tokio::test]
async fn shutdown_runs_the_hooks_of_what_was_made_last_made_first_and_once() {
    struct Pool;
    struct Never;
    let ledger = Ledger::default();
    let note = |text: &'static str| {
        let ledger = ledger.clone();
        move || {
            ledger.note(text);
            std::future::ready(())
        }
    };
    let (pool, never, mailer, smtp, config) = (note("pool"), note("never"), note("mailer"), note("smtp"), note("config"));
    let container = Container::builder()
        .instance(Arc::new(Config("c")))
        .singleton(|_: Arc<dyn Mailer>| Pool)
        .singleton(|| Never)
        .singleton(|| Smtp("s"))
        .expose::<dyn Mailer>(|smtp| smtp)
        .on_shutdown(move |_: Arc<Config>| config())
        .on_shutdown(move |_: Arc<Pool>| pool())
        .on_shutdown(move |_: Arc<Never>| never())
        .on_shutdown(move |_: Arc<Smtp>| smtp())
        .on_shutdown(|_: Arc<Smtp>| async { panic!("a hook that panics stops no other") })
        .on_shutdown::<dyn Mailer>(move |_| mailer())
        .build();
    let jobs = [consumer(const { &[field("pool", Arc::<Pool>::dependencies)] })];
    assert_eq!((container.start(&jobs).await, container.start(&jobs).await), (vec![], vec![]));
    container.shutdown().await;
    assert!(ledger.take().is_empty(), "another worker still uses it");
    container.shutdown().await;
    assert_eq!(ledger.take(), ["pool", "mailer", "smtp", "config"]);
    container.shutdown().await;
    assert!(ledger.take().is_empty());
}

#[tokio::test]
async fn a_child_shuts_down_its_own_services_only() {
    struct Pool(#[expect(dead_code, reason = "held")] Arc<Config>);
    let ledger = Ledger::default();
    let closed = ledger.clone();
    let parent = Container::builder()
        .singleton(|| Config("parent"))
        .singleton(Pool)
        .singleton(|| Session)
        .on_shutdown(move |_: Arc<Pool>| {
            closed.note("pool");
            std::future::ready(())
        })
        .build();
    parent.get::<Pool>().unwrap();
    let shared = parent.child().instance(Arc::new(1_u8)).build();
    shared.get::<Pool>().unwrap();
    shared.shutdown().await;
    assert!(ledger.take().is_empty());
    let own = parent.child().instance(Arc::new(Config("child"))).build();
    own.get::<Pool>().unwrap();
    own.shutdown().await;
    assert_eq!(ledger.take(), ["pool"]);
    parent.shutdown().await;
    assert_eq!(ledger.take(), ["pool"]);
}

#[test]
fn a_waiting_thread_gets_what_the_other_one_makes() {
    let (started, has_started) = mpsc::channel();
    let (go, goes) = mpsc::channel();
    let goes = Mutex::new(goes);
    let container = Container::builder()
        .singleton(move || {
            started.send(()).unwrap();
            goes.lock().unwrap().recv().unwrap();
            Config("slow")
        })
        .build();
    let builder = container.clone();
    let thread = thread::spawn(move || builder.get::<Config>().unwrap());
    has_started.recv().unwrap();
    let waiter = container.clone();
    let second = thread::spawn(move || waiter.get::<Config>().unwrap());
    go.send(()).unwrap();
    assert!(Arc::ptr_eq(&thread.join().unwrap(), &second.join().unwrap()));
}
