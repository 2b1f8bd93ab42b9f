//! Static facts as tables.

use i2vgen::lab::emit::{Counts, Facts, Kind, ModuleFacts, SpirvFacts};

use super::report::Emitted;
use crate::cli::{
    output::table,
    units::{self, counted},
};

/// The facts of a shader, for people.
pub fn text(emitted: &Emitted) -> String {
    let facts = emitted.shader.facts(emitted.guards);
    let [x, y, z] = facts.declared.workgroup_size;
    let choice = &emitted.picked.choice;
    let mut text = format!("{}: {}\n", emitted.title(), choice.reason);
    text += &format!(
        "{} of {x}x{y}x{z}, {} of workgroup memory, {}, {}\n",
        counted(facts.threads as usize, "thread"),
        units::bytes(facts.declared.workgroup_memory.into()),
        counted(facts.barriers.unsigned_abs() as usize, "barrier"),
        loops(&facts),
    );
    text += &format!("uses {}\n", features(&facts));
    let variables = units::bytes(facts.variables.into());
    text += &format!(
        "variables of functions: {variables} a thread; registers are given out by the driver and not known here\n"
    );
    text += "\nEvery function counts where it is called, every branch as taken, every loop once; scalars: an operation on vec4 counts 4.\n\n";
    text += &table(&module(&facts.module));
    match &facts.spirv {
        Ok(spirv) => {
            let guards = emitted.guards.checks;
            text += &format!(
                "\nSPIR-V of {}, --shader-checks {guards}; what each guard adds:\n\n",
                units::bytes(spirv.bytes as u64)
            );
            text += &table(&spirv_rows(spirv));
        }
        Err(refusal) => text += &format!("\n{refusal}\n"),
    }
    text
}

fn loops(facts: &Facts) -> String {
    let loops = counted(facts.loops as usize, "loop");
    if facts.loop_depth > 1 { format!("{loops} up to {} deep", facts.loop_depth) } else { loops }
}

fn features(facts: &Facts) -> String {
    let declared = &facts.declared;
    let all = [
        ("f16", declared.f16),
        ("subgroups", declared.subgroups),
        ("64-bit integers", declared.int64),
        ("cooperative matrices", declared.matrices),
    ];
    let used: Vec<&str> = all.into_iter().filter(|(_, used)| *used).map(|(name, _)| name).collect();
    if used.is_empty() { "nothing beyond core WebGPU".into() } else { used.join(", ") }
}

/// The kinds that any of these has, each with its counts; and the sums.
fn rows(counts: &[&Counts]) -> Vec<Vec<String>> {
    let number = |count: i64| if count == 0 { "-".to_owned() } else { count.to_string() };
    let kinds = Kind::ALL.into_iter().filter(|&kind| counts.iter().any(|counts| counts.of(kind) != 0));
    let row = |kind: Kind| {
        let numbers = counts.iter().map(|counts| number(counts.of(kind)));
        std::iter::once(kind.name().to_owned()).chain(numbers).collect()
    };
    let mut rows: Vec<Vec<String>> = kinds.map(row).collect();
    let totals = counts.iter().map(|counts| number(counts.total()));
    rows.push(std::iter::once("all".to_owned()).chain(totals).collect());
    rows
}

fn headed(heads: &[&str], counts: &[&Counts]) -> Vec<Vec<String>> {
    let heads: Vec<String> = heads.iter().map(|&head| head.to_owned()).collect();
    std::iter::once(heads).chain(rows(counts)).collect()
}

fn module(m: &ModuleFacts) -> Vec<Vec<String>> {
    let heads = ["instruction", "in all", "scalars", "in innermost loops", "scalars"];
    let counts = [&m.instructions, &m.scalars, &m.innermost, &m.innermost_scalars];
    let columns = if m.innermost.total() > 0 { 4 } else { 2 };
    headed(&heads[..=columns], &counts[..columns])
}

fn spirv_rows(spirv: &SpirvFacts) -> Vec<Vec<String>> {
    let mut heads = vec!["instruction", "no guards", "as emitted"];
    let mut counts = vec![&spirv.unguarded, &spirv.instructions];
    for guard in &spirv.guards {
        heads.push(guard.guard);
        counts.push(&guard.instructions);
    }
    headed(&heads, &counts)
}
