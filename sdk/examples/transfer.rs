//! Moves an amount from one account to another and waits for the receipt.
//!
//! ```text
//! cargo run -p linli-sdk --example transfer -- http://127.0.0.1:7401 operator.key AC-… AC-… 500
//! ```
//!
//! The key file must be a development key that names its principal and its chain.

use linli_sdk::{Client, Draft, Error, ErrorKind, KeyFile, Outcome, Transfer};
use linli_types::code::Lang;
use linli_types::human;
use linli_types::id::{AccountId, TransferId};
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match pay(&args).await {
        Ok(outcome) => {
            println!("{outcome:?}");
            std::process::ExitCode::from(u8::from(!matches!(outcome, Outcome::Done(_))))
        }
        Err(error) => {
            eprintln!("{error}\n{}", error.hint(Lang::En));
            std::process::ExitCode::from(error.kind().exit_code())
        }
    }
}

async fn pay(args: &[String]) -> Result<Outcome, Error> {
    let [node, key, debit, credit, amount] = args else {
        return Err(wrong("NODE KEY DEBIT CREDIT AMOUNT"));
    };
    let file = KeyFile::read(key.as_ref())?;
    let (Some(chain), Some(me)) = (file.about().chain, file.about().principal) else {
        return Err(wrong("a key file that names its chain and principal"));
    };
    let key = file.open("")?;
    let transfer = Transfer {
        id: TransferId(linli_sdk::key::random()?),
        debit: account(debit)?,
        credit: account(credit)?,
        amount: amount.parse().map_err(|_| wrong("a whole amount in minor units"))?,
        code: 1,
    };
    let signed = Draft::new().transfer(transfer).sign(&key, &chain, me)?;
    let client = Client::connect(node, chain, key).await?;
    client.submit(&signed).await?;
    Ok(client.wait_receipt(&signed, Duration::from_secs(70)).await)
}

fn account(code: &str) -> Result<AccountId, Error> {
    match human::read(code) {
        Ok((human::Kind::Account, bytes)) => {
            AccountId::from_slice(&bytes).ok_or_else(|| wrong("an account"))
        }
        _ => code.parse().map_err(|_| wrong("an account: AC-… or 32 hexadecimal digits")),
    }
}

fn wrong(wanted: &str) -> Error {
    Error::new(ErrorKind::Input, format!("需要 {wanted}"), format!("wanted: {wanted}"))
}
