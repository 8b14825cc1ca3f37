//! The table, and the statements about it.

/// What is said to the server: one statement for each call, so that a pooler may give each to another connection.
#[derive(Debug)]
pub(crate) struct Table {
    /// As it was given.
    pub(crate) name: String,
    pub(crate) create: String,
    pub(crate) acquire: String,
    pub(crate) renew: String,
    pub(crate) release: String,
    pub(crate) look: String,
    pub(crate) members: String,
}

impl Table {
    /// A table by its name, before which the name of its schema may stand, and a dot.
    pub(crate) fn new(name: &str) -> Self {
        let table = quoted(name);
        Self {
            name: name.to_owned(),
            // By bytes, so that names below another one lie together in the index.
            create: format!(
                r#"CREATE TABLE IF NOT EXISTS {table} (
                    name text COLLATE "C" PRIMARY KEY,
                    holder text NOT NULL,
                    fence bigint NOT NULL,
                    until timestamptz NOT NULL
                )"#
            ),
            // Of two at once the second one waits for the first, and then sees what that has written. The last line is who
            // holds it, as far as is seen from here.
            acquire: format!(
                "WITH won AS (
                    INSERT INTO {table} AS held (name, holder, fence, until)
                    VALUES ($1, $2, 1, clock_timestamp() + make_interval(secs => $3))
                    ON CONFLICT (name) DO UPDATE
                    SET holder = excluded.holder, fence = held.fence + 1,
                        until = clock_timestamp() + make_interval(secs => $3)
                    WHERE held.until <= clock_timestamp()
                    RETURNING fence
                )
                SELECT fence, NULL::text FROM won
                UNION ALL
                SELECT NULL::bigint, holder FROM {table}
                WHERE name = $1 AND until > clock_timestamp() AND NOT EXISTS (SELECT FROM won)"
            ),
            renew: format!(
                "UPDATE {table} SET until = clock_timestamp() + make_interval(secs => $3)
                WHERE name = $1 AND fence = $2 AND until > clock_timestamp()
                RETURNING fence"
            ),
            // The row stays, for its fence. Not the time of now, which a clock that is set back would make the future.
            release: format!(
                "UPDATE {table} SET until = '-infinity' WHERE name = $1 AND fence = $2 RETURNING fence"
            ),
            look: format!(
                "SELECT extract(epoch FROM until - clock_timestamp())::float8 FROM {table}
                WHERE name = $1 AND until > clock_timestamp()"
            ),
            members: format!(
                r#"SELECT name FROM {table}
                WHERE name COLLATE "C" > $1 AND name COLLATE "C" < $2 AND until > clock_timestamp()"#
            ),
        }
    }
}

/// Each part in quotes, so that any name is a name.
fn quoted(name: &str) -> String {
    let parts: Vec<_> = name
        .split('.')
        .map(|part| format!("\"{}\"", part.replace('"', "\"\"")))
        .collect();
    parts.join(".")
}

/// Between which texts those lie, by bytes, that begin with this name and a `/`.
pub(crate) fn below(name: &str) -> (String, String) {
    // The byte after `/`.
    (format!("{name}/"), format!("{name}0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tables_are_quoted() {
        assert_eq!(quoted("foster_leases"), r#""foster_leases""#);
        assert_eq!(quoted("Ops.leases"), r#""Ops"."leases""#);
        assert_eq!(quoted(r#"x" --"#), r#""x"" --""#);
    }

    #[test]
    fn below_is_what_begins_with_the_name_and_a_slash() {
        let (from, to) = below("a");
        for inside in ["a/0", "a//", "a/ü", "a/~"] {
            assert!(*inside > *from && *inside < *to, "{inside}");
        }
        for outside in ["a", "a/", "a0", "a.", "b", "a0/x", "ab/x"] {
            assert!(*outside <= *from || *outside >= *to, "{outside}");
        }
    }
}
