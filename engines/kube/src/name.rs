//! Names: of the object of a lease, and of what is on it.

use std::fmt::Write;

/// What the names of objects begin with, so that the lease `billing` is not the object `billing` of somebody else.
const PREFIX: &str = "foster-";

/// The longest name that Kubernetes takes.
const LONGEST: usize = 253;

/// The annotation with the name of a lease.
pub(crate) const NAME: &str = "foster-lease/name";

/// The name of the object of a lease: two names of leases never become one.
///
/// Letters, digits, and `-` or `/` between them stay as they are, but that `/` becomes `.` and `z` becomes `zz`. Any other byte is a `z` and
/// two hexadecimal digits. So what follows a `z` says which it was.
///
/// # Errors
///
/// If the name is empty or too long.
pub(crate) fn object_name(name: &str) -> Result<String, String> {
    if name.is_empty() {
        return Err("a lease needs a name".to_owned());
    }
    let bytes = name.as_bytes();
    let is_separator = |at: Option<usize>| match at.and_then(|at| bytes.get(at)) {
        // Neither may be first, last or beside another one.
        None | Some(b'-' | b'/') => true,
        Some(_) => false,
    };
    let mut object = PREFIX.to_owned();
    for (at, byte) in bytes.iter().enumerate() {
        let stands_alone = !is_separator(at.checked_sub(1)) && !is_separator(Some(at + 1));
        match byte {
            b'z' => object.push_str("zz"),
            b'a'..=b'y' | b'0'..=b'9' => object.push(char::from(*byte)),
            b'-' if stands_alone => object.push('-'),
            b'/' if stands_alone => object.push('.'),
            // A string takes all that is written.
            _ => drop(write!(object, "z{byte:02x}")),
        }
    }
    if object.len() > LONGEST {
        return Err(format!(
            "the name is too long: its object would be called `{object}`, and Kubernetes takes {LONGEST} bytes"
        ));
    }
    Ok(object)
}

/// The labels of a lease: one for each name that it is below, so that those below a name can be listed.
pub(crate) fn labels(name: &str) -> impl Iterator<Item = String> {
    name.match_indices('/').map(|(at, _)| below(&name[..at]))
}

/// The label of what is below this name.
///
/// A label is too short for a name, so it has a hash. Whoever lists looks at the names as well: two with one hash do no harm.
pub(crate) fn below(name: &str) -> String {
    // FNV-1a: all processes, of whatever version, have to agree.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("foster-lease/below-{hash:016x}")
}

/// Whether nobody uses the name again once its holder is gone: that of a process in `shards`.
pub(crate) fn is_of_a_process(name: &str) -> bool {
    name.rsplit_once('/')
        .is_some_and(|(group, _)| group.ends_with("/members"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn objects_have_names_that_can_be_read() {
        let table = [
            ("billing", "foster-billing"),
            ("queue/shards/17", "foster-queue.shards.17"),
            ("queue/members/abc", "foster-queue.members.abc"),
            ("nightly-report", "foster-nightly-report"),
            ("size", "foster-sizze"),
            ("Billing", "foster-z42illing"),
            ("a.b", "foster-az2eb"),
            ("a b", "foster-az20b"),
            ("a//b", "foster-az2fz2fb"),
            ("a-/b", "foster-az2dz2fb"),
            ("/a-", "foster-z2faz2d"),
            ("ü", "foster-zc3zbc"),
        ];
        for (name, object) in table {
            assert_eq!(object_name(name).as_deref(), Ok(object));
        }
    }

    /// All names of up to four of these: none of them becomes another one's, and Kubernetes takes each.
    #[test]
    fn no_two_names_become_one() {
        const PARTS: [&str; 11] = ["a", "z", "2", "d", "f", "Z", "-", "/", ".", "_", "ü"];
        let mut names = vec![String::new()];
        let mut all = BTreeMap::new();
        for _ in 0..4 {
            names = names
                .iter()
                .flat_map(|name| PARTS.map(|part| format!("{name}{part}")))
                .collect();
            for name in &names {
                let object = object_name(name).unwrap();
                assert!(is_valid(&object), "`{name}` becomes `{object}`");
                if let Some(other) = all.insert(object, name.clone()) {
                    panic!("`{name}` and `{other}` become one");
                }
            }
        }
    }

    /// A subdomain of RFC 1123.
    fn is_valid(object: &str) -> bool {
        object.split('.').all(|label| {
            let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            label.bytes().all(|byte| is_plain(byte) || byte == b'-')
                && label.bytes().next().is_some_and(is_plain)
                && label.bytes().last().is_some_and(is_plain)
        })
    }

    #[test]
    fn names_that_are_none_are_refused() {
        assert_eq!(object_name("").unwrap_err(), "a lease needs a name");
        assert!(object_name(&"a".repeat(LONGEST - PREFIX.len())).is_ok());
        let error = object_name(&"a".repeat(LONGEST)).unwrap_err();
        assert!(error.starts_with("the name is too long"), "{error}");
    }

    #[test]
    fn a_lease_is_below_all_that_its_name_begins_with() {
        assert_eq!(labels("queue").count(), 0);
        let labels: Vec<_> = labels("queue/members/abc").collect();
        assert_eq!(labels, [below("queue"), below("queue/members")]);
        // What other versions of this crate have to find.
        assert_eq!(below("queue"), "foster-lease/below-b11e8b146c5a21d8");
    }

    #[test]
    fn members_are_of_processes() {
        let table = [
            ("queue/members/abc", true),
            ("queue/members", false),
            ("members/abc", false),
            ("queue/shards/1", false),
            ("queue/members/abc/1", false),
        ];
        for (name, is) in table {
            assert_eq!(is_of_a_process(name), is, "{name}");
        }
    }
}
