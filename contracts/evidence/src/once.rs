//! INV-E3: the same content once a source.
//!
//! The first source's claim names the content alone and carries who and which number, so that the
//! common case costs one claim. Another source then claims it with its own name.

use crate::schema::{Ref, Refusal as No};
use linli_contract::id::PrincipalId;
use linli_contract::{Claim, Code, Env, Refusal, bytes};

/// What kind of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A manifest, by its SHA-256.
    Manifest,
    /// A file, by its keyed tag.
    Tag,
}

impl Content {
    /// The first byte of the first source's claim, and of another's.
    const fn marks(self) -> (u8, u8) {
        match self {
            Self::Manifest => (b'm', b'r'),
            Self::Tag => (b't', b'u'),
        }
    }

    fn refuse(self, content: &[u8]) -> Refusal {
        match self {
            Self::Manifest => No::Duplicate.refuse([bytes(content)]),
            Self::Tag => No::DuplicateContent.refuse([bytes(content)]),
        }
    }
}

/// Claims content of at most 32 bytes for a source's record; the earlier record of another source,
/// if there is one.
pub(crate) fn claim(
    env: &mut Env<'_>,
    content: Content,
    value: &[u8],
    source: &PrincipalId,
    number: u64,
) -> Result<Option<Ref>, Refusal> {
    let (first, again) = content.marks();
    let mut holder = [0; 32];
    let who = source.0.into_iter().chain(number.to_be_bytes());
    holder.iter_mut().zip(who).for_each(|(to, from)| *to = from);
    // 1 + 16 + 32 bytes.
    let mut id = [0; 49];
    match env.claim(name(&mut id, &[&[first], value]), &holder) {
        Claim::New => return Ok(None),
        Claim::Same => return Err(content.refuse(value)),
        Claim::Other => {}
    }
    let holder_before = env.claimed(name(&mut id, &[&[first], value])).unwrap_or_default();
    let earlier = reference(&holder_before);
    if earlier.source == source.0 {
        return Err(content.refuse(value));
    }
    match env.claim(name(&mut id, &[&[again], &source.0, value]), &holder) {
        Claim::New => Ok(Some(earlier)),
        Claim::Same | Claim::Other => Err(content.refuse(value)),
    }
}

/// The parts, one after the other, in a place that is reused for every item of a batch.
fn name<'a>(place: &'a mut [u8; 49], parts: &[&[u8]]) -> &'a [u8] {
    let length = parts.iter().map(|part| part.len()).sum::<usize>();
    let from = parts.iter().flat_map(|part| part.iter());
    place.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
    place.get(..length).unwrap_or_default()
}

fn reference(holder: &[u8; 32]) -> Ref {
    let (source, rest) =
        holder.split_first_chunk::<16>().map_or(([0; 16], &[][..]), |(a, b)| (*a, b));
    let number = rest.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    Ref { source: source.into(), number }
}
