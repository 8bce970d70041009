//! Errors of the API server, classified in one place.

use std::time::Duration;

use kube::core::Status;

use crate::ObjectKey;

/// What a caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// The object changed meanwhile (409).
    Conflict,
    /// The object does not exist (404).
    NotFound,
    /// The request can never succeed as it is (400, 422, or an answer that does not decode).
    Invalid,
    /// An admission webhook refused it.
    Denied,
    /// A quota is used up (403).
    Quota,
    /// The namespace is being deleted (403).
    NamespaceTerminating,
    /// The program lacks a right, or a policy forbids it (403).
    Forbidden,
    /// The request or the object is too large (413).
    TooLarge,
    /// Time-outs, throttling and faults of the server; `after` is what the server asked for.
    Retryable {
        /// Pause the server asked for.
        after: Option<Duration>,
    },
    /// This replica does not lead (any more); nothing was sent.
    NotLeader,
}

/// A failed request: what was tried, on which object, and why it failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot {operation} {kind} {object}: {cause}")]
pub struct ApiError {
    operation: &'static str,
    kind: String,
    object: String,
    cause: String,
    class: ErrorClass,
}

impl ApiError {
    pub(crate) fn new(operation: &'static str, kind: &str, object: String, error: &kube::Error) -> Self {
        let (class, cause) = match error {
            kube::Error::Api(status) => (classify(status), format!("{} (HTTP {})", status.message, status.code)),
            // What the server sent cannot be read; trying again brings the same.
            kube::Error::SerdeError(error) => {
                (ErrorClass::Invalid, format!("the object does not have the fields its definition gives it: {error}"))
            }
            other => (ErrorClass::Retryable { after: None }, other.to_string()),
        };
        Self { operation, kind: kind.to_owned(), object, cause, class }
    }

    pub(crate) fn timeout(operation: &'static str, kind: &str, object: String, after: Duration) -> Self {
        let cause = format!("no answer within {} s", after.as_secs());
        Self { operation, kind: kind.to_owned(), object, cause, class: ErrorClass::Retryable { after: None } }
    }

    pub(crate) fn not_leader(operation: &'static str, kind: &str, object: String) -> Self {
        let cause = "another replica leads, or the Lease could not be renewed".to_owned();
        Self { operation, kind: kind.to_owned(), object, cause, class: ErrorClass::NotLeader }
    }

    pub(crate) fn conflict(operation: &'static str, kind: &str, object: String) -> Self {
        let cause = "it keeps being changed by others".to_owned();
        let after = Some(crate::random::between(Duration::from_secs(1), Duration::from_secs(5)));
        Self { operation, kind: kind.to_owned(), object, cause, class: ErrorClass::Retryable { after } }
    }

    pub(crate) fn retryable(operation: &'static str, kind: &str, object: String, cause: &str) -> Self {
        Self {
            operation,
            kind: kind.to_owned(),
            object,
            cause: cause.to_owned(),
            class: ErrorClass::Retryable { after: None },
        }
    }

    pub(crate) fn invalid(operation: &'static str, kind: &str, object: String, cause: &str) -> Self {
        Self { operation, kind: kind.to_owned(), object, cause: cause.to_owned(), class: ErrorClass::Invalid }
    }

    /// A reconcile that ended by a panic.
    pub(crate) fn defect(key: &ObjectKey) -> Self {
        Self::retryable("reconcile", "key", key.to_string(), "the program has a defect, see its log")
    }

    /// What a caller can do about it.
    pub fn class(&self) -> ErrorClass {
        self.class
    }

    /// Why it failed, without operation and object; the API server's own words where there are any.
    pub fn cause(&self) -> &str {
        &self.cause
    }

    /// The pause the server asked for.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.class {
            ErrorClass::Retryable { after } => after,
            _ => None,
        }
    }
}

fn classify(status: &Status) -> ErrorClass {
    let denied = status.message.contains("denied the request");
    match status.code {
        404 => ErrorClass::NotFound,
        409 => ErrorClass::Conflict,
        413 => ErrorClass::TooLarge,
        400 | 403 if denied => ErrorClass::Denied,
        400 | 422 => ErrorClass::Invalid,
        403 => forbidden(status),
        _ => {
            let seconds = status.details.as_ref().map_or(0, |details| details.retry_after_seconds);
            let after = (seconds > 0).then(|| Duration::from_secs(u64::from(seconds)));
            ErrorClass::Retryable { after }
        }
    }
}

fn forbidden(status: &Status) -> ErrorClass {
    let terminating = status
        .details
        .as_ref()
        .is_some_and(|details| details.causes.iter().any(|cause| cause.reason == "NamespaceTerminating"));
    if terminating {
        ErrorClass::NamespaceTerminating
    } else if status.message.contains("exceeded quota") {
        ErrorClass::Quota
    } else {
        ErrorClass::Forbidden
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    // SC-B16, SC-B36, TR-B52: every answer has one class, and the text names operation, object and cause.
    #[rstest]
    #[case(json!({"code": 409, "message": "the object has been modified"}), ErrorClass::Conflict)]
    #[case(json!({"code": 404, "message": "not found"}), ErrorClass::NotFound)]
    #[case(json!({"code": 422, "message": "spec.x: Required value"}), ErrorClass::Invalid)]
    #[case(json!({"code": 400, "message": "admission webhook \"w\" denied the request: no"}), ErrorClass::Denied)]
    #[case(json!({"code": 403, "message": "admission webhook \"w\" denied the request: no"}), ErrorClass::Denied)]
    #[case(json!({"code": 403, "message": "snapshots is forbidden: exceeded quota: q"}), ErrorClass::Quota)]
    #[case(json!({"code": 403, "message": "cannot create resource"}), ErrorClass::Forbidden)]
    #[case(json!({"code": 403, "message": "x", "details": {"causes": [{"reason": "NamespaceTerminating"}]}}), ErrorClass::NamespaceTerminating)]
    #[case(json!({"code": 413, "message": "too large"}), ErrorClass::TooLarge)]
    #[case(json!({"code": 429, "message": "slow down", "details": {"retryAfterSeconds": 7}}), ErrorClass::Retryable { after: Some(Duration::from_secs(7)) })]
    #[case(json!({"code": 500, "message": "failed calling webhook"}), ErrorClass::Retryable { after: None })]
    fn answers_are_classified(#[case] status: serde_json::Value, #[case] class: ErrorClass) {
        let status: Status = serde_json::from_value(status).unwrap();
        let message = status.message.clone();
        let error = ApiError::new("create", "Snapshot", "ns/s".to_owned(), &kube::Error::Api(Box::new(status)));
        assert_eq!(error.class(), class);
        assert!(error.to_string().starts_with("cannot create Snapshot ns/s: ") && error.to_string().contains(&message));
    }
}
