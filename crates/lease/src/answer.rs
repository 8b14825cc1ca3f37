//! How an engine answers.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

type BoxError = Box<dyn Error + Send + Sync>;

/// Where the answer to one call of a [`Lease`](crate::Lease) goes.
///
/// If it is dropped, the caller is told that there is no answer.
#[must_use = "without an answer the caller is told that there is none"]
pub struct Answer<T> {
    to: Option<Take<T>>,
}

type Take<T> = Box<dyn FnOnce(Result<T, LeaseError>) + Send>;

impl<T> Answer<T> {
    /// An answer that `take` takes: on the thread that sends or drops it.
    pub fn new(take: impl FnOnce(Result<T, LeaseError>) + Send + 'static) -> Self {
        let to: Take<T> = Box::new(take);
        Self { to: Some(to) }
    }

    /// Answers. Never blocks.
    pub fn send(mut self, answer: Result<T, LeaseError>) {
        if let Some(take) = self.to.take() {
            take(answer);
        }
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        if let Some(take) = self.to.take() {
            take(Err(LeaseError::new("the engine gave no answer")));
        }
    }
}

impl<T> fmt::Debug for Answer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").finish_non_exhaustive()
    }
}

/// Why an engine could not do what was asked: it may be lost, or refuse. Nothing is known of the lease then.
#[derive(Clone)]
pub struct LeaseError(Arc<BoxError>);

impl LeaseError {
    /// An error of an engine's client, or a text.
    pub fn new(error: impl Into<BoxError>) -> Self {
        Self(Arc::new(error.into()))
    }
}

impl fmt::Debug for LeaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for LeaseError {
    /// The whole chain.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl Error for LeaseError {}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn one_that_is_dropped_is_an_error() {
        let (told, is_told) = channel();
        drop(Answer::<u8>::new(move |answer| told.send(answer).unwrap()));
        let error = is_told.try_recv().unwrap().unwrap_err();
        assert_eq!(error.to_string(), "the engine gave no answer");
    }

    #[test]
    fn one_is_told_once() {
        let (told, is_told) = channel();
        Answer::new(move |answer| told.send(answer).unwrap()).send(Ok(1));
        assert_eq!(is_told.try_recv().unwrap().unwrap(), 1);
        assert!(is_told.try_recv().is_err());
    }
}
