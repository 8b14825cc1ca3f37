//! A value for each process that shares a static: a forked child has a copy of its parent's.

use std::process;

use crate::base::sync::OnceBox;

/// A value for each process. A fork copies all existing values, in whatever state. So a child does
/// not touch them: it makes one of its own, without a lock that a thread of its parent may have
/// held.
pub(crate) struct PerProcess<T> {
    first: OnceBox<OfProcess<T>>,
}

struct OfProcess<T> {
    process: u32,
    value: T,
    /// The value of a child.
    next: OnceBox<OfProcess<T>>,
}

impl<T: 'static> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        Self {
            first: OnceBox::new(),
        }
    }

    /// The value of this process, if it has one. Takes no lock and does not allocate, as handlers call it.
    #[cfg(unix)]
    pub(crate) fn get(&'static self) -> Option<&'static T> {
        let id = process::id();
        std::iter::successors(self.first.get(), |entry| entry.next.get())
            .find(|entry| entry.process == id)
            .map(|entry| &entry.value)
    }

    /// The value of this process, made by `make` if it has none.
    pub(crate) fn get_or_make(&'static self, make: impl Fn() -> T) -> &'static T {
        let process = process::id();
        let mut link = &self.first;
        loop {
            let entry = link.get_or_init(|| {
                Box::new(OfProcess {
                    process,
                    value: make(),
                    next: OnceBox::new(),
                })
            });
            if entry.process == process {
                return &entry.value;
            }
            link = &entry.next;
        }
    }
}
