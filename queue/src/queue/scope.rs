//! Which queue is the current one.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};

use crate::drivers::PushError;

use super::{Inner, Queue};

/// What `install` put in place.
static INSTALLED: Mutex<Option<Queue>> = Mutex::new(None);

thread_local! {
    static STACK: RefCell<Stack> = const { RefCell::new(Stack { entries: Vec::new(), job: Weak::new(), next: 0 }) };
}

/// The queues that this thread is in, the innermost last.
struct Stack {
    entries: Vec<(u64, Entry)>,
    /// The queue of the jobs that this thread runs. It is kept between them, so that to enter one costs no shared counter.
    job: Weak<Inner>,
    next: u64,
}

enum Entry {
    Queue(Queue),
    Job,
}

impl Stack {
    fn push(&mut self, entry: Entry) -> u64 {
        self.next += 1;
        self.entries.push((self.next, entry));
        self.next
    }

    /// Guards end mostly in the order in which they began, but a user may hold them otherwise.
    fn remove(&mut self, id: u64) -> Option<Entry> {
        let at = self.entries.iter().rposition(|(known, _)| *known == id)?;
        Some(self.entries.remove(at).1)
    }
}

impl Queue {
    /// Makes this the queue that [`Queue::push`] and `.push()` use, in the whole process, where no [`scope`](Queue::scope),
    /// [`enter`](Queue::enter) or running job says otherwise. A second one replaces the first, with a warning.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let queue = queue::Queue::connect("memory:").await?.install();
    /// # drop(queue); Ok::<(), queue::Error>(()) }).unwrap();
    /// ```
    pub fn install(self) -> Queue {
        let before = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner).replace(self.clone());
        if before.is_some_and(|before| !Arc::ptr_eq(&before.inner, &self.inner)) {
            tracing::warn!("a queue was installed already, and is replaced");
        }
        self
    }

    /// The queue that [`Queue::push`] uses here: the innermost of [`scope`](Queue::scope), [`enter`](Queue::enter) and the running
    /// job, else the installed one.
    ///
    /// # Errors
    ///
    /// [`PushError::NoQueue`] when there is none.
    ///
    /// ```
    /// let error = queue::Queue::current().unwrap_err();
    /// assert!(error.to_string().contains("install"));
    /// ```
    pub fn current() -> Result<Queue, PushError> {
        let here = STACK.try_with(|stack| {
            let stack = stack.borrow();
            match stack.entries.last() {
                Some((_, Entry::Queue(queue))) => Some(queue.clone()),
                Some((_, Entry::Job)) => stack.job.upgrade().map(|inner| Queue { inner }),
                None => None,
            }
        });
        match here {
            Ok(Some(queue)) => Ok(queue),
            _ => INSTALLED.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(PushError::NoQueue),
        }
    }

    /// Makes this the current queue of a future. What the future spawns leaves the scope: wrap that, too.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # use queue::Queue;
    /// let queue = Queue::connect("memory:").await.unwrap();
    /// queue.scope(async { assert!(Queue::current().is_ok()) }).await;
    /// # });
    /// ```
    pub fn scope<F: Future>(&self, future: F) -> Scoped<F> {
        Scoped { queue: self.clone(), future: Some(Box::pin(future)) }
    }

    /// Makes this the current queue of the thread until the guard is dropped.
    ///
    /// In async code use [`scope`](Queue::scope): a task may go on on another thread.
    ///
    /// ```
    /// # use queue::Queue;
    /// let queue = Queue::connect("memory:").wait()?;
    /// let entered = queue.enter();
    /// assert!(Queue::current().is_ok());
    /// drop(entered);
    /// assert!(Queue::current().is_err());
    /// # Ok::<(), queue::Error>(())
    /// ```
    ///
    /// The guard cannot leave its thread:
    ///
    /// ```compile_fail
    /// # let queue = queue::Queue::connect("memory:").wait().unwrap();
    /// let entered = queue.enter();
    /// std::thread::spawn(move || drop(entered));
    /// ```
    #[must_use = "it is the current queue until the guard is dropped"]
    pub fn enter(&self) -> Entered {
        Entered { id: enter(Entry::Queue(self.clone())), not_send: PhantomData }
    }
}

fn enter(entry: Entry) -> Option<u64> {
    STACK.try_with(|stack| stack.borrow_mut().push(entry)).ok()
}

fn leave(id: Option<u64>) {
    let Some(id) = id else { return };
    // The entry is dropped outside: it may hold the last handle of its queue. A thread that ends has no stack any more.
    let entry = STACK.try_with(|stack| stack.borrow_mut().remove(id));
    drop(entry);
}

/// A guard of [`Queue::enter`].
pub struct Entered {
    id: Option<u64>,
    not_send: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        leave(self.id);
    }
}

impl fmt::Debug for Entered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entered").finish_non_exhaustive()
    }
}

/// Makes the queue of a running job the current one, while the job's code is called.
pub(crate) fn enter_job(queue: &Queue) -> Entered {
    let id = STACK.try_with(|stack| {
        let mut stack = stack.borrow_mut();
        if std::ptr::eq(stack.job.as_ptr(), Arc::as_ptr(&queue.inner)) {
            return stack.push(Entry::Job);
        }
        if stack.entries.iter().any(|(_, entry)| matches!(entry, Entry::Job)) {
            // A job of another queue runs further out on this thread.
            return stack.push(Entry::Queue(queue.clone()));
        }
        stack.job = Arc::downgrade(&queue.inner);
        stack.push(Entry::Job)
    });
    Entered { id: id.ok(), not_send: PhantomData }
}

/// A future with a current queue: what [`Queue::scope`] gives.
#[must_use = "a future does nothing until it is awaited"]
pub struct Scoped<F> {
    queue: Queue,
    /// `None` only while it is dropped.
    future: Option<Pin<Box<F>>>,
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let _entered = self.queue.enter();
        match &mut self.future {
            Some(future) => future.as_mut().poll(context),
            None => Poll::Pending,
        }
    }
}

impl<F> Drop for Scoped<F> {
    fn drop(&mut self) {
        // What its values do when they are dropped is inside the scope, too.
        let _entered = self.queue.enter();
        self.future = None;
    }
}

impl<F> fmt::Debug for Scoped<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped").field("queue", &self.queue).finish_non_exhaustive()
    }
}
