//! A future or the end.

use super::*;

on_every_flavour!(
    s6_until_requested_gives_the_value_or_says_that_the_end_came,
    s6_until_requested_polls_nothing_once_the_end_is_requested,
    s6_until_requested_loses_no_message,
    s6_a_future_that_asks_for_the_stop_itself_is_ended_by_it,
);

on_async_flavours!(s6_until_requested_drops_the_future_where_it_awaits);

once!(
    s6_a_value_that_is_there_when_the_end_comes_is_given,
    s6_a_moved_clock_is_no_end,
);

fn s6_until_requested_gives_the_value_or_says_that_the_end_came<F: Host>(flavour: F) {
    let (runtime, log) = (started(), Log::new());
    let (waits, writes) = (Event::new(), log.clone());
    let waiting = waits.clone();
    let run = move || {
        let (writes, waiting) = (writes.clone(), waiting.clone());
        async move {
            let token = Shutdown::current();
            writes.write(token.until_requested(async { 1 }).await);
            let later = async {
                yield_now().await;
                2
            };
            writes.write(token.until_requested(later).await);
            waiting.happen();
            writes.write(token.until_requested(pending()).await);
        }
    };
    let unit = flavour.serve(runtime.unit(), run).unwrap();
    waits.expect("it waits");
    assert_eq!(log.read(), [Some(1), Some(2)]);
    unit.stop();
    assert!(unit.wait_stopped(SOON));
    assert_eq!(unit.state(), UnitState::Ended);
    assert_eq!(log.read(), [Some(1), Some(2), None]);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn s6_until_requested_polls_nothing_once_the_end_is_requested<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let inner = runtime.clone();
    let code = move || {
        let token = Shutdown::current();
        inner.shutdown();
        let never = poll_fn(|_| -> Poll<()> { panic!("it is polled") });
        assert_eq!(block_on(token.until_requested(never)), None);
    };
    flavour.adopt(&runtime, code).unwrap();
    runtime.wait().unwrap();
}

/// In its first poll, or in a later one.
fn s6_a_future_that_asks_for_the_stop_itself_is_ended_by_it<F: Host>(flavour: F) {
    for polls in [1, 2] {
        let (runtime, log) = (started(), Log::new());
        let (inner, writes) = (runtime.clone(), log.clone());
        let run = move || {
            let (inner, writes) = (inner.clone(), writes.clone());
            async move {
                let token = Shutdown::current();
                let asks = async {
                    for _ in 1..polls {
                        yield_now().await;
                    }
                    inner.shutdown();
                    pending::<()>().await;
                };
                writes.write(token.until_requested(asks).await);
            }
        };
        flavour.serve(runtime.unit(), run).unwrap();
        runtime.wait().unwrap();
        assert_eq!(log.read(), [None]);
    }
}

fn s6_a_value_that_is_there_when_the_end_comes_is_given() {
    ended(Thread, |waits| {
        let token = Shutdown::current();
        let (sender, receiver) = flume::unbounded();
        let mut context = Context::from_waker(Waker::noop());
        let mut first = pin!(token.until_requested(receiver.recv_async()));
        assert!(first.as_mut().poll(&mut context).is_pending());
        waits.happen();
        assert!(token.wait_timeout(SOON));
        sender.send(1).unwrap();
        let Poll::Ready(value) = first.poll(&mut context) else {
            panic!("there is a value")
        };
        assert_eq!(value, Some(Ok(1)));
        // A new one looks for the end first.
        sender.send(2).unwrap();
        assert_eq!(block_on(token.until_requested(receiver.recv_async())), None);
        assert_eq!(receiver.try_recv(), Ok(2));
    });
}

fn s6_until_requested_loses_no_message<F: Host>(flavour: F) {
    let (runtime, seen) = (started(), Arc::new(AtomicUsize::new(0)));
    let (sender, receiver) = flume::bounded(8);
    let (takes, sees) = (receiver.clone(), Arc::clone(&seen));
    let run = move || {
        let (takes, sees) = (takes.clone(), Arc::clone(&sees));
        async move {
            let token = Shutdown::current();
            while let Some(Ok(number)) = token.until_requested(takes.recv_async()).await {
                assert_eq!(sees.fetch_add(1, SeqCst), number);
            }
        }
    };
    flavour.serve(runtime.unit(), run).unwrap();
    let producer = thread::spawn(move || {
        let sent = (0..).find(|number| {
            sender.send_timeout(*number, Duration::ZERO).is_err() && {
                // Nobody takes it any more, or not yet.
                sender
                    .send_timeout(*number, Duration::from_millis(500))
                    .is_err()
            }
        });
        sent.unwrap()
    });
    expect("it has taken some", || seen.load(SeqCst) > 1_000);
    runtime.shutdown();
    runtime.wait().unwrap();
    let sent = producer.join().unwrap();
    assert!(receiver.drain().eq(seen.load(SeqCst)..sent));
}

fn s6_until_requested_drops_the_future_where_it_awaits<F: AsyncFlavour>(flavour: F) {
    let (runtime, waits, log) = (started(), Event::new(), Log::new());
    let (waiting, writes) = (waits.clone(), log.clone());
    let payload = move || async move {
        let token = Shutdown::current();
        let dropped = writes.clone();
        let future = async move {
            let _drops = OnDrop(move || dropped.write("dropped"));
            waiting.happen();
            pending::<()>().await;
        };
        assert_eq!(token.until_requested(future).await, None);
        writes.write("after it");
    };
    runtime.adopt(flavour, payload).unwrap();
    waits.expect("it waits");
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(log.read(), ["dropped", "after it"]);
}

fn s6_a_moved_clock_is_no_end() {
    let (clock, runtime) = manual();
    let (token, go) = alive(&runtime, Thread);
    let ran = Arc::new(AtomicUsize::new(0));
    let _on_request = token.on_request(counts(&ran));
    let mut until = pin!(token.until_requested(pending::<()>()));
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..3 {
        assert!(until.as_mut().poll(&mut context).is_pending());
        assert!(clock.advance(Duration::from_secs(1)));
    }
    assert_eq!(ran.load(SeqCst), 0);
    runtime.shutdown();
    assert_eq!(ran.load(SeqCst), 1);
    assert_eq!(until.poll(&mut context), Poll::Ready(None));
    go.happen();
    runtime.wait().unwrap();
}
