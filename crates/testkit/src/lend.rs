//! Keys that lend a case the things that core alone holds: a started flavour, and a payload.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use foster_core::{BoxError, Flavour, Identifier, Key, Probe, Rejected, Reporter};

use crate::tools::Gate;

/// A flavour as a trait object.
pub(crate) type AnyFlavour<P> = Arc<dyn Flavour<Payload = P>>;

/// A key like the one inside, which also lends the flavour it started.
pub(crate) struct Lending<K: Key> {
    key: K,
    /// Opens when a caller is about to block in the flavour.
    pub(crate) blocks: Gate,
    flavour: Arc<OnceLock<AnyFlavour<K::Payload>>>,
}

impl<K: Key> Lending<K> {
    pub(crate) fn new(key: K) -> Self {
        Self {
            key,
            blocks: Gate::default(),
            flavour: Arc::default(),
        }
    }

    /// Returns the flavour, once a payload was handed in.
    pub(crate) fn flavour(&self) -> Option<&AnyFlavour<K::Payload>> {
        self.flavour.get()
    }
}

impl<K: Key> Clone for Lending<K> {
    fn clone(&self) -> Self {
        Self {
            key: self.key.clone(),
            blocks: self.blocks.clone(),
            flavour: Arc::clone(&self.flavour),
        }
    }
}

impl<K: Key> PartialEq for Lending<K> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<K: Key> fmt::Debug for Lending<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.fmt(f)
    }
}

impl<K: Key> Key for Lending<K> {
    type Payload = K::Payload;

    fn identifier(&self) -> Identifier {
        self.key.identifier()
    }

    fn start(&self, reporter: Reporter) -> Result<AnyFlavour<K::Payload>, BoxError> {
        let flavour = self.key.start(reporter)?;
        Ok(Arc::new(Lent {
            inner: Arc::clone(self.flavour.get_or_init(|| flavour)),
            blocks: self.blocks.clone(),
        }))
    }
}

/// The started flavour, as its runtime sees it.
struct Lent<P> {
    inner: AnyFlavour<P>,
    blocks: Gate,
}

#[deny(clippy::missing_trait_methods)]
impl<P: 'static> Flavour for Lent<P> {
    type Payload = P;

    fn spawn(&self, payload: P) -> Result<(), Rejected<P>> {
        self.inner.spawn(payload)
    }

    fn block_on(&self, payload: P) -> Result<(), Rejected<P>> {
        self.blocks.open();
        self.inner.block_on(payload)
    }

    fn cancel(&self) {
        self.inner.cancel();
    }

    fn join(&self, by: Instant) -> bool {
        self.inner.join(by)
    }

    fn probe(&self, probe: Probe) {
        self.inner.probe(probe);
    }
}

impl<P> fmt::Debug for Lent<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// A flavour that keeps its payloads until the case takes them.
pub(crate) struct Vault<P>(Arc<Mutex<Vec<P>>>);

impl<P> Vault<P> {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    pub(crate) fn take_all(&self) -> Vec<P> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<P> Clone for Vault<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P> PartialEq for Vault<P> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<P> fmt::Debug for Vault<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

impl<P: Send + 'static> Key for Vault<P> {
    type Payload = P;

    fn identifier(&self) -> Identifier {
        const { Identifier::new("foster::testkit::vault") }
    }

    fn start(&self, _: Reporter) -> Result<AnyFlavour<P>, BoxError> {
        Ok(Arc::new(self.clone()))
    }
}

impl<P: Send + 'static> Flavour for Vault<P> {
    type Payload = P;

    fn spawn(&self, payload: P) -> Result<(), Rejected<P>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(payload);
        Ok(())
    }

    fn block_on(&self, payload: P) -> Result<(), Rejected<P>> {
        Err(Rejected::because(
            payload,
            "payloads are taken out of a vault",
        ))
    }

    fn cancel(&self) {}

    fn join(&self, _: Instant) -> bool {
        true
    }
}
