//! What the cell promises, each invariant by itself. Small enough for Miri.

use std::future::poll_fn;
use std::marker::PhantomPinned;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::Waker;

use super::*;
use crate::errors::failure::Cause;
use crate::task::body::Panic;
use crate::task::header::Header;
use crate::task::join::Waiter;
use crate::task::observer::Observer;
use crate::task::raw::{RawTask, Step, Task};

/// A task that is nothing but its cell.
struct Alone<F, A>(StageCell<F, A, true>);

impl<F, A> RawTask for Alone<F, A>
where
    F: FnOnce() -> A + Send,
    A: Future<Output = ()>,
{
    fn header(&self) -> &Header {
        unreachable!("a cell knows nothing of headers")
    }

    fn step(
        &self,
        me: &Arc<Task>,
        context: Option<&mut Context<'_>>,
    ) -> Result<Step, ForeignThread> {
        let context = context.expect("there is no run queue");
        Ok(self.0.poll(me, context)?.map(|_| None))
    }

    fn clear(&self, me: &Arc<Task>) -> Result<(), ForeignThread> {
        self.0.clear(me)
    }

    fn take_panic(&self, _: Panic) -> Option<Cause> {
        None
    }

    fn caller(&self) -> Option<Arc<dyn Waiter>> {
        None
    }

    fn observed(&self) -> Option<&dyn Observer> {
        None
    }
}

fn alone<F, A>(make: F) -> Arc<Task>
where
    F: FnOnce() -> A + Send + 'static,
    A: Future<Output = ()> + 'static,
{
    Arc::new(Alone(StageCell::new(make)))
}

/// What came of a poll: `None` for one on a foreign thread.
fn poll(task: &Arc<Task>) -> Option<bool> {
    let mut context = Context::from_waker(Waker::noop());
    let step = task.step(task, Some(&mut context)).ok()?;
    Some(step.is_ready())
}

/// A future that is ready when what it shares says so.
fn waiting(shared: Rc<Cell<bool>>) -> impl Future<Output = ()> {
    poll_fn(move |_| match shared.get() {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
}

#[test]
fn a_record_keeps_itself_for_as_long_as_its_future_is_there() {
    thread_local! {
        static SHARED: Rc<Cell<bool>> = Rc::default();
    }
    let shared = SHARED.with(Rc::clone);
    let task = alone(|| waiting(SHARED.with(Rc::clone)));
    assert_eq!(Arc::strong_count(&task), 1);
    for _ in 0..2 {
        assert_eq!(poll(&task), Some(false));
        assert_eq!(
            (Arc::strong_count(&task), Rc::strong_count(&shared)),
            (2, 3)
        );
    }
    shared.set(true);
    for _ in 0..2 {
        assert_eq!(poll(&task), Some(true));
        assert_eq!(
            (Arc::strong_count(&task), Rc::strong_count(&shared)),
            (1, 2)
        );
    }
}

#[test]
fn another_thread_neither_polls_nor_drops_a_future() {
    struct Silent {
        _local: Rc<()>,
    }
    impl Drop for Silent {
        fn drop(&mut self) {
            panic!("its thread alone may drop it");
        }
    }
    let task = alone(|| async {
        let silent = Silent {
            _local: Rc::new(()),
        };
        std::future::pending::<()>().await;
        drop(silent);
    });
    assert_eq!(poll(&task), Some(false));
    let other = Arc::clone(&task);
    std::thread::spawn(move || {
        assert_eq!(poll(&other), None);
        assert!(other.clear(&other).is_err());
        assert!(other.clear(&other).is_ok(), "told once");
    })
    .join()
    .expect("it only looks");
    assert_eq!(poll(&task), None, "leaked");
    assert_eq!(Arc::strong_count(&task), 2, "and never freed");
}

#[test]
fn memory_of_a_leaked_future_stays_valid() {
    thread_local! {
        static ADDRESS: Cell<*const u8> = const { Cell::new(ptr::null()) };
    }
    struct Node(u8, PhantomPinned);
    let task = alone(|| async {
        let node = pin!(Node(42, PhantomPinned));
        ADDRESS.set(&raw const node.0);
        std::future::pending::<()>().await;
    });
    assert_eq!(poll(&task), Some(false));
    std::thread::spawn(move || drop(task))
        .join()
        .expect("the drop does nothing");
    // SAFETY: the node is in a future that was leaked with its memory (invariant 2).
    assert_eq!(unsafe { *ADDRESS.get() }, 42);
}

#[test]
fn a_panic_leaves_the_future_to_be_dropped() {
    let dropped = Arc::new(());
    let inside = Arc::clone(&dropped);
    let task = alone(move || async move {
        let _inside = inside;
        panic!("on purpose");
    });
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&task))).is_err());
    // The panic has dropped what the future had; its shell is still there, and kept.
    assert_eq!(
        (Arc::strong_count(&task), Arc::strong_count(&dropped)),
        (2, 1)
    );
    assert!(task.clear(&task).is_ok());
    assert_eq!(Arc::strong_count(&task), 1);
}

#[test]
fn a_destructor_that_panics_is_run_once() {
    struct Loud {
        _counted: Arc<()>,
    }
    impl Drop for Loud {
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }
    let dropped = Arc::new(());
    let loud = Loud {
        _counted: Arc::clone(&dropped),
    };
    let task = alone(move || async move {
        let _loud = loud;
        std::future::pending::<()>().await;
    });
    assert_eq!(poll(&task), Some(false));
    assert!(catch_unwind(AssertUnwindSafe(|| task.clear(&task))).is_err());
    assert_eq!(
        (Arc::strong_count(&task), Arc::strong_count(&dropped)),
        (1, 1)
    );
    assert!(task.clear(&task).is_ok());
}

#[test]
fn a_cell_is_polled_by_one_at_a_time() {
    thread_local! {
        static RECORD: Cell<Option<Arc<Task>>> = const { Cell::new(None) };
    }
    let task = alone(|| {
        poll_fn(|_| {
            let inner = RECORD.take().expect("set below");
            assert_eq!(poll(&inner), None, "it is being polled");
            Poll::Ready(())
        })
    });
    RECORD.set(Some(Arc::clone(&task)));
    assert_eq!(poll(&task), Some(true));
}

#[test]
fn a_cell_is_polled_for_its_own_record_alone() {
    let (task, other) = (alone(|| async {}), alone(|| async {}));
    let mut context = Context::from_waker(Waker::noop());
    let polled = catch_unwind(AssertUnwindSafe(|| {
        task.step(&other, Some(&mut context)).is_ok()
    }));
    assert!(polled.is_err());
}

#[test]
fn a_record_is_known_by_its_own_type_without_a_count() {
    let whole = Arc::new(Alone(StageCell::new(|| async {})));
    let task: Arc<Task> = Arc::clone(&whole) as _;
    let kept = as_itself(&*whole, &task, |this| {
        assert!(Arc::ptr_eq(this, &whole));
        assert_eq!(Arc::strong_count(this), 2);
        Arc::clone(this)
    });
    assert_eq!(Arc::strong_count(&whole), 3);
    drop((whole, task));
    assert_eq!(Arc::strong_count(&kept), 1);
    let task: Arc<Task> = kept;
    assert_eq!(poll(&task), Some(true));
}

#[test]
fn a_record_is_not_taken_for_another_one() {
    let make = || async {};
    let (whole, other) = (Alone(StageCell::new(make)), alone(make));
    let code = || as_itself(&whole, &other, |_| unreachable!("it is another one"));
    let panic = catch_unwind(AssertUnwindSafe(code)).unwrap_err();
    assert_eq!(
        crate::base::panics::panic_message(panic),
        "a task is kept by itself"
    );
    assert_eq!(Arc::strong_count(&other), 1);
}

#[test]
fn a_boxed_future_is_made_once_and_stays_where_it_is() {
    let dropped = Rc::new(Cell::new(0));
    let counts = Counts(Rc::clone(&dropped));
    let held = [7_u8; 4_096];
    let mut future = boxed(move || async move {
        let _counts = counts;
        let place = ptr::from_ref(&held);
        let mut polled = false;
        poll_fn(|_| match mem::replace(&mut polled, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
        assert_eq!(place, ptr::from_ref(&held));
        held[4_095]
    });
    let mut context = Context::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut context).is_pending());
    assert_eq!(future.as_mut().poll(&mut context), Poll::Ready(7));
    drop(future);
    assert_eq!(dropped.get(), 1);
}

#[test]
fn a_boxed_future_that_is_never_polled_is_dropped() {
    let dropped = Rc::new(Cell::new(0));
    let counts = Counts(Rc::clone(&dropped));
    drop(boxed(move || async move { drop(counts) }));
    assert_eq!(dropped.get(), 1);
}

#[test]
fn a_future_whose_making_panics_is_never_there() {
    let dropped = Rc::new(Cell::new(0));
    let counts = Counts(Rc::clone(&dropped));
    let made = catch_unwind(AssertUnwindSafe(|| {
        boxed::<[String; 2]>(|| {
            let _counts = counts;
            panic!("while it is made")
        })
    }));
    assert!(made.is_err());
    assert_eq!(dropped.get(), 1);
}

struct Counts(Rc<Cell<u32>>);

impl Drop for Counts {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}
