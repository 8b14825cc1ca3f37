//! Leases of a fake of a Kubernetes API server: see `fake`. No cluster is needed.
#![cfg(target_os = "linux")]

mod calls;
mod fake;
mod http;
mod objects;
mod replicas;

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use foster_engine_testing::without_a_handle;
use foster_lease::conformance::Kit;
use foster_lease::{Acquired, Lease, Renewed};
use serde_json::json;

use crate::calls::{acquire, are_errors, ask, got, members, release, renew, until};
use crate::fake::Fake;
use crate::objects::text;

/// A request may take a third of it, which is little on a machine that has much to do.
const SHORTEST: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_secs(600);

/// One for all cases, while there are any.
fn shared() -> Arc<Fake> {
    static SHARED: Mutex<Weak<Fake>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let fake = Arc::new(Fake::start());
        *shared = Arc::downgrade(&fake);
        fake
    })
}

/// Each replica has a client of its own, as if it were another process.
fn kit() -> Kit {
    let fake = shared();
    Kit::new(SHORTEST, move |name, holder, length| {
        Arc::new(fake.kube().lease(name, holder, length))
    })
}

foster_lease::lease_conformance!(kit());

#[test]
fn what_stands_in_an_object() {
    let fake = Fake::start();
    let lease = fake.kube().lease("queue/shards/1", "pod-7", LONG);
    assert_eq!(acquire(&lease), Ok(Acquired::held(1)));
    let object = fake.object("foster-queue.shards.1");
    let spec = &object["spec"];
    assert_eq!(spec["holderIdentity"], json!("pod-7"));
    assert_eq!(spec["leaseDurationSeconds"], json!(600));
    assert_eq!(spec["leaseTransitions"], json!(1));
    assert_eq!(spec["acquireTime"], spec["renewTime"]);
    let name = &object["metadata"]["annotations"]["foster-lease/name"];
    assert_eq!(name, &json!("queue/shards/1"));
    assert_eq!(renew(&lease, 1), Ok(Renewed::Kept));
    release(&lease, 1).unwrap();
    let after = fake.object("foster-queue.shards.1");
    assert_eq!(after["spec"]["holderIdentity"], json!(""));
    assert_eq!(after["spec"]["leaseTransitions"], json!(1));
    assert_ne!(after["spec"]["renewTime"], spec["renewTime"]);
}

/// Two have read that it is free: the write of one of them is refused.
#[test]
fn of_two_who_saw_it_free_one_has_it() {
    for is_there in [false, true] {
        let fake = Fake::start();
        let [first, second] =
            ["first", "second"].map(|holder| fake.kube().lease("x", holder, LONG));
        if is_there {
            assert_eq!(acquire(&first), Ok(Acquired::held(1)));
            release(&first, 1).unwrap();
        }
        let verb = if is_there { "update" } else { "create" };
        fake.before(verb, move |objects| {
            let spec = json!({"holderIdentity": "other", "leaseDurationSeconds": 600, "leaseTransitions": 2});
            let name = "foster-x";
            let (code, _) = match objects.all.get(name).cloned() {
                Some(mut present) => {
                    present["spec"] = spec;
                    objects.replace(name, present)
                }
                None => objects.create(json!({"metadata": {"name": name}, "spec": spec})),
            };
            assert!(code < 300);
        });
        assert_eq!(acquire(&second), Ok(Acquired::taken(None)));
        let held = text(&fake.object("foster-x"), "/spec/holderIdentity");
        assert_eq!(held, "other");
        let by = Some("other".to_owned());
        assert_eq!(acquire(&first), Ok(Acquired::taken(by)));
    }
}

#[test]
fn an_object_that_others_write_to_is_kept() {
    let fake = Fake::start();
    let lease = fake.kube().lease("x", "me", LONG);
    assert_eq!(acquire(&lease), Ok(Acquired::held(1)));
    label(&fake, "foster-x");
    fake.asked();
    assert_eq!(renew(&lease, 1), Ok(Renewed::Kept));
    assert_eq!(fake.asked(), ["update", "get", "update"]);
    let object = fake.object("foster-x");
    assert_eq!(object["metadata"]["labels"]["team"], json!("a"));
    // One that is not disturbed is one request.
    assert_eq!(renew(&lease, 1), Ok(Renewed::Kept));
    assert_eq!(fake.asked(), ["update"]);
    label(&fake, "foster-x");
    release(&lease, 1).unwrap();
    assert_eq!(acquire(&lease), Ok(Acquired::held(2)));
}

/// A renewal does not make it again, as a write to what is not there would; nor is the holder of the new one the same.
#[test]
fn an_object_that_is_deleted_is_lost() {
    let fake = Fake::start();
    let [holder, namesake] = [(); 2].map(|()| fake.kube().lease("x", "same", LONG));
    let delete = || fake.act(|objects| objects.delete("foster-x", &json!({})));
    assert_eq!(acquire(&holder), Ok(Acquired::held(1)));
    delete();
    assert_eq!(renew(&holder, 1), Ok(Renewed::Lost));
    release(&holder, 1).unwrap();
    assert!(fake.object("foster-x").is_null());

    assert_eq!(acquire(&holder), Ok(Acquired::held(1)));
    fake.asked();
    let watched = ask(|answer| holder.watch(answer));
    fake.until_asked("watch");
    fake.asked();
    delete();
    got(&watched).unwrap();
    assert_eq!(fake.asked(), [""; 0]);
    assert_eq!(acquire(&namesake), Ok(Acquired::held(1)));
    assert_eq!(renew(&holder, 1), Ok(Renewed::Lost));
    release(&holder, 1).unwrap();
    assert_eq!(renew(&namesake, 1), Ok(Renewed::Kept));
}

/// By the clock of the one who looks, and for as long as the holder says.
#[test]
fn a_holder_that_is_gone_is_waited_for() {
    let fake = Fake::start();
    let gone = fake.kube().lease("x", "gone", SHORTEST);
    assert_eq!(acquire(&gone), Ok(Acquired::held(1)));
    // Its clock is far off.
    fake.act(|objects| {
        let mut present = objects.all["foster-x"].clone();
        present["spec"]["renewTime"] = json!("2001-01-01T00:00:00.000000Z");
        objects.replace("foster-x", present)
    });
    let kube = fake.kube();
    let begin = Instant::now();
    let by = Some("gone".to_owned());
    assert_eq!(
        acquire(&kube.lease("x", "next", LONG)),
        Ok(Acquired::taken(by))
    );
    // Each time by another value, as shards are asked for.
    let fence = until(|| match acquire(&kube.lease("x", "next", LONG))? {
        Acquired::Held { fence } => Ok(fence),
        taken => Err(format!("{taken:?}")),
    });
    assert_eq!(fence, 2);
    assert!(begin.elapsed() >= SHORTEST);
}

/// The watch of Kubernetes is open, and hears of it: the object is not looked at again.
#[test]
fn a_release_is_heard_of() {
    let fake = Fake::start();
    let [holder, other] = ["holder", "other"].map(|holder| fake.kube().lease("x", holder, LONG));
    assert_eq!(acquire(&holder), Ok(Acquired::held(1)));
    fake.asked();
    let watched = ask(|answer| other.watch(answer));
    fake.until_asked("watch");
    // Neither ends it: a renewal, and what somebody else writes.
    assert_eq!(renew(&holder, 1), Ok(Renewed::Kept));
    label(&fake, "foster-x");
    assert!(watched.try_recv().is_err());
    fake.asked();
    release(&holder, 1).unwrap();
    got(&watched).unwrap();
    assert!(fake.asked().iter().all(|verb| verb != "list"));
}

#[test]
fn a_server_that_goes_away_is_an_error_until_it_is_back() {
    let mut fake = Fake::start();
    let [holder, other] = ["holder", "other"].map(|holder| fake.kube().lease("x", holder, LONG));
    assert_eq!(acquire(&holder), Ok(Acquired::held(1)));
    let watched = ask(|answer| other.watch(answer));
    fake.until_asked("watch");
    fake.go_away();
    are_errors(&holder, "the server cannot be reached");
    assert!(got(&watched).is_err());
    fake.come_back();
    assert_eq!(renew(&holder, 1), Ok(Renewed::Kept));
    let by = Some("holder".to_owned());
    assert_eq!(acquire(&other), Ok(Acquired::taken(by)));
    let watched = ask(|answer| other.watch(answer));
    release(&holder, 1).unwrap();
    got(&watched).unwrap();
    assert_eq!(acquire(&other), Ok(Acquired::held(2)));
}

/// What it wrote is there, for ten minutes, and nobody believes to hold it: neither this one nor a namesake.
#[test]
fn an_acquire_without_an_answer_keeps_nobody_waiting() {
    for verb in ["create", "update"] {
        let fake = Fake::start();
        let [lease, namesake] = [(); 2].map(|()| fake.kube().lease("x", "same", LONG));
        let mut fence = 0;
        if verb == "update" {
            fence = 1;
            assert_eq!(acquire(&lease), Ok(Acquired::held(fence)));
            release(&lease, fence).unwrap();
        }
        fake.lose_answer(verb);
        let error = acquire(&lease).unwrap_err();
        assert!(error.contains("the server cannot be reached"), "{error}");
        let by = || Some("same".to_owned());
        assert_eq!(acquire(&namesake), Ok(Acquired::taken(by())));
        assert_eq!(acquire(&lease), Ok(Acquired::held(fence + 2)));
        // That one was answered.
        assert_eq!(acquire(&lease), Ok(Acquired::taken(by())));
        assert_eq!(renew(&lease, fence + 2), Ok(Renewed::Kept));
        assert_eq!(renew(&lease, fence + 1), Ok(Renewed::Lost));
    }
}

/// It was written all the same, which is no loss.
#[test]
fn a_renewal_without_an_answer_is_kept_by_the_next() {
    let fake = Fake::start();
    let lease = fake.kube().lease("x", "me", LONG);
    assert_eq!(acquire(&lease), Ok(Acquired::held(1)));
    fake.lose_answer("update");
    assert!(renew(&lease, 1).is_err());
    assert_eq!(renew(&lease, 1), Ok(Renewed::Kept));
    fake.lose_answer("update");
    assert!(release(&lease, 1).is_err());
    assert_eq!(renew(&lease, 1), Ok(Renewed::Lost));
    assert_eq!(acquire(&lease), Ok(Acquired::held(2)));
}

#[test]
fn a_server_that_stands_still_is_an_error_and_then_goes_on() {
    let fake = Fake::start();
    let [holder, other] =
        ["holder", "other"].map(|holder| fake.kube().lease("x", holder, SHORTEST));
    assert_eq!(acquire(&holder), Ok(Acquired::held(1)));
    fake.stand_still(true);
    let watched = ask(|answer| other.watch(answer));
    are_errors(&holder, "no answer within 666");
    assert!(got(&watched).unwrap_err().contains("no answer within 666"));
    fake.stand_still(false);
    let fence = until(|| match acquire(&other)? {
        Acquired::Held { fence } => Ok(fence),
        taken => Err(format!("{taken:?}")),
    });
    assert!(fence > 1, "{fence}");
    assert_eq!(renew(&holder, 1), Ok(Renewed::Lost));
}

#[test]
fn what_is_forbidden_is_told_with_what_is_needed() {
    let fake = Fake::start();
    let lease = fake.kube().lease("x", "me", LONG);
    let wanted = [
        "the object `foster-x` in the namespace `work`",
        "403 Forbidden: leases is forbidden",
        "get, list, watch, create and update on leases",
    ];
    let is_told = |error: String| {
        for wanted in wanted {
            assert!(error.contains(wanted), "no `{wanted}` in: {error}");
        }
    };
    fake.forbid(&["get"]);
    is_told(acquire(&lease).unwrap_err());
    fake.forbid(&["create"]);
    is_told(acquire(&lease).unwrap_err());
    fake.forbid(&["list"]);
    is_told(members(&lease).unwrap_err());
    fake.forbid(&[]);
    assert_eq!(acquire(&lease), Ok(Acquired::held(1)));
    fake.forbid(&["update"]);
    is_told(renew(&lease, 1).unwrap_err());
    is_told(release(&lease, 1).unwrap_err());
    fake.forbid(&["watch"]);
    is_told(got(&ask(|answer| lease.watch(answer))).unwrap_err());
}

/// One of a process that is gone is deleted, by whoever may; what is used again stays for its number.
#[test]
fn members_that_are_gone_are_cleared_away() {
    let fake = Fake::start();
    let kube = fake.kube();
    for name in ["queue/members/gone", "queue/shards/1"] {
        let lease = kube.lease(name, "gone", SHORTEST);
        assert_eq!(acquire(&lease), Ok(Acquired::held(1)));
    }
    let queue = kube.lease("queue", "me", SHORTEST);
    let both = ["queue/members/gone", "queue/shards/1"].map(str::to_owned);
    assert_eq!(members(&queue), Ok(both.to_vec()));
    fake.forbid(&["delete"]);
    fake.asked();
    until(|| {
        members(&queue)?;
        let is_asked = fake.asked().contains(&"delete".to_owned());
        is_asked.then_some(()).ok_or_else(|| "no delete".to_owned())
    });
    assert_eq!(members(&queue), Ok(Vec::new()));
    fake.forbid(&[]);
    until(|| {
        members(&queue)?;
        let is_gone = fake.object("foster-queue.members.gone").is_null();
        is_gone
            .then_some(())
            .ok_or_else(|| "it is there".to_owned())
    });
    assert!(!fake.object("foster-queue.shards.1").is_null());
}

#[test]
fn what_cannot_be_asked_for_is_an_error() {
    let fake = Fake::start();
    let kube = fake.kube();
    let long = "a".repeat(300);
    fake.asked();
    let table = [
        (kube.lease("", "me", LONG), "a lease needs a name"),
        (kube.lease(long, "me", LONG), "the name is too long"),
        (kube.lease("x", "", LONG), "a holder needs a name"),
    ];
    for (lease, wanted) in table {
        are_errors(&lease, wanted);
    }
    assert_eq!(fake.asked(), [""; 0]);
    let elsewhere = kube.clone().namespace("nowhere").lease("x", "me", LONG);
    let error = acquire(&elsewhere).unwrap_err();
    assert!(error.contains("in the namespace `nowhere`"), "{error}");
    assert!(error.contains("does the namespace exist?"), "{error}");

    // Of somebody else, by hand.
    fake.act(|objects| {
        let metadata = json!({"name": "foster-y", "annotations": {"foster-lease/name": "z"}});
        objects.create(json!({"metadata": metadata, "spec": {}}))
    });
    let error = acquire(&kube.lease("y", "me", LONG)).unwrap_err();
    assert!(error.contains("that of the lease `z`"), "{error}");
}

#[test]
fn the_last_handle_ends_all() {
    let fake = Fake::start();
    let kube = fake.kube();
    without_a_handle(move |name, holder, length| Arc::new(kube.lease(name, holder, length)));
}

/// Somebody puts a label on it.
fn label(fake: &Fake, name: &'static str) {
    let (code, _) = fake.act(|objects| {
        let mut present = objects.all[name].clone();
        let labels = json!({"team": "a", "uid": objects.events.len().to_string()});
        present["metadata"]["labels"] = labels;
        objects.replace(name, present)
    });
    assert_eq!(code, 200);
}
