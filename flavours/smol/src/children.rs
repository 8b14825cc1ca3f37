//! Tasks that payloads spawn on their flavour's own executor.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use async_executor::{LocalExecutor, Task};

thread_local! {
    /// The executor that runs on this thread.
    static EXECUTOR: RefCell<Option<Rc<LocalExecutor<'static>>>> = const { RefCell::new(None) };
}

/// Spawns `future` on the executor beside the payload that calls this. Neither the future nor what it gives
/// need be `Send`.
///
/// As with `tokio::spawn` such a task is its spawner's own business: Foster does not watch it. Its panic goes
/// to whoever awaits the [`Task`], and is lost if that was detached; its value has no say in the runtime's
/// end, and what is left of such tasks is dropped with the flavour. Adopt what should be watched.
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
    let executor = EXECUTOR.with_borrow(Clone::clone);
    match executor {
        Some(executor) => executor.spawn(future),
        None => {
            panic!("no smol flavour runs on this thread: spawn from inside one of its payloads")
        }
    }
}

/// Lets the thread's payloads spawn on `executor` while `run` runs.
pub(crate) fn within<R>(executor: &Rc<LocalExecutor<'static>>, run: impl FnOnce() -> R) -> R {
    struct Clear;
    impl Drop for Clear {
        fn drop(&mut self) {
            EXECUTOR.set(None);
        }
    }
    EXECUTOR.set(Some(Rc::clone(executor)));
    // Also if the executor panics.
    let _clear = Clear;
    run()
}
