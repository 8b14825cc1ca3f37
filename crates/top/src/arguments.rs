//! The command line.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Parser;

use crate::address::Address;

/// Watch a Foster daemon: its services, groups, payloads, failures and stalls
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "\
Examples:
  foster-top /run/mydaemon/admin.sock          the socket that the daemon's foster-admin serves
  foster-top 127.0.0.1:9000                    or its port, if it serves one
  foster-top --demo                            a small daemon to look at, without any of yours
  foster-top --once /run/mydaemon/admin.sock   print it once, for a script or a report

In it, `?` shows the keys. The program exits with 0 when you quit, and with 1 after an error.",
    override_usage = "foster-top [OPTIONS] <ADDRESS>\n       foster-top --demo"
)]
pub(crate) struct Arguments {
    /// The daemon's admin: path of a socket, host:port, or http://host:port
    #[arg(required_unless_present = "demo", conflicts_with = "demo")]
    pub(crate) address: Option<Address>,

    /// Run a small daemon of its own, and watch that
    #[arg(long)]
    pub(crate) demo: bool,

    /// Print what there is once, as plain text, and exit
    #[arg(long)]
    pub(crate) once: bool,

    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub(crate) interval: Duration,

    /// File with the token for start, stop, restart and reload
    #[arg(long, value_name = "FILE", conflicts_with = "demo")]
    token_file: Option<PathBuf>,

    /// The token itself; others see it in the list of processes
    #[arg(long, env = "FOSTER_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

impl Arguments {
    /// The token, if one was given.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or has no token.
    pub(crate) fn token(&self) -> anyhow::Result<Option<String>> {
        let token = match (&self.token_file, &self.token) {
            (Some(file), _) => {
                let read = fs::read_to_string(file);
                read.with_context(|| format!("cannot read the token in {}", file.display()))?
            }
            (None, Some(token)) => token.clone(),
            (None, None) => return Ok(None),
        };
        match token.trim() {
            "" => bail!("the token is empty"),
            token => Ok(Some(token.to_owned())),
        }
    }
}

/// From a tenth of a second, so that the daemon has its peace, to an hour.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text
        .parse()
        .ok()
        .filter(|seconds| (0.1..=3600.0).contains(seconds));
    let seconds = seconds.map(Duration::from_secs_f64);
    seconds.ok_or_else(|| "a number from 0.1 to 3600".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_command_line_is_understood_or_refused() {
        // There are paths of sockets on Unix alone.
        let parse = |line: &str| match cfg!(unix) {
            true => parse(line),
            false => parse(&line.replace("/run/a", "localhost:1")),
        };
        let good = [
            "foster-top --demo",
            "foster-top /run/a",
            "foster-top localhost:80 --once --interval 0.5",
            "foster-top /run/a --token-file /run/t",
        ];
        for line in good {
            assert!(parse(line).is_ok(), "{line}");
        }
        let bad = [
            "foster-top",
            "foster-top --demo /run/a",
            "foster-top /run/a --interval 0",
            "foster-top /run/a --interval NaN",
            "foster-top https://a:1",
        ];
        for line in bad {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_token_comes_from_a_file_or_the_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "secret\n").unwrap();
        let of_file = format!(
            "foster-top localhost:1 --token-file {}",
            file.path().display()
        );
        let token = |line: &str| parse(line).unwrap().token();
        assert_eq!(token(&of_file).unwrap().as_deref(), Some("secret"));
        // Where the environment has one, a file still wins.
        let both = format!("{of_file} --token x");
        assert_eq!(token(&both).unwrap().as_deref(), Some("secret"));
        assert_eq!(
            token("foster-top localhost:1 --token x")
                .unwrap()
                .as_deref(),
            Some("x")
        );
        fs::write(file.path(), "\n").unwrap();
        assert!(token(&of_file).is_err());
        assert!(token("foster-top localhost:1 --token-file /no/such/file").is_err());
    }
}
