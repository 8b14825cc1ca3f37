//! Leases of real PostgreSQL servers, on free ports, in temporary folders.
#![cfg(target_os = "linux")]

mod server;

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use foster_engine_testing::{
    DEADLINE, Make, Proxy, cut_without_a_word, killed_and_started_again, stopped_and_continued,
    without_a_handle,
};
use foster_lease::conformance::Kit;
use foster_lease::{Acquired, Answer, Lease};
use foster_postgres::{Postgres, PostgresLease};

use crate::server::Server;

/// Long enough for a machine that is busy.
const SHORTEST: Duration = Duration::from_secs(2);

/// Each has a client of its own, as processes do.
fn kit(server: Option<Arc<Server>>, more: &'static str) -> Option<Kit> {
    let server = server?;
    Some(Kit::new(SHORTEST, move |name, holder, length| {
        Arc::new(server.postgres(more).lease(name, holder, length))
    }))
}

foster_lease::lease_conformance!(kit(Server::shared(), ""));

/// With the strictest isolation of transactions, in which statements fail that are fine in the usual one.
mod serializable {
    use super::{Server, kit};

    const STRICT: &str = "options='-c default_transaction_isolation=serializable'";

    foster_lease::lease_conformance!(kit(Server::shared(), STRICT));
}

/// Behind a pooler.
mod pooled {
    use super::{Server, kit};

    foster_lease::lease_conformance!(kit(Server::shared_pooled(), ""));
}

#[test]
fn a_server_that_is_stopped_is_an_error_and_then_goes_on() {
    let Some(server) = Server::own() else { return };
    let postgres = server.postgres("");
    let make: Make<'_> = &|name, holder, length| Arc::new(postgres.lease(name, holder, length));
    stopped_and_continued(&server.daemon, make, Duration::from_secs(5));
}

#[test]
fn a_server_that_was_killed_knows_holders_and_fences() {
    let Some(server) = Server::own() else { return };
    let postgres = server.postgres("");
    let make: Make<'_> = &|name, holder, length| Arc::new(postgres.lease(name, holder, length));
    killed_and_started_again(&server.daemon, make);
}

#[test]
fn a_connection_that_dies_without_a_word_costs_no_lease() {
    let Some(server) = Server::shared() else {
        return;
    };
    let proxy = Proxy::before(server.daemon.port());
    let text = format!("host=127.0.0.1 port={} user=postgres", proxy.port());
    let postgres = Postgres::connect(&text).expect("a client");
    let make: Make<'_> = &|name, holder, length| Arc::new(postgres.lease(name, holder, length));
    cut_without_a_word(&proxy, make);
}

#[test]
fn a_row_that_somebody_has_locked_keeps_no_connections_waiting() {
    let Some(server) = Server::own() else { return };
    let length = Duration::from_secs(600);
    // Each call has half a second.
    let [lease, short] = [length, Duration::from_secs(1)]
        .map(|length| server.postgres("").lease("locked", "me", length));
    assert_eq!(acquire(&lease), Ok(Acquired::held(1)));
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    server.by_hand(async |client| {
        client
            .batch_execute("BEGIN; SELECT * FROM foster_leases FOR UPDATE")
            .await?;
        for _ in 0..3 {
            let error = acquire(&short).unwrap_err();
            assert!(error.contains("no answer within 500ms"), "{error}");
        }
        let deadline = Instant::now() + DEADLINE;
        while client.query_one(waiting, &[]).await?.get::<_, i64>(0) > 0 {
            assert!(Instant::now() < deadline, "the server waits still");
            thread::sleep(Duration::from_millis(20));
        }
        client.batch_execute("COMMIT").await
    });
    assert_eq!(acquire(&short), Ok(Acquired::taken(Some("me".to_owned()))));
}

#[test]
fn a_server_that_has_become_a_standby_is_left() {
    let Some(server) = Server::own() else { return };
    let lease = server
        .postgres("")
        .lease("x", "me", Duration::from_secs(600));
    assert_eq!(acquire(&lease), Ok(Acquired::held(1)));
    let errors_until = |text: &str| {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match acquire(&lease) {
                Err(error) if error.contains(text) => return,
                other => assert!(Instant::now() < deadline, "to the end: {other:?}"),
            }
            thread::sleep(Duration::from_millis(20));
        }
    };
    server.by_hand(async |client| {
        client
            .batch_execute("SET default_transaction_read_only = off")
            .await?;
        let set = "ALTER SYSTEM SET default_transaction_read_only";
        client.batch_execute(&format!("{set} = on")).await?;
        client.batch_execute("SELECT pg_reload_conf()").await?;
        errors_until("read-only transaction");
        // It looks for another one, of which there is none.
        errors_until(
            "it does not connect: error connecting to server: database does not allow writes",
        );
        client.batch_execute(&format!("{set} = off")).await?;
        client.batch_execute("SELECT pg_reload_conf()").await?;
        Ok(())
    });
    let deadline = Instant::now() + DEADLINE;
    while acquire(&lease) != Ok(Acquired::taken(Some("me".to_owned()))) {
        assert!(Instant::now() < deadline, "it is not found again");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_last_handle_ends_all() {
    let Some(server) = Server::shared() else {
        return;
    };
    let postgres = server.postgres("");
    without_a_handle(move |name, holder, length| Arc::new(postgres.lease(name, holder, length)));
}

#[test]
fn tables_have_any_name_and_are_made_once() {
    let Some(server) = Server::shared() else {
        return;
    };
    let makers: Vec<_> = (0..8)
        .map(|_| {
            let postgres = server.postgres("").table(r#"public.Odd "name' --"#);
            thread::spawn(move || postgres.create_table())
        })
        .collect();
    for maker in makers {
        maker.join().expect("no panic").expect("the table is there");
    }
    let postgres = server.postgres("").table(r#"public.Odd "name' --"#);
    let lease = postgres.lease("x", "me", SHORTEST);
    assert_eq!(acquire(&lease), Ok(Acquired::held(1)));
    // The same name in another table is another lease.
    let other = server.postgres("").lease("x", "me", SHORTEST);
    assert!(matches!(acquire(&other), Ok(Acquired::Held { .. })));
}

#[test]
fn a_table_that_is_missing_is_an_error_that_says_what_to_do() {
    let Some(server) = Server::shared() else {
        return;
    };
    let postgres = server.postgres("").table("nowhere.leases");
    let error = acquire(&postgres.lease("x", "me", SHORTEST)).unwrap_err();
    assert!(
        error.contains("no table `nowhere.leases`, which `Postgres::create_table` makes"),
        "{error}"
    );
    let error = postgres.create_table().unwrap_err().to_string();
    assert!(
        error.contains("making the table `nowhere.leases`"),
        "{error}"
    );
}

#[test]
fn a_server_that_is_none_is_an_error_that_names_it() {
    let postgres = Postgres::connect("host=127.0.0.1 port=1 user=app").unwrap();
    let lease = postgres.lease("x", "me", SHORTEST);
    // The second one in the pause after the first.
    for _ in 0..2 {
        let error = acquire(&lease).unwrap_err();
        assert!(
            error.contains("postgres at 127.0.0.1:1/app: the acquire of `x`: it does not connect"),
            "{error}"
        );
    }
}

#[test]
fn what_a_text_cannot_be_is_an_error() {
    let Some(server) = Server::shared() else {
        return;
    };
    let postgres = server.postgres("");
    assert!(acquire(&postgres.lease("nought \0", "me", SHORTEST)).is_err());
    let error = acquire(&postgres.lease("for ever", "me", Duration::MAX)).unwrap_err();
    assert!(error.contains("out of range"), "{error}");
    assert!(acquire(&postgres.lease("sound", "me", SHORTEST)).is_ok());
}

fn acquire(lease: &PostgresLease) -> Result<Acquired, String> {
    let (told, answered) = channel();
    lease.acquire(Answer::new(move |answer| {
        let _ = told.send(answer);
    }));
    let answer = answered.recv_timeout(DEADLINE).expect("it is answered");
    answer.map_err(|error| error.to_string())
}
