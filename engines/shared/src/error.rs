//! Errors that say what was being done.

use std::error::Error;
use std::fmt;

use foster_lease::LeaseError;

/// An error with what was being done when it came.
pub fn failed(
    doing: impl Into<String>,
    cause: impl Into<Box<dyn Error + Send + Sync>>,
) -> LeaseError {
    LeaseError::new(Failed {
        doing: doing.into(),
        cause: cause.into(),
    })
}

#[derive(Debug)]
struct Failed {
    doing: String,
    cause: Box<dyn Error + Send + Sync>,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.doing)
    }
}

impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_told_as_well() {
        let error = failed("etcd at `here`", failed("it connects", "refused"));
        assert_eq!(error.to_string(), "etcd at `here`: it connects: refused");
    }
}
