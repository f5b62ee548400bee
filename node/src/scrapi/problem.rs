//! Why a request was not done: one kind per condition that the draft names, and ours.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use linli_verify::cose::service::{PROBLEM, problem};

/// Each with what the client needs to know beyond its title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// Not what this page takes.
    Malformed(String),
    /// The body is larger than any registration.
    TooLarge,
    /// A media type that is neither form of a registration.
    Media(String),
    /// The statement is signed by another algorithm than EdDSA.
    Algorithm,
    /// The statement has no payload.
    Payload,
    /// Nothing shows that its source wants it registered: no transaction, or a key that is not in force.
    Unconfirmed(String),
    /// The rules of the ledger refuse it.
    Rejected(String),
    /// A rate was exceeded.
    TooMany(String),
    /// An entry's name that is none.
    Locator,
    /// No entry has this name.
    NoEntry,
    /// No registration under this name runs here.
    NotRunning,
    /// No receipt key has this id.
    NoKey,
    /// The node cannot answer now.
    Unavailable(String),
}

impl Problem {
    /// Status and title, which never change.
    pub(super) const fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, "Malformed request"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Too Large"),
            Self::Media(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type"),
            Self::Algorithm => (StatusCode::BAD_REQUEST, "Bad Signature Algorithm"),
            Self::Payload => (StatusCode::BAD_REQUEST, "Payload Missing"),
            Self::Unconfirmed(_) => (StatusCode::BAD_REQUEST, "Confirmation Missing"),
            Self::Rejected(_) => (StatusCode::BAD_REQUEST, "Rejected"),
            Self::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, "Too Many Requests"),
            Self::Locator => (StatusCode::BAD_REQUEST, "Invalid locator"),
            Self::NoEntry => (StatusCode::NOT_FOUND, "Not Found"),
            Self::NotRunning => (StatusCode::NOT_FOUND, "Operation Not Found"),
            Self::NoKey => (StatusCode::NOT_FOUND, "No such key"),
            Self::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "Unavailable"),
        }
    }

    fn detail(&self) -> &str {
        match self {
            Self::Malformed(why)
            | Self::Media(why)
            | Self::Unconfirmed(why)
            | Self::Rejected(why)
            | Self::TooMany(why)
            | Self::Unavailable(why) => why,
            Self::TooLarge => "the body is larger than any registration may be",
            Self::Algorithm => "the statement must be signed by EdDSA (-8) with Ed25519",
            Self::Payload => "the statement's payload, the digest of its manifest, must be inside",
            Self::Locator => "an entry is named by its leaf's index or its transaction's id",
            Self::NoEntry => "no such entry, or none yet",
            Self::NotRunning => "no entry, and no registration that this node took, has this id",
            Self::NoKey => "no receipt key of this log has this id",
        }
    }

    const fn is_passing(&self) -> bool {
        matches!(self, Self::TooMany(_) | Self::Unavailable(_))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, title) = self.kind();
        let body = problem(title, self.detail(), status.as_u16());
        let mut response = (status, [(header::CONTENT_TYPE, PROBLEM)], body).into_response();
        if self.is_passing() {
            let seconds = HeaderValue::from_static(super::RETRY_S);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

/// This node's own trouble: the log knows it, the client learns only that it is so.
pub(super) fn unavailable(why: impl std::fmt::Display) -> Problem {
    tracing::warn!(%why, "scrapi.unavailable");
    Problem::Unavailable("the node cannot answer now; ask again later".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_a_problem_in_cbor_and_those_that_pass_say_when_to_ask_again() {
        let said = String::from("why");
        for (problem, status) in [
            (Problem::Malformed(said.clone()), 400),
            (Problem::TooLarge, 413),
            (Problem::Media(said.clone()), 415),
            (Problem::Algorithm, 400),
            (Problem::Payload, 400),
            (Problem::Unconfirmed(said.clone()), 400),
            (Problem::Rejected(said.clone()), 400),
            (Problem::TooMany(said.clone()), 429),
            (Problem::Locator, 400),
            (Problem::NoEntry, 404),
            (Problem::NotRunning, 404),
            (Problem::NoKey, 404),
            (Problem::Unavailable(said), 503),
        ] {
            let passing = problem.is_passing();
            let response = problem.into_response();
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM);
            assert_eq!(response.headers().contains_key(header::RETRY_AFTER), passing, "{status}");
        }
    }
}
