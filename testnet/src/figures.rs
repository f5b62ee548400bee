//! Figures of a run: what was measured, and the one JSON object that says so (design §5).

use serde::Serialize;

/// Percentiles of a latency, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Latency {
    /// Half are faster.
    pub p50: f64,
    /// 99 of 100 are faster.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
}

impl Latency {
    /// Percentiles by nearest rank; zero of nothing.
    pub fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let rank = |percent: usize| {
            let at = (samples.len() * percent).div_ceil(100).saturating_sub(1);
            samples.get(at).copied().unwrap_or(0.0)
        };
        Self { p50: rank(50), p99: rank(99), max: samples.last().copied().unwrap_or(0.0) }
    }
}

/// What `bench` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// `transfer`, `anchor`, `anchor-batch` or `idle`.
    pub workload: String,
    /// How many validators.
    pub validators: usize,
    /// Length of the measured window, from the first submission to the last receipt.
    pub seconds: f64,
    /// Transactions handed to a node.
    pub submitted: u64,
    /// Receipts that say done.
    pub committed: u64,
    /// Receipts that say refused, and submissions refused for good.
    pub refused: u64,
    /// Accepted into a pool, and no receipt after the window and a grace.
    pub lost: u64,
    /// Committed per second.
    pub tps: f64,
    /// Submission to certificate, as the client sees it.
    pub finality_ms: Latency,
    /// CPU of all validators together, by the operating system's accounting, per committed one.
    pub cpu_ms_per_tx: f64,
    /// CPU of the load generator per committed one; signing beforehand is not in it.
    pub client_cpu_ms_per_tx: f64,
    /// Growth of all data folders per committed one.
    pub disk_bytes_per_tx: f64,
    /// Syncs of all validators per second.
    pub fsyncs_per_s: f64,
    /// Largest resident memory of any validator.
    pub rss_mib_max: f64,
    /// Signatures that one CPU-second checks on this machine, in batches of 64.
    pub verify_rate_per_cpu_s: f64,
    /// What checking each signature once per validator would cost, divided by the CPU used.
    pub limit_ratio: f64,
    /// Accounts loaded through a batch of opening balances before the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accounts: Option<usize>,
    /// How long that took, from the proposal to the close.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_seconds: Option<f64>,
    /// CPU of all validators together for it, per account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_cpu_ms_per_account: Option<f64>,
    /// Leaves of the log whose receipts were on disk at the end; only of `anchor-batch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaves: Option<u64>,
    /// Those per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaves_per_s: Option<f64>,
    /// Receipts that one run of `linli verify --dir` accepted afterwards, `--sample` of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipts_verified: Option<u64>,
    /// Those per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified_per_s: Option<f64>,
    /// Largest resident memory of that run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify_rss_mib_max: Option<f64>,
    /// Blocks in the window; only of `idle`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocks: Option<u64>,
    /// CPU of the busiest validator in percent of one core; only of `idle`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_cpu_pct_max: Option<f64>,
}

/// Signatures that this machine checks per CPU-second, in batches of 64: what no node can beat.
pub fn verify_rate_per_cpu_s() -> f64 {
    use ed25519_dalek::{Signer, SigningKey};
    use linli_types::id::{PublicKey, Signature};
    use linli_types::signature::{Claim, Verify, Zip215};
    const ROUNDS: u32 = 40;
    let claims: Vec<Claim> = (0..64_u8)
        .map(|i| {
            let key = SigningKey::from_bytes(&[i; 32]);
            let message = vec![i; 96];
            let signature = Signature(key.sign(&message).to_bytes());
            Claim { key: PublicKey(key.verifying_key().to_bytes()), message, signature }
        })
        .collect();
    let before = thread_cpu_ms();
    let mut held = 0_u32;
    for _ in 0..ROUNDS {
        held += u32::from(Zip215.verify_each(&claims).into_iter().all(|h| h));
    }
    let spent_ms = thread_cpu_ms() - before;
    if held != ROUNDS || spent_ms <= 0.0 {
        return 0.0;
    }
    f64::from(ROUNDS) * 64.0 / (spent_ms / 1000.0)
}

/// CPU of the calling thread in milliseconds, to the nanosecond the kernel counts.
fn thread_cpu_ms() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = text.split_whitespace().next().and_then(|n| n.parse::<f64>().ok());
    first.unwrap_or(0.0) / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_samples() {
        let latency = Latency::of((1..=100).map(f64::from).collect());
        assert_eq!((latency.p50, latency.p99, latency.max), (50.0, 99.0, 100.0));
        let one = Latency::of(vec![7.0]);
        assert_eq!((one.p50, one.p99, one.max), (7.0, 7.0, 7.0));
    }
}
