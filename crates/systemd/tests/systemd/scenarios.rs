//! What children play: daemons that do what they are told by a word on their input.

use std::collections::HashSet;
use std::future::pending;
use std::io::{BufRead, Write};
use std::os::unix::net::UnixListener;
use std::process::{Command, ExitCode};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use foster::{
    BoxError, Builder, Ready, Reload, ReloadWait, Runtime, Shutdown, Signals, Smol, Thread, Tokio,
    service,
};
use foster_systemd::{Systemd, SystemdErrorKind};

static SAID: Mutex<Option<HashSet<String>>> = Mutex::new(None);
static HEARD: Condvar = Condvar::new();

/// Blocks until the word was said.
fn wait_for(word: &str) {
    let said = SAID.lock().unwrap();
    let is_missing = |said: &mut Option<HashSet<String>>| {
        !said.as_ref().is_some_and(|words| words.contains(word))
    };
    drop(HEARD.wait_while(said, is_missing).unwrap());
}

/// The same without blocking.
async fn said(word: &str) {
    let is_said = || {
        SAID.lock()
            .unwrap()
            .as_ref()
            .is_some_and(|words| words.contains(word))
    };
    while !is_said() {
        async_io::Timer::after(Duration::from_millis(5)).await;
    }
}

/// Listens to words from now on, on a thread.
fn listen() {
    thread::spawn(|| {
        for word in std::io::stdin().lock().lines().map_while(Result::ok) {
            SAID.lock().unwrap().get_or_insert_default().insert(word);
            HEARD.notify_all();
        }
    });
}

pub fn play(scenario: &str) -> ExitCode {
    let played = match scenario {
        "three" => three(),
        "nothing" => plain(&Runtime::new(), false),
        "plain" => plain(&Runtime::new(), true),
        "told" => {
            tracing_subscriber::fmt().with_ansi(false).init();
            plain(&Runtime::new(), true)
        }
        "idle" => idle(),
        "quiet" => quiet(),
        "failing" => failing(),
        "watched" => watched(),
        "slow" => slow(Runtime::builder().grace(Duration::from_secs(60))),
        "cut" => slow(Runtime::builder().grace(Duration::from_secs(2))),
        "draining" => plain(
            &Runtime::builder().drain(Duration::from_secs(3)).build(),
            true,
        ),
        "reloading" => reloading(),
        "children" => children(),
        "threads" => threads(false),
        "kept" => threads(true),
        "sockets" => sockets(),
        "datagrams" => datagrams(),
        "bound" => bound(),
        "claims" => claims(),
        other => panic!("no scenario `{other}`"),
    };
    match played {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("because {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

/// Three services, one on each executor, that are ready when they are told to be.
fn three() -> Result<(), BoxError> {
    let runtime = Runtime::new();
    foster_systemd::serve(&runtime)?.expect("systemd listens");
    listen();
    let first = || {
        wait_for("first");
        Ready::current().notify();
        while !Shutdown::current().wait_timeout(Duration::MAX) {}
    };
    let waits = |word: &'static str| {
        move || async move {
            said(word).await;
            Ready::current().notify();
            pending::<()>().await
        }
    };
    let unit = runtime.unit().name("first").notifies_ready();
    unit.serve(service(Thread, first))?;
    let unit = runtime.unit().name("second").notifies_ready();
    unit.serve(service(Smol, waits("second")))?;
    let unit = runtime.unit().name("third").notifies_ready();
    unit.serve(service(Tokio, waits("third")))?;
    Ok(runtime.run()?)
}

/// Nothing but the notifier, which has to be there or not.
fn plain(runtime: &Runtime, is_served: bool) -> Result<(), BoxError> {
    let served = foster_systemd::serve(runtime)?;
    assert_eq!(served.is_some(), is_served);
    if is_served {
        let twice = foster_systemd::serve(runtime).unwrap_err();
        assert_eq!(twice.kind(), SystemdErrorKind::Service);
    }
    runtime.start()?;
    println!("runs");
    Ok(runtime.wait()?)
}

/// A runtime that ends when nothing is left to do.
fn idle() -> Result<(), BoxError> {
    let runtime = Runtime::builder().until_idle().build();
    let notifier = foster_systemd::serve(&runtime)?.expect("systemd listens");
    listen();
    runtime.adopt(Smol, move || async move {
        said("end").await;
        notifier.stop();
    })?;
    Ok(runtime.run()?)
}

/// All flavours, all asleep.
fn quiet() -> Result<(), BoxError> {
    let runtime = Runtime::new();
    foster_systemd::serve(&runtime)?.expect("systemd listens");
    let waits = || async { Shutdown::current().requested().await };
    runtime.unit().name("on smol").serve(service(Smol, waits))?;
    runtime
        .unit()
        .name("on tokio")
        .serve(service(Tokio, waits))?;
    Ok(runtime.run()?)
}

/// A service that cannot start, before another one is ready.
fn failing() -> Result<(), BoxError> {
    let runtime = Runtime::new();
    foster_systemd::serve(&runtime)?.expect("systemd listens");
    listen();
    let never = || async {
        let _ready = Ready::current();
        pending::<()>().await
    };
    let unit = runtime.unit().name("never").notifies_ready();
    unit.serve(service(Tokio, never))?;
    let fails = || {
        wait_for("fail");
        Err::<(), _>("no space left")
    };
    runtime.unit().name("fails").serve(service(Thread, fails))?;
    Ok(runtime.run()?)
}

/// A payload that blocks smol, one that keeps a thread busy, and a service on tokio.
fn watched() -> Result<(), BoxError> {
    let runtime = Runtime::builder()
        .stall_after(Duration::from_millis(500))
        .build();
    foster_systemd::serve(&runtime)?.expect("systemd listens");
    listen();
    runtime.named("greedy").adopt(Smol, || async {
        said("block").await;
        wait_for("go on");
        println!("goes on");
    })?;
    runtime.named("busy").adopt(Thread, || {
        wait_for("work");
        println!("works");
        let until = Instant::now() + Duration::from_secs(600);
        let mut number = 0_u64;
        while Instant::now() < until {
            number = std::hint::black_box(number.wrapping_mul(31) + 1);
        }
    })?;
    runtime.adopt(Tokio, pending::<()>)?;
    Ok(runtime.run()?)
}

/// Payloads that end at a word each, whatever they are asked.
fn slow(builder: Builder) -> Result<(), BoxError> {
    let runtime = builder.build();
    foster_systemd::serve(&runtime)?.expect("systemd listens");
    listen();
    for name in ["one", "two", "three"] {
        runtime.named(name).adopt(Thread, move || {
            let _shutdown = Shutdown::current();
            println!("holds {name}");
            wait_for(name);
        })?;
    }
    // Somebody goes on asking while the others hang.
    let asked = runtime.clone();
    thread::spawn(move || while asked.execute(Smol, work).is_ok() {});
    Ok(runtime.run()?)
}

/// An execute that takes a moment.
async fn work() {
    async_io::Timer::after(Duration::from_millis(70)).await;
}

/// A service that reloads when it is told to.
fn reloading() -> Result<(), BoxError> {
    let signals = Signals::reload_on_hangup();
    let runtime = Runtime::builder().signals(signals).build();
    foster_systemd::serve(&runtime)?.expect("systemd listens");
    listen();
    let reads = || {
        let (_shutdown, reload) = (Shutdown::current(), Reload::current());
        for round in 1.. {
            let request = match reload.wait_timeout(Duration::MAX) {
                ReloadWait::Requested(request) => request,
                _ => return,
            };
            println!("reads {round}");
            wait_for(&format!("read {round}"));
            request.done();
        }
    };
    runtime.unit().name("reads").serve(service(Thread, reads))?;
    Ok(runtime.run()?)
}

/// What children find, and what comes of one that notifies.
fn children() -> Result<(), BoxError> {
    let runtime = Runtime::new();
    foster_systemd::serve(&runtime)?.expect("systemd listens");
    // Twice is as once.
    drop(foster_systemd::sockets()?);
    runtime.start()?;
    let found = Command::new("env").output()?;
    for line in String::from_utf8(found.stdout)?.lines() {
        println!("env {line}");
    }
    match Command::new("systemd-notify")
        .args(["--ready", "--status=a child"])
        .output()
    {
        Ok(output) => println!("notified {}", output.status.success()),
        Err(error) => println!("notified not: {error}"),
    }
    println!("all");
    Ok(runtime.wait()?)
}

/// A program that has threads before it comes to it.
fn threads(is_kept: bool) -> Result<(), BoxError> {
    listen();
    let runtime = Runtime::new();
    let refused = foster_systemd::serve(&runtime).unwrap_err();
    if !is_kept {
        println!("kind {:?}", refused.kind());
        return Err(refused.into());
    }
    let systemd = Systemd::new().keep_environment();
    systemd.serve(&runtime)?.expect("systemd listens");
    assert!(env::var_os("NOTIFY_SOCKET").is_some());
    Ok(runtime.run()?)
}

/// A TCP listener on tokio and a Unix listener on smol, which answer one guest each.
fn sockets() -> Result<(), BoxError> {
    let mut sockets = foster_systemd::sockets()?;
    let again = foster_systemd::sockets().unwrap_err();
    println!("again {:?}", again.kind());
    let names: Vec<_> = sockets.names().map(str::to_owned).collect();
    println!("names {}", names.join(" "));
    for error in [
        sockets.tcp("https").unwrap_err(),
        sockets.tcp("control").unwrap_err(),
        sockets.udp("http").unwrap_err(),
    ] {
        println!("error {:?}: {error}", error.kind());
    }
    let http = sockets.tcp_or_bind("http", "127.0.0.1:1")?;
    let control = sockets.unix("control")?;
    println!("error {:?}", sockets.tcp("http").unwrap_err().kind());
    println!("flags {}", flags(&http)? & flags(&control)?);

    let runtime = Runtime::builder().until_idle().build();
    runtime.adopt(Tokio, move || async move {
        let listener = tokio::net::TcpListener::from_std(http)?;
        let (guest, _) = listener.accept().await?;
        let mut guest = guest.into_std()?;
        guest.write_all(b"tokio")?;
        std::io::Result::Ok(())
    })?;
    runtime.adopt(Smol, move || async move {
        let listener = async_io::Async::<UnixListener>::new_nonblocking(control)?;
        let (guest, _) = listener.accept().await?;
        guest.into_inner()?.write_all(b"smol")?;
        std::io::Result::Ok(())
    })?;
    Ok(runtime.run()?)
}

/// The flags of an open file, as the system shows them.
fn flags(socket: &impl std::os::fd::AsRawFd) -> Result<u32, BoxError> {
    let path = format!("/proc/self/fdinfo/{}", socket.as_raw_fd());
    let info = fs::read_to_string(path)?;
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    Ok(u32::from_str_radix(flags.unwrap_or_default().trim(), 8)?)
}

fn datagrams() -> Result<(), BoxError> {
    let mut sockets = foster_systemd::sockets()?;
    println!("error {}", sockets.tcp("log").unwrap_err());
    let log = sockets.unix_datagram("log")?;
    let syslog = sockets.udp("syslog")?;
    let runtime = Runtime::builder().until_idle().build();
    runtime.adopt(Smol, move || async move {
        let mut bytes = [0; 9];
        let log = async_io::Async::new_nonblocking(log)?;
        let length = log.recv(&mut bytes).await?;
        println!("read {}", String::from_utf8_lossy(&bytes[..length]));
        std::io::Result::Ok(())
    })?;
    let address = syslog.local_addr()?;
    runtime.adopt(Tokio, move || async move {
        let syslog = tokio::net::UdpSocket::from_std(syslog)?;
        syslog.send_to(b"own", address).await?;
        let mut bytes = [0; 9];
        let length = syslog.recv(&mut bytes).await?;
        println!("got {}", String::from_utf8_lossy(&bytes[..length]));
        std::io::Result::Ok(())
    })?;
    Ok(runtime.run()?)
}

/// Nothing is handed over.
fn bound() -> Result<(), BoxError> {
    let directory = tempfile::tempdir()?;
    let mut sockets = foster_systemd::sockets()?;
    assert!(sockets.is_empty());
    let missing = sockets.tcp("http").unwrap_err();
    println!("error {:?}: {missing}", missing.kind());
    let listener = sockets.tcp_or_bind("http", "127.0.0.1:0")?;
    let blocks = listener.accept().unwrap_err().kind();
    println!("tcp {blocks:?}");
    let udp = sockets.udp_or_bind("syslog", "127.0.0.1:0")?;
    println!("udp {:?}", udp.recv(&mut [0]).unwrap_err().kind());
    let path = directory.path().join("a");
    let unix = sockets.unix_or_bind("control", &path)?;
    println!("unix {:?}", unix.accept().unwrap_err().kind());
    let taken = sockets.unix_or_bind("control", &path).unwrap_err();
    println!("error {:?}: {taken}", taken.kind());
    let log = sockets.unix_datagram_or_bind("log", directory.path().join("b"))?;
    println!("log {:?}", log.recv(&mut [0]).unwrap_err().kind());
    Ok(())
}

/// What was handed over as `unknown` is no TCP listener.
fn claims() -> Result<(), BoxError> {
    let mut sockets = foster_systemd::sockets()?;
    println!("error {}", sockets.tcp("unknown").unwrap_err());
    let _whatever = sockets.descriptor("unknown")?;
    println!(
        "error {:?}",
        sockets.descriptor("unknown").unwrap_err().kind()
    );
    Ok(())
}
