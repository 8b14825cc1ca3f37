//! A server that keeps Kubernetes' rules for leases, in one namespace.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use foster_engine_testing::DEADLINE;
use foster_kube::Kube;
use foster_kube::kube::Config;
use foster_lease::{Answer, Lease};
use serde_json::Value;

use crate::http::{Connection, Request};
use crate::objects::{Objects, Reply, no};

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/work/leases";

/// On a free port. Its threads end with it.
pub(crate) struct Fake {
    inside: Arc<Inside>,
    address: SocketAddr,
    listening: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Inside {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    objects: Objects,
    connections: Vec<TcpStream>,
    is_away: bool,
    /// Takes requests in, and neither does nor answers them.
    is_still: bool,
    /// The answer to the next request with this verb is lost.
    unanswered: Option<&'static str>,
    forbidden: Vec<&'static str>,
    /// What runs once, before a request of this method.
    before: Option<(&'static str, Before)>,
    asked: Vec<String>,
}

type Before = Box<dyn FnOnce(&mut Objects) + Send>;

impl Fake {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let mut fake = Self {
            inside: Arc::default(),
            address,
            listening: None,
        };
        fake.listen(listener);
        fake
    }

    fn listen(&mut self, listener: TcpListener) {
        let inside = self.inside.clone();
        self.listening = Some(thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { continue };
                let Some(connection) = inside.take_in(stream) else {
                    return;
                };
                let inside = inside.clone();
                // It ends once the connection does, with whatever error.
                drop(thread::spawn(move || drop(inside.serve(connection))));
            }
        }));
    }

    /// A client, as another process has it. It is ready, as it takes long to be on a machine that has much to do.
    pub(crate) fn kube(&self) -> Kube {
        let url = format!("http://{}", self.address);
        let mut config = Config::new(url.parse().expect("an address"));
        config.default_namespace = "work".to_owned();
        config.default_retry = false;
        // Those of the system take long to read, and nothing here is encrypted.
        config.root_cert = Some(Vec::new());
        let kube = Kube::connect_with(config).expect("a client");
        let (told, answered) = channel();
        let lease = kube.lease("any", "any", DEADLINE);
        lease.members(Answer::new(move |answer| drop(told.send(answer))));
        drop(answered.recv_timeout(DEADLINE).expect("it is answered"));
        kube
    }

    /// Ends all connections, and takes no more.
    pub(crate) fn go_away(&mut self) {
        let mut state = self.inside.state();
        state.is_away = true;
        for connection in state.connections.drain(..) {
            // It may have ended.
            let _ = connection.shutdown(Shutdown::Both);
        }
        drop(state);
        self.inside.changed.notify_all();
        // So that the listener looks.
        drop(TcpStream::connect(self.address));
        if let Some(listening) = self.listening.take() {
            listening.join().expect("it does not panic");
        }
    }

    pub(crate) fn come_back(&mut self) {
        self.inside.state().is_away = false;
        let listener = TcpListener::bind(self.address).expect("its port");
        self.listen(listener);
    }

    pub(crate) fn stand_still(&self, is_still: bool) {
        self.inside.state().is_still = is_still;
        self.inside.changed.notify_all();
    }

    /// Does what is asked with this verb, once, and closes the connection.
    pub(crate) fn lose_answer(&self, verb: &'static str) {
        self.inside.state().unanswered = Some(verb);
    }

    /// Refuses these verbs.
    pub(crate) fn forbid(&self, verbs: &[&'static str]) {
        self.inside.state().forbidden = verbs.to_vec();
    }

    /// Does this before the next request with this verb.
    pub(crate) fn before(
        &self,
        verb: &'static str,
        act: impl FnOnce(&mut Objects) + Send + 'static,
    ) {
        self.inside.state().before = Some((verb, Box::new(act)));
    }

    /// Does this as another client.
    pub(crate) fn act<T>(&self, act: impl FnOnce(&mut Objects) -> T) -> T {
        let done = act(&mut self.inside.state().objects);
        self.inside.changed.notify_all();
        done
    }

    /// The object, or `null`.
    pub(crate) fn object(&self, name: &str) -> Value {
        let state = self.inside.state();
        state.objects.all.get(name).cloned().unwrap_or_default()
    }

    /// The verbs of all requests since the last call.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.inside.state().asked)
    }

    /// Waits until this has been asked for since the last call of `asked`.
    pub(crate) fn until_asked(&self, verb: &str) {
        let state = self.inside.state();
        let is_not = |state: &mut State| !state.asked.iter().any(|asked| asked == verb);
        let waited = self
            .inside
            .changed
            .wait_timeout_while(state, DEADLINE, is_not);
        let (_state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!waited.timed_out(), "nobody asks for `{verb}`");
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        if self.listening.is_some() {
            self.go_away();
        }
    }
}

impl Inside {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// None once it is away.
    fn take_in(&self, stream: TcpStream) -> Option<Connection> {
        let mut state = self.state();
        if state.is_away {
            return None;
        }
        state.connections.push(stream.try_clone().ok()?);
        Some(Connection::new(stream))
    }

    fn serve(&self, mut connection: Connection) -> io::Result<()> {
        while let Some(request) = connection.request()? {
            let mut state = self.state();
            while state.is_still && !state.is_away {
                state = self.wait(state);
            }
            if state.is_away {
                return Ok(());
            }
            let verb = verb(&request);
            state.asked.push(verb.to_owned());
            if let Some((_, act)) = state.before.take_if(|(before, _)| *before == verb) {
                act(&mut state.objects);
            }
            let reply = if state.forbidden.contains(&verb) {
                no(
                    403,
                    "Forbidden",
                    &format!("leases is forbidden: cannot {verb}"),
                )
            } else if verb == "watch" {
                drop(state);
                self.changed.notify_all();
                return self.tell(&request, connection);
            } else {
                state.objects.answer(&request)
            };
            let is_lost = state.unanswered.take_if(|lost| *lost == verb).is_some();
            drop(state);
            self.changed.notify_all();
            if is_lost {
                return connection.close();
            }
            connection.answer(reply.0, &reply.1)?;
        }
        Ok(())
    }

    /// Tells of all changes, until the connection or the server ends.
    fn tell(&self, request: &Request, mut connection: Connection) -> io::Result<()> {
        let from = request.query.get("resourceVersion");
        let mut last: u64 = from.and_then(|from| from.parse().ok()).expect("a number");
        connection.begin()?;
        let mut state = self.state();
        loop {
            if state.is_away {
                return Ok(());
            }
            let next = state.objects.events.iter().find(|(version, event)| {
                *version > last && Objects::is_chosen(&event["object"], request)
            });
            match next.cloned() {
                Some((version, event)) if !state.is_still => {
                    drop(state);
                    last = version;
                    connection.line(&event)?;
                    state = self.state();
                }
                _ => state = self.wait(state),
            }
        }
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let woken = self.changed.wait(state);
        woken.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Objects {
    fn answer(&mut self, request: &Request) -> Reply {
        let Some(rest) = request.path.strip_prefix(LEASES) else {
            return no(404, "NotFound", "namespaces not found");
        };
        let name = rest.trim_start_matches('/');
        let body = request.body.clone();
        match (verb(request), name) {
            ("list", "") => self.list(request),
            ("create", "") => self.create(body),
            ("get", name) => self.get(name),
            ("update", name) => self.replace(name, body),
            ("delete", name) => self.delete(name, &body),
            (verb, name) => no(405, "MethodNotAllowed", &format!("{verb} of `{name}`")),
        }
    }
}

/// As RBAC calls it.
fn verb(request: &Request) -> &'static str {
    let is_all = request.path.ends_with("/leases");
    match &*request.method {
        "GET" if request.query.contains_key("watch") => "watch",
        "GET" if is_all => "list",
        "GET" => "get",
        "POST" => "create",
        "PUT" => "update",
        "DELETE" => "delete",
        _ => "?",
    }
}
