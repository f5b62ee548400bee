//! Stack depth, counted inside the module.
//!
//! Where native code runs out of stack depends on the compiler and its settings, so it must never
//! decide. Instead every function that calls another one first takes what it costs from a counter,
//! traps if the limit is passed, and gives the cost back when it returns:
//!
//! ```text
//! height += cost; if height > LIMIT { unreachable }
//! block (result …)  the body as it was, `return` written as a branch to this block's end  end
//! height -= cost
//! ```
//!
//! The counter is a global of the instance that the module itself cannot name: it is the last
//! one. Functions that call nothing and are small are left alone: at most one of them is open.
//!
//! # Invariants
//!
//! - **H1 never native.** One unit of cost stands for one byte of native stack, estimated from
//!   above: a frame, eight bytes for each argument, local and operand that can be alive at once,
//!   and a share of the body's length for what a register allocator does not reuse. The engine's
//!   own limit ([`super::engine::NATIVE_STACK_BYTES`]) is four times the counter's.
//! - **H2 every call counts.** The cost of a frame is never zero, so no recursion is free.
//! - **H3 same meaning.** A module that stays below the limit behaves as it did before, but for
//!   the fuel of the counting.

use linli_types::limits::STACK_COST_MAX;
use std::ops::Range;
use wasmparser::{
    FuncType, FuncValidator, FunctionBody, Operator, Parser, Payload, ValType, ValidatorResources,
};

/// Raised whenever the rewriting changes: it is part of the key of compiled code.
pub(super) const VERSION: u32 = 1;
/// Units of stack inside one instance.
pub(super) const LIMIT: u64 = STACK_COST_MAX as u64;
/// Units of a frame without anything in it: return address, saved registers, alignment.
const FRAME: u64 = 64;
/// Units of an argument, a local or an operand.
const VALUE: u64 = 8;
/// Bytes of a body that cost one unit.
const BODY_BYTES: u64 = 4;
/// Functions that call nothing and cost no more than this are not counted.
const LEAF_MAX: u64 = 4096;

const SECTION_GLOBAL: u8 = 6;
const SECTION_CODE: u8 = 10;

/// What was learnt about one function's body.
pub(super) struct Body {
    /// Arguments and locals.
    pub(super) locals: u32,
    operands: u32,
    calls: bool,
    /// The whole body in the module, locals first.
    range: Range<usize>,
    /// Where its instructions begin.
    code: usize,
    /// Every `return`: where it stands and how many blocks are open around it.
    returns: Vec<(usize, u32)>,
    result: Option<ValType>,
}

impl Body {
    /// Units that one activation takes (H1, H2).
    pub(super) fn cost(&self) -> u64 {
        let bytes = u64::try_from(self.range.len()).unwrap_or(u64::MAX);
        FRAME + VALUE * (u64::from(self.locals) + u64::from(self.operands)) + bytes / BODY_BYTES
    }

    fn is_counted(&self) -> bool {
        self.calls || self.cost() > LEAF_MAX
    }
}

/// Validates a body operator by operator and notes what counting needs.
pub(super) fn measure(
    validator: &mut FuncValidator<ValidatorResources>,
    body: &FunctionBody<'_>,
    signature: &FuncType,
) -> wasmparser::Result<Body> {
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let mut locals = body.get_binary_reader();
    validator.read_locals(&mut locals)?;
    let mut operators = body.get_operators_reader()?;
    let mut measured = Body {
        locals: validator.len_locals(),
        operands: 0,
        calls: false,
        range: place(body.range().start)..place(body.range().end),
        code: place(operators.original_position()),
        returns: Vec::new(),
        result: signature.results().first().copied(),
    };
    while !operators.eof() {
        let (operator, at) = operators.read_with_offset()?;
        match operator {
            Operator::Return => {
                let open = validator.control_stack_height().saturating_sub(1);
                measured.returns.push((place(at), open));
            }
            Operator::Call { .. } | Operator::CallIndirect { .. } => measured.calls = true,
            _ => {}
        }
        validator.op(at, &operator)?;
        measured.operands = measured.operands.max(validator.operand_stack_height());
    }
    Ok(measured)
}

/// Writes the module again with its stack counted, without its custom sections. `None` only for
/// bytes that are no valid module.
pub(super) fn count(code: &[u8], bodies: &[Body]) -> Option<Vec<u8>> {
    let mut out = code.get(..8)?.to_vec();
    let counter = globals(code)?;
    let mut has_counter = false;
    for payload in Parser::new(0).parse_all(code) {
        let payload = payload.ok()?;
        let Some((id, range)) = payload.as_section() else { continue };
        let content =
            code.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)?;
        if id > SECTION_GLOBAL && !has_counter {
            section(&mut out, SECTION_GLOBAL, &global_section(0, &[])?);
            has_counter = true;
        }
        match payload {
            Payload::CustomSection(_) => {}
            Payload::GlobalSection(globals) => {
                // The count may be spelled longer than it needs.
                let length = content.iter().position(|byte| *byte < 0x80)?.checked_add(1)?;
                let entries = content.get(length..)?;
                section(&mut out, SECTION_GLOBAL, &global_section(globals.count(), entries)?);
                has_counter = true;
            }
            Payload::CodeSectionStart { .. } => {
                section(&mut out, SECTION_CODE, &code_section(code, bodies, counter)?);
            }
            _ => section(&mut out, id, content),
        }
    }
    Some(out)
}

/// How many globals there are: the index of the counter. None is imported.
fn globals(code: &[u8]) -> Option<u32> {
    for payload in Parser::new(0).parse_all(code) {
        if let Payload::GlobalSection(globals) = payload.ok()? {
            return Some(globals.count());
        }
    }
    Some(0)
}

/// The globals and, as the last, the counter: a mutable `i32` that begins at zero.
fn global_section(count: u32, entries: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    leb(&mut content, count.checked_add(1)?);
    content.extend_from_slice(entries);
    content.extend([0x7f, 0x01, 0x41, 0x00, 0x0b]);
    Some(content)
}

fn code_section(code: &[u8], bodies: &[Body], counter: u32) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    leb(&mut content, u32::try_from(bodies.len()).ok()?);
    for body in bodies {
        let bytes = match body.is_counted() {
            true => counted(code, body, counter)?,
            false => code.get(body.range.clone())?.to_vec(),
        };
        leb(&mut content, u32::try_from(bytes.len()).ok()?);
        content.extend_from_slice(&bytes);
    }
    Some(content)
}

/// One body, wrapped as the module's header shows.
fn counted(code: &[u8], body: &Body, counter: u32) -> Option<Vec<u8>> {
    let cost = i64::try_from(body.cost()).ok()?;
    let mut out = code.get(body.range.start..body.code)?.to_vec();
    // height += cost; if height > LIMIT { unreachable }
    adjust(&mut out, counter, cost, 0x6a);
    out.push(0x23);
    leb(&mut out, counter);
    constant(&mut out, i64::try_from(LIMIT).ok()?);
    out.extend([0x4b, 0x04, 0x40, 0x00, 0x0b]);
    // block
    out.extend([0x02, block_type(body.result)?]);
    let mut at = body.code;
    for (place, open) in &body.returns {
        out.extend_from_slice(code.get(at..*place)?);
        out.push(0x0c);
        leb(&mut out, *open);
        at = place.checked_add(1)?;
    }
    // The body's own last `end` closes the block.
    out.extend_from_slice(code.get(at..body.range.end)?);
    // height -= cost
    adjust(&mut out, counter, cost, 0x6b);
    out.push(0x0b);
    Some(out)
}

/// `global.get counter; i32.const cost; operation; global.set counter`.
fn adjust(out: &mut Vec<u8>, counter: u32, cost: i64, operation: u8) {
    out.push(0x23);
    leb(out, counter);
    constant(out, cost);
    out.extend([operation, 0x24]);
    leb(out, counter);
}

const fn block_type(result: Option<ValType>) -> Option<u8> {
    match result {
        None => Some(0x40),
        Some(ValType::I32) => Some(0x7f),
        Some(ValType::I64) => Some(0x7e),
        Some(_) => None,
    }
}

/// `i32.const value`.
fn constant(out: &mut Vec<u8>, mut value: i64) {
    out.push(0x41);
    loop {
        let low = value.cast_unsigned().to_le_bytes()[0] & 0x7f;
        value >>= 7;
        let done = (value == 0 && low & 0x40 == 0) || (value == -1 && low & 0x40 != 0);
        out.push(if done { low } else { low | 0x80 });
        if done {
            return;
        }
    }
}

fn section(out: &mut Vec<u8>, id: u8, content: &[u8]) {
    out.push(id);
    leb(out, u32::try_from(content.len()).unwrap_or(u32::MAX));
    out.extend_from_slice(content);
}

fn leb(out: &mut Vec<u8>, mut value: u32) {
    loop {
        let low = value.to_le_bytes()[0] & 0x7f;
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}
