//! Groups of services: `#[derive(FromContainer)]`, and the way through their fields in the boot check.

use std::any::TypeId;
use std::sync::Arc;

use queue::container::{Consumer, ResolveError};
use queue::prelude::*;
use queue::{FromContainer, Lazy, Provider};
use queue_tests::rig::Rig;

trait Mailer: Send + Sync {
    fn name(&self) -> &'static str;
}

struct Smtp(&'static str);

impl Mailer for Smtp {
    fn name(&self) -> &'static str {
        self.0
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Config(&'static str);

struct Users;
struct Orders;
struct Session;

#[derive(FromContainer)]
struct Everything {
    one: Arc<dyn Mailer>,
    #[inject]
    said: Arc<dyn Mailer>,
    #[inject(name = "audit")]
    named: Arc<dyn Mailer>,
    maybe: Option<Arc<Users>>,
    #[inject(optional, name = "other")]
    maybe_named: Option<Arc<dyn Mailer>>,
    all: Vec<Arc<dyn Mailer>>,
    lazy: Lazy<Config>,
    provider: Provider<Config>,
    #[inject(clone)]
    config: Config,
    #[inject(clone, name = "old")]
    old: Config,
    pair: (Arc<Config>, Arc<dyn Mailer>),
    inner: Numbered,
    empty: Empty,
}

#[derive(FromContainer)]
struct Numbered(Arc<Config>, #[inject(name = "audit")] Arc<dyn Mailer>);

#[derive(FromContainer)]
struct Empty;

#[derive(FromContainer)]
struct Generic<M: ?Sized, T, const N: usize = 3>
where
    T: Send + Sync + Clone + 'static,
{
    mail: Arc<M>,
    #[inject(name = "old")]
    named: Arc<T>,
    #[inject(clone)]
    config: T,
    numbers: Option<Arc<[u8; N]>>,
}

fn whole() -> Container {
    Container::builder()
        .instance::<dyn Mailer>(Arc::new(Smtp("audit")))
        .named("audit")
        .instance::<dyn Mailer>(Arc::new(Smtp("one")))
        .instance(Arc::new(Config("new")))
        .instance(Arc::new(Config("old")))
        .named("old")
        .instance(Arc::new([1_u8, 2, 3]))
        .build()
}

fn inject<T: FromContainer>(container: &Container) -> Result<T, ResolveError> {
    container.run_scope(None).scope().resolve()
}

/// The place of the first line of this file with these words.
fn at(words: &str) -> String {
    let line = include_str!("container_groups.rs").lines().position(|line| line.contains(words)).expect("the line is there");
    format!("tests/container_groups.rs:{}", line + 1)
}

#[test]
fn every_field_of_a_group_is_what_its_form_says() {
    let group: Everything = inject(&whole()).unwrap();
    assert_eq!((group.one.name(), group.said.name(), group.named.name()), ("one", "one", "audit"));
    assert!(group.maybe.is_none() && group.maybe_named.is_none());
    assert_eq!(group.all.iter().map(|mailer| mailer.name()).collect::<Vec<_>>(), ["audit", "one"]);
    assert_eq!((group.config, group.old), (Config("new"), Config("old")));
    assert_eq!((group.pair.0.0, group.pair.1.name()), ("new", "one"));
    assert_eq!((group.inner.0.0, group.inner.1.name()), ("new", "audit"));
    assert!(group.provider.get().is_err() && group.lazy.get().is_err(), "the container is gone");
    let Empty = group.empty;
}

#[test]
fn a_group_may_have_parameters() {
    let group: Generic<dyn Mailer, Config> = inject(&whole()).unwrap();
    assert_eq!((group.mail.name(), group.named.0, group.config.0), ("one", "old", "new"));
    assert_eq!(group.numbers.as_deref(), Some(&[1, 2, 3]));
    let group: Generic<Config, Config, 4> = inject(&whole()).unwrap();
    assert_eq!((group.mail.0, group.numbers), ("new", None));
}

#[derive(FromContainer)]
struct Outer {
    first: Inner,
    _context: JobContext,
}

#[derive(FromContainer)]
struct Inner(Arc<Users>, Lazy<Orders>);

#[derive(Queueable)]
#[queueable(queue = "grouped")]
struct Grouped {
    #[inject]
    group: Outer,
}

impl Job for Grouped {
    async fn handle(&self) -> JobResult {
        let _ = (&self.group.first.0, self.group.first.1.get()?);
        Ok(())
    }
}

/// `` `container_groups::Grouped.group` (..) -> `Outer.first` (..) -> `Inner.<field>` (..) ``
fn way(field: &str) -> String {
    format!(
        "`container_groups::Grouped.group` ({}) -> `Outer.first` ({}) -> `Inner.{field}` ({})",
        at("    group: Outer,"),
        at("    first: Inner,"),
        at("struct Inner(")
    )
}

#[test]
fn what_a_group_lacks_is_told_with_the_way_to_its_field() {
    let report = Container::builder().build().verify_jobs::<Grouped>().unwrap_err();
    let expected =
        [format!("{} needs `Users`, which is not bound", way("0")), format!("{} needs `Orders`, which is not bound", way("1"))];
    assert_eq!(report.faults().iter().collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
}

#[test]
fn what_a_group_in_a_constructor_lacks_is_told_with_the_constructor() {
    let line = line!() + 1;
    let container = Container::builder().singleton(|_: Inner| Session).instance(Arc::new(Users)).build();
    let faults: Vec<String> = container.check(&[]).iter().map(ToString::to_string).collect();
    let at_inner = at("struct Inner(");
    let expected =
        format!("`Session` (tests/container_groups.rs:{line}) -> `Inner.1` ({at_inner}) needs `Orders`, which is not bound");
    assert_eq!(faults, [expected]);
}

#[test]
fn a_singleton_must_not_hold_a_group_of_what_goes_with_a_run() {
    let line = line!() + 2;
    let container =
        Container::builder().singleton(|_: Outer| Session).scoped(|| Users).singleton(|_: Arc<Session>| Orders).build();
    let report: Vec<String> = container.check(&[]).iter().map(ToString::to_string).collect();
    let holder = format!("singleton `Session` (tests/container_groups.rs:{line}) captures");
    let fix = "\n  make `Session` scoped, or hand the value over in the call that needs it";
    let (context, first, inner) = (at("    _context: JobContext,"), at("    first: Inner,"), at("struct Inner("));
    assert_eq!(
        report,
        [
            format!("{holder} `JobContext` through `Outer._context` ({context}), which exists only while a job runs{fix}"),
            format!(
                "{holder} scoped `Users` (tests/container_groups.rs:{line}) through `Outer.first` ({first}), `Inner.0` ({inner}){fix}"
            ),
        ]
    );
}

#[test]
fn a_cycle_through_a_group_shows_its_fields() {
    trait Marker: Send + Sync {}
    impl Marker for Session {}
    #[derive(FromContainer)]
    struct Faced {
        #[expect(dead_code, reason = "it is there to be needed")]
        marker: Arc<dyn Marker>,
    }
    let line = line!() + 2;
    let container = Container::builder()
        .singleton(|_: Faced| Users)
        .singleton(|_: Numbered| Session)
        .expose::<dyn Marker>(|session| session)
        .scoped(|_: Inner| Config("new"))
        .instance::<dyn Mailer>(Arc::new(Smtp("audit")))
        .named("audit")
        .instance(Arc::new(Orders))
        .build();
    let cycles: Vec<String> =
        container.check(&[]).iter().map(ToString::to_string).filter(|text| text.starts_with("cycle")).collect();
    let here = |line: u32| format!("tests/container_groups.rs:{line}");
    assert_eq!(
        cycles,
        [format!(
            "cycle: `Users` ({}) -> `Faced.marker` ({}) -> `Session` ({}) -> `Numbered.0` ({}) -> `Config` ({}) -> `Inner.0` ({}) -> `Users`\n  \
             break it with a `Lazy<..>` or `Provider<..>` argument",
            here(line),
            at("    marker: Arc<dyn Marker>,"),
            here(line + 1),
            at("struct Numbered("),
            here(line + 3),
            at("struct Inner(")
        )]
    );
}

#[tokio::test]
async fn a_constructor_that_fails_behind_a_group_is_told_with_the_way() {
    let rig = Rig::new();
    let container = Container::builder().try_singleton(|| Err::<Users, _>("no route")).instance(Arc::new(Orders)).build();
    let report = Worker::builder(&rig.queue, container).only(["grouped"]).start().await.unwrap_err();
    let way: Vec<String> = way("0").split(" -> ").map(str::to_owned).collect();
    let path = format!("needed by {}, needed by {}, needed by {}", way[2], way[1], way[0]);
    assert_eq!(report.faults().len(), 1, "{report}");
    assert!(report.faults()[0].ends_with(&format!("no route\n  {path}")), "{report}");
}

#[tokio::test]
async fn a_job_runs_with_its_group() {
    let rig = Rig::new();
    let container = rig.container().child().singleton(|| Users).singleton(|| Orders).build();
    let worker = Worker::builder(&rig.queue, container).only(["grouped"]).start().await.unwrap();
    let id = rig.queue.dispatch(Grouped::with()).await.unwrap().id;
    assert_eq!(rig.end(id).await.state, queue::JobState::Completed);
    worker.shutdown(std::time::Duration::from_secs(5)).await;
}

#[test]
fn a_contextual_binding_reaches_the_group_of_its_consumer() {
    let container = whole().child().when::<Grouped>().needs::<Config>().give(Arc::new(Config("given"))).build();
    let run = container.run_scope(None);
    let group: Numbered = run.for_consumer(TypeId::of::<Grouped>()).resolve().unwrap();
    assert_eq!(group.0.0, "given");
    let job = Consumer {
        name: "Grouped".into(),
        type_id: TypeId::of::<Grouped>(),
        file: "jobs.rs",
        line: 1,
        dependencies: Grouped::dependencies(),
    };
    let given = Container::builder().when::<Grouped>().needs::<Users>().give(Arc::new(Users)).instance(Arc::new(Orders)).build();
    assert!(given.check(&[job]).is_empty());
}
