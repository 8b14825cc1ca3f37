//! What is answered: at once, once it is known, or for as long as somebody listens.

use std::task::{Context, Poll};
use std::time::Duration;

use mio::Events;

use super::connection::Task;
use super::{CONNECTIONS, Server};
use crate::events::{Watch, farewell};
use crate::http::guard::admit;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::live::Live;
use crate::metrics::{self, Tally};
use crate::page::page;
use crate::routes::{self, Route, route};

/// How many connections may listen to events.
const LISTENERS: usize = 32;

/// How long the last answers may take to go out.
const FAREWELL: Duration = Duration::from_millis(30);

impl Server<'_> {
    /// Answers a request, or has its connection wait for the answer.
    pub(super) fn answer(&mut self, key: usize, request: &Request, now: Duration) {
        let route = self.find(key, request);
        let response = match route {
            Err(response) => response,
            Ok(Route::Page) => page(self.token.is_some()),
            Ok(Route::Ready) => routes::ready(&self.runtime.status()),
            Ok(Route::Status) => routes::status(&self.runtime.status()),
            Ok(Route::Metrics) => {
                let tally = self.tally.get_or_insert_with(|| Tally::new(self.runtime));
                metrics::respond(&self.runtime.status(), tally, &request.accept)
            }
            Ok(Route::Unit(name, verb)) => routes::control(self.runtime, &name, verb),
            Ok(Route::Live) => {
                self.live
                    .get_or_insert_with(|| Live::ask(self.runtime, now));
                return self.have_wait(key, Task::Live);
            }
            Ok(Route::Reload) => {
                self.reloading
                    .get_or_insert_with(|| Box::pin(self.runtime.reload()));
                return self.have_wait(key, Task::Reload);
            }
            Ok(Route::Events) => {
                match self.keys(|one| one.task == Task::Events).len() < LISTENERS {
                    true => return self.listen(key, now),
                    false => Response::text(503, "too many listen to events"),
                }
            }
        };
        self.connections[key].answer(response, now);
    }

    fn find(&self, key: usize, request: &Request) -> Result<Route, Response> {
        admit(request, self.connections[key].hosts)?;
        route(request, self.token)
    }

    fn have_wait(&mut self, key: usize, task: Task) {
        self.connections[key].task = task;
        // It is looked at in this very turn.
        self.bell.ring();
    }

    fn listen(&mut self, key: usize, now: Duration) {
        let watch = self
            .watch
            .get_or_insert_with(|| Watch::new(self.runtime, now));
        self.connections[key].listen(watch.status(), now);
        self.bell.ring();
    }

    /// Answers `task`s with what is made for each.
    fn answer_all(&mut self, task: Task, response: impl Fn() -> Response, now: Duration) {
        for key in self.keys(|connection| connection.task == task) {
            self.connections[key].answer(response(), now);
            self.serve(key, now);
        }
    }

    pub(super) fn look_at_live(&mut self, now: Duration, context: &mut Context<'_>) {
        let Some(verdict) = self.live.as_mut().and_then(|live| live.poll(now, context)) else {
            return;
        };
        if verdict.is_alive() {
            self.live = None;
        }
        self.answer_all(Task::Live, || verdict.response(), now);
    }

    pub(super) fn look_at_reload(&mut self, now: Duration, context: &mut Context<'_>) {
        let Some(reloading) = &mut self.reloading else {
            return;
        };
        if let Poll::Ready(result) = reloading.as_mut().poll(context) {
            self.reloading = None;
            self.answer_all(Task::Reload, || routes::reloaded(&result), now);
        }
    }

    /// Tells those who listen what has happened.
    pub(super) fn tell(&mut self, now: Duration, context: &mut Context<'_>) {
        let listening = self.keys(|connection| connection.task == Task::Events);
        if listening.is_empty() {
            self.watch = None;
        }
        let Some(watch) = &mut self.watch else { return };
        let news = watch.poll(self.runtime, now, context);
        if news.all.is_empty() && !news.is_status {
            return;
        }
        for key in listening {
            let status = self.watch.as_ref().filter(|_| news.is_status);
            let status = status.map(Watch::status);
            match self.connections[key].tell(&news.all, status, now) {
                true => self.serve(key, now),
                false => self.remove(key),
            }
        }
    }

    /// Says to those who listen that it is over, and has all answers go out that do so soon.
    pub(super) fn say_farewell(&mut self) {
        let mut now = self.now();
        let until = now + FAREWELL;
        let listening = self.keys(|connection| connection.task == Task::Events);
        if !listening.is_empty() {
            let events = farewell(self.runtime);
            for key in listening {
                self.connections[key].tell(&events, None, now);
            }
        }
        let mut events = Events::with_capacity(CONNECTIONS);
        loop {
            for key in self.keys(|_| true) {
                self.connections[key].turn(now);
            }
            let is_flushed = self.connections.iter().all(|(_, one)| one.is_flushed());
            now = self.now();
            if is_flushed || now >= until || self.poll.poll(&mut events, Some(until - now)).is_err()
            {
                return;
            }
        }
    }
}
