//! Tasks that payloads spawn on their flavour's executor.

use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use async_executor::{LocalExecutor, Task};

thread_local! {
    static HERE: RefCell<Here> = const { RefCell::new(Here::Nothing) };
}

/// What runs on this thread.
#[derive(Clone)]
enum Here {
    Nothing,
    Executor(Rc<LocalExecutor<'static>>),
    /// An executor did, and has ended.
    Over,
}

/// Spawns `future` on the executor of the calling payload. Neither the future nor its output need be `Send`.
///
/// Foster does not watch such a task, as with `tokio::spawn`; adopt a payload to have it watched. A panic goes
/// to the awaiter of the [`Task`], and is lost if the task was detached. Its output never ends the runtime.
/// Remaining tasks are dropped with the flavour; tasks that destructors spawn as late as that are dropped
/// unpolled. A panic in the future's destructor goes no further.
///
/// ```
/// use std::rc::Rc;
///
/// use foster_core::Runtime;
/// use foster_smol::{Smol, spawn_local};
///
/// let runtime = Runtime::new();
/// runtime.start()?;
/// let sum = runtime.execute(Smol, || async {
///     let parts = Rc::new([1, 2, 3]);
///     let child = spawn_local(async move { parts.iter().sum::<i32>() });
///     child.await
/// })?;
/// assert_eq!(sum, 6);
/// # runtime.shutdown();
/// # runtime.wait()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// If the calling thread is not that of a smol flavour.
///
/// # Cancel safety
///
/// Dropping the [`Task`] drops the future; [`Task::detach`] lets it go on.
#[track_caller]
pub fn spawn_local<T: 'static>(future: impl Future<Output = T> + 'static) -> Task<T> {
    let future = NoUnwind(Some(Box::pin(future)));
    match HERE.with_borrow(Clone::clone) {
        Here::Executor(executor) => executor.spawn(future),
        // Cancelled with the executor, which is dropped right here.
        Here::Over => LocalExecutor::new().spawn(future),
        Here::Nothing => {
            panic!("no smol flavour runs on this thread: spawn from inside one of its payloads")
        }
    }
}

/// Lets the thread's payloads spawn on `executor` while `run` runs.
pub(crate) fn within<R>(executor: &Rc<LocalExecutor<'static>>, run: impl FnOnce() -> R) -> R {
    struct Clear;
    impl Drop for Clear {
        fn drop(&mut self) {
            HERE.set(Here::Over);
        }
    }
    HERE.set(Here::Executor(Rc::clone(executor)));
    // Also if the executor panics.
    let _clear = Clear;
    run()
}

/// A future whose destructor does not unwind: async-task would end the process.
struct NoUnwind<F>(Option<Pin<Box<F>>>);

impl<F: Future> Future for NoUnwind<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let future = self.0.as_mut().expect("it is there until this is dropped");
        future.as_mut().poll(context)
    }
}

impl<F> Drop for NoUnwind<F> {
    fn drop(&mut self) {
        let future = self.0.take();
        // The panic hook has told it, and nobody watches the task.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(future)));
    }
}
