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
    let (who, which) = holder.split_at_mut(16);
    who.copy_from_slice(&source.0);
    if let Some(place) = which.first_chunk_mut::<8>() {
        *place = number.to_be_bytes();
    }
    let id = name(&[first], value);
    match env.claim(id.bytes(), &holder) {
        Claim::New => return Ok(None),
        Claim::Same => return Err(content.refuse(value)),
        Claim::Other => {}
    }
    let earlier = reference(&env.claimed(id.bytes()).unwrap_or_default());
    if earlier.source == source.0 {
        return Err(content.refuse(value));
    }
    let mut own = [again; 17];
    own.iter_mut().skip(1).zip(source.0).for_each(|(to, from)| *to = from);
    match env.claim(name(&own, value).bytes(), &holder) {
        Claim::New => Ok(Some(earlier)),
        Claim::Same | Claim::Other => Err(content.refuse(value)),
    }
}

/// A business id of at most 17 + 32 bytes. On the stack: a batch makes a thousand.
struct Name([u8; 49], usize);

impl Name {
    fn bytes(&self) -> &[u8] {
        self.0.get(..self.1).unwrap_or_default()
    }
}

/// What the content is called: a mark, whose it is if it must be said, the content.
fn name(mark: &[u8], value: &[u8]) -> Name {
    let length = mark.len().saturating_add(value.len());
    let mut id = Name([0; 49], length);
    if let Some((to_mark, rest)) = id.0.split_at_mut_checked(mark.len()) {
        to_mark.copy_from_slice(mark);
        if let Some(to_value) = rest.get_mut(..value.len()) {
            to_value.copy_from_slice(value);
        }
    }
    id
}

fn reference(holder: &[u8; 32]) -> Ref {
    let (source, rest) =
        holder.split_first_chunk::<16>().map_or(([0; 16], &[][..]), |(a, b)| (*a, b));
    let number = rest.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    Ref { source: source.into(), number }
}
