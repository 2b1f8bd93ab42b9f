//! SPIR-V read back: disassembled with names, and counted.

use std::collections::HashMap;

use rspirv::{
    binary::Disassemble,
    dr::{self, Instruction, Module, Operand},
    spirv::{GlslStd450Op, Op, StorageClass},
};

use super::kinds::{Counts, Kind};

/// A module as text: one instruction a line, with the names of the WGSL where there are any.
///
/// # Errors
/// What is wrong with the words.
pub fn disassemble(words: &[u32]) -> Result<String, String> {
    let module = dr::load_words(words).map_err(|e| e.to_string())?;
    let mut names: HashMap<u32, String> = HashMap::new();
    for instruction in &module.debug_names {
        if let [Operand::IdRef(id), Operand::LiteralString(name)] = instruction.operands.as_slice()
            && !name.is_empty()
        {
            let clean: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
            names.insert(*id, format!("%{id}_{clean}"));
        }
    }
    Ok(module.disassemble().lines().map(|line| named(line, &names) + "\n").collect())
}

/// A line whose ids have their names.
fn named(line: &str, names: &HashMap<u32, String>) -> String {
    // Texts in quotation marks keep their signs.
    if line.contains('"') {
        return line.to_owned();
    }
    let mut parts = line.split('%');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        match part[..digits].parse().ok().and_then(|id: u32| names.get(&id)) {
            Some(name) => text.push_str(name),
            None => text = text + "%" + &part[..digits],
        }
        text.push_str(&part[digits..]);
    }
    text
}

/// What the entry point does, with functions counted wherever they are called.
///
/// # Errors
/// What is wrong with the words.
pub(super) fn count(words: &[u32]) -> Result<Counts, String> {
    let module = dr::load_words(words).map_err(|e| e.to_string())?;
    let known = Known::new(&module);
    let main = module.entry_points.first().and_then(|entry| entry.operands.get(1)).and_then(id);
    let mut done = HashMap::new();
    Ok(main.map(|main| known.function(main, &mut done)).unwrap_or_default())
}

fn id(operand: &Operand) -> Option<u32> {
    match operand {
        Operand::IdRef(id) | Operand::IdScope(id) | Operand::IdMemorySemantics(id) => Some(*id),
        _ => None,
    }
}

/// What the ids of a module are.
struct Known<'a> {
    functions: HashMap<u32, &'a dr::Function>,
    /// The type of every value.
    types: HashMap<u32, u32>,
    /// What every pointer type points into.
    pointers: HashMap<u32, StorageClass>,
    /// Types of cooperative matrices.
    matrices: Vec<u32>,
}

impl<'a> Known<'a> {
    fn new(module: &'a Module) -> Self {
        let values = module.all_inst_iter().filter_map(|i| Some((i.result_id?, i.result_type?)));
        let globals = &module.types_global_values;
        let pointers = globals.iter().filter_map(|i| match (i.class.opcode, i.operands.first(), i.result_id) {
            (Op::TypePointer, Some(Operand::StorageClass(class)), Some(id)) => Some((id, *class)),
            _ => None,
        });
        let matrices = globals.iter().filter(|i| i.class.opcode == Op::TypeCooperativeMatrixKHR);
        Self {
            functions: module.functions.iter().filter_map(|f| Some((f.def_id()?, f))).collect(),
            types: values.collect(),
            pointers: pointers.collect(),
            matrices: matrices.filter_map(|i| i.result_id).collect(),
        }
    }

    fn function(&self, id: u32, done: &mut HashMap<u32, Counts>) -> Counts {
        if let Some(known) = done.get(&id) {
            return known.clone();
        }
        let mut counts = Counts::default();
        let blocks = self.functions.get(&id).into_iter().flat_map(|function| &function.blocks);
        for instruction in blocks.flat_map(|block| &block.instructions) {
            if instruction.class.opcode == Op::FunctionCall {
                if let Some(callee) = instruction.operands.first().and_then(self::id) {
                    counts += &self.function(callee, done);
                }
            } else if let Some(kind) = self.kind(instruction) {
                counts.add(kind, 1);
            }
        }
        done.insert(id, counts.clone());
        counts
    }

    /// What an instruction does; `None` for what is no instruction of a processor.
    fn kind(&self, instruction: &Instruction) -> Option<Kind> {
        let matrix = instruction.result_type.is_some_and(|ty| self.matrices.contains(&ty));
        Some(match instruction.class.opcode {
            Op::Load => match self.class(instruction) {
                Some(StorageClass::StorageBuffer) => Kind::StorageLoad,
                Some(StorageClass::Uniform | StorageClass::PushConstant) => Kind::UniformLoad,
                Some(StorageClass::Workgroup) => Kind::WorkgroupLoad,
                // Built-in values are in registers.
                Some(StorageClass::Input) => return None,
                _ => Kind::VariableLoad,
            },
            Op::Store => match self.class(instruction) {
                Some(StorageClass::StorageBuffer) => Kind::StorageStore,
                Some(StorageClass::Workgroup) => Kind::WorkgroupStore,
                _ => Kind::VariableStore,
            },
            Op::AccessChain | Op::InBoundsAccessChain | Op::PtrAccessChain => Kind::Address,
            Op::ArrayLength => Kind::Length,
            Op::CooperativeMatrixLoadKHR | Op::CooperativeMatrixStoreKHR | Op::CooperativeMatrixMulAddKHR => {
                Kind::Matrix
            }
            Op::ControlBarrier | Op::MemoryBarrier => Kind::Barrier,
            Op::ExtInst => extended(instruction),
            Op::Dot | Op::SDot | Op::UDot | Op::SDotAccSat | Op::UDotAccSat => Kind::Dot,
            _ if matrix => Kind::Matrix,
            Op::FAdd
            | Op::FSub
            | Op::FMul
            | Op::FDiv
            | Op::FRem
            | Op::FMod
            | Op::FNegate
            | Op::VectorTimesScalar
            | Op::MatrixTimesScalar
            | Op::VectorTimesMatrix
            | Op::MatrixTimesVector
            | Op::MatrixTimesMatrix => Kind::Float,
            Op::IAdd
            | Op::ISub
            | Op::IMul
            | Op::UDiv
            | Op::SDiv
            | Op::UMod
            | Op::SRem
            | Op::SMod
            | Op::SNegate
            | Op::ShiftLeftLogical
            | Op::ShiftRightLogical
            | Op::ShiftRightArithmetic
            | Op::BitwiseAnd
            | Op::BitwiseOr
            | Op::BitwiseXor
            | Op::Not
            | Op::BitCount
            | Op::BitReverse
            | Op::BitFieldInsert
            | Op::BitFieldSExtract
            | Op::BitFieldUExtract
            | Op::IAddCarry
            | Op::ISubBorrow
            | Op::UMulExtended
            | Op::SMulExtended => Kind::Integer,
            Op::Bitcast
            | Op::ConvertFToS
            | Op::ConvertFToU
            | Op::ConvertSToF
            | Op::ConvertUToF
            | Op::FConvert
            | Op::SConvert
            | Op::UConvert
            | Op::QuantizeToF16 => Kind::Convert,
            Op::CompositeConstruct
            | Op::CompositeExtract
            | Op::CompositeInsert
            | Op::VectorShuffle
            | Op::VectorExtractDynamic
            | Op::VectorInsertDynamic
            | Op::CopyObject
            | Op::CopyLogical => Kind::Shuffle,
            Op::Branch
            | Op::BranchConditional
            | Op::Switch
            | Op::Return
            | Op::ReturnValue
            | Op::Unreachable
            | Op::Kill => Kind::Branch,
            // They say where branches meet.
            Op::LoopMerge
            | Op::SelectionMerge
            | Op::Variable
            | Op::Phi
            | Op::Nop
            | Op::Line
            | Op::NoLine
            | Op::Undef => return None,
            other => by_name(other),
        })
    }

    /// What a load or store works on.
    fn class(&self, instruction: &Instruction) -> Option<StorageClass> {
        let pointer = instruction.operands.first().and_then(id)?;
        self.pointers.get(self.types.get(&pointer)?).copied()
    }
}

/// Families of instructions.
fn by_name(op: Op) -> Kind {
    let name = format!("{op:?}");
    match name.as_str() {
        name if name.starts_with("GroupNonUniform") || name.starts_with("Subgroup") => Kind::Subgroup,
        name if name.starts_with("Atomic") => Kind::Atomic,
        "Select" | "Any" | "All" | "IsNan" | "IsInf" => Kind::Compare,
        name if name.starts_with("Logical") || name.contains("Equal") => Kind::Compare,
        name if name.contains("LessThan") || name.contains("GreaterThan") => Kind::Compare,
        _ => Kind::Other,
    }
}

/// Instructions of GLSL.std.450, the only set that naga uses.
fn extended(instruction: &Instruction) -> Kind {
    let op = match instruction.operands.get(1) {
        Some(Operand::LiteralExtInstInteger(number)) => GlslStd450Op::from_u32(*number),
        _ => None,
    };
    match op {
        Some(GlslStd450Op::Fma) => Kind::MultiplyAdd,
        Some(
            GlslStd450Op::UMin
            | GlslStd450Op::UMax
            | GlslStd450Op::UClamp
            | GlslStd450Op::SMin
            | GlslStd450Op::SMax
            | GlslStd450Op::SClamp
            | GlslStd450Op::SAbs
            | GlslStd450Op::SSign
            | GlslStd450Op::FindILsb
            | GlslStd450Op::FindSMsb
            | GlslStd450Op::FindUMsb,
        ) => Kind::Integer,
        Some(
            GlslStd450Op::FAbs
            | GlslStd450Op::FSign
            | GlslStd450Op::Floor
            | GlslStd450Op::Ceil
            | GlslStd450Op::Fract
            | GlslStd450Op::Round
            | GlslStd450Op::RoundEven
            | GlslStd450Op::Trunc
            | GlslStd450Op::FMin
            | GlslStd450Op::FMax
            | GlslStd450Op::FClamp
            | GlslStd450Op::NMin
            | GlslStd450Op::NMax
            | GlslStd450Op::NClamp
            | GlslStd450Op::FMix
            | GlslStd450Op::Step
            | GlslStd450Op::SmoothStep
            | GlslStd450Op::Cross
            | GlslStd450Op::Ldexp,
        ) => Kind::Float,
        Some(op) if format!("{op:?}").contains("ack") => Kind::Convert, // Pack…, Unpack…
        Some(_) => Kind::Transcendental,
        None => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_get_their_names() {
        let names = HashMap::from([(12, "%12_row".to_owned())]);
        assert_eq!(named("%3 = OpIAdd  %1 %12 %120", &names), "%3 = OpIAdd  %1 %12_row %120");
        assert_eq!(named("OpName %12 \"100% row\"", &names), "OpName %12 \"100% row\"");
    }
}
