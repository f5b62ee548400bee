//! A file ready to be anchored: read once, its manifest made.

use super::{Anchor, kind};
use crate::cli::{Failure, machine};
use linli_sdk::clock;
use linli_sdk::manifest::{About, Prepared, prepare_about};
use linli_types::id::Digest;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// Kinds of evidence by a file's ending; anything else is EXTERNAL.
const BY_ENDING: &[(&str, &str)] = &[
    ("pdf", "FORM"),
    ("txt", "FORM"),
    ("csv", "SYSTEM_LOG"),
    ("json", "SYSTEM_LOG"),
    ("jpg", "PHOTO_SET"),
    ("jpeg", "PHOTO_SET"),
    ("png", "PHOTO_SET"),
    ("heic", "PHOTO_SET"),
    ("wav", "AUDIO"),
    ("mp3", "AUDIO"),
    ("m4a", "AUDIO"),
];

/// A file ready to be anchored.
pub(super) struct Ready {
    pub(super) prepared: Prepared,
    pub(super) kind: i32,
}

impl Ready {
    /// Reads a file once, as a stream and aside: a large one takes longer than a node waits for a
    /// silent connection.
    pub(super) async fn read(
        path: &Path,
        anchor: &Anchor,
        platform: Option<Digest>,
    ) -> Result<Self, Failure> {
        let captured = anchor.captured_at_ms.unwrap_or_else(|| captured(path));
        let file = path.to_owned();
        let about = About { order: anchor.about.order(), platform };
        let reading = tokio::task::spawn_blocking(move || prepare_about(&[&file], captured, about));
        let prepared = reading.await.map_err(|e| machine(&e))??;
        anchor.about.check_age(captured)?;
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let known = BY_ENDING.iter().find(|(known, _)| *known == ending);
        let named = kind(known.map_or("EXTERNAL", |(_, kind)| kind));
        let kind = anchor.kind.or(named.ok()).unwrap_or_default();
        Ok(Self { prepared, kind })
    }
}

/// When the file was last written, but not after now.
fn captured(path: &Path) -> u64 {
    let modified = std::fs::metadata(path).and_then(|about| about.modified());
    let since = modified.ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let ms = since.and_then(|since| u64::try_from(since.as_millis()).ok());
    let now = clock::now().map_or(0, |now| now.0);
    ms.map_or(now, |ms| ms.min(now))
}
