//! What becomes of what a full group refuses. Row G5.

use foster::{
    AdoptError, ExecuteError, OwnedService, PlaceError, RunError, RunErrorKind, ServeError,
    TokioMultiThread, Unit,
};

use super::*;

once!(
    g5_a_full_group_gives_a_payload_back_on_every_flavour,
    g5_a_full_group_gives_back_what_was_to_be_executed,
    g5_a_full_group_gives_services_back,
    g5_other_refusals_have_dropped_the_payload,
    g5_a_place_is_taken_only_if_one_is_free,
    g5_a_payload_in_a_place_can_have_a_name,
    g5_the_limit_that_is_reached_is_named,
    a_refusal_may_be_what_main_returns,
);

/// A group whose only place is taken, for as long as that is kept.
fn full(runtime: &Runtime) -> (Group, foster::Place) {
    let group = runtime.group("full").limit(1).create().unwrap();
    let place = group.try_place().unwrap();
    (group, place)
}

/// Hands the payload in again when there is a place.
macro_rules! hands_in_again {
    ($key:expr, |$run:ident| $payload:expr) => {{
        let runtime = started();
        let (group, place) = full(&runtime);
        let (begun, token) = (Event::new(), Arc::new(()));
        let $run = {
            let (begun, token) = (begun.clone(), Arc::clone(&token));
            move || {
                drop(token);
                begun.happen();
            }
        };
        let mut payload = $payload;
        let refused: AdoptError = group.adopt($key, payload).unwrap_err();
        assert_eq!(refused.kind(), AdoptErrorKind::Full);
        assert_eq!(Arc::strong_count(&token), 2, "the error has it");
        // Asked for something else it keeps what it has.
        let refused = refused.into_payload::<String>().unwrap_err();
        payload = refused.into_payload().unwrap();
        drop(place);
        group.adopt($key, payload).unwrap();
        begun.expect("it runs");
        expect("it is over", || group.taken() == 0);
        assert_eq!(Arc::strong_count(&token), 1);
        end(&runtime);
    }};
}

fn g5_a_full_group_gives_a_payload_back_on_every_flavour() {
    hands_in_again!(Smol, |run| async move || run());
    hands_in_again!(Tokio, |run| async move || run());
    hands_in_again!(TokioMultiThread, |run| move || async move { run() });
    hands_in_again!(Thread, |run| run);
}

fn g5_a_full_group_gives_back_what_was_to_be_executed() {
    let runtime = started();
    let (group, place) = full(&runtime);
    let mut payload = || 7;
    let refused: ExecuteError = group.execute(Thread, payload).unwrap_err();
    payload = refused.into_payload().unwrap();
    let refused = group.call(Thread, payload).wait().unwrap_err();
    assert_eq!(refused.kind(), ExecuteErrorKind::Full);
    payload = refused.into_payload().unwrap();
    drop(place);
    assert_eq!(group.execute(Thread, payload).unwrap(), 7);
    end(&runtime);
}

/// Runs once, and says so.
struct Import(Event);

impl OwnedService for Import {
    type Flavour = Thread;

    fn flavour(&self) -> Thread {
        Thread
    }

    fn run(self) -> impl foster::Run<foster::Subroutine> {
        self.0.happen();
    }
}

fn g5_a_full_group_gives_services_back() {
    let runtime = started();
    let (group, place) = full(&runtime);
    let (lent, owned, made) = (Event::new(), Event::new(), Event::new());

    let mut by_ref = service(Thread, {
        let lent = lent.clone();
        move || lent.happen()
    });
    let refused: ServeError = group.serve(by_ref).unwrap_err();
    assert_eq!(refused.kind(), ServeErrorKind::Full);
    by_ref = refused.into_service().unwrap();

    let refused = group.serve(Import(owned.clone())).unwrap_err();
    let by_value = refused.into_service::<Import>().unwrap();

    let mut make = {
        let made = made.clone();
        move || Import(made.clone())
    };
    let refused = group.serve_with(make).unwrap_err();
    make = refused.into_service().unwrap();

    assert_eq!(group.units().len(), 0, "nothing is left of them");
    drop(place);
    let runs = |unit: Result<Unit, ServeError>, event: Event| {
        event.expect("it runs");
        assert!(unit.unwrap().wait_stopped(SOON));
    };
    runs(group.serve(by_ref), lent);
    runs(group.serve(by_value), owned);
    runs(group.serve_with(make), made);
    end(&runtime);
}

fn g5_other_refusals_have_dropped_the_payload() {
    let runtime = started();
    let group = runtime.group("over").create().unwrap();
    group.shutdown();
    let token = Arc::new(());
    let held = Arc::clone(&token);
    let refused = group.adopt(Smol, async move || drop(held)).unwrap_err();
    assert_eq!(refused.kind(), AdoptErrorKind::Stopping);
    assert_eq!(Arc::strong_count(&token), 1);
    let refused = refused.into_payload::<fn()>().unwrap_err();
    assert_eq!(refused.kind(), AdoptErrorKind::Stopping);

    let refused = group.serve(Import(Event::new())).unwrap_err();
    assert_eq!(refused.kind(), ServeErrorKind::Stopping);
    assert!(refused.into_service::<Import>().is_err());
    end(&runtime);
}

fn g5_a_place_is_taken_only_if_one_is_free() {
    let runtime = started();
    let (group, place) = full(&runtime);
    let refused: PlaceError = group.try_place().unwrap_err();
    assert_eq!(refused.kind(), PlaceErrorKind::Full);
    assert_eq!(
        refused.to_string(),
        "no place in the group `full`: the limit of 1 of the group `full` is reached"
    );
    let mut waits = Box::pin(group.place());
    assert!(block_on(poll_once(waits.as_mut())).is_none());
    drop(place);
    let refused = group.try_place().unwrap_err();
    assert_eq!(refused.kind(), PlaceErrorKind::Full, "others came first");
    drop(block_on(waits).unwrap());
    drop(group.try_place().unwrap());
    group.shutdown();
    let refused = group.try_place().unwrap_err();
    assert_eq!(refused.kind(), PlaceErrorKind::Stopping);
    end(&runtime);
}

fn g5_a_payload_in_a_place_can_have_a_name() {
    let runtime = started();
    let (group, place) = full(&runtime);
    let refused = place.named("").adopt(Smol, async || {}).unwrap_err();
    assert_eq!(refused.kind(), AdoptErrorKind::Name);
    assert_eq!(group.taken(), 0, "the place is given back");
    let place = group.try_place().unwrap();
    let fails = async || Err::<(), _>("reset");
    place.named("192.0.2.7").adopt(Smol, fails).unwrap();
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures()[0].payload(), "full/192.0.2.7");
}

fn g5_the_limit_that_is_reached_is_named() {
    let runtime = started();
    let outer = runtime.group("outer").limit(1).create().unwrap();
    let inner = outer.group("inner").limit(9).create().unwrap();
    let _place = outer.try_place().unwrap();
    let text = "the limit of 1 of the group `outer` is reached";
    let refused = inner.adopt(Smol, async || {}).unwrap_err().to_string();
    assert!(
        refused.ends_with(&format!("not adopted: {text}")),
        "{refused}"
    );
    let refused = inner.serve(Import(Event::new())).unwrap_err().to_string();
    assert!(
        refused.ends_with(&format!("not taken: {text}")),
        "{refused}"
    );
    let refused = inner.try_place().unwrap_err().to_string();
    assert_eq!(
        refused,
        format!("no place in the group `outer/inner`: {text}")
    );
    assert_eq!(inner.taken(), 0);
    end(&runtime);
}

/// With a `main` that returns a `RunError`, all that is to be said of a refusal is said.
fn a_refusal_may_be_what_main_returns() {
    fn main() -> Result<(), RunError> {
        let runtime = started();
        let group = runtime.group("full").limit(1).create()?;
        let _place = group.try_place()?;
        let refused = runtime
            .group("full")
            .create()
            .map(drop)
            .map_err(RunError::from);
        assert_eq!(
            refused.unwrap_err().to_string(),
            "group `full` was not made: another group or service has this name"
        );
        let never = service(Smol, async || pending::<()>().await);
        runtime.unit().name("never").notifies_ready().serve(never)?;
        let unready = runtime.wait_ready(Duration::ZERO).map_err(RunError::from);
        assert_eq!(unready.map_err(|error| error.kind()), Ok(()));
        end(&runtime);
        group.wait_place(Duration::ZERO).map(drop)?;
        unreachable!("it stops")
    }
    let error = main().unwrap_err();
    assert_eq!(error.kind(), RunErrorKind::Refused);
    assert_eq!(
        error.to_string(),
        "no place in the group `full`: it is stopping or has stopped"
    );
}
