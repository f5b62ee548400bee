//! JSON to messages and back by schema; texts of refusals.

use super::*;
use linli_types::receipt::Param;
use linli_types::wire::accounts::TransferRequest;
use serde_json::json;

fn accounts() -> Schema {
    Schema::native("accounts").unwrap()
}

fn encode(json: Json) -> Result<TransferRequest, Error> {
    let bytes = accounts().request(Service::Calls, "Transfer", &json)?;
    Ok(TransferRequest::decode(bytes.as_slice()).unwrap())
}

#[test]
fn bytes_are_hexadecimal_base64_or_a_code() {
    let id = [0xa7_u8; 16];
    let code = human::write(human::Kind::Account, &id);
    for text in [
        "a7".repeat(16),
        "0xA7".to_string() + &"a7".repeat(15),
        "p6enp6enp6enp6enp6enpw==".into(),
        "base64:p6enp6enp6enp6enp6enpw".into(),
        code,
    ] {
        let made = encode(json!({ "id": text, "amount": 5 })).unwrap();
        assert_eq!((made.id.as_slice(), made.amount), (&id[..], 5), "{text}");
    }
}

#[test]
fn whole_numbers_come_as_numbers_or_text_and_never_as_fractions() {
    assert_eq!(encode(json!({ "amount": u64::MAX })).unwrap().amount, u64::MAX);
    assert_eq!(encode(json!({ "amount": "18446744073709551615" })).unwrap().amount, u64::MAX);
    for amount in [json!(1.5), json!(-1), json!("x"), json!(true), json!("18446744073709551616")] {
        let error = encode(json!({ "amount": amount })).unwrap_err();
        assert!(error.to_string().starts_with("field $.amount must be"), "{error}");
    }
    assert!(encode(json!({ "code": 1_u64 << 32 })).is_err());
}

#[test]
fn what_does_not_fit_names_its_field() {
    let why = |json| encode(json).unwrap_err().to_string();
    assert_eq!(why(json!({ "colour": 1 })), "there is no field $.colour");
    assert!(why(json!({ "debit": "a7" })).starts_with("field $.debit must be 16 bytes"));
    assert!(why(json!({ "debit": 7 })).starts_with("field $.debit must be text"));
    assert_eq!(why(json!([])), "field $ must be an object");
    let error = accounts().request(Service::Calls, "Transform", &json!({})).unwrap_err();
    assert!(error.hint(Lang::En).contains("Transfer"));
    assert!(accounts().request(Service::Queries, "Transfer", &json!({})).is_err());
}

#[test]
fn an_answer_shows_every_field() {
    let answer = linli_types::wire::accounts::AccountResponse {
        id: vec![1; 16],
        debits_posted: 1 << 60,
        ..Default::default()
    };
    let json = accounts().response(Service::Queries, "Account", &answer.encode_to_vec()).unwrap();
    assert_eq!(json["id"], "01".repeat(16));
    assert_eq!(json["debits_posted"], (1_u64 << 60).to_string());
    assert_eq!(json["asset"], 0);
    assert!(accounts().response(Service::Queries, "Account", &[0xff]).is_err());
}

#[test]
fn rooms_of_one_set_keep_their_methods_apart() {
    let names = |room: &str| Schema::native(room).unwrap().methods(Service::Queries);
    let accounts = ["Account", "Pending", "Lots", "Supply", "Asset", "Opening"].map(String::from);
    let log = ["Head", "ReceiptKeys"].map(String::from);
    assert_eq!((names("accounts"), names("log")), (accounts.to_vec(), log.to_vec()));
    assert!(Schema::new("x", &[0xff, 1]).is_err());
}

#[test]
fn a_contract_s_refusal_speaks_both_languages() {
    let schema = Schema::new("evidence", &crate::anchor::tests::descriptors()).unwrap();
    let params = vec![Param::Number(7), Param::Number(9)];
    let refusal = Refusal { room: "evidence".into(), code: 2, params };
    let (name, text, next) = schema.refusal(&refusal, Lang::En).unwrap();
    assert_eq!(name, "DUPLICATE_NUMBER");
    assert_eq!(text, "number 7 is used; the lowest open one is 9");
    assert!(!next.is_empty());
    assert!(schema.refusal(&refusal, Lang::Zh).unwrap().1.contains('7'));
    assert_eq!(schema.refusal(&Refusal { code: 99, ..refusal }, Lang::En), None);
}

#[test]
fn an_enumeration_is_named_or_numbered() {
    let schema = Schema::new("evidence", &crate::anchor::tests::descriptors()).unwrap();
    let kind = |json: Json| {
        let bytes = schema.request(Service::Calls, "Anchor", &json!({ "kind": json }))?;
        Ok::<_, Error>(crate::anchor::AnchorRequest::decode(bytes.as_slice()).unwrap().kind)
    };
    assert_eq!((kind(json!("FORM")).unwrap(), kind(json!(5)).unwrap()), (5, 5));
    assert!(kind(json!("FROM")).unwrap_err().to_string().contains("$.kind must be one of"));
    assert!(kind(json!(99)).is_err());
}
