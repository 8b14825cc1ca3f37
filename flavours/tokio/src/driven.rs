//! Whether a tokio runtime needs the calling thread.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Wake, Waker};

use tokio::runtime::Handle;
use tokio::task::yield_now;

/// Whether the calling thread polls the tasks of `runtime`, which are not polled here while it waits.
///
/// It does not if it merely has the runtime's context: in a `spawn_blocking` or a `block_in_place`, behind a
/// guard of `Handle::enter`, or in a `block_on` beside the workers of a pool.
pub(crate) fn is_driven_here(runtime: &Handle) -> bool {
    Handle::try_current().is_ok_and(|here| here.id() == runtime.id()) && is_in_scheduler()
}

/// Whether the calling thread is in the turn of a tokio scheduler: there a yield wakes at the scheduler's next
/// turn, anywhere else at once.
fn is_in_scheduler() -> bool {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let yielded = pin!(yield_now()).poll(&mut Context::from_waker(&waker));
    yielded.is_pending() && !woken.0.load(Relaxed)
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use tokio::runtime::{Builder, Runtime};
    use tokio::task::{LocalSet, block_in_place, spawn_blocking, spawn_local};

    use super::*;

    fn one_thread() -> Runtime {
        Builder::new_current_thread().build().unwrap()
    }

    fn pool(workers: usize) -> Runtime {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(workers).build().unwrap()
    }

    /// The answer in a task of `runtime`.
    fn in_task(runtime: &Runtime) -> bool {
        let handle = runtime.handle().clone();
        let task = runtime.spawn(async move { is_driven_here(&handle) });
        runtime.block_on(task).unwrap()
    }

    #[test]
    fn a_thread_that_drives_a_runtime_is_known() {
        let runtime = one_thread();
        let handle = runtime.handle();
        assert!(runtime.block_on(async { is_driven_here(handle) }));
        assert!(in_task(&runtime));
        for workers in 1..3 {
            assert!(in_task(&pool(workers)));
        }
    }

    #[test]
    fn a_thread_that_merely_has_the_context_is_told_apart() {
        for runtime in [one_thread(), pool(1), pool(2)] {
            let handle = runtime.handle();
            assert!(!is_driven_here(handle));
            let guard = handle.enter();
            assert!(!is_driven_here(handle));
            drop(guard);
            let on_blocking = handle.clone();
            let job = async { spawn_blocking(move || is_driven_here(&on_blocking)).await };
            assert!(!runtime.block_on(job).unwrap());
            // Drives its own future alone.
            let other = thread::scope(|scope| {
                let apart = scope.spawn(|| handle.block_on(async { is_driven_here(handle) }));
                apart.join().unwrap()
            });
            assert!(!other);
        }
    }

    #[test]
    fn beside_a_pool_only_its_workers_count() {
        let runtime = pool(1);
        let handle = runtime.handle();
        assert!(!runtime.block_on(async { is_driven_here(handle) }));
        let local = LocalSet::new();
        let inner = handle.clone();
        let task = async { spawn_local(async move { is_driven_here(&inner) }).await };
        assert!(!runtime.block_on(local.run_until(task)).unwrap());
        let inner = handle.clone();
        let task = runtime.spawn(async move { block_in_place(|| is_driven_here(&inner)) });
        assert!(!runtime.block_on(task).unwrap());
    }

    #[test]
    fn runtimes_are_told_apart() {
        let (one, other) = (one_thread(), pool(1));
        let handle = other.handle().clone();
        assert!(!one.block_on(async { is_driven_here(&handle) }));
    }
}
