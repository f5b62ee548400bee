//! Who else speaks of the evidence log: witnesses that are heard, an authority that is asked.

use super::{BadConfig, zero};
use crate::words::words;
use linli_types::limits;
use linli_verify::note::{Key, Kind};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Time between two time-stamp tokens unless told otherwise, in minutes.
const TIMESTAMP_EVERY_MINUTES: u64 = 10;

/// Checkpoints of the evidence log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Checkpoint {
    /// Note keys of the witnesses whose cosignatures are kept, as `linli witness` prints them.
    pub witnesses: Vec<String>,
}

/// A time-stamp authority (RFC 3161). Relative paths begin at the data folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timestamp {
    /// Where it answers over HTTP.
    pub url: String,
    /// Time between two tokens, in minutes.
    #[serde(default = "every_minutes")]
    pub every_minutes: u64,
    /// Its certificate, in PEM or DER: then only tokens that it signed are kept.
    #[serde(default)]
    pub certificate: PathBuf,
    /// For https: certificates of the authorities that the server's own may be issued by, in PEM.
    #[serde(default)]
    pub authorities: PathBuf,
}

const fn every_minutes() -> u64 {
    TIMESTAMP_EVERY_MINUTES
}

impl Checkpoint {
    /// The witnesses' keys.
    ///
    /// # Errors
    ///
    /// [`BadConfig`] names the one that is none.
    pub fn keys(&self) -> Result<Vec<Key>, BadConfig> {
        if self.witnesses.len() > limits::WITNESSES_MAX {
            let most = limits::WITNESSES_MAX;
            return Err(BadConfig(words!(
                "checkpoint.witnesses 最多 {most} 项",
                "checkpoint.witnesses: at most {most}"
            )));
        }
        let read = |text: &String| {
            let key = Key::parse(text).ok().filter(|key| key.kind() == Kind::Witness);
            key.ok_or_else(|| {
                BadConfig(words!(
                    "checkpoint.witnesses：{text} 不是见证者的便笺密钥",
                    "checkpoint.witnesses: {text} is not the note key of a witness"
                ))
            })
        };
        self.witnesses.iter().map(read).collect()
    }
}

impl Timestamp {
    pub(super) fn check(&self) -> Result<(), BadConfig> {
        if self.every_minutes == 0 {
            return Err(zero("timestamp.every_minutes"));
        }
        let url = &self.url;
        if url.starts_with("https://") && self.authorities.as_os_str().is_empty() {
            return Err(BadConfig(words!(
                "timestamp.url 为 https 时须给出 timestamp.authorities",
                "timestamp.url is https: give timestamp.authorities"
            )));
        }
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(BadConfig(words!(
                "timestamp.url = {url}：须以 http:// 或 https:// 开头",
                "timestamp.url = {url}: it must begin with http:// or https://"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use linli_verify::note::{Key, Kind};

    fn refusal(text: &str) -> String {
        Config::parse(text).unwrap_err().0.en
    }

    #[test]
    fn an_authority_and_witnesses_are_read_and_judged() {
        let head = "name = \"a\"\n";
        let stamp = |rest: &str| format!("{head}[timestamp]\n{rest}");
        let config = Config::parse(&stamp("url = \"http://tsa.example/\"")).unwrap();
        assert_eq!(config.timestamp.as_ref().unwrap().every_minutes, 10);
        assert_eq!(Config::parse(&config.to_text()), Ok(config));
        assert!(refusal(&stamp("url = \"ftp://tsa.example/\"")).contains("timestamp.url"));
        assert!(refusal(&stamp("url = \"https://tsa.example/\"")).contains("authorities"));
        let often = "url = \"http://tsa.example/\"\nevery_minutes = 0";
        assert!(refusal(&stamp(often)).contains("timestamp.every_minutes"));
        let odd = "url = \"http://tsa.example/\"\nevery_minute = 5";
        assert!(refusal(&stamp(odd)).ends_with("timestamp.every_minutes"));
        let witnesses = |key: &str| format!("{head}[checkpoint]\nwitnesses = [\"{key}\"]");
        let key = Key::new("w1", Kind::Witness, linli_types::id::PublicKey([7; 32])).unwrap();
        let config = Config::parse(&witnesses(&key.to_string())).unwrap();
        assert_eq!(config.checkpoint.keys(), Ok(vec![key]));
        let log = Key::new("w1", Kind::Log, linli_types::id::PublicKey([7; 32])).unwrap();
        for bad in [log.to_string().as_str(), "w1", ""] {
            assert!(refusal(&witnesses(bad)).contains("checkpoint.witnesses"), "{bad}");
        }
    }
}
