//! Leases of real etcds of one member, on free ports, in temporary folders.
#![cfg(target_os = "linux")]

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use foster_engine_testing::{
    DEADLINE, EtcdServer, Make, Proxy, cut_without_a_word, free_port, killed_and_started_again,
    stopped_and_continued, without_a_handle,
};
use foster_etcd::etcd_client::{self, Client};
use foster_etcd::{Etcd, EtcdLease};
use foster_lease::conformance::Kit;
use foster_lease::{Acquired, Answer, Lease, LeaseError};
use tokio::runtime::Builder;

/// The shortest lease that an etcd grants that has nothing set.
const SHORTEST: Duration = Duration::from_secs(2);

/// Ends with its last handle, after which its folder is gone.
struct Server {
    etcd: EtcdServer,
}

impl Server {
    /// One for a test alone, or none where there is no etcd.
    fn own() -> Option<Self> {
        EtcdServer::start().map(|etcd| Self { etcd })
    }

    /// One for all tests that do it no harm, while there are any.
    fn shared() -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Some(server);
        }
        let server = Arc::new(Self::own()?);
        *shared = Arc::downgrade(&server);
        Some(server)
    }

    fn endpoint(&self) -> String {
        self.etcd.endpoint()
    }

    /// How many it has, whoever granted them.
    fn etcd_leases(&self) -> usize {
        let count = async {
            let mut client = Client::connect([self.endpoint()], None).await?;
            Ok(client.leases().await?.leases().len())
        };
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime
            .block_on(count)
            .unwrap_or_else(|error: etcd_client::Error| panic!("{error}"))
    }

    fn etcd(&self) -> Etcd {
        Etcd::connect([self.endpoint()]).expect("a client")
    }
}

fn kit() -> Option<Kit> {
    let server = Server::shared()?;
    // Each has a client of its own, as processes do.
    Some(Kit::new(SHORTEST, move |name, holder, length| {
        Arc::new(server.etcd().lease(name, holder, length))
    }))
}

foster_lease::lease_conformance!(kit());

#[test]
fn a_server_that_is_stopped_is_an_error_and_then_goes_on() {
    let Some(server) = Server::own() else { return };
    let etcd = server.etcd();
    let make: Make<'_> = &|name, holder, length| Arc::new(etcd.lease(name, holder, length));
    stopped_and_continued(server.etcd.daemon(), make, Duration::from_secs(5));
}

#[test]
fn a_server_that_was_killed_knows_holders_and_fences() {
    let Some(server) = Server::own() else { return };
    let etcd = server.etcd();
    let make: Make<'_> = &|name, holder, length| Arc::new(etcd.lease(name, holder, length));
    killed_and_started_again(server.etcd.daemon(), make);
}

#[test]
fn a_connection_that_dies_without_a_word_costs_no_lease() {
    let Some(server) = Server::shared() else {
        return;
    };
    let proxy = Proxy::before(server.etcd.daemon().port());
    let etcd = Etcd::connect([format!("127.0.0.1:{}", proxy.port())]).expect("a client");
    let make: Make<'_> = &|name, holder, length| Arc::new(etcd.lease(name, holder, length));
    cut_without_a_word(&proxy, make);
}

#[test]
fn a_member_that_is_away_fails_no_call() {
    let Some(server) = Server::shared() else {
        return;
    };
    // Nobody listens at the others.
    let away = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
    let endpoints = [away[0].clone(), server.endpoint(), away[1].clone()];
    let etcd = Etcd::connect(endpoints).expect("a client");
    let lease = etcd.lease("one of three", "me", Duration::from_secs(600));
    for round in 0..20 {
        let answer = acquire(&lease);
        match round {
            0 => assert!(matches!(answer, Ok(Acquired::Held { .. })), "{answer:?}"),
            _ => assert_eq!(answer, Ok(Acquired::taken(Some("me".to_owned())))),
        }
    }
}

#[test]
fn the_last_handle_ends_all() {
    let Some(server) = Server::shared() else {
        return;
    };
    let etcd = server.etcd();
    without_a_handle(move |name, holder, length| Arc::new(etcd.lease(name, holder, length)));
}

#[test]
fn a_lease_that_is_too_short_is_refused_with_the_reason() {
    let Some(server) = Server::shared() else {
        return;
    };
    let lease = server
        .etcd()
        .lease("short", "me", Duration::from_millis(300));
    let error = acquire(&lease).unwrap_err();
    assert!(error.contains("a lease of 1 s is too short"), "{error}");
    assert!(error.contains("is 2 s"), "{error}");
}

#[test]
fn etcd_leases_of_those_who_lose_a_race_are_revoked() {
    let Some(server) = Server::own() else { return };
    let etcd = server.etcd();
    let length = Duration::from_secs(600);
    for round in 0..5 {
        let racers = [(); 8].map(|()| etcd.lease(format!("race {round}"), "racer", length));
        let answers = racers.each_ref().map(begin_acquire);
        for answered in answers {
            let _ = answered.recv_timeout(DEADLINE).expect("it is answered");
        }
    }
    let deadline = Instant::now() + DEADLINE;
    while server.etcd_leases() != 5 {
        assert!(
            Instant::now() < deadline,
            "etcd has {} leases",
            server.etcd_leases()
        );
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn keys_with_other_prefixes_are_other_leases() {
    let Some(server) = Server::shared() else {
        return;
    };
    let [ours, theirs] = ["ours/", "theirs/"]
        .map(|prefix| server.etcd().prefix(prefix).lease("same", "me", SHORTEST));
    for lease in [&ours, &theirs] {
        assert!(matches!(acquire(lease), Ok(Acquired::Held { .. })));
    }
    assert_eq!(acquire(&ours), Ok(Acquired::taken(Some("me".to_owned()))));
}

#[test]
fn an_endpoint_that_is_none_is_an_error_that_names_it() {
    for endpoint in ["no endpoint", "http://127.0.0.1:1"] {
        let etcd = Etcd::connect([endpoint]).unwrap();
        let error = acquire(&etcd.lease("x", "me", SHORTEST)).unwrap_err();
        assert!(
            error.contains(endpoint) && error.contains("the acquire of `x`"),
            "{error}"
        );
    }
}

fn begin_acquire(lease: &EtcdLease) -> Receiver<Result<Acquired, LeaseError>> {
    let (told, answered) = channel();
    lease.acquire(Answer::new(move |answer| {
        let _ = told.send(answer);
    }));
    answered
}

fn acquire(lease: &EtcdLease) -> Result<Acquired, String> {
    let answered = begin_acquire(lease);
    let answer = answered.recv_timeout(DEADLINE).expect("it is answered");
    answer.map_err(|error| error.to_string())
}
