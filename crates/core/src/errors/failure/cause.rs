//! The cause of a failure: its texts, and the error in the form in which it was returned.

use std::any::Any;
use std::backtrace::BacktraceStatus;
use std::error::Error;

use super::FailureKind;
use crate::base::panics::{attempt, contain, panic_message};
use crate::base::text;

/// The reason why a payload failed.
pub(crate) struct Cause {
    pub(super) kind: FailureKind,
    pub(super) message: String,
    pub(super) chain: Vec<String>,
    pub(super) chain_cut: bool,
    pub(super) error: Option<Contained>,
    /// No other run is to follow.
    is_permanent: bool,
    /// It only says that a group ends.
    is_of_group: bool,
}

impl Cause {
    pub(crate) fn permanent(mut self, is_permanent: bool) -> Self {
        self.is_permanent = is_permanent;
        self
    }

    pub(crate) fn of_group(mut self, is_of_group: bool) -> Self {
        self.is_of_group = is_of_group;
        self
    }

    /// Whether it only says that a group ends, which is no failure of what ends as well.
    pub(crate) fn is_of_group(&self) -> bool {
        self.is_of_group
    }

    pub(crate) fn is_permanent(&self) -> bool {
        self.is_permanent
    }

    pub(crate) fn text(kind: FailureKind, message: String) -> Self {
        Self {
            kind,
            message,
            chain: Vec::new(),
            chain_cut: false,
            error: None,
            is_permanent: false,
            is_of_group: false,
        }
    }

    /// A returned error. Its texts are taken here, on the payload's thread: a report must not run
    /// user code.
    pub(crate) fn error(error: ErrorValue) -> Self {
        Self::with_error(FailureKind::Error, None, error)
    }

    pub(crate) fn orphaned(value: String) -> Self {
        Self::text(FailureKind::OrphanedReturn, value)
    }

    pub(crate) fn lost(message: impl Into<String>) -> Self {
        Self::text(FailureKind::Lost, message.into())
    }

    /// A flavour could not take the payload, for a reason of the flavour's.
    pub(crate) fn lost_by(message: &str, error: Box<dyn Error + Send + Sync>) -> Self {
        Self::with_error(FailureKind::Lost, Some(message), ErrorValue::Boxed(error))
    }

    /// What a service answers to a reload.
    pub(crate) fn not_reloaded(error: Box<dyn Error + Send + Sync>) -> Self {
        Self::with_error(FailureKind::NotReloaded, None, ErrorValue::Boxed(error))
    }

    pub(crate) fn panic(payload: Box<dyn Any + Send>) -> Self {
        Self::text(FailureKind::Panic, panic_message(payload))
    }

    fn with_error(kind: FailureKind, message: Option<&str>, error: ErrorValue) -> Self {
        let mut chain = Vec::new();
        let mut link: Option<&(dyn Error + 'static)> = Some(error.as_dyn());
        while let Some(error) = link.filter(|_| chain.len() <= text::CHAIN_LIMIT) {
            chain.push(text_of(error));
            link = source_of(error);
        }
        let chain_cut = link.is_some();
        let message = match message {
            Some(message) => message.to_owned(),
            None => chain.remove(0),
        };
        Self {
            kind,
            message,
            chain,
            chain_cut,
            error: Some(Contained(Some(error))),
            is_permanent: false,
            is_of_group: false,
        }
    }
}

/// An error whose destructor may panic; the panic ends here, as it is no business of whoever drops
/// a report.
pub(super) struct Contained(Option<ErrorValue>);

impl Contained {
    pub(super) fn as_dyn(&self) -> &(dyn Error + Send + Sync + 'static) {
        let error = self.0.as_ref();
        error.expect("it is there until it is dropped").as_dyn()
    }

    pub(super) fn backtrace(&self) -> Option<String> {
        self.0.as_ref()?.backtrace()
    }
}

impl Drop for Contained {
    fn drop(&mut self) {
        let error = self.0.take();
        contain(|| drop(error));
    }
}

fn text_of(error: &(dyn Error + 'static)) -> String {
    attempt(|| error.to_string())
        .unwrap_or_else(|| "an error that cannot be shown: its `Display` panicked".to_owned())
}

/// An error's source, or `None` if `source()` panics.
pub(crate) fn source_of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    attempt(|| error.source()).flatten()
}

/// An error in the form in which the payload returned it.
pub(crate) enum ErrorValue {
    Boxed(Box<dyn Error + Send + Sync>),
    Anyhow(anyhow::Error),
}

impl ErrorValue {
    pub(crate) fn as_dyn(&self) -> &(dyn Error + Send + Sync + 'static) {
        match self {
            Self::Boxed(error) => error.as_ref(),
            Self::Anyhow(error) => error.as_ref(),
        }
    }

    /// The error's backtrace, if one was captured.
    pub(crate) fn backtrace(&self) -> Option<String> {
        let Self::Anyhow(error) = self else {
            return None;
        };
        // An error may provide its own backtrace, so `backtrace()` is user code.
        let text = || {
            let backtrace = error.backtrace();
            let is_there = backtrace.status() == BacktraceStatus::Captured;
            is_there.then(|| backtrace.to_string())
        };
        attempt(text).flatten()
    }
}
