//! Time stamps: every so often the latest committed header is shown to an authority (RFC 3161), and
//! its token is kept. One token covers everything that the log held by then.
//!
//! # Invariants
//!
//! - **T4 about us.** A token is kept only if it answers this request, about this header, and is
//!   signed by the authority whose certificate is configured, where one is.
//! - **T5 aside.** An authority that is slow, silent or wrong disturbs nothing: it is asked again
//!   later, ever more patiently; its trouble is said once, and once more when it becomes another.

mod keep;

pub(crate) use keep::Stamps;

use crate::handle::NodeHandle;
use linli_runtime::load_block;
use linli_sdk::key::random;
use linli_sdk::web::Web;
use linli_types::height::TimeMs;
use linli_types::limits::{STAMP_SKEW_MS, TOKEN_BYTES_MAX};
use linli_verify::file;
use linli_verify::token::{BadToken, Sealed, Token, granted, request};
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

/// How long an authority may take for its answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Pause after the first failure; it doubles with each further one, up to the ordinary pause.
const RETRY: Duration = Duration::from_secs(5);
const QUERY: &str = "application/timestamp-query";

/// Whom to ask, and how often.
pub(crate) struct Stamper {
    pub(crate) url: String,
    pub(crate) every: Duration,
    /// The authority's certificate, in DER.
    pub(crate) certificate: Option<Vec<u8>>,
    pub(crate) web: Web,
    pub(crate) stamps: Arc<Stamps>,
}

/// Why there is no new token.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotStamped(String);

fn not(why: impl Display) -> NotStamped {
    NotStamped(why.to_string())
}

/// Asks until the node stops, each time that the log has grown and the pause is over.
pub(crate) async fn run(node: NodeHandle, stamper: Stamper) {
    let mut trouble = Trouble::default();
    loop {
        tokio::select! {
            () = stamper.grown(&node) => {}
            () = node.closing() => return,
        }
        let pause = match stamper.once(&node).await {
            Ok(()) => {
                trouble.is_over(&stamper.url);
                node.counters().stamps.add(1);
                stamper.every
            }
            Err(why) => {
                node.counters().stamp_failures.add(1);
                trouble.goes_on(&why, &stamper.url); // T5
                stamper.retry(trouble.failures)
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = node.closing() => return,
        }
    }
}

/// Failures in a row, and the last one that was said.
#[derive(Debug, Default)]
struct Trouble {
    failures: u32,
    said: Option<String>,
}

impl Trouble {
    /// Another failure; whether it was said.
    fn goes_on(&mut self, why: &NotStamped, url: &str) -> bool {
        self.failures = self.failures.saturating_add(1);
        let failures = self.failures;
        let is_new = self.said.as_ref() != Some(&why.0);
        if is_new {
            tracing::warn!(%why, url, failures, "stamping.fail: tried again later");
            self.said = Some(why.0.clone());
        } else {
            tracing::debug!(%why, url, failures, "stamping.fails still");
        }
        is_new
    }

    fn is_over(&mut self, url: &str) {
        if self.failures > 0 {
            tracing::info!(url, failures = self.failures, "stamping.again: the authority answers");
        }
        *self = Self::default();
    }
}

impl Stamper {
    fn retry(&self, failures: u32) -> Duration {
        let doubled = 2_u32.checked_pow(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        RETRY.saturating_mul(doubled).min(self.every)
    }

    /// Waits until the log holds leaves that no token covers.
    async fn grown(&self, node: &NodeHandle) {
        let covered = self.stamps.newest().unwrap_or(0);
        // A head that is gone means that the node stops, which the caller sees too.
        let _ = node.head().wait_for(|head| head.log_size > covered).await;
    }

    /// Has the latest header stamped.
    async fn once(&self, node: &NodeHandle) -> Result<(), NotStamped> {
        let head = node.head().borrow().clone();
        let store = node.store();
        let block = tokio::task::spawn_blocking(move || load_block(&store, head.height)).await;
        let block = block.map_err(not)?.map_err(|why| not(why.0))?;
        let header = block.ok_or_else(|| not("the latest block is missing"))?.header;
        let token = self.ask(&header.to_bytes(), header.time).await?;
        let (stamps, size, height) = (self.stamps.clone(), header.log_size, header.height);
        let kept = tokio::task::spawn_blocking(move || stamps.keep(size, height, &token)).await;
        kept.map_err(not)?.map_err(not)?;
        tracing::info!(height = height.0, size, "stamping.done");
        Ok(())
    }

    /// A token about these bytes, checked.
    async fn ask(&self, bytes: &[u8], since: TimeMs) -> Result<Vec<u8>, NotStamped> {
        let nonce = u64::from_be_bytes(random().map_err(not)?);
        let query = request(&file::both(bytes).0, nonce);
        let answer = self.web.post(&self.url, QUERY, query, TOKEN_BYTES_MAX).await.map_err(not)?;
        if answer.status != 200 {
            return Err(not(format!("the authority answered with status {}", answer.status)));
        }
        let token = granted(&answer.body).map_err(not)?;
        self.check(token, bytes, nonce, since).map_err(not)?;
        Ok(token.to_vec())
    }

    /// T4.
    fn check(&self, token: &[u8], bytes: &[u8], nonce: u64, since: TimeMs) -> Result<(), NotKept> {
        let token = Token::parse(token)?;
        token.check_covers(bytes)?;
        token.check_nonce(nonce)?;
        if token.time.plus_ms(STAMP_SKEW_MS) < since {
            return Err(NotKept::Clock);
        }
        match (token.check_signature(self.certificate.as_deref())?, &self.certificate) {
            (Sealed::Unknown(algorithm), Some(_)) => Err(NotKept::Algorithm(algorithm)),
            _ => Ok(()),
        }
    }
}

/// Why a token is not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum NotKept {
    #[error(transparent)]
    Bad(#[from] BadToken),
    #[error("the authority's time lies before the block's: its clock or ours is wrong")]
    Clock,
    #[error("the authority signs by {0}, which cannot be checked here: leave out `certificate`")]
    Algorithm(String),
}

#[cfg(test)]
mod tests;
