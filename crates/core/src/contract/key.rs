//! Keys: small values that choose a flavour, and know how to start it.

use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::base::identifier::Identifier;
use crate::contract::backend::{Backend, Typed};
use crate::contract::flavour::Flavour;
use crate::contract::probe::Probe;
use crate::contract::reporter::Reporter;
use crate::errors::refusal::BoxError;

/// Chooses the flavour of a payload: its identifier, the kind of its payloads, its settings, and the
/// way to start it.
///
/// The key's *type* decides which payloads fit, so the compiler checks them. A key needs no
/// registration: the first payload handed in with it brings the flavour into the runtime.
///
/// Within one runtime an identifier stands for one kind and one setting. A second key with the same
/// identifier must be equal to the first, else it is refused.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which flavour to use",
    label = "not a flavour's key",
    note = "keys are values such as `Smol`, `Tokio` and `Thread`",
    note = "to choose a flavour by its name at run time, register its key on the builder and look it up with `runtime.flavour(name)`"
)]
pub trait Key: Clone + PartialEq + fmt::Debug + Send + Sync + 'static {
    /// The type of the flavour's payloads.
    type Payload: Send + 'static;

    /// The flavour's name: the path of the module behind it.
    fn identifier(&self) -> Identifier;

    /// Starts the flavour. The runtime calls it once, when the first payload comes, on the thread
    /// that hands that payload in.
    ///
    /// # Errors
    ///
    /// Whatever kept the flavour from starting. The payload is refused, and a later payload tries
    /// again.
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
    /// For text from outside use [`Instance::named`] with [`Identifier::parse`].
    ///
    /// # Panics
    ///
    /// If `identifier` is not a module path. In a `const` this is a compile error.
    #[track_caller]
    pub const fn new(key: K, identifier: &'static str) -> Self {
        Self {
            key,
            identifier: Identifier::new(identifier),
        }
    }

    /// A flavour like that of `key`, under an identifier that exists already.
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
    /// The identifier of the key's flavour.
    pub fn identifier(&self) -> &Identifier {
        self.0.identifier()
    }

    pub(crate) fn backend(&self) -> Box<dyn Backend> {
        self.0.backend()
    }

    /// Whether the two keys agree on everything that an identifier stands for.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        self.0.equals(other.0.as_any())
    }

    pub(crate) fn payload_name(&self) -> &'static str {
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
        Box::new(Keyed::new(self.key.clone()))
    }
}

/// A flavour of one runtime, and its key.
pub(crate) struct Keyed<K: Key> {
    pub(crate) key: K,
    pub(crate) typed: Typed<K::Payload>,
}

impl<K: Key> Keyed<K> {
    pub(crate) fn new(key: K) -> Self {
        let starter = key.clone();
        let typed = Typed::new(Box::new(move |reporter| starter.start(reporter)));
        Self { key, typed }
    }
}

impl<K: Key> Backend for Keyed<K> {
    fn cancel(&self) {
        if let Some(flavour) = self.typed.flavour() {
            flavour.cancel();
        }
    }

    fn join(&self, by: Instant) -> bool {
        self.typed.flavour().is_none_or(|flavour| flavour.join(by))
    }

    fn probe(&self, probe: Probe) {
        if let Some(flavour) = self.typed.flavour() {
            flavour.probe(probe);
        }
    }

    fn is_up(&self) -> bool {
        self.typed.flavour().is_some()
    }

    fn typed(&self) -> &dyn Any {
        &self.typed
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The last segment of a type's path.
pub(crate) fn short_name(name: &'static str) -> &'static str {
    name.rsplit("::").next().unwrap_or(name)
}
