//! Receipts for people: codes become words, events become JSON, by the rooms' schemas.

use crate::schema::Schema;
use linli_types::code::{Code, Lang, fill};
use linli_types::human;
use linli_types::receipt::{Cause, Outcome, Receipt, Refusal};
use serde_json::{Value as Json, json};

/// A refusal in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// The code's stable name; its number if no table knows it.
    pub name: String,
    /// What was refused and why.
    pub text: String,
    /// What to do next.
    pub next: String,
}

/// A refusal in words: from the table of native codes, or from the room's schema if it is given.
pub fn words(refusal: &Refusal, schema: Option<&Schema>, lang: Lang) -> Words {
    let native = || {
        let code = Code::from_number(refusal.code).filter(|_| refusal.room.is_empty())?;
        let (text, next) = code.text(lang);
        Some((code.name().to_string(), fill(text, &refusal.params), next.to_string()))
    };
    let own = || schema.filter(|s| s.room() == refusal.room)?.refusal(refusal, lang);
    let (name, text, next) = native().or_else(own).unwrap_or_else(|| unknown(refusal, lang));
    Words { name, text, next }
}

fn unknown(refusal: &Refusal, lang: Lang) -> (String, String, String) {
    let (room, code) = (&refusal.room, refusal.code);
    let (text, next) = match lang {
        Lang::Zh => (format!("{room} 以代码 {code} 拒绝"), "请用 linli query 查看该模块的接口定义"),
        Lang::En => (format!("refused by {room} with code {code}"), "see the room's schema"),
    };
    (code.to_string(), text, next.into())
}

/// The receipt as JSON. `schema` finds the schema of a room, where the caller has it.
pub fn to_json<'a>(receipt: &Receipt, schema: impl Fn(&str) -> Option<&'a Schema>) -> Json {
    let (cause, id) = match &receipt.cause {
        Cause::Transaction(id) => (human::write(human::Kind::Transaction, &id.0), id.to_string()),
        Cause::Timer(id) => ("timer".into(), id.to_string()),
    };
    let event = |event: &linli_types::receipt::Event| {
        let data = schema(&event.room).and_then(|s| s.message(&event.kind, &event.data).ok());
        let data = data.unwrap_or_else(|| Json::from(hex::encode(&event.data)));
        json!({ "room": event.room, "kind": event.kind, "data": data })
    };
    let mut shown = json!({
        "code": cause,
        "id": id,
        "done": receipt.is_done(),
        "fuel": receipt.fuel,
        "events": receipt.events.iter().map(event).collect::<Vec<_>>(),
        "log_leaf": receipt.log_leaves.0,
        "log_leaves": receipt.log_leaves.1,
    });
    if let Outcome::Refused { call, refusal } = &receipt.outcome {
        let say = |lang| words(refusal, schema(&refusal.room), lang);
        let (zh, en) = (say(Lang::Zh), say(Lang::En));
        shown["refused"] = json!({
            "room": refusal.room, "code": refusal.code, "name": en.name, "call": call,
            "zh": zh.text, "en": en.text, "next_zh": zh.next, "next_en": en.next,
        });
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use linli_types::id::TxId;
    use linli_types::receipt::{Event, Param};
    use linli_types::wire::accounts::Transferred;
    use prost::Message;

    fn receipt(outcome: Outcome) -> Receipt {
        let data = Transferred { amount: 5, ..Default::default() }.encode_to_vec();
        let kind = "linli.accounts.v1.Transferred".into();
        let event = Event { room: "accounts".into(), kind, about: Vec::new(), data };
        let (cause, log_leaves) = (Cause::Transaction(TxId([1; 32])), (0, 0));
        Receipt { cause, outcome, fuel: 3, results: Vec::new(), events: vec![event], log_leaves }
    }

    #[test]
    fn events_are_told_by_their_schema_and_else_in_hexadecimal() {
        let schema = Schema::native("accounts").unwrap();
        let told = to_json(&receipt(Outcome::Done), |_| Some(&schema));
        assert_eq!(
            (told["done"].as_bool(), told["events"][0]["data"]["amount"].as_str()),
            (Some(true), Some("5"))
        );
        let bare = to_json(&receipt(Outcome::Done), |_| None);
        assert_eq!(bare["events"][0]["data"], "2005");
    }

    #[test]
    fn refusals_are_told_in_both_languages() {
        let refusal = Refusal {
            room: String::new(),
            code: 2005,
            params: vec![Param::Number(3), Param::Number(5)],
        };
        let told = to_json(&receipt(Outcome::Refused { call: 1, refusal }), |_| None);
        assert_eq!(told["refused"]["name"], "INSUFFICIENT");
        assert_eq!(told["refused"]["en"], "the balance 3 does not cover 5");
        assert_eq!(told["refused"]["zh"], "余额 3，不足 5");
        let refusal = Refusal { room: "evidence".into(), code: 2, params: Vec::new() };
        assert_eq!(words(&refusal, None, Lang::En).text, "refused by evidence with code 2");
        let schema = Schema::new("evidence", &crate::anchor::tests::descriptors()).unwrap();
        assert_eq!(words(&refusal, Some(&schema), Lang::En).name, "DUPLICATE_NUMBER");
    }
}
