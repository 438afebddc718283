//! The container: what each of its forms gives.

use std::any::TypeId;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use queue::container::{Cloned, Dependencies, InjectNamed, ResolveError, Scope};
use queue::{Container, FromContainer, Lazy, Provider};

trait Mailer: Send + Sync {
    fn name(&self) -> String;
}

struct Smtp(&'static str);

impl Mailer for Smtp {
    fn name(&self) -> String {
        self.0.to_owned()
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Config(&'static str);

struct Users(Arc<Config>);

/// Counts how often it was made.
#[derive(Default, Clone)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn next(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

fn inject<T: FromContainer>(container: &Container) -> Result<T, ResolveError> {
    container.run_scope(None).scope().resolve()
}

fn named<T: InjectNamed>(container: &Container, name: &'static str) -> Result<T, ResolveError> {
    T::from_container_named(&container.run_scope(None).scope(), name)
}

#[test]
fn an_instance_is_given_as_it_is() {
    let config = Arc::new(Config("a"));
    let container = Container::builder().instance(Arc::clone(&config)).build();
    assert!(Arc::ptr_eq(&container.get::<Config>().unwrap(), &config));
}

#[test]
fn an_instance_may_be_a_trait() {
    let container = Container::builder().instance::<dyn Mailer>(Arc::new(Smtp("real"))).build();
    assert_eq!(container.get::<dyn Mailer>().unwrap().name(), "real");
    assert!(!container.has::<Smtp>());
}

#[test]
fn a_singleton_is_made_once_and_only_when_it_is_used() {
    let count = Count::default();
    let made = count.clone();
    let container = Container::builder().singleton(move || made.next()).build();
    assert_eq!(count.get(), 0);
    let (first, second) = (container.get::<usize>().unwrap(), inject::<Arc<usize>>(&container).unwrap());
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(count.get(), 1);
}

#[test]
fn a_scoped_service_is_one_per_run() {
    let count = Count::default();
    let made = count.clone();
    let container = Container::builder().scoped(move || made.next()).build();
    let (first, second) = (container.run_scope(None), container.run_scope(None));
    let of = |run: &queue::container::RunScope| *run.scope().resolve::<Arc<usize>>().unwrap();
    assert_eq!((of(&first), of(&first), of(&second), of(&first)), (1, 1, 2, 1));
}

#[test]
fn a_transient_service_is_new_each_time() {
    let count = Count::default();
    let container = Container::builder().transient(move || count.next()).build();
    assert_eq!(inject::<(Arc<usize>, Arc<usize>)>(&container).map(|(a, b)| (*a, *b)).unwrap(), (1, 2));
}

#[test]
fn a_constructor_takes_what_can_be_injected() {
    struct Many(String);
    let container = Container::builder()
        .instance(Arc::new(Config("config")))
        .instance::<dyn Mailer>(Arc::new(Smtp("audit")))
        .named("audit")
        .singleton(|config: Cloned<Config>, all: Vec<Arc<dyn Mailer>>, none: Option<Arc<Users>>, late: Lazy<Config>| {
            Many(format!("{} {} {} {}", config.0.0, all.len(), none.is_none(), late.get().is_ok()))
        })
        .build();
    assert_eq!(container.get::<Many>().unwrap().0, "config 1 true true");
}

#[test]
fn constructors_of_twelve_arguments_and_methods_fit() {
    type C = Arc<Config>;
    struct Wide(usize);
    #[expect(clippy::too_many_arguments, reason = "twelve is the limit that is tested")]
    fn wide(a: C, b: C, c: C, d: C, e: C, f: C, g: C, h: C, i: C, j: C, k: C, l: C) -> Wide {
        Wide([a, b, c, d, e, f, g, h, i, j, k, l].len())
    }
    let container = Container::builder().instance(Arc::new(Config("x"))).singleton(wide).singleton(Users).build();
    assert_eq!(container.get::<Wide>().unwrap().0, 12);
    assert_eq!(container.get::<Users>().unwrap().0.0, "x");
}

#[test]
fn an_exposed_service_is_one_under_all_its_keys() {
    trait Health: Send + Sync {
        fn address(&self) -> usize;
    }
    impl Health for Smtp {
        fn address(&self) -> usize {
            std::ptr::from_ref(self).addr()
        }
    }
    let count = Count::default();
    let made = count.clone();
    let container = Container::builder()
        .singleton(move || {
            made.next();
            Smtp("one")
        })
        .expose::<dyn Mailer>(|smtp| smtp)
        .expose::<dyn Health>(|smtp| smtp)
        .build();
    let smtp = container.get::<Smtp>().unwrap();
    assert_eq!(container.get::<dyn Health>().unwrap().address(), Arc::as_ptr(&smtp).addr());
    assert_eq!(container.get::<dyn Mailer>().unwrap().name(), "one");
    assert_eq!(count.get(), 1);
}

#[test]
fn scoped_and_transient_services_keep_their_lifetime_when_exposed() {
    let count = Count::default();
    let made = count.clone();
    let container = Container::builder()
        .scoped(move || {
            made.next();
            Smtp("scoped")
        })
        .expose::<dyn Mailer>(|smtp| smtp)
        .build();
    let run = container.run_scope(None);
    let first: Arc<dyn Mailer> = run.scope().resolve().unwrap();
    let second: Arc<dyn Mailer> = run.scope().resolve().unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    drop(run.scope().resolve::<Arc<Smtp>>().unwrap());
    assert_eq!(count.get(), 1);
}

#[test]
fn a_name_is_of_the_key_directly_before() {
    let container = Container::builder()
        .singleton(|| Smtp("a"))
        .named("plain")
        .expose::<dyn Mailer>(|smtp| smtp)
        .named("audit")
        .singleton(|| Config("c"))
        .build();
    assert!(container.has_named::<Smtp>("plain") && container.has_named::<dyn Mailer>("audit"));
    assert!(!container.has::<Smtp>() && !container.has::<dyn Mailer>() && !container.has_named::<Smtp>("audit"));
    assert!(container.has::<Config>());
    assert_eq!(container.get_named::<dyn Mailer>("audit").unwrap().name(), "a");
}

#[test]
fn every_named_form_asks_for_its_name() {
    let container =
        Container::builder().instance(Arc::new(Config("plain"))).instance(Arc::new(Config("audit"))).named("audit").build();
    assert_eq!(named::<Arc<Config>>(&container, "audit").unwrap().0, "audit");
    assert_eq!(named::<Cloned<Config>>(&container, "audit").unwrap().0, Config("audit"));
    assert_eq!(named::<Option<Arc<Config>>>(&container, "audit").unwrap().unwrap().0, "audit");
    assert!(named::<Option<Arc<Config>>>(&container, "other").unwrap().is_none());
    let run = container.run_scope(None);
    assert_eq!(Lazy::<Config>::from_container_named(&run.scope(), "audit").unwrap().0, "audit");
    assert_eq!(Provider::<Config>::from_container_named(&run.scope(), "audit").unwrap().get().unwrap().0, "audit");
    assert_eq!(container.get::<Config>().unwrap().0, "plain");
}

#[test]
fn of_several_the_last_answers_and_all_are_collected_in_order() {
    let container = Container::builder()
        .instance::<dyn Mailer>(Arc::new(Smtp("first")))
        .instance::<dyn Mailer>(Arc::new(Smtp("named")))
        .named("n")
        .singleton(|| Smtp("last"))
        .expose::<dyn Mailer>(|smtp| smtp)
        .build();
    let names = |all: Vec<Arc<dyn Mailer>>| all.iter().map(|mailer| mailer.name()).collect::<Vec<_>>();
    assert_eq!(names(container.all::<dyn Mailer>().unwrap()), ["first", "named", "last"]);
    assert_eq!(names(inject(&container).unwrap()), ["first", "named", "last"]);
    assert_eq!(container.get::<dyn Mailer>().unwrap().name(), "last");
    assert!(container.all::<Users>().unwrap().is_empty());
}

#[test]
fn the_primary_answers_named_or_not_and_hands_it_on_to_what_is_exposed_after() {
    let container = Container::builder()
        .singleton(|| Smtp("primary"))
        .primary()
        .expose::<dyn Mailer>(|smtp| smtp)
        .instance::<dyn Mailer>(Arc::new(Smtp("later")))
        .instance(Arc::new(Config("a")))
        .named("a")
        .primary()
        .instance(Arc::new(Config("b")))
        .build();
    assert_eq!(container.get::<dyn Mailer>().unwrap().name(), "primary");
    assert_eq!(container.get::<Config>().unwrap().0, "a");
}

#[test]
fn an_optional_service_is_none_only_when_it_is_not_bound() {
    let container = Container::builder().singleton(Users).build();
    assert!(inject::<Option<Arc<Config>>>(&container).unwrap().is_none());
    let error = inject::<Option<Arc<Users>>>(&container).err().unwrap();
    assert!(error.to_string().starts_with("`Config` is not bound, needed by `Users` ("), "{error}");
}

#[test]
fn a_clone_is_a_value_of_its_own() {
    let container = Container::builder().instance(Arc::new(Config("cloned"))).build();
    assert_eq!(inject::<Cloned<Config>>(&container).unwrap().0, Config("cloned"));
}

#[test]
fn a_group_of_services_is_injectable() {
    struct Group {
        config: Arc<Config>,
        mail: Option<Arc<dyn Mailer>>,
    }
    impl FromContainer for Group {
        fn dependencies(needs: &mut Dependencies) {
            <(Arc<Config>, Option<Arc<dyn Mailer>>)>::dependencies(needs);
        }
        fn from_container(scope: &Scope<'_>) -> Result<Self, ResolveError> {
            Ok(Self { config: scope.resolve()?, mail: scope.resolve()? })
        }
    }
    struct User(String);
    let container = Container::builder()
        .instance(Arc::new(Config("c")))
        .singleton(|group: Group| User(format!("{}{}", group.config.0, group.mail.is_some())))
        .build();
    assert_eq!(container.get::<User>().unwrap().0, "cfalse");
    let faults = Container::builder().singleton(|_: Group| User(String::new())).build().check(&[]);
    assert_eq!(faults.len(), 1, "{faults:?}");
}

#[test]
fn decorators_wrap_in_order_whatever_the_lifetime() {
    struct Around(Arc<dyn Mailer>, &'static str);
    impl Mailer for Around {
        fn name(&self) -> String {
            format!("{}({})", self.1, self.0.name())
        }
    }
    for lifetime in ["singleton", "scoped", "transient"] {
        let builder = Container::builder().decorate::<dyn Mailer>(|inner| Arc::new(Around(inner, "a")));
        let builder = match lifetime {
            "singleton" => builder.singleton(|| Smtp("s")),
            "scoped" => builder.scoped(|| Smtp("s")),
            _ => builder.transient(|| Smtp("s")),
        };
        let container = builder
            .expose::<dyn Mailer>(|smtp| smtp)
            .decorate::<dyn Mailer>(|inner| Arc::new(Around(inner, "b")))
            .instance::<dyn Mailer>(Arc::new(Smtp("i")))
            .named("i")
            .build();
        let run = container.run_scope(None);
        let mailer: Arc<dyn Mailer> = run.scope().resolve().unwrap();
        assert_eq!(mailer.name(), "b(a(s))", "{lifetime}");
        assert_eq!(container.get_named::<dyn Mailer>("i").unwrap().name(), "b(a(i))");
        assert_eq!(run.scope().resolve::<Arc<Smtp>>().unwrap().name(), "s");
        let again: Arc<dyn Mailer> = run.scope().resolve().unwrap();
        assert_eq!(Arc::ptr_eq(&mailer, &again), lifetime != "transient");
    }
}

#[test]
fn decorating_the_type_reaches_the_trait_that_it_is_exposed_as() {
    let container = Container::builder()
        .singleton(|| Smtp("inner"))
        .expose::<dyn Mailer>(|smtp| smtp)
        .decorate::<Smtp>(|_| Arc::new(Smtp("outer")))
        .build();
    assert_eq!(container.get::<dyn Mailer>().unwrap().name(), "outer");
}

#[test]
fn a_contextual_binding_is_for_its_consumer_alone() {
    struct Report(Arc<dyn Mailer>);
    struct Job;
    let count = Count::default();
    let container = Container::builder()
        .instance(Arc::new(Config("made")))
        .instance::<dyn Mailer>(Arc::new(Smtp("default")))
        .instance::<dyn Mailer>(Arc::new(Smtp("audit")))
        .named("audit")
        .singleton(Report)
        .when::<Report>()
        .needs::<dyn Mailer>()
        .give(Arc::new(Smtp("given")))
        .when::<Job>()
        .needs::<dyn Mailer>()
        .give_named("audit")
        .when::<u8>()
        .needs::<dyn Mailer>()
        .give_with(move |config: Arc<Config>| {
            count.next();
            Arc::new(Smtp(config.0)) as Arc<dyn Mailer>
        })
        .build();
    assert_eq!(container.get::<Report>().unwrap().0.name(), "given");
    assert_eq!(container.get::<dyn Mailer>().unwrap().name(), "default");
    let run = container.run_scope(None);
    let of = |consumer| run.for_consumer(consumer).resolve::<Arc<dyn Mailer>>().unwrap().name();
    assert_eq!(of(TypeId::of::<Job>()), "audit");
    assert_eq!(of(TypeId::of::<u8>()), "made");
    assert_eq!(of(TypeId::of::<u16>()), "default");
    let late: Lazy<dyn Mailer> = run.for_consumer(TypeId::of::<Job>()).resolve().unwrap();
    assert_eq!(late.name(), "audit");
    // What is given to one is no member of the collection.
    assert_eq!(container.all::<dyn Mailer>().unwrap().len(), 2);
}

#[test]
fn a_builder_keeps_its_type_after_done() {
    let mut builder = Container::builder();
    for text in ["a", "b"] {
        builder = builder.instance(Arc::new(text.to_owned())).done();
    }
    let container = builder.build();
    assert_eq!(*container.get::<String>().unwrap(), "b");
    assert_eq!(container.all::<String>().unwrap().len(), 2);
}

#[test]
fn two_types_of_services_are_told_apart_by_markers_too() {
    let container = Container::builder().instance::<dyn Mailer + Send>(Arc::new(Smtp("s"))).build_checked();
    assert!(container.has::<dyn Mailer + Send>() && !container.has::<dyn Mailer>());
}

trait BuildChecked {
    fn build_checked(self) -> Container;
}

impl<L: ?Sized> BuildChecked for queue::ContainerBuilder<L> {
    fn build_checked(self) -> Container {
        let container = self.build();
        assert_eq!(container.check(&[]), []);
        container
    }
}
