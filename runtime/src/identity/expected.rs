//! People whose opening balances stand before they are admitted: the pseudonym is known, the key is
//! not yet.
//!
//! ```text
//! (none) ──a batch names them──▶ expected ──AdmitPerson──▶ a principal
//! ```
//!
//! # Invariants
//!
//! - **E1 kept for them.** Under such a pseudonym only who may admit anyone admits a person, and
//!   nobody a device: no organisation becomes the owner by being faster.

use super::rows::{ExpectedRow, PrincipalRow, expected_key, find};
use crate::native::method_word;
use crate::overlay::Overlay;
use crate::vm::Stop;
use linli_types::code::Code;
use linli_types::genesis::Role;
use linli_types::id::{PrincipalId, TransferId};
use linli_types::store::Broken;

/// Those whose reach is anyone: identity services, registrars, the district.
const ADMITTERS: [Role; 3] = [Role::DistrictAdmin, Role::IdService, Role::Registrar];

/// Notes that somebody who is no principal owns something.
pub(crate) fn note(
    overlay: &mut Overlay<'_>,
    id: &PrincipalId,
    batch: TransferId,
) -> Result<(), Broken> {
    let key = expected_key(id);
    match overlay.read(&key)? {
        Some(_) => Ok(()),
        None => overlay.write(key, Some(linli_types::encode(&ExpectedRow { batch }))),
    }
}

/// Ends the expectation of somebody who is admitted now, if `admitter` may admit them (E1).
pub(super) fn admit(
    overlay: &mut Overlay<'_>,
    id: &PrincipalId,
    admitter: &PrincipalRow,
    machine: bool,
) -> Result<(), Stop> {
    let key = expected_key(id);
    if find::<ExpectedRow>(overlay, &key, "an expected person")?.is_none() {
        return Ok(());
    }
    if machine {
        return Err(Code::BusinessIdConflict.refuse([]).into());
    }
    if !ADMITTERS.iter().any(|role| admitter.has(*role)) {
        return Err(Code::RoleDenied.refuse([method_word(super::ROOM, "AdmitPerson")]).into());
    }
    Ok(overlay.write(key, None)?)
}
