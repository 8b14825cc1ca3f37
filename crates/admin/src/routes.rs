//! Which request asks for what.

use std::time::Duration;

use foster_core::status::{RuntimeState, Status, UnitKind, UnitNode};
use foster_core::{ReloadError, ReloadReport, Runtime, UnitState};
use serde_json::json;

use crate::http::guard::authorise;
use crate::http::request::{Method, Request};
use crate::http::response::{JSON, Response};

/// What there is to ask for.
const PATHS: &str = "GET  /         the page\n\
                     GET  /livez    whether all executors answer\n\
                     GET  /readyz   whether all is ready\n\
                     GET  /metrics  for Prometheus\n\
                     GET  /status   all of it, in JSON\n\
                     GET  /events   all that happens, as server-sent events\n\
                     POST /units/<name>/start, /stop, /restart\n\
                     POST /reload\n\
                     The last two need control to be on, and its token.";

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Page,
    Live,
    Ready,
    Metrics,
    Status,
    Events,
    Reload,
    Unit(String, Verb),
}

/// What is to be done with a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Start,
    Stop,
    Restart,
}

impl Verb {
    fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
        }
    }
}

/// What `request` asks for. `token` is that of control, if it is on.
pub(crate) fn route(request: &Request, token: Option<&str>) -> Result<Route, Response> {
    let (route, is_control) = match find(&request.path) {
        Some(found) => found,
        None => {
            let text = format!("there is no {} here. There is:\n\n{PATHS}", request.path);
            return Err(Response::text(404, text));
        }
    };
    let (fits, allowed) = match is_control {
        true => (request.method == Method::Post, "POST"),
        false => (
            matches!(request.method, Method::Get | Method::Head),
            "GET, HEAD",
        ),
    };
    if !fits {
        let response = Response::text(405, format!("this is asked by {allowed}"));
        return Err(response.with("Allow", allowed));
    }
    if is_control {
        let Some(token) = token else {
            let text =
                "control is off: this program lets nobody start, stop or reload anything from here";
            return Err(Response::text(404, text));
        };
        authorise(request, token)?;
    }
    Ok(route)
}

fn find(path: &str) -> Option<(Route, bool)> {
    let looked_at = match path {
        "/" => Route::Page,
        "/livez" => Route::Live,
        "/readyz" => Route::Ready,
        "/metrics" => Route::Metrics,
        "/status" => Route::Status,
        "/events" => Route::Events,
        "/reload" => return Some((Route::Reload, true)),
        _ => {
            let (name, verb) = path.strip_prefix("/units/")?.rsplit_once('/')?;
            let verb = match verb {
                "start" => Verb::Start,
                "stop" => Verb::Stop,
                "restart" => Verb::Restart,
                _ => return None,
            };
            return Some((Route::Unit(decode(name)?, verb), true));
        }
    };
    Some((looked_at, false))
}

/// `text` with its `%41`s as what they stand for; `None` if that is no text.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(16 * high + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|name| !name.is_empty())
}

/// Whether all is ready, and if not, what is not.
pub(crate) fn ready(status: &Status) -> Response {
    if let Some(stop) = &status.stop {
        return Response::text(503, format!("stopping: {}", stop.cause));
    }
    if let Some(drain) = &status.drain {
        let text = match drain.left {
            Duration::MAX => "draining: until somebody stops it".to_owned(),
            left => format!("draining: it stops in {:.1} s", left.as_secs_f64()),
        };
        return Response::text(503, text);
    }
    if status.state == RuntimeState::Running && status.is_ready {
        return Response::text(200, "ready");
    }
    let is_on_its_way = |unit: &&UnitNode| {
        let is_service = unit.kind == UnitKind::Service;
        is_service && !unit.state.is_ready() && unit.state != UnitState::Ended
    };
    let units: Vec<_> = status
        .units
        .iter()
        .filter(is_on_its_way)
        .map(describe)
        .collect();
    let text = match units.is_empty() {
        true => format!("not ready: the runtime is {}", status.state),
        false => format!("not ready:\n{}", units.join("\n")),
    };
    Response::text(503, text)
}

fn describe(unit: &UnitNode) -> String {
    let mut text = format!("{} is {}", unit.name, unit.state);
    if !unit.waits_for.is_empty() {
        text += &format!(", waits for {}", unit.waits_for.join(", "));
    }
    if let Some(failure) = &unit.last_failure {
        text += &format!(" ({failure})");
    }
    text
}

/// The status as it is read by programs.
pub(crate) fn status(status: &Status) -> Response {
    let body = serde_json::to_vec(status).expect("plain values have a text in JSON");
    Response::new(200, JSON, body)
}

/// Does `verb` to the service `name`.
pub(crate) fn control(runtime: &Runtime, name: &str, verb: Verb) -> Response {
    let Some(unit) = runtime.unit_named(name) else {
        let text = match runtime.group_named(name) {
            Some(_) => {
                format!("`{name}` is a group; only services are started and stopped from here")
            }
            None => format!("there is no service `{name}`"),
        };
        return Response::text(404, text);
    };
    match verb {
        Verb::Start => {
            if let Err(error) = unit.start() {
                return Response::text(409, error.to_string());
            }
        }
        Verb::Stop => unit.stop(),
        Verb::Restart => unit.restart(),
    }
    let body = json!({ "unit": name, "asked": verb.word(), "state": unit.state() });
    Response::new(202, JSON, body.to_string())
}

/// What became of a reload.
pub(crate) fn reloaded(result: &Result<ReloadReport, ReloadError>) -> Response {
    match result {
        Ok(report) => {
            let names: Vec<_> = report.services().iter().map(|one| one.name()).collect();
            Response::new(200, JSON, json!({ "reloaded": names }).to_string())
        }
        Err(error) => Response::text(503, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_decoded() {
        for (text, name) in [
            ("a", Some("a")),
            ("a/b", Some("a/b")),
            ("src%2Fmain.rs:12", Some("src/main.rs:12")),
            ("%C3%A9", Some("é")),
            ("%c3", None),
            ("%", None),
            ("%4", None),
            ("%4g", None),
            ("", None),
        ] {
            assert_eq!(decode(text).as_deref(), name, "{text}");
        }
    }

    #[test]
    fn paths_are_found() {
        for (path, found) in [
            ("/", Some(Route::Page)),
            ("/status", Some(Route::Status)),
            ("/status/", None),
            (
                "/units/a/stop",
                Some(Route::Unit("a".to_owned(), Verb::Stop)),
            ),
            (
                "/units/a/b/start",
                Some(Route::Unit("a/b".to_owned(), Verb::Start)),
            ),
            ("/units/stop", None),
            ("/units//stop", None),
            ("/units/a/kill", None),
            ("//", None),
        ] {
            assert_eq!(find(path).map(|(route, _)| route), found, "{path}");
        }
    }
}
