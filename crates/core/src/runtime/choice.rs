//! The choice of a flavour: by its key, or by its name.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::base::identifier::Identifier;
use crate::contract::backend::Typed;
use crate::contract::key::{AnyKey, Key, short_name};
use crate::errors::lookup::{LookupError, RegisterError};
use crate::errors::refusal::Reason;
use crate::runtime::site::Site;
use crate::scheduler::{Listed, Scheduler, Schedulers};

/// A flavour that was looked up by its identifier. It serves as a key for payloads of type `P`.
///
/// [`Runtime::flavour`](crate::Runtime::flavour) returns it.
pub struct Registered<P> {
    identifier: Identifier,
    payload: PhantomData<fn(P)>,
}

impl<P> Registered<P> {
    /// The identifier of the flavour.
    pub fn identifier(&self) -> &Identifier {
        &self.identifier
    }
}

impl<P> Clone for Registered<P> {
    fn clone(&self) -> Self {
        Self {
            identifier: self.identifier.clone(),
            payload: PhantomData,
        }
    }
}

impl<P> fmt::Debug for Registered<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registered").field(&self.identifier).finish()
    }
}

/// The first argument of adopt, execute and call: a [`Key`], or a flavour that was [looked up by
/// name](crate::Runtime::flavour).
///
/// The trait is closed.
pub trait Choice: sealed::Select {}

impl<K: Key> Choice for K {}
impl<P: Send + 'static> Choice for Registered<P> {}

pub(crate) mod sealed {
    use super::*;

    #[allow(
        private_interfaces,
        reason = "the trait is closed, nobody else can call it"
    )]
    pub trait Select: Clone + Send + 'static {
        /// The type of the chosen flavour's payloads.
        type Payload: Send + 'static;

        #[doc(hidden)]
        fn chosen(&self) -> Identifier;

        #[doc(hidden)]
        fn select<'a>(
            &self,
            site: &'a Site,
            root: &Site,
        ) -> Result<Chosen<'a, Self::Payload>, Reason>;
    }

    /// The scheduler of a chosen flavour.
    #[allow(missing_debug_implementations, reason = "never leaves the crate")]
    pub struct Chosen<'a, P> {
        pub(crate) listed: &'a Listed,
        pub(crate) typed: &'a Typed<P>,
    }
}

use sealed::Chosen;

#[allow(
    private_interfaces,
    reason = "the trait is closed, nobody else can call it"
)]
impl<K: Key> sealed::Select for K {
    type Payload = K::Payload;

    fn chosen(&self) -> Identifier {
        self.identifier()
    }

    #[inline(always)]
    fn select<'a>(&self, site: &'a Site, root: &Site) -> Result<Chosen<'a, K::Payload>, Reason> {
        let identifier = self.identifier();
        let listed = site.scheduler(&identifier, || {
            let make = || Scheduler::new(self.clone().into(), Arc::clone(&root.part));
            root.schedulers.find_or_add(&identifier, make)
        });
        let host = &listed.scheduler.host;
        match host.typed_by(self) {
            Some(typed) => Ok(Chosen { listed, typed }),
            None => Err(Reason::Conflict(disagreement(host.key(), self))),
        }
    }
}

#[allow(
    private_interfaces,
    reason = "the trait is closed, nobody else can call it"
)]
impl<P: Send + 'static> sealed::Select for Registered<P> {
    type Payload = P;

    fn chosen(&self) -> Identifier {
        self.identifier.clone()
    }

    fn select<'a>(&self, site: &'a Site, root: &Site) -> Result<Chosen<'a, P>, Reason> {
        let here = root.schedulers.find(&self.identifier);
        let listed = here.map(|on_root| site.scheduler(&self.identifier, || on_root));
        match listed.and_then(|listed| Some((listed, listed.scheduler.typed()?))) {
            Some((listed, typed)) => Ok(Chosen { listed, typed }),
            // It was looked up in one runtime and used in another.
            None => Err(Reason::Conflict(
                not_here::<P>(self.identifier.as_str(), &root.schedulers).to_string(),
            )),
        }
    }
}

impl Site {
    /// The scheduler here for payloads on the flavour with this identifier, which has the scheduler `on_root` in the
    /// runtime's own site.
    fn scheduler<'a>(
        &self,
        identifier: &Identifier,
        on_root: impl FnOnce() -> &'a Listed,
    ) -> &Listed {
        self.schedulers.find_or_add(identifier, || {
            let on_root = &on_root().scheduler;
            match self.part.group() {
                Some(_) => Scheduler::of_part(Arc::clone(&on_root.host), Arc::clone(&self.part)),
                None => Arc::clone(on_root),
            }
        })
    }
}

fn disagreement(known: &AnyKey, given: &dyn fmt::Debug) -> String {
    format!(
        "the key {given:?} disagrees with {known:?}, which this runtime knows as `{}` \
         (one identifier, one kind, one setting)",
        known.identifier(),
    )
}

/// Adds `key` to `keys`, unless it is there.
pub(crate) fn register(keys: &mut Vec<AnyKey>, key: AnyKey) -> Result<(), RegisterError> {
    match keys
        .iter()
        .find(|known| known.identifier() == key.identifier())
    {
        Some(known) if known.agrees_with(&key) => {}
        Some(known) => {
            let text = disagreement(known, &key);
            return Err(RegisterError::new(key.identifier().clone(), text));
        }
        None => keys.push(key),
    }
    Ok(())
}

/// Looks a flavour up by name.
pub(crate) fn look_up<P: 'static>(
    schedulers: &Schedulers,
    identifier: &str,
) -> Result<Registered<P>, LookupError> {
    // A name that is no identifier is simply not registered.
    let identifier = Identifier::parse(identifier.to_owned())
        .map_err(|error| not_here::<P>(error.given(), schedulers))?;
    match schedulers
        .find(&identifier)
        .and_then(|listed| listed.scheduler.typed::<P>())
    {
        Some(_) => Ok(Registered {
            identifier,
            payload: PhantomData,
        }),
        None => Err(not_here::<P>(identifier.as_str(), schedulers)),
    }
}

fn not_here<P>(given: &str, schedulers: &Schedulers) -> LookupError {
    let known = |scheduler: &Arc<Scheduler>| {
        (
            scheduler.identifier().clone(),
            scheduler.host.key().payload_name(),
        )
    };
    LookupError::new(
        given,
        short_name(type_name::<P>()),
        schedulers.iter().map(known).collect(),
    )
}
