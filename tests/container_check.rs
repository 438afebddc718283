//! The container's check: each fault with its exact text, and the same faults when nobody has checked.

use std::any::TypeId;
use std::sync::Arc;

use queue::container::{Consumer, Dependencies, Dependency, InjectNamed};
use queue::{Container, FromContainer, JobContext, Lazy, Provider};

trait Mailer: Send + Sync {}

struct Smtp;
impl Mailer for Smtp {}

struct Config;
struct Users;
struct Session;
struct Helper;
struct Job;

mod other {
    pub(super) struct Config;
    pub(super) trait Mailer: Send + Sync {}
    impl Mailer for Config {}
}

/// What `container.check` says for one job whose field needs this.
fn faults(container: &Container, needs: fn(&mut Dependencies)) -> Vec<String> {
    let dependencies: &'static [Dependency] =
        Box::leak(Box::new([Dependency { field: "field", file: "src/jobs.rs", line: 12, needs }]));
    let job = Consumer { name: "Job".into(), type_id: TypeId::of::<Job>(), file: "src/jobs.rs", line: 10, dependencies };
    container.check(&[job]).iter().map(ToString::to_string).collect()
}

fn own_faults(container: &Container) -> Vec<String> {
    container.check(&[]).iter().map(ToString::to_string).collect()
}

/// `tests/container_check.rs:7`
fn at(line: u32) -> String {
    format!("{}:{line}", file!())
}

const FIELD: &str = "`Job.field` (src/jobs.rs:12)";

#[test]
fn a_whole_container_has_no_fault() {
    let container = Container::builder()
        .singleton(|_: Arc<Config>| Smtp)
        .expose::<dyn Mailer>(|smtp| smtp)
        .instance(Arc::new(Config))
        .scoped(|_: JobContext, _: Arc<dyn Mailer>| Session)
        .transient(|_: Arc<Session>, _: Vec<Arc<u8>>, _: Option<Arc<u16>>| Helper)
        .build();
    type Needs = (Arc<Helper>, JobContext, Lazy<Smtp>, Provider<Session>);
    assert_eq!(faults(&container, Needs::dependencies), Vec::<String>::new());
}

#[test]
fn a_program_without_jobs_is_told_how_they_get_lost() {
    let report = Container::builder().build().verify().unwrap_err().to_string();
    assert!(report.starts_with("the worker does not start: 1 thing is wrong\n  1. no job is registered: "), "{report}");
    assert!(report.contains("`use my_jobs as _;`"), "{report}");
}

#[test]
fn what_is_not_bound_is_named_with_its_field_or_constructor() {
    let line = line!() + 1;
    let container = Container::builder().singleton(|_: Arc<Config>, _: Lazy<Session>| Users).done().build();
    assert_eq!(
        faults(&container, <(Arc<u8>, Arc<Users>)>::dependencies),
        [
            format!("{FIELD} needs `u8`, which is not bound"),
            format!("`Users` ({}) needs `Config`, which is not bound", at(line)),
            format!("`Users` ({}) needs `Session`, which is not bound", at(line)),
        ]
    );
}

#[test]
fn each_fault_is_said_once_in_a_steady_order() {
    let container = Container::builder().singleton(|_: Arc<Config>, _: Arc<Config>| Users).build();
    let first = own_faults(&container);
    assert_eq!(first.len(), 1);
    assert_eq!(own_faults(&container), first);
    assert_eq!(format!("{:?}", container.check(&[])[0]), first[0]);
}

#[test]
fn other_markers_are_a_near_miss() {
    let line = line!() + 1;
    let container = Container::builder().instance::<dyn Mailer + Send + Sync>(Arc::new(Smtp)).build();
    let hint = format!(
        "`dyn Mailer + Send + Sync` ({}) is bound, a different type: write `dyn Mailer` in both places and put `Send + Sync` on the trait",
        at(line)
    );
    assert_eq!(
        faults(&container, Arc::<dyn Mailer>::dependencies),
        [format!("{FIELD} needs `dyn Mailer`, which is not bound\n  {hint}")]
    );
    assert_eq!(container.get::<dyn Mailer>().err().unwrap().to_string(), format!("`dyn Mailer` is not bound: {hint}"));
}

#[test]
fn the_same_name_elsewhere_is_a_near_miss() {
    let line = line!() + 1;
    let container = Container::builder().instance(Arc::new(other::Config)).build();
    assert_eq!(
        faults(&container, Arc::<Config>::dependencies),
        [format!(
            "{FIELD} needs `Config`, which is not bound\n  another type of that name is bound at {}: `container_check::Config` is \
             asked for, `container_check::other::Config` is bound; two modules, or two versions of a crate",
            at(line)
        )]
    );
}

#[test]
fn another_name_or_none_is_a_near_miss() {
    let line = line!() + 1;
    let container = Container::builder().instance(Arc::new(Config)).named("audit").instance(Arc::new(Users)).build();
    assert_eq!(
        faults(&container, Arc::<Config>::dependencies),
        [format!(
            "{FIELD} needs `Config`, which is not bound\n  it is bound with a name at {}: ask for it by `#[inject(name = \"audit\")]`",
            at(line)
        )]
    );
    assert_eq!(
        faults(&container, |needs| Arc::<Config>::dependencies_named(needs, "adit")),
        [format!(
            "{FIELD} needs `Config` named \"adit\", which is not bound\n  it is bound with another name, \"audit\", at {}",
            at(line)
        )]
    );
    assert_eq!(
        faults(&container, |needs| Lazy::<Users>::dependencies_named(needs, "all")),
        [format!(
            "{FIELD} needs `Users` named \"all\", which is not bound\n  it is bound without a name at {}: ask for it without one, or \
             write `.named(\"all\")` after the binding",
            at(line)
        )]
    );
}

#[test]
fn a_service_that_was_not_exposed_is_a_near_miss() {
    struct SmtpMailer;
    let line = line!() + 1;
    let container = Container::builder().singleton(|| Config).singleton(|_: Arc<Config>| Users).singleton(|| SmtpMailer).build();
    assert_eq!(
        faults(&container, Arc::<dyn Mailer>::dependencies),
        [format!(
            "{FIELD} needs `dyn Mailer`, which is not bound\n  `SmtpMailer` ({}), `Users` ({}) are bound only as themselves: if one of \
             them implements the trait, write `.expose::<dyn Mailer>(|service| service)` after the binding",
            at(line),
            at(line)
        )]
    );
}

#[test]
fn a_constructor_that_returns_a_wrapped_service_is_a_near_miss() {
    let line = line!() + 2;
    let container = Container::builder()
        .singleton(|| Arc::new(Users))
        .singleton(|| Ok::<Config, String>(Config))
        .singleton(|| Box::new(Smtp) as Box<dyn Mailer>)
        .build();
    type Needs = (Arc<Users>, Arc<Config>, Arc<dyn Mailer>);
    assert_eq!(
        faults(&container, Needs::dependencies),
        [
            format!(
                "{FIELD} needs `Config`, which is not bound\n  `Result<Config, String>` ({}) is bound, because the constructor \
                 returns a `Result`: use the `try_` form of the method",
                at(line + 1)
            ),
            format!(
                "{FIELD} needs `Users`, which is not bound\n  `Arc<Users>` ({}) is bound, because the constructor returns an \
                 `Arc`: return `Users` itself",
                at(line)
            ),
            format!(
                "{FIELD} needs `dyn Mailer`, which is not bound\n  `Box<dyn Mailer>` ({}) is bound, because the constructor \
                 returns a `Box`: return the type itself, then `.expose::<dyn Mailer>(|service| service)`",
                at(line + 2)
            ),
        ]
    );
}

#[test]
fn an_optional_service_with_a_broken_inside_is_a_fault_of_the_inside() {
    let line = line!() + 1;
    let container = Container::builder().singleton(|_: Arc<Config>| Users).build();
    let expected = [format!("`Users` ({}) needs `Config`, which is not bound", at(line))];
    assert_eq!(faults(&container, Option::<Arc<Users>>::dependencies), expected);
    assert!(faults(&Container::builder().build(), Option::<Arc<Users>>::dependencies).is_empty());
}

#[test]
fn a_cycle_is_told_with_its_path_and_once() {
    let line = line!() + 2;
    let container = Container::builder()
        .singleton(|_: Arc<dyn Mailer>| Users)
        .transient(|_: Arc<Config>| Smtp)
        .expose::<dyn Mailer>(|smtp| smtp)
        .scoped(|_: Option<Arc<Users>>| Config)
        .build();
    let path = format!("`Users` ({}) -> `Smtp` ({}) -> `Config` ({}) -> `Users`", at(line), at(line + 1), at(line + 3));
    let cycles: Vec<_> = own_faults(&container).into_iter().filter(|text| text.starts_with("cycle")).collect();
    assert_eq!(cycles, [format!("cycle: {path}\n  break it with a `Lazy<..>` or `Provider<..>` argument")]);
}

#[test]
fn a_cycle_that_nobody_checked_is_an_error_and_no_overflow() {
    let line = line!() + 2;
    let container = Container::builder()
        .singleton(|_: Arc<Session>| Users)
        .transient(|_: Arc<Config>| Session)
        .singleton(|_: Vec<Arc<Users>>| Config)
        .transient(|_: Arc<Helper>| Helper)
        .build();
    let (users, session, config, helper) = (at(line), at(line + 1), at(line + 2), at(line + 3));
    let help = "break it with a `Lazy<..>` or `Provider<..>` argument";
    assert_eq!(
        container.get::<Users>().err().unwrap().to_string(),
        format!(
            "the services need each other: `Users` ({users}) -> `Session` ({session}) -> `Config` ({config}) -> `Users`: {help}"
        )
    );
    assert_eq!(
        container.get::<Helper>().err().unwrap().to_string(),
        format!("the services need each other: `Helper` ({helper}) -> `Helper`: {help}")
    );
}

#[test]
fn a_cycle_through_a_provider_that_is_used_at_once_is_an_error_too() {
    let container = Container::builder()
        .try_transient(|again: Provider<Users>| again.get().map(|_| Users))
        .try_singleton(|again: Lazy<Config>| again.get().map(|_| Config))
        .build();
    assert_eq!(own_faults(&container), Vec::<String>::new());
    for error in [container.get::<Users>().err().unwrap(), container.get::<Config>().err().unwrap()] {
        assert!(format!("{error:?}").contains("the services need each other"), "{error:?}");
    }
}

#[test]
fn deferred_edges_make_no_cycle() {
    struct Left;
    struct Right(Lazy<Left>);
    let container = Container::builder().singleton(|_: Arc<Right>| Left).singleton(Right).build();
    assert_eq!(own_faults(&container), Vec::<String>::new());
    assert!(container.get::<Left>().is_ok());
    assert!(container.get::<Right>().unwrap().0.get().is_ok());
}

#[test]
fn a_singleton_must_not_hold_what_goes_with_a_run() {
    let line = line!() + 2;
    let container = Container::builder()
        .singleton(|_: Arc<Helper>| Users)
        .transient(|_: Arc<dyn Mailer>, _: JobContext| Helper)
        .scoped(|| Smtp)
        .expose::<dyn Mailer>(|smtp| smtp)
        .singleton(|_: Arc<Smtp>, _: Provider<Smtp>, _: Arc<Users>| Config)
        .singleton_async(|_: JobContext| async { Session })
        .build();
    let fix = |name: &str| format!("\n  make `{name}` scoped, or hand the value over in the call that needs it");
    let (users, helper, smtp, config, session) = (at(line), at(line + 1), at(line + 2), at(line + 4), at(line + 5));
    let ends = ", which exists only while a job runs";
    assert_eq!(
        own_faults(&container),
        [
            format!("singleton `Config` ({config}) captures scoped `Smtp` ({smtp}){}", fix("Config")),
            format!("singleton `Session` ({session}) captures `JobContext`{ends}{}", fix("Session")),
            format!("singleton `Users` ({users}) captures `JobContext` through `Helper` ({helper}){ends}{}", fix("Users")),
            format!("singleton `Users` ({users}) captures scoped `Smtp` ({smtp}) through `Helper` ({helper}){}", fix("Users")),
        ]
    );
    let run = container.run_scope(None);
    assert_eq!(
        run.scope().resolve::<Arc<Config>>().err().unwrap().to_string(),
        format!("scoped `Smtp` ({smtp}) exists only while a job runs, needed by `Config` ({config})")
    );
}

#[test]
fn a_strict_container_refuses_a_second_binding_of_a_key() {
    let line = line!() + 3;
    let container = Container::builder()
        .strict()
        .instance(Arc::new(Config))
        .singleton(|| Config)
        .instance(Arc::new(Users))
        .named("a")
        .instance(Arc::new(Users))
        .named("a")
        .instance(Arc::new(Users))
        .named("b")
        .instance(Arc::new(Smtp))
        .instance(Arc::new(Smtp))
        .primary()
        .build();
    let fix = "and the container is strict: remove one, or tell them apart with `.named(\"..\")` or `.primary()`";
    let config = format!("`Config` is bound more than once ({}, {}), {fix}", at(line), at(line + 1));
    assert_eq!(
        own_faults(&container),
        [config.clone(), format!("`Users` named \"a\" is bound more than once ({}, {}), {fix}", at(line + 2), at(line + 4))]
    );
    assert_eq!(container.get::<Config>().err().unwrap().to_string(), config);
    assert!(container.get::<Smtp>().is_ok() && container.get_named::<Users>("b").is_ok());
    assert_eq!(container.all::<Config>().unwrap().len(), 2);
    let child = container.child().instance(Arc::new(Config)).instance(Arc::new(7_u8)).instance(Arc::new(8_u8)).build();
    assert!(child.get::<Config>().is_ok(), "to shadow is not to bind twice");
    assert!(child.get::<u8>().is_err(), "a child of a strict container is strict");
}

#[test]
fn two_primaries_are_a_fault() {
    let line = line!() + 2;
    let container =
        Container::builder().instance(Arc::new(Config)).primary().instance(Arc::new(Config)).named("a").primary().build();
    assert_eq!(
        own_faults(&container),
        [format!("`Config` has more than one primary ({}, {}): one can be the first", at(line), at(line))]
    );
}

#[test]
fn a_contextual_binding_of_an_unbound_name_is_a_fault() {
    let line = line!() + 1;
    let container = Container::builder().when::<Job>().needs::<dyn Mailer>().give_named("audit").build();
    let expected = format!("`Job` is given `dyn Mailer` named \"audit\" ({}), which is not bound", at(line));
    assert_eq!(faults(&container, Arc::<dyn Mailer>::dependencies), [expected]);
    let run = container.run_scope(None);
    let error = run.for_consumer(TypeId::of::<Job>()).resolve::<Arc<dyn Mailer>>().err().unwrap().to_string();
    assert_eq!(error, "`dyn Mailer` named \"audit\" is not bound");
}

#[test]
fn a_contextual_binding_is_followed_by_the_check() {
    let builder = || Container::builder().instance::<dyn other::Mailer>(Arc::new(other::Config));
    let needs = Arc::<Config>::dependencies;
    assert_eq!(faults(&builder().build(), needs).len(), 1);
    let given = builder().when::<Job>().needs::<Config>().give(Arc::new(Config)).build();
    assert_eq!(faults(&given, needs), Vec::<String>::new());
    let line = line!() + 1;
    let broken = builder().when::<Job>().needs::<Config>().give_with(|_: Arc<Users>| Arc::new(Config)).build();
    assert_eq!(faults(&broken, needs), [format!("`Config` ({}) needs `Users`, which is not bound", at(line))]);
}

#[test]
fn the_graph_is_a_tree_with_lifetimes_names_and_places() {
    let line = line!() + 2;
    let container = Container::builder()
        .singleton(|_: Arc<Config>, _: JobContext, _: Option<Arc<u8>>, _: Arc<u16>, _: Vec<Arc<u32>>| Smtp)
        .expose::<dyn Mailer>(|smtp| smtp)
        .named("audit")
        .instance(Arc::new(Config))
        .primary()
        .scoped(|_: Lazy<Config>, _: Arc<Smtp>| Session)
        .when::<Session>()
        .needs::<Config>()
        .give(Arc::new(Config))
        .build();
    let expected = [
        format!("singleton `dyn Mailer` named \"audit\" ({})", at(line + 1)),
        format!("  singleton `Smtp` ({})", at(line)),
        format!("    instance `Config` ({}), primary", at(line + 3)),
        "    `JobContext` (given by the run)".into(),
        "    `u8` (not bound, optional)".into(),
        "    `u16` (not bound)".into(),
        "    `u32` (none bound)".into(),
        format!("scoped `Session` ({})", at(line + 5)),
        format!("  instance `Config` ({}), for `Session`", at(line + 6)),
        format!("  singleton `Smtp` ({}) …", at(line)),
    ];
    assert_eq!(container.graph().to_string().lines().collect::<Vec<_>>(), expected);
    let dot = container.graph().to_dot();
    assert!(dot.starts_with("digraph container {\n") && dot.ends_with("}\n"), "{dot}");
    assert!(dot.contains("b1 -> b0;") && dot.contains("b3 -> b4 [style=dashed];"), "{dot}");
    assert!(dot.contains("named \\\"audit\\\""), "{dot}");
}

#[test]
fn the_graph_of_a_circle_ends() {
    let container = Container::builder().singleton(|_: Arc<Config>| Users).singleton(|_: Arc<Users>| Config).build();
    assert_eq!(container.graph().to_string().lines().count(), 3);
}
