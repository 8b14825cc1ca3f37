//! How long objects have not changed, by the clock of this process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

/// What this process has seen of objects that others hold.
///
/// The clocks of machines are never compared: a holder is gone once its object has not changed for as long as it says that it holds it,
/// since this process saw it first. It was written before it was seen, so it is held no longer than that.
///
/// All leases of a client share it, as one may be asked for what another one has seen.
#[derive(Default)]
pub(crate) struct Observed(Mutex<HashMap<Key, Seen>>);

/// The namespace and the name of an object.
type Key = (String, String);

struct Seen {
    version: Version,
    since: Instant,
}

/// What is another one after each write. The version alone would be, but for clusters that were set back to a backup.
#[derive(PartialEq)]
struct Version {
    number: Option<String>,
    renewed: Option<MicroTime>,
}

impl Observed {
    /// For how long this is what the object is. `now` is a moment after it came from the server.
    pub(crate) fn unchanged(&self, namespace: &str, object: &Lease, now: Instant) -> Duration {
        let name = object.metadata.name.clone().unwrap_or_default();
        let version = Version {
            number: object.metadata.resource_version.clone(),
            renewed: object
                .spec
                .as_ref()
                .and_then(|spec| spec.renew_time.clone()),
        };
        let mut all = self.all();
        let key = (namespace.to_owned(), name);
        match all.get(&key).filter(|seen| seen.version == version) {
            Some(seen) => now.saturating_duration_since(seen.since),
            None => {
                all.insert(
                    key,
                    Seen {
                        version,
                        since: now,
                    },
                );
                Duration::ZERO
            }
        }
    }

    /// The object is gone.
    pub(crate) fn forget(&self, namespace: &str, name: &str) {
        self.all().remove(&(namespace.to_owned(), name.to_owned()));
    }

    /// Of those whose names begin with `prefix` there are these alone.
    pub(crate) fn keep(&self, namespace: &str, prefix: &str, is_there: impl Fn(&str) -> bool) {
        self.all().retain(|(place, name), _| {
            place != namespace || !name.starts_with(prefix) || is_there(name)
        });
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Key, Seen>> {
        // Nothing of the user's runs under it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str, version: &str) -> Lease {
        let mut object = Lease::default();
        object.metadata.name = Some(name.to_owned());
        object.metadata.resource_version = Some(version.to_owned());
        object
    }

    #[test]
    fn time_counts_from_the_first_look_at_a_version() {
        let observed = Observed::default();
        let begin = Instant::now();
        let look = |version, seconds| {
            let now = begin + Duration::from_secs(seconds);
            let unchanged = observed.unchanged("here", &object("x", version), now);
            unchanged.as_secs()
        };
        assert_eq!(look("1", 0), 0);
        assert_eq!(look("1", 5), 5);
        assert_eq!(look("2", 6), 0);
        assert_eq!(look("2", 8), 2);
        // An answer that was overtaken costs time, and gives none.
        assert_eq!(look("1", 9), 0);
        assert_eq!(look("2", 10), 0);
        // A moment before the first one.
        assert_eq!(look("2", 3), 0);
        observed.forget("here", "x");
        assert_eq!(look("2", 20), 0);
    }

    #[test]
    fn a_number_that_comes_again_is_another_version() {
        let observed = Observed::default();
        let now = Instant::now();
        let later = now + Duration::from_secs(9);
        let mut renewed = object("x", "1");
        assert!(observed.unchanged("here", &renewed, now).is_zero());
        let moment = k8s_openapi::jiff::Timestamp::UNIX_EPOCH;
        renewed.spec.get_or_insert_default().renew_time = Some(MicroTime(moment));
        assert!(observed.unchanged("here", &renewed, later).is_zero());
    }

    #[test]
    fn objects_that_are_gone_take_no_room() {
        let observed = Observed::default();
        let now = Instant::now();
        for (namespace, name) in [
            ("here", "q.1"),
            ("here", "q.2"),
            ("here", "r"),
            ("there", "q.2"),
        ] {
            observed.unchanged(namespace, &object(name, "1"), now);
        }
        observed.keep("here", "q.", |name| name == "q.1");
        let mut left: Vec<_> = observed.all().keys().cloned().collect();
        left.sort();
        let left: Vec<_> = left
            .iter()
            .map(|(place, name)| (&**place, &**name))
            .collect();
        assert_eq!(left, [("here", "q.1"), ("here", "r"), ("there", "q.2")]);
    }
}
