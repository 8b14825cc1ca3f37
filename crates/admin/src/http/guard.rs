//! Who may ask for what: the rules for hosts, sites and the token.

use subtle::ConstantTimeEq;

use super::request::{Method, Refusal, Request};

/// By which names a listener may be asked. A page elsewhere may have its own name lead here (DNS rebinding), and then asks
/// by that name: straight, or to a path through a tunnel that somebody has open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hosts {
    /// By those of this machine.
    Loopback,
    #[cfg_attr(
        not(any(unix, test)),
        expect(dead_code, reason = "there are no sockets with a path")
    )]
    /// Also by any that is no name of another one, such as what a program makes of a path.
    Path,
}

/// Whether `request` may be looked at at all.
pub(crate) fn admit(request: &Request, hosts: Hosts) -> Result<(), Refusal> {
    let host = request.host.as_deref();
    if host.is_some_and(|host| !is_sound(host)) {
        return Err(Refusal::new(400, "the Host of the request is no host"));
    }
    let fits = match hosts {
        Hosts::Loopback => host.is_some_and(is_of_loopback),
        Hosts::Path => host.is_none_or(|host| is_of_loopback(host) || !is_domain(host)),
    };
    if !fits {
        let text = "this is asked by the names localhost, 127.0.0.1 and [::1] alone";
        return Err(Refusal::new(421, text));
    }
    let is_same = request.origin.as_deref().is_none_or(|origin| {
        let site = origin.strip_prefix("http://");
        let site = site.or_else(|| origin.strip_prefix("https://"));
        site.is_some_and(|site| host.is_some_and(|host| host.eq_ignore_ascii_case(site)))
    });
    let is_near = match request.site.as_deref() {
        None | Some("same-origin" | "none") => true,
        // A page of another port. It reads nothing of the answer, so it may ask.
        Some("same-site") => request.method != Method::Post,
        Some(_) => false,
    };
    match is_same && is_near {
        true => Ok(()),
        false => Err(Refusal::new(403, "a page of another site may not ask here")),
    }
}

/// Whether `request` brings `token`.
pub(crate) fn authorise(request: &Request, token: &str) -> Result<(), Refusal> {
    let Some(given) = request.authorization.as_deref() else {
        let text = "this takes the token: Authorization: Bearer …";
        return Err(Refusal::new(403, text));
    };
    let (scheme, given) = given.split_once(' ').unwrap_or((given, ""));
    // Only the length shows in the time that it takes.
    let is_it = given.trim().as_bytes().ct_eq(token.as_bytes());
    match scheme.eq_ignore_ascii_case("bearer") && bool::from(is_it) {
        true => Ok(()),
        false => Err(Refusal::new(403, "this is not the token")),
    }
}

/// Whether `host` is a name of this machine's loopback, with any port: there may be a tunnel.
fn is_of_loopback(host: &str) -> bool {
    let rest = ["localhost", "127.0.0.1", "[::1]"].iter().find_map(|name| {
        let (first, rest) = host.split_at_checked(name.len())?;
        first.eq_ignore_ascii_case(name).then_some(rest)
    });
    match rest {
        Some("") => true,
        Some(rest) => rest.strip_prefix(':').is_some_and(is_port),
        None => false,
    }
}

fn is_port(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|one| one.is_ascii_digit())
}

/// Whether it could be the name of another machine in a browser: those have a dot, and no percent sign.
fn is_domain(host: &str) -> bool {
    host.contains('.') && !host.contains('%')
}

/// Whether it could be a host: what curl, a proxy or a program says of a path.
fn is_sound(host: &str) -> bool {
    let is_one = |one: u8| one.is_ascii_alphanumeric() || b".-_:[]%/".contains(&one);
    host.len() <= 255 && host.bytes().all(is_one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::parse;

    fn request(first: &str, lines: &[&str]) -> Request {
        let text = format!("{first} / HTTP/1.1\r\n{}\r\n\r\n", lines.join("\r\n"));
        parse(text.as_bytes()).unwrap().unwrap().0
    }

    fn status(hosts: Hosts, first: &str, lines: &[&str]) -> u16 {
        let admitted = admit(&request(first, lines), hosts);
        admitted.map_or_else(|refusal| refusal.status, |()| 200)
    }

    #[test]
    fn a_loopback_is_asked_by_its_own_names() {
        for (host, expected) in [
            ("localhost", 200),
            ("LocalHost:8080", 200),
            ("127.0.0.1:1", 200),
            ("[::1]:65535", 200),
            ("[::1]", 200),
            ("localhost:", 421),
            ("localhost:80x", 421),
            ("localhost:123456", 421),
            ("localhost.evil.example", 421),
            ("evil.example", 421),
            ("127.0.0.1.evil.example:80", 421),
            ("0.0.0.0", 421),
            ("", 421),
        ] {
            let line = format!("Host: {host}");
            assert_eq!(status(Hosts::Loopback, "GET", &[&line]), expected, "{host}");
        }
    }

    #[test]
    fn a_path_is_asked_by_what_is_no_other_machine() {
        for (host, expected) in [
            ("localhost", 200),
            ("localhost:8000", 200),
            ("127.0.0.1:8000", 200),
            ("foster", 200),
            ("", 200),
            ("%2Frun%2Fx.sock", 200),
            ("evil.example", 421),
            ("evil.example:8000", 421),
            ("a b", 400),
            ("\"", 400),
        ] {
            let line = format!("Host: {host}");
            assert_eq!(status(Hosts::Path, "GET", &[&line]), expected, "{host}");
        }
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        for (method, line, expected) in [
            ("GET", "Sec-Fetch-Site: none", 200),
            ("GET", "Sec-Fetch-Site: same-origin", 200),
            ("GET", "Sec-Fetch-Site: same-site", 200),
            ("GET", "Sec-Fetch-Site: cross-site", 403),
            ("POST", "Sec-Fetch-Site: same-site", 403),
            ("POST", "Sec-Fetch-Site: cross-site", 403),
            ("POST", "Sec-Fetch-Site: same-origin", 200),
            ("POST", "Origin: http://localhost:80", 200),
            ("POST", "Origin: https://localhost:80", 200),
            ("POST", "Origin: http://localhost:81", 403),
            ("GET", "Origin: http://evil.example", 403),
            ("GET", "Origin: null", 403),
            ("HEAD", "Origin: localhost:80", 403),
        ] {
            let found = status(Hosts::Loopback, method, &["Host: localhost:80", line]);
            assert_eq!(found, expected, "{method} {line}");
        }
    }

    #[test]
    fn the_token_is_asked_for() {
        for (line, is_let_in) in [
            ("Authorization: Bearer secret", true),
            ("Authorization: bearer secret", true),
            ("Authorization: Bearer  secret", true),
            ("Authorization: Bearer secreT", false),
            ("Authorization: Bearer secret2", false),
            ("Authorization: Bearer", false),
            ("Authorization: Basic secret", false),
            ("Authorization: secret", false),
            ("X: y", false),
        ] {
            let request = request("POST", &["Host: localhost", line]);
            assert_eq!(authorise(&request, "secret").is_ok(), is_let_in, "{line}");
        }
    }
}
