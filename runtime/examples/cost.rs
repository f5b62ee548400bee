//! What the two hot paths of the runtime cost: phase 1 of a transfer, and one entry into a
//! contract. `cost [MODULE.wasm METHOD HEX]` prints a line each; without a module only the first.
//!
//! Figures of a debug build mean little; they are quoted from a release build.
#![allow(clippy::disallowed_types, reason = "an example may look at the clock")]

use linli_runtime::check::Checker;
use linli_runtime::schema::Schema;
use linli_runtime::vm::{Entry, Host, NoCache, Stop, Vm};
use linli_types::height::TimeMs;
use linli_types::id::{ChainId, PrincipalId, Signature, TimerId};
use linli_types::transaction::envelope;
use linli_types::wire::{Call, DESCRIPTORS, TransactionBody, accounts::TransferRequest};
use prost::Message;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

/// The least of nine means: noise only ever adds.
fn measure<T>(name: &str, times: u32, mut work: impl FnMut() -> T) {
    let mean = |_| {
        let start = Instant::now();
        (0..times).for_each(|_| drop(black_box(work())));
        start.elapsed().as_nanos() / u128::from(times)
    };
    println!("{name}: {} ns", (0..9).map(mean).min().unwrap_or_default());
}

fn check() -> Result<(), Box<dyn std::error::Error>> {
    let chain = ChainId([7; 32]);
    let accounts = Schema::of_package(DESCRIPTORS, "linli.accounts.v1")?;
    let checker = Checker::new(chain, BTreeMap::from([("accounts".to_string(), accounts)]));
    let [id, debit, credit] = [1, 2, 3].map(|n| vec![n; 16]);
    let args = TransferRequest { id, debit, credit, amount: 500, code: 1, ..Default::default() }
        .encode_to_vec();
    let body = TransactionBody {
        chain_tag: chain.tag(),
        sender: vec![9; 16],
        signer: vec![8; 32],
        key: vec![5; 16],
        valid_until_ms: 60_000,
        calls: vec![Call { room: "accounts".into(), method: "Transfer".into(), args }],
    };
    let body = body.encode_to_vec();
    let raw = envelope(&body, &Signature([3; 64]));
    checker.check(&raw, TimeMs(1)).map_err(|refusal| format!("refused: {refusal:?}"))?;
    measure("check a transfer", 20_000, || checker.check(&raw, TimeMs(1)));
    measure("  of it hashing the body", 20_000, || linli_types::digest::transaction_id(&body));
    Ok(())
}

/// Rows in memory, everything else is accepted and forgotten.
#[derive(Default)]
struct Rows(BTreeMap<Vec<u8>, Vec<u8>>);

impl Host for Rows {
    fn context(&self) -> [u8; 64] {
        [1; 64]
    }

    fn room(&self) -> &str {
        "measured"
    }

    fn caller(&self) -> &str {
        ""
    }

    fn read(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Stop> {
        Ok(self.0.get(key).cloned())
    }

    fn write(&mut self, key: &[u8], value: &[u8]) -> Result<(), Stop> {
        self.0.insert(key.to_vec(), value.to_vec());
        Ok(())
    }

    fn remove(&mut self, key: &[u8]) -> Result<(), Stop> {
        self.0.remove(key);
        Ok(())
    }

    fn claimed(&mut self, _id: &[u8]) -> Result<Option<[u8; 32]>, Stop> {
        Ok(None)
    }

    fn claim(&mut self, _id: &[u8], _digest: [u8; 32]) -> Result<u32, Stop> {
        Ok(0)
    }

    fn emit(&mut self, _: &str, _: &[PrincipalId], _: &[u8]) -> Result<(), Stop> {
        Ok(())
    }

    fn append(&mut self, _digest: [u8; 32]) -> Result<u64, Stop> {
        Ok(0)
    }

    fn schedule(&mut self, _at: TimeMs, _payload: &[u8]) -> Result<TimerId, Stop> {
        Ok(TimerId([0; 16]))
    }

    fn cancel(&mut self, _id: TimerId) -> Result<bool, Stop> {
        Ok(false)
    }

    fn call(&mut self, _: &str, _: &str, _: &[u8], _: u64) -> Result<(Vec<u8>, u64), Stop> {
        Ok((Vec::new(), 0))
    }
}

fn enter(module: &str, method: &str, args: &str) -> Result<(), Box<dyn std::error::Error>> {
    let code = std::fs::read(module)?;
    let mut vm = Vm::new(Box::new(NoCache))?;
    let start = Instant::now();
    let hash = vm.deploy(&code)?.hash;
    println!("deploy {} bytes: {} us", code.len(), start.elapsed().as_micros());
    let digits: Vec<char> = args.chars().collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16);
    let args = digits.chunks(2).map(byte).collect::<Result<Vec<u8>, _>>()?;
    let input = [&[u8::try_from(method.len())?], method.as_bytes(), &args].concat();
    let run = || vm.run(&hash, Entry::Call, &input, 100_000_000, &mut Rows::default());
    println!("{method}: {:?}", run());
    measure("enter the contract", 2_000, run);
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    check()?;
    match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [module, method, args] => enter(module, method, args),
        [module, method] => enter(module, method, ""),
        _ => Ok(()),
    }
}
