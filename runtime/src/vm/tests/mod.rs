//! The WASM host from the outside: hand-written modules, a ledger in memory.

mod deploy;
mod running;
mod stack;

use super::*;
use linli_types::abi;
use linli_types::height::TimeMs;
use linli_types::id::{PrincipalId, TimerId};
use std::sync::Mutex;

/// Fuel that no honest test module uses up.
const FUEL: u64 = 50_000_000;

/// A module of `body`, with a memory of two pages, `alloc` at 1024, and a schema.
fn module(body: &str) -> Vec<u8> {
    let text = format!(
        "(module {body}
            (memory (export \"memory\") 2)
            (func (export \"alloc\") (param i32) (result i32) i32.const 1024))"
    );
    with_schema(wat::parse_str(text).unwrap())
}

/// Functions of the host that a body imports: they come first in a module.
fn imports(names: &[&str]) -> String {
    let kind = |kind: &abi::Kind| match kind {
        abi::Kind::I32 => " i32",
        abi::Kind::I64 => " i64",
    };
    let one = |name: &&str| {
        let row = abi::host_function(name).unwrap();
        let params: String = row.params.iter().map(kind).collect();
        let result = row.result.iter().map(|k| format!("(result{})", kind(k))).collect::<String>();
        format!("(import \"linli_v1\" \"{name}\" (func ${name} (param{params}) {result}))\n")
    };
    names.iter().map(one).collect()
}

/// A module whose `call` and `query` run `code`, which leaves an `i32`.
fn contract(names: &[&str], extra: &str, code: &str) -> Vec<u8> {
    let entry = |name| {
        format!("(func (export \"{name}\") (param $p i32) (param $n i32) (result i32) {code})")
    };
    module(&format!("{} {extra} {} {}", imports(names), entry("call"), entry("query")))
}

fn with_schema(code: Vec<u8>) -> Vec<u8> {
    with_section(code, &crate::schema::tests::notes_set())
}

fn with_section(mut code: Vec<u8>, content: &[u8]) -> Vec<u8> {
    let name = abi::SCHEMA_SECTION.as_bytes();
    let mut section = vec![u8::try_from(name.len()).unwrap()];
    section.extend_from_slice(name);
    section.extend_from_slice(content);
    code.push(0);
    prost::encoding::encode_varint(section.len() as u64, &mut code);
    code.extend(section);
    code
}

/// `Write` of the notes room, with no text: the empty message.
const INPUT: &[u8] = b"\x05Write";
/// `Find` of the notes room.
const FIND: &[u8] = b"\x04Find";

/// A ledger in memory that remembers what was done to it.
#[derive(Default)]
struct Ledger {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    claims: BTreeMap<Vec<u8>, [u8; 32]>,
    events: Vec<(String, Vec<PrincipalId>, Vec<u8>)>,
    timers: Vec<(TimeMs, Vec<u8>)>,
    leaves: Vec<[u8; 32]>,
    calls: Vec<(String, String, Vec<u8>, u64)>,
    /// The first bytes of the context.
    depth: u32,
    /// What a call into another room answers.
    answer: Option<Result<(Vec<u8>, u64), Stop>>,
}

impl Host for Ledger {
    fn context(&self) -> [u8; 64] {
        let mut context = [7; 64];
        context[..4].copy_from_slice(&self.depth.to_le_bytes());
        context
    }

    fn room(&self) -> &str {
        "notes"
    }

    fn caller(&self) -> &str {
        "diary"
    }

    fn read(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Stop> {
        match key {
            b"broken" => Err(Broken("disk".into()).into()),
            _ => Ok(self.rows.get(key).cloned()),
        }
    }

    fn write(&mut self, key: &[u8], value: &[u8]) -> Result<(), Stop> {
        self.rows.insert(key.to_vec(), value.to_vec());
        Ok(())
    }

    fn remove(&mut self, key: &[u8]) -> Result<(), Stop> {
        self.rows.remove(key);
        Ok(())
    }

    fn claimed(&mut self, id: &[u8]) -> Result<Option<[u8; 32]>, Stop> {
        Ok(self.claims.get(id).copied())
    }

    fn claim(&mut self, id: &[u8], digest: [u8; 32]) -> Result<u32, Stop> {
        Ok(match self.claims.insert(id.to_vec(), digest) {
            None => 0,
            Some(before) if before == digest => 1,
            Some(_) => 2,
        })
    }

    fn emit(&mut self, kind: &str, about: &[PrincipalId], data: &[u8]) -> Result<(), Stop> {
        self.events.push((kind.into(), about.to_vec(), data.to_vec()));
        Ok(())
    }

    fn append(&mut self, digest: [u8; 32]) -> Result<u64, Stop> {
        self.leaves.push(digest);
        Ok(self.leaves.len() as u64 - 1)
    }

    fn schedule(&mut self, at: TimeMs, payload: &[u8]) -> Result<TimerId, Stop> {
        self.timers.push((at, payload.to_vec()));
        Ok(TimerId([9; 16]))
    }

    fn cancel(&mut self, id: TimerId) -> Result<bool, Stop> {
        Ok(id == TimerId([9; 16]) && self.timers.pop().is_some())
    }

    fn call(
        &mut self,
        room: &str,
        method: &str,
        args: &[u8],
        fuel: u64,
    ) -> Result<(Vec<u8>, u64), Stop> {
        self.calls.push((room.into(), method.into(), args.to_vec(), fuel));
        self.answer.clone().unwrap_or(Ok((Vec::new(), 0)))
    }
}

/// Compiled code by module and engine.
type Compiled = BTreeMap<(Digest, u64), Vec<u8>>;

/// Keeps compiled code in memory and counts.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Compiled>>, Arc<AtomicUsize>);

impl CodeCache for Shelf {
    fn get(&self, code: &Digest, engine: u64) -> Option<Vec<u8>> {
        let found = self.0.lock().unwrap().get(&(*code, engine)).cloned();
        self.1.fetch_add(usize::from(found.is_some()), Ordering::AcqRel);
        found
    }

    fn put(&self, code: &Digest, engine: u64, bytes: &[u8]) {
        self.0.lock().unwrap().insert((*code, engine), bytes.to_vec());
    }
}

fn vm() -> Vm {
    Vm::new(Box::new(NoCache)).unwrap()
}

/// Deploys and enters once.
fn run_with(code: &[u8], entry: Entry, input: &[u8], fuel: u64, ledger: &mut Ledger) -> Ran {
    let mut vm = vm();
    let deployed = vm.deploy(code).unwrap();
    vm.run(&deployed.hash, entry, input, fuel, ledger)
}

fn run(code: &[u8]) -> Ran {
    run_with(code, Entry::Call, INPUT, FUEL, &mut Ledger::default())
}

/// The native code that a run was refused with.
fn code_of(ran: &Ran) -> NativeCode {
    match &ran.end {
        Err(Stop::Refused(refusal)) if refusal.room.is_empty() => {
            NativeCode::from_number(refusal.code).unwrap()
        }
        other => panic!("not a native refusal: {other:?}"),
    }
}
