//! Static checks at deployment: what a module must be before it may run anywhere.
//!
//! Everything here is decided by the bytes alone, so every validator decides the same.
//!
//! # Invariants
//!
//! - **M1 first version.** Only WebAssembly 1.0 with mutable globals, without floating point.
//! - **M2 closed.** A module imports nothing but functions of the host's table, as they are there.
//! - **M3 fits.** What is instantiated has bounded memory, table, functions, locals, and segments
//!   that lie inside: instantiation cannot fail for the module's fault.

use super::depth::{self, Body};
use super::refused::DeployRefused;
use crate::schema::Schema;
use linli_types::abi::{self, Kind};
use linli_types::limits::{
    CODE_BYTES_MAX, FUNCTIONS_MAX, LOCALS_MAX, MEMORY_BYTES_MAX, TABLE_ENTRIES_MAX,
};
use std::collections::BTreeMap;
use wasmparser::{
    DataKind, ElementItems, ElementKind, ExternalKind, FuncType, FuncValidatorAllocations,
    Operator, Parser, Payload, TypeRef, ValType, ValidPayload, Validator, WasmFeatures,
};

/// All that a module may use (M1).
const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL;
const PAGE_BYTES: u64 = 64 * 1024;

/// A module that passed, and what was learnt on the way.
pub(super) struct Inspected {
    /// Its descriptor set.
    pub(super) schema_bytes: Vec<u8>,
    /// The same, compiled.
    pub(super) schema: Schema,
    /// The module with its stack counted; see [`depth`].
    pub(super) counted: Vec<u8>,
}

/// Checks a module.
pub(super) fn inspect(code: &[u8]) -> Result<Inspected, DeployRefused> {
    if code.len() > CODE_BYTES_MAX {
        return Err(DeployRefused::TooLarge { found: code.len(), max: CODE_BYTES_MAX });
    }
    validate(code)?;
    let module = Module::read(code)?;
    module.check_bounds()?;
    let [schema_bytes] = module.schemas.as_slice() else {
        return Err(DeployRefused::SchemaSections(module.schemas.len()));
    };
    let schema = Schema::parse(schema_bytes)?;
    module.check_exports(&schema)?;
    let bodies = measure(code, &module)?;
    let counted = depth::count(code, &bodies).ok_or_else(unreadable)?;
    Ok(Inspected { schema_bytes: schema_bytes.to_vec(), schema, counted })
}

fn unreadable() -> DeployRefused {
    DeployRefused::Invalid("unreadable section".into())
}

fn invalid(error: wasmparser::Error) -> DeployRefused {
    DeployRefused::Invalid(error.to_string())
}

/// Validates all of it (M1). If floating point is all that is wrong, says so.
fn validate(code: &[u8]) -> Result<(), DeployRefused> {
    let Err(error) = Validator::new_with_features(FEATURES).validate_all(code) else {
        return Ok(());
    };
    let floats = FEATURES | WasmFeatures::FLOATS | WasmFeatures::SATURATING_FLOAT_TO_INT;
    match Validator::new_with_features(floats).validate_all(code) {
        Ok(_) => Err(DeployRefused::Floats(error.to_string())),
        Err(_) => Err(invalid(error)),
    }
}

/// The sections of a valid module, as far as the rules read them.
#[derive(Default)]
struct Module<'a> {
    types: Vec<FuncType>,
    imports: Vec<u32>,
    functions: Vec<u32>,
    memory_bytes: u64,
    tables: Vec<u64>,
    exports: BTreeMap<&'a str, (ExternalKind, u32)>,
    has_start: bool,
    data: Vec<Option<u64>>,
    elements: Vec<Option<u64>>,
    schemas: Vec<&'a [u8]>,
}

impl<'a> Module<'a> {
    fn read(code: &'a [u8]) -> Result<Self, DeployRefused> {
        let mut module = Self::default();
        for payload in Parser::new(0).parse_all(code) {
            module.section(payload.map_err(invalid)?)?;
        }
        Ok(module)
    }

    fn section(&mut self, payload: Payload<'a>) -> Result<(), DeployRefused> {
        match payload {
            Payload::TypeSection(types) => {
                let types = types.into_iter_err_on_gc_types().collect::<Result<_, _>>();
                self.types = types.map_err(invalid)?;
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import.map_err(invalid)?;
                    self.import(import.module, import.name, import.ty)?;
                }
            }
            Payload::FunctionSection(functions) => {
                self.functions =
                    functions.into_iter().collect::<Result<_, _>>().map_err(invalid)?;
            }
            Payload::TableSection(tables) => {
                for table in tables {
                    self.tables.push(table.map_err(invalid)?.ty.initial);
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    let pages = memory.map_err(invalid)?.initial;
                    self.memory_bytes = self.memory_bytes.saturating_add(pages * PAGE_BYTES);
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export.map_err(invalid)?;
                    self.exports.insert(export.name, (export.kind, export.index));
                }
            }
            Payload::StartSection { .. } => self.has_start = true,
            Payload::ElementSection(elements) => {
                for element in elements {
                    let element = element.map_err(invalid)?;
                    let count = match element.items {
                        ElementItems::Functions(items) => items.count(),
                        ElementItems::Expressions(_, items) => items.count(),
                    };
                    let end = match element.kind {
                        ElementKind::Active { offset_expr, .. } => end(&offset_expr, count.into()),
                        ElementKind::Passive | ElementKind::Declared => None,
                    };
                    self.elements.push(end);
                }
            }
            Payload::DataSection(segments) => {
                for segment in segments {
                    let segment = segment.map_err(invalid)?;
                    let length = u64::try_from(segment.data.len()).unwrap_or(u64::MAX);
                    let end = match segment.kind {
                        DataKind::Active { offset_expr, .. } => end(&offset_expr, length),
                        DataKind::Passive => None,
                    };
                    self.data.push(end);
                }
            }
            Payload::CustomSection(custom) if custom.name() == abi::SCHEMA_SECTION => {
                self.schemas.push(custom.data());
            }
            _ => {}
        }
        Ok(())
    }

    /// M2.
    fn import(&mut self, module: &str, name: &str, kind: TypeRef) -> Result<(), DeployRefused> {
        let foreign = || DeployRefused::ForeignImport { module: module.into(), name: name.into() };
        let TypeRef::Func(at) = kind else { return Err(foreign()) };
        let row = abi::host_function(name).filter(|_| module == abi::MODULE);
        let row = row.ok_or_else(foreign)?;
        let result: Vec<Kind> = row.result.into_iter().collect();
        if !self.type_at(at).is_some_and(|found| is_type(found, row.params, &result)) {
            return Err(DeployRefused::ImportSignature(name.into()));
        }
        self.imports.push(at);
        Ok(())
    }

    fn type_at(&self, at: u32) -> Option<&FuncType> {
        self.types.get(usize::try_from(at).ok()?)
    }

    /// The type of a function, imported or own.
    fn function_type(&self, index: u32) -> Option<&FuncType> {
        let mut all = self.imports.iter().chain(&self.functions);
        self.type_at(*all.nth(usize::try_from(index).ok()?)?)
    }

    /// M3.
    fn check_bounds(&self) -> Result<(), DeployRefused> {
        let max = u64::try_from(MEMORY_BYTES_MAX).unwrap_or(u64::MAX);
        if self.memory_bytes > max {
            return Err(DeployRefused::Memory { found: self.memory_bytes, max });
        }
        let entries = self.tables.iter().fold(0_u64, |sum, table| sum.saturating_add(*table));
        if entries > TABLE_ENTRIES_MAX || self.tables.len() > 1 {
            return Err(DeployRefused::Table { found: entries, max: TABLE_ENTRIES_MAX });
        }
        let functions = u32::try_from(self.functions.len()).unwrap_or(u32::MAX);
        if functions > FUNCTIONS_MAX {
            return Err(DeployRefused::Functions { found: functions, max: FUNCTIONS_MAX });
        }
        if self.has_start {
            return Err(DeployRefused::Start);
        }
        let inside =
            |ends: &[Option<u64>], max| ends.iter().all(|end| end.is_some_and(|e| e <= max));
        if !inside(&self.data, self.memory_bytes) {
            return Err(DeployRefused::Segment("data"));
        }
        if !inside(&self.elements, entries) {
            return Err(DeployRefused::Segment("element"));
        }
        Ok(())
    }

    fn check_exports(&self, schema: &Schema) -> Result<(), DeployRefused> {
        match self.exports.get("memory") {
            None => return Err(DeployRefused::MissingExport("memory")),
            Some((ExternalKind::Memory, _)) => {}
            Some(_) => return Err(DeployRefused::ExportType("memory")),
        }
        let i32s = [Kind::I32, Kind::I32];
        if !self.check_function("alloc", &i32s[..1])? {
            return Err(DeployRefused::MissingExport("alloc"));
        }
        let mut entries = 0;
        for (name, is_offered) in [
            ("init", false),
            ("call", !schema.calls().is_empty()),
            ("query", !schema.queries().is_empty()),
            ("fire", false),
        ] {
            match self.check_function(name, &i32s)? {
                true => entries += 1,
                false if is_offered => return Err(DeployRefused::MissingExport(name)),
                false => {}
            }
        }
        if entries == 0 {
            return Err(DeployRefused::MissingExport("call"));
        }
        Ok(())
    }

    /// Whether there is a function of this name; every one answers with an `i32`.
    fn check_function(&self, name: &'static str, params: &[Kind]) -> Result<bool, DeployRefused> {
        match self.exports.get(name) {
            None => Ok(false),
            Some((ExternalKind::Func, index))
                if self.function_type(*index).is_some_and(|t| is_type(t, params, &[Kind::I32])) =>
            {
                Ok(true)
            }
            Some(_) => Err(DeployRefused::ExportType(name)),
        }
    }
}

/// Where a segment ends: a constant, and so many after it.
fn end(offset: &wasmparser::ConstExpr<'_>, count: u64) -> Option<u64> {
    let mut operators = offset.get_operators_reader();
    match operators.read() {
        Ok(Operator::I32Const { value }) => {
            Some(u64::from(value.cast_unsigned()).saturating_add(count))
        }
        _ => None,
    }
}

fn is_type(found: &FuncType, params: &[Kind], results: &[Kind]) -> bool {
    let same = |found: &[ValType], expected: &[Kind]| {
        let kinds = expected.iter().map(|kind| match kind {
            Kind::I32 => ValType::I32,
            Kind::I64 => ValType::I64,
        });
        found.iter().copied().eq(kinds)
    };
    same(found.params(), params) && same(found.results(), results)
}

/// Walks every body beside the validator and learns how much stack it takes.
fn measure(code: &[u8], module: &Module<'_>) -> Result<Vec<Body>, DeployRefused> {
    let mut validator = Validator::new_with_features(FEATURES);
    let mut allocations = FuncValidatorAllocations::default();
    let mut bodies = Vec::new();
    for payload in Parser::new(0).parse_all(code) {
        let payload = payload.map_err(invalid)?;
        let ValidPayload::Func(function, body) = validator.payload(&payload).map_err(invalid)?
        else {
            continue;
        };
        let mut function = function.into_validator(std::mem::take(&mut allocations));
        let index = function.index();
        let signature = module.function_type(index).ok_or_else(unreadable)?;
        let body = depth::measure(&mut function, &body, signature).map_err(invalid)?;
        if body.locals > LOCALS_MAX {
            let found = body.locals;
            return Err(DeployRefused::Locals { function: index, found, max: LOCALS_MAX });
        }
        if body.cost() > depth::LIMIT {
            let (found, max) = (body.cost(), depth::LIMIT);
            return Err(DeployRefused::Frame { function: index, found, max });
        }
        bodies.push(body);
        allocations = function.into_allocations();
    }
    Ok(bodies)
}
