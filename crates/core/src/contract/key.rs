//! Keys: small values that say which flavour, and how to start it.

use std::any::{Any, TypeId, type_name};
use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::base::identifier::Identifier;
use crate::contract::flavour::{Flavour, Reporter};
use crate::errors::refusal::{BoxError, Reason};
use crate::lifetime::Lifetime;
use crate::scheduler::{Backend, Slot, Slots, Typed};

/// Says which flavour a payload is for: its identifier, the kind of its payloads, its settings,
/// and how to start it.
///
/// The key's *type* decides which payloads fit, so the compiler checks them. A key needs no
/// registration: the first payload handed in with it brings the flavour into the runtime. Within
/// one runtime an identifier stands for one kind and one setting; a second key with the same
/// identifier must be equal to the first, else it is refused.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which flavour to use",
    label = "not a flavour's key",
    note = "keys are values such as `Smol`, `Tokio` and `Thread`",
    note = "to choose a flavour by its name at run time, register its key on the builder and look it up with `runtime.flavour(name)`"
)]
pub trait Key: Clone + PartialEq + fmt::Debug + Send + Sync + 'static {
    /// What the flavour runs.
    type Payload: Send + 'static;

    /// The flavour's name: the path of the module behind it.
    fn identifier(&self) -> Identifier;

    /// Starts the flavour. Called once for each runtime, when its first payload is there, on the
    /// thread that hands it in.
    ///
    /// # Errors
    ///
    /// Whatever kept the flavour from starting. The payload is refused; a later one tries again.
    fn start(
        &self,
        reporter: Reporter,
    ) -> Result<Arc<dyn Flavour<Payload = Self::Payload>>, BoxError>;
}

/// A further instance of a flavour, under an identifier of its own.
///
/// ```
/// # use foster_core::Instance;
/// # #[derive(Clone, Debug, PartialEq)] struct Smol;
/// const IO: Instance<Smol> = Instance::new(Smol, "smol::io");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Instance<K> {
    key: K,
    identifier: Identifier,
}

impl<K> Instance<K> {
    /// A flavour like that of `key`, named `identifier`.
    ///
    /// # Panics
    ///
    /// If `identifier` is no module path; in a `const` that is a compile error. For text that comes
    /// from outside use [`Instance::named`] with [`Identifier::parse`].
    #[track_caller]
    pub const fn new(key: K, identifier: &'static str) -> Self {
        Self {
            key,
            identifier: Identifier::new(identifier),
        }
    }

    /// A flavour like that of `key`, under an identifier that was made before.
    pub const fn named(key: K, identifier: Identifier) -> Self {
        Self { key, identifier }
    }
}

impl<K: Key> Key for Instance<K> {
    type Payload = K::Payload;

    fn identifier(&self) -> Identifier {
        self.identifier.clone()
    }

    fn start(
        &self,
        reporter: Reporter,
    ) -> Result<Arc<dyn Flavour<Payload = Self::Payload>>, BoxError> {
        self.key.start(reporter)
    }
}

/// A key of any type, for lists of keys such as those to register.
#[derive(Clone)]
pub struct AnyKey(Arc<dyn ErasedKey>);

struct Erased<K> {
    key: K,
    identifier: Identifier,
}

trait ErasedKey: fmt::Debug + Send + Sync {
    fn identifier(&self) -> &Identifier;
    fn as_any(&self) -> &dyn Any;
    fn equals(&self, other: &dyn Any) -> bool;
    fn payload(&self) -> (TypeId, &'static str);
    fn backend(&self) -> Box<dyn Backend>;
}

impl<K: Key> From<K> for AnyKey {
    fn from(key: K) -> Self {
        let identifier = key.identifier();
        Self(Arc::new(Erased { key, identifier }))
    }
}

impl AnyKey {
    /// The identifier of the flavour that the key stands for.
    pub fn identifier(&self) -> &Identifier {
        self.0.identifier()
    }

    pub(crate) fn backend(&self) -> Box<dyn Backend> {
        self.0.backend()
    }

    /// Whether the two agree on all that an identifier stands for.
    fn agrees_with(&self, other: &Self) -> bool {
        self.0.equals(other.0.as_any())
    }

    fn agrees_with_key<K: Key>(&self, key: &K) -> bool {
        let same = self.0.as_any().downcast_ref::<K>();
        same.is_some_and(|known| known == key)
    }

    fn payload_name(&self) -> &'static str {
        short_name(self.0.payload().1)
    }
}

impl fmt::Debug for AnyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<K: fmt::Debug> fmt::Debug for Erased<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.key, f)
    }
}

impl<K: Key> ErasedKey for Erased<K> {
    fn identifier(&self) -> &Identifier {
        &self.identifier
    }

    fn as_any(&self) -> &dyn Any {
        &self.key
    }

    fn equals(&self, other: &dyn Any) -> bool {
        other.downcast_ref::<K>() == Some(&self.key)
    }

    fn payload(&self) -> (TypeId, &'static str) {
        (TypeId::of::<K::Payload>(), type_name::<K::Payload>())
    }

    fn backend(&self) -> Box<dyn Backend> {
        let key = self.key.clone();
        Box::new(Typed::<K::Payload>::new(Box::new(move |reporter| {
            key.start(reporter)
        })))
    }
}

/// The last segment of a type's path.
fn short_name(name: &'static str) -> &'static str {
    name.rsplit("::").next().unwrap_or(name)
}

/// A flavour that was looked up by its identifier: a key for payloads of type `P`.
///
/// Made by [`Runtime::flavour`](crate::Runtime::flavour).
pub struct Registered<P> {
    identifier: Identifier,
    payload: PhantomData<fn(P)>,
}

impl<P> Registered<P> {
    /// The identifier that was looked up.
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

/// What adopt, execute and call take as their first argument: a [`Key`], or a flavour that was
/// [looked up by name](crate::Runtime::flavour).
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
        /// What the chosen flavour runs.
        type Payload: Send + 'static;

        #[doc(hidden)]
        fn chosen(&self) -> Identifier;

        #[doc(hidden)]
        fn select<'a>(
            &self,
            slots: &'a Slots,
            lifetime: &Arc<Lifetime>,
        ) -> Result<Chosen<'a, Self::Payload>, Reason>;
    }

    /// The slot of a chosen flavour.
    #[allow(missing_debug_implementations, reason = "never leaves the crate")]
    pub struct Chosen<'a, P> {
        pub(crate) slot: &'a Arc<Slot>,
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

    fn select<'a>(
        &self,
        slots: &'a Slots,
        lifetime: &Arc<Lifetime>,
    ) -> Result<Chosen<'a, K::Payload>, Reason> {
        let identifier = self.identifier();
        let slot = slots.find_or_add(&identifier, || {
            Slot::new(self.clone().into(), Arc::clone(lifetime))
        });
        match slot.typed() {
            Some(typed) if slot.key().agrees_with_key(self) => Ok(Chosen { slot, typed }),
            _ => Err(Reason::Conflict(disagreement(slot.key(), self))),
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

    fn select<'a>(&self, slots: &'a Slots, _: &Arc<Lifetime>) -> Result<Chosen<'a, P>, Reason> {
        let slot = slots.find(&self.identifier);
        match slot.and_then(|slot| Some((slot, slot.typed()?))) {
            Some((slot, typed)) => Ok(Chosen { slot, typed }),
            // Looked up in one runtime, used in another.
            None => Err(Reason::Conflict(
                LookupError::new::<P>(self.identifier.as_str(), slots).to_string(),
            )),
        }
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
            return Err(RegisterError {
                text: disagreement(known, &key),
                identifier: key.identifier().clone(),
            });
        }
        None => keys.push(key),
    }
    Ok(())
}

/// Looks a flavour up by name.
pub(crate) fn look_up<P: 'static>(
    slots: &Slots,
    identifier: &str,
) -> Result<Registered<P>, LookupError> {
    // What is no identifier at all is just not here.
    let identifier = Identifier::parse(identifier.to_owned())
        .map_err(|error| LookupError::new::<P>(error.given(), slots))?;
    match slots.find(&identifier).and_then(|slot| slot.typed::<P>()) {
        Some(_) => Ok(Registered {
            identifier,
            payload: PhantomData,
        }),
        None => Err(LookupError::new::<P>(identifier.as_str(), slots)),
    }
}

/// Two keys with one identifier disagree.
#[derive(Debug, Clone)]
pub struct RegisterError {
    identifier: Identifier,
    text: String,
}

impl RegisterError {
    /// The identifier that both keys have.
    pub fn identifier(&self) -> &Identifier {
        &self.identifier
    }
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for RegisterError {}

/// No flavour of that name and kind is registered; the text lists what is.
#[derive(Debug, Clone)]
pub struct LookupError {
    given: String,
    wanted: &'static str,
    /// What the flavour of that name runs, if there is one.
    found: Option<&'static str>,
    registered: Vec<(Identifier, &'static str)>,
}

impl LookupError {
    fn new<P: 'static>(given: &str, slots: &Slots) -> Self {
        Self {
            given: given.to_owned(),
            wanted: short_name(type_name::<P>()),
            found: slots
                .iter()
                .find(|slot| *slot.identifier() == *given)
                .map(|slot| slot.key().payload_name()),
            registered: slots
                .iter()
                .map(|slot| (slot.identifier().clone(), slot.key().payload_name()))
                .collect(),
        }
    }

    /// What was looked up.
    pub fn given(&self) -> &str {
        &self.given
    }

    /// The identifiers that a look-up can find.
    pub fn registered(&self) -> impl Iterator<Item = &Identifier> {
        self.registered.iter().map(|(identifier, _)| identifier)
    }
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = crate::base::text::line(&self.given, crate::base::text::NAME_LIMIT);
        match self.found {
            Some(found) => write!(f, "flavour `{given}` runs {found}s, not {}s", self.wanted)?,
            None => write!(f, "no flavour `{given}` here")?,
        }
        f.write_str(" (registered: ")?;
        if self.registered.is_empty() {
            f.write_str("none")?;
        }
        for (index, (identifier, payload)) in self.registered.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{identifier} for {payload}s")?;
        }
        f.write_str(")")
    }
}

impl Error for LookupError {}
