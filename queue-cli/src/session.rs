//! What a command has at hand: its options, where it prints, the store and the services.

use std::io::{self, IsTerminal};
use std::time::Duration;

use queue::connect::{Connect, Store};
use queue::{BoxError, Container, Queue};

use crate::arguments::{Globals, url};
use crate::exit;
use crate::failure::{Failure, chain};
use crate::output::{Output, plain};

/// How much longer than it was told a driver gets to say why its store does not answer.
const MARGIN: Duration = Duration::from_secs(1);

/// What makes the container.
pub(crate) type MakeContainer = Box<dyn FnOnce() -> Result<Container, BoxError>>;

/// What a command has at hand.
pub(crate) struct Session {
    pub(crate) globals: Globals,
    pub(crate) output: Output,
    /// The settings in force, and where each is from.
    pub(crate) sources: Vec<String>,
    /// What the command says of the store, beside its URL.
    pub(crate) settings: Vec<(&'static str, u128)>,
    services: Option<MakeContainer>,
    given: Option<Queue>,
}

impl Session {
    pub(crate) fn new(globals: Globals, services: Option<MakeContainer>, given: Option<Queue>) -> Self {
        let output = Output::new(globals.output, globals.wide, globals.color.into());
        Self { globals, output, sources: Vec::new(), settings: Vec::new(), services, given }
    }

    /// The container of the jobs.
    pub(crate) fn container(&mut self) -> Result<Container, Failure> {
        let make = self.services.take().ok_or_else(|| Failure::new(exit::FAILED, "this program has no jobs"))?;
        make().map_err(|error| Failure::configuration(format!("cannot make the services: {}", chain(&*error))))
    }

    /// The store, named and not opened.
    pub(crate) fn store(&self) -> Result<Store, Failure> {
        let store = Store::at(url(&self.globals)?)?;
        let settings = self.settings.iter().fold(store, |store, (setting, value)| store.with(setting, value));
        Ok(match is_server(&settings) {
            // The driver knows why a server does not answer: it is to say so before the time is over here.
            true => settings.with("wait", self.globals.wait.as_millis()),
            false => settings,
        })
    }

    /// The store, if another process can reach it; else why that is of no use here.
    fn shared(&self, why: &str) -> Result<Store, Failure> {
        let store = self.store()?;
        match store.is_of_this_process() {
            false => Ok(store),
            true => {
                let text = format!("`{}:` lives in the memory of a process, {why}", store.scheme());
                Err(Failure::configuration(text).hint("use a store that is shared, as sqlite:jobs.db"))
            }
        }
    }

    /// The store as it is: nothing is created.
    pub(crate) async fn look(&self) -> Result<Queue, Failure> {
        if let Some(queue) = &self.given {
            return Ok(queue.clone());
        }
        let store = self.shared("and this is another one: there is nothing to see")?;
        let opened = self.opened(store.open_as_it_is()).await;
        let Err(failure) = opened else { return opened };
        // One that does not answer would not answer this either.
        if failure.code != exit::FAILED {
            return Err(failure);
        }
        // A store that is not there is told as that, whatever its driver makes of it.
        let schema = tokio::time::timeout(self.globals.wait, store.schema()).await;
        match matches!(schema, Ok(Ok(Some(schema))) if schema.version == 0) {
            true => {
                // Other URLs are not shown: they may hold a password.
                let file = store.file().and_then(|file| std::path::absolute(file).ok());
                let file = file.map(|file| format!(", which means the file `{}`", plain(&file.display().to_string())));
                let text = format!("there is no store of jobs at this URL yet{}", file.unwrap_or_default());
                Err(Failure::new(exit::FAILED, text).hint("the first push or worker makes one, and so does `craft migrate`"))
            }
            false => Err(failure),
        }
    }

    /// The store, to push into it.
    pub(crate) async fn push(&self) -> Result<Queue, Failure> {
        if let Some(queue) = &self.given {
            return Ok(queue.clone());
        }
        let store = self.shared("and what is pushed would die with this command")?;
        self.opened(store.open()).await
    }

    /// The store, to work on it.
    pub(crate) async fn work(&self) -> Result<Queue, Failure> {
        match &self.given {
            Some(queue) => Ok(queue.clone()),
            None => self.opened(self.store()?.open()).await,
        }
    }

    /// Whether the program brought the queue: then it is not this command's to close.
    pub(crate) fn is_given(&self) -> bool {
        self.given.is_some()
    }

    async fn opened(&self, connect: Connect) -> Result<Queue, Failure> {
        let wait = self.globals.wait;
        let opened = tokio::time::timeout(wait + MARGIN, connect).await;
        let late = || {
            Failure::new(exit::NOT_REACHABLE, format!("the store did not answer within {wait:?}"))
                .hint("is its server up, and the URL right? --wait waits longer")
        };
        Ok(opened.map_err(|_| late())??)
    }

    /// Whether somebody is there to be asked.
    pub(crate) fn has_person() -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Whether the environment guards what removes or stops.
    pub(crate) fn guard(&self) -> Option<&str> {
        self.globals
            .environment
            .as_deref()
            .map(str::trim)
            .filter(|label| ["production", "prod"].iter().any(|word| label.eq_ignore_ascii_case(word)))
    }
}

/// Whether a store is on a server, which may be away and is asked now and then.
pub(crate) fn is_server(store: &Store) -> bool {
    matches!(store.scheme(), "postgres" | "postgresql")
}
