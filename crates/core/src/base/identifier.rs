//! Identifiers of flavours: module paths such as `smol` or `std::thread`.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

/// The name of a flavour, written as a module path: `smol`, `std::thread`, `smol::io`.
///
/// Checked when it is made: one or more segments joined by `::`, ASCII only. A segment consists of
/// letters, digits and `_`, and does not start with a digit.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identifier(Cow<'static, str>);

impl Identifier {
    /// Makes an identifier that is known at compile time.
    ///
    /// In a `const`, a path that is no identifier does not compile. For text from outside use
    /// [`Identifier::parse`].
    ///
    /// # Panics
    ///
    /// If `path` is not a module path.
    #[track_caller]
    pub const fn new(path: &'static str) -> Self {
        assert!(
            is_module_path(path.as_bytes()),
            "a flavour's identifier is a module path: segments of ASCII letters, digits and `_` joined by `::`"
        );
        Self(Cow::Borrowed(path))
    }

    /// Makes an identifier from text that is known only at run time.
    ///
    /// # Errors
    ///
    /// [`IdentifierError`] shows the text and says what is allowed.
    pub fn parse(path: impl Into<Cow<'static, str>>) -> Result<Self, IdentifierError> {
        let path = path.into();
        if is_module_path(path.as_bytes()) {
            Ok(Self(path))
        } else {
            Err(IdentifierError {
                given: path.into_owned(),
            })
        }
    }

    /// The path as text.
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const fn is_module_path(path: &[u8]) -> bool {
    let mut at = 0;
    let mut segment = 0;
    while at < path.len() {
        match path[at] {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => segment += 1,
            b'0'..=b'9' if segment > 0 => segment += 1,
            b':' if segment > 0 && at + 1 < path.len() && path[at + 1] == b':' => {
                segment = 0;
                at += 1;
            }
            _ => return false,
        }
        at += 1;
    }
    segment > 0
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl AsRef<str> for Identifier {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Identifier {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Identifier {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

/// Text that is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentifierError {
    given: String,
}

impl IdentifierError {
    /// The text that was given.
    pub fn given(&self) -> &str {
        &self.given
    }
}

impl fmt::Display for IdentifierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not a flavour's identifier: it takes a module path, such as `smol` or `std::thread`",
            crate::base::text::line(&self.given, crate::base::text::NAME_LIMIT),
        )
    }
}

impl Error for IdentifierError {}

#[cfg(all(test, not(foster_model)))]
mod tests {
    use super::*;

    #[test]
    fn module_paths_pass() {
        for path in ["a", "smol", "std::thread", "a::b::c", "_x1::Y"] {
            assert_eq!(Identifier::parse(path).expect(path), path);
        }
    }

    #[test]
    fn anything_else_is_refused_and_shown() {
        for path in [
            "", "::a", "a::", "a:b", "a:::b", "1a", "a b", "a::1", "ä", "a\n",
        ] {
            let error = Identifier::parse(path).expect_err(path);
            assert_eq!(error.given(), path);
            assert!(error.to_string().contains("module path"), "{error}");
        }
    }
}
