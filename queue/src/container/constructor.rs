//! Functions whose arguments are injected.

use super::{Dependencies, FromContainer, ResolveError, Scope};

/// A function or closure of 0 to 12 injectable arguments.
///
/// `Args` is only there so that the compiler can tell the arities apart; it is inferred.
///
/// ```
/// use std::sync::Arc;
/// use queue::Container;
///
/// struct Config { sender: String }
/// struct Smtp { sender: String }
///
/// impl Smtp {
///     fn new(config: Arc<Config>) -> Self {
///         Self { sender: config.sender.clone() }
///     }
/// }
///
/// let container = Container::builder()
///     .singleton(|| Config { sender: "shop@example.com".into() })
///     .singleton(Smtp::new)
///     .build();
/// assert_eq!(container.get::<Smtp>().unwrap().sender, "shop@example.com");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a constructor of a service",
    label = "not a constructor",
    note = "a constructor is a fn or closure of 0 to 12 arguments, each of which can be injected: `Arc<T>`, `Option<Arc<T>>`, `Vec<Arc<T>>`, `Lazy<T>`, `Provider<T>`, or a struct of these that derives `FromContainer`",
    note = "it must be `Send + Sync + 'static`"
)]
pub trait Constructor<Args>: Send + Sync + 'static {
    /// What it returns.
    type Output;

    /// What its arguments need, for the boot check.
    fn dependencies(needs: &mut Dependencies);

    /// Takes the arguments from the container and calls it.
    ///
    /// # Errors
    ///
    /// When an argument cannot be given.
    fn construct(&self, scope: &Scope<'_>) -> Result<Self::Output, ResolveError>;
}

macro_rules! constructors {
    ($($argument:ident)*) => {
        impl<Function, Made, $($argument: FromContainer),*> Constructor<fn($($argument),*)> for Function
        where
            Function: Fn($($argument),*) -> Made + Send + Sync + 'static,
        {
            type Output = Made;

            fn dependencies(needs: &mut Dependencies) {
                let _ = &needs;
                $($argument::dependencies(needs);)*
            }

            fn construct(&self, scope: &Scope<'_>) -> Result<Made, ResolveError> {
                let _ = scope;
                Ok(self($($argument::from_container(scope)?),*))
            }
        }
    };
}

constructors!();
constructors!(A);
constructors!(A B);
constructors!(A B C);
constructors!(A B C D);
constructors!(A B C D E);
constructors!(A B C D E F);
constructors!(A B C D E F G);
constructors!(A B C D E F G H);
constructors!(A B C D E F G H I);
constructors!(A B C D E F G H I J);
constructors!(A B C D E F G H I J K);
constructors!(A B C D E F G H I J K L);
