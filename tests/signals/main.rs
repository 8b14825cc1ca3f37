//! Signals of Unix, sent to real child processes. Row S4.
//!
//! Each child is this very test program, told by a variable which scenario to play.
#![cfg(unix)]

mod apart;
#[path = "../common/mod.rs"]
mod common;
mod counting;

use std::future::{Future, pending};
use std::os::unix::process::ExitStatusExt;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use common::child::{Played, be_child, play, play_in_shell, say_ready};
use common::{Event, SOON, block_until};
use foster::{Runtime, Shutdown, Signals, Smol, Thread, Tokio};

/// The child's side.
#[test]
fn as_child() {
    be_child(|scenario| match scenario {
        "orderly" => orderly(),
        "stubborn" => counting::stubborn(),
        "stuck" => counting::stuck(false),
        "stuck after a failure" => counting::stuck(true),
        "blocking waker" => counting::blocking_waker(),
        "between" => apart::between(),
        "left" => apart::left(),
        "own handler" => apart::own_handler(),
        "two" => counting::two(),
        "at once" => counting::at_once(),
        other => panic!("no scenario `{other}`"),
    });
}

fn orderly() -> Played {
    let runtime = Runtime::new();
    let (smol, tokio) = (Event::new(), Event::new());
    let (smol_ready, tokio_ready) = (smol.clone(), tokio.clone());
    runtime.adopt(Smol, move || async move {
        let token = Shutdown::current();
        smol_ready.happen();
        token.requested().await;
        println!("smol is asked");
    })?;
    runtime.adopt(Tokio, move || async move {
        let token = Shutdown::current();
        tokio_ready.happen();
        token.requested().await;
        println!("tokio is asked");
    })?;
    runtime.adopt(Thread, move || {
        let token = Shutdown::current();
        smol.expect("smol runs");
        tokio.expect("tokio runs");
        say_ready();
        if token.wait_timeout(SOON) {
            println!("thread is asked");
        }
    })?;
    runtime.run()
}
