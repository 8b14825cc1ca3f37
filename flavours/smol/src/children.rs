//! Tasks that payloads spawn on their flavour's own executor.

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
    /// An executor did, which is over.
    Over,
}

/// Spawns `future` on the executor beside the payload that calls this. Neither the future nor what it gives
/// need be `Send`.
///
/// As with `tokio::spawn` such a task is its spawner's own business: Foster does not watch it. Its panic goes
/// to whoever awaits the [`Task`], and is lost if that was detached; its value has no say in the runtime's
/// end, and what is left of such tasks is dropped with the flavour. What a destructor spawns that runs as late
/// as that is dropped unpolled. A panic of the future's destructor goes no further. Adopt what should be watched.
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
/// Anywhere but on the thread of a smol flavour.
///
/// # Cancel safety
///
/// Dropping the [`Task`] drops the future; [`Task::detach`] lets it go on.
#[track_caller]
pub fn spawn_local<T: 'static>(future: impl Future<Output = T> + 'static) -> Task<T> {
    let future = Contained(Some(Box::pin(future)));
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

/// A future whose destructor does not unwind: async-task would end the process for that.
struct Contained<F>(Option<Pin<Box<F>>>);

impl<F: Future> Future for Contained<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let future = self.0.as_mut().expect("it is there until this is dropped");
        future.as_mut().poll(context)
    }
}

impl<F> Drop for Contained<F> {
    fn drop(&mut self) {
        let future = self.0.take();
        // Told by the panic hook. Nobody watches the task, so there is nobody else to tell.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(future)));
    }
}
