//! A limit that is reached, and what was handed in there.

use std::fmt;

use crate::base::sync::Arc;
use crate::base::text;
use crate::errors::held::Held;

/// The limit of this group is reached.
#[derive(Debug)]
pub(crate) struct Full {
    path: Arc<str>,
    limit: usize,
    /// What was handed in.
    handed: Option<Held>,
}

impl Full {
    pub(crate) fn new(path: &Arc<str>, limit: usize) -> Box<Self> {
        let path = Arc::clone(path);
        Box::new(Self {
            path,
            limit,
            handed: None,
        })
    }

    /// Keeps what was handed in.
    pub(crate) fn keep<T: Send + 'static>(&mut self, handed: T) {
        self.handed = Some(Held::new(Box::new(handed)));
    }

    /// What was handed in, if it is there and a `T`.
    pub(crate) fn take<T: 'static>(&mut self) -> Option<T> {
        let handed = self.handed.take()?.downcast();
        handed.map_err(|other| self.handed = Some(*other)).ok()
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = text::line(&self.path, text::NAME_LIMIT);
        write!(
            f,
            "the limit of {} of the group `{path}` is reached",
            self.limit
        )
    }
}
