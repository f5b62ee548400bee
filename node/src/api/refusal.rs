//! Refusals as they travel: a gRPC status with our stable code, in words of both languages.
//!
//! Metadata of a refused call: `linli-code` (number), `linli-code-name`, and `linli-refused-bin`
//! (an encoded `linli.v1.Refused`, with typed parameters and texts). The message says it in
//! English and Chinese for clients that show nothing else.

use linli_proto::Refused;
use linli_sdk::Schema;
use linli_types::code::{Code, Lang, fill};
use linli_types::receipt::{Param, Refusal};
use linli_types::wire as body;
use prost::Message;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code as Grpc, Status};

/// A native refusal in words. Codes of contracts carry their number here; [`contract_refusal`]
/// finds their words.
pub fn refused(refusal: &Refusal) -> Refused {
    let mut out = Refused {
        code: refusal.code,
        params: params(&refusal.params).encode_to_vec(),
        ..Refused::default()
    };
    if let Some(code) = native(refusal) {
        let (zh, en) = (code.text(Lang::Zh), code.text(Lang::En));
        out.name = code.name().to_owned();
        (out.zh, out.en) = (fill(zh.0, &refusal.params), fill(en.0, &refusal.params));
        (out.next_zh, out.next_en) = (zh.1.to_owned(), en.1.to_owned());
    }
    out
}

/// A room's refusal in the words of its schema; without words if the schema has none.
pub fn contract_refusal(refusal: &Refusal, schema: Option<&[u8]>) -> Refused {
    let mut out = refused(refusal);
    let schema = schema.filter(|_| !refusal.room.is_empty());
    let schema = schema.and_then(|bytes| Schema::new(&refusal.room, bytes).ok());
    let words = |lang| schema.as_ref().and_then(|schema| schema.refusal(refusal, lang));
    if let (Some(zh), Some(en)) = (words(Lang::Zh), words(Lang::En)) {
        (out.name, out.en, out.next_en) = en;
        (_, out.zh, out.next_zh) = zh;
    }
    out
}

/// A refusal as a gRPC status.
pub fn status(refusal: &Refusal) -> Status {
    let refused = refused(refusal);
    let mut metadata = MetadataMap::new();
    metadata.insert("linli-code", refused.code.into());
    if let Ok(name) = MetadataValue::try_from(refused.name.as_str()) {
        metadata.insert("linli-code-name", name);
    }
    let bytes = refused.encode_to_vec();
    metadata.insert_bin("linli-refused-bin", MetadataValue::from_bytes(&bytes));
    let message = format!("{}: {} / {}", refused.name, refused.en, refused.zh);
    Status::with_metadata(grpc(native(refusal)), message, metadata)
}

fn native(refusal: &Refusal) -> Option<Code> {
    Code::from_number(refusal.code).filter(|_| refusal.room.is_empty())
}

/// The gRPC code that says to any client what to do: correct, sign, ask, wait.
fn grpc(code: Option<Code>) -> Grpc {
    match code {
        Some(Code::ReadUnsigned) => Grpc::Unauthenticated,
        Some(Code::ReadDenied | Code::UnknownSender) => Grpc::PermissionDenied,
        Some(Code::NotFound | Code::UnknownRoom | Code::UnknownMethod) => Grpc::NotFound,
        Some(Code::Busy | Code::RateLimited) => Grpc::ResourceExhausted,
        Some(Code::DiskReserve | Code::Unavailable | Code::AccessUnlogged | Code::NoSeat) => {
            Grpc::Unavailable
        }
        Some(Code::Exists | Code::IdConflict) => Grpc::AlreadyExists,
        Some(Code::Malformed | Code::TooLarge) => Grpc::InvalidArgument,
        _ => Grpc::FailedPrecondition,
    }
}

fn params(params: &[Param]) -> body::Params {
    use body::param::Value;
    let one = |param: &Param| {
        let value = match param {
            Param::Number(n) => Value::Number(*n),
            Param::Bytes(bytes) => Value::Bytes(bytes.clone()),
            Param::Word(word) => Value::Word(word.clone()),
        };
        body::Param { value: Some(value) }
    };
    body::Params { params: params.iter().map(one).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_carries_code_name_and_both_languages() {
        let refusal = Code::ReadUnsigned.refuse([Param::Word("time".into())]);
        let status = status(&refusal);
        assert_eq!(status.code(), Grpc::Unauthenticated);
        assert_eq!(status.metadata().get("linli-code").unwrap(), "1018");
        assert_eq!(status.metadata().get("linli-code-name").unwrap(), "READ_UNSIGNED");
        assert!(status.message().contains("time") && status.message().contains("签名"));
        let bytes = status.metadata().get_bin("linli-refused-bin").unwrap().to_bytes().unwrap();
        assert_eq!(Refused::decode(bytes).unwrap(), refused(&refusal));
    }

    #[test]
    fn every_native_code_has_words() {
        for code in Code::ALL {
            let refused = refused(&code.refuse([]));
            assert_eq!(refused.name, code.name());
            assert!(!refused.zh.is_empty() && !refused.next_en.is_empty(), "{code:?}");
        }
    }

    #[test]
    fn a_contract_s_code_is_not_taken_for_a_native_one() {
        let refusal = Refusal { room: "evidence".into(), ..Code::Busy.refuse([]) };
        assert_eq!(refused(&refusal).name, "");
        assert_eq!(status(&refusal).code(), Grpc::FailedPrecondition);
    }
}
