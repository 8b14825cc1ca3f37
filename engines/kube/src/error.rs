//! What is said of errors of Kubernetes.

use foster_engine::failed;
use foster_lease::LeaseError;
use kube::Error;
use kube::core::Status;

/// What the server said, or why it said nothing.
pub(crate) fn said(error: Error) -> LeaseError {
    match error {
        Error::Api(status) => LeaseError::new(text(&status)),
        // Their own texts have those of their causes, which would be there twice.
        Error::Service(cause) => failed("the server cannot be reached", cause),
        Error::HyperError(cause) => failed("the connection is lost", cause),
        error => LeaseError::new(error.to_string()),
    }
}

pub(crate) fn text(status: &Status) -> String {
    let Status {
        code,
        reason,
        message,
        ..
    } = status;
    let hint = match code {
        403 => {
            "; the account needs the verbs get, list, watch, create and update on leases of coordination.k8s.io there"
        }
        404 => "; does the namespace exist?",
        _ => "",
    };
    format!("the server says {code} {reason}: {message}{hint}")
}

/// Whether the server has said this.
pub(crate) fn is(error: &Error, codes: &[u16]) -> bool {
    matches!(error, Error::Api(status) if codes.contains(&status.code))
}
