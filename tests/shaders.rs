//! Every variant of every kernel that any kind of device would choose for the cases is parsed and validated by naga and translated to
//! SPIR-V, HLSL and MSL, so that no vendor's shader breaks unseen.

use std::collections::BTreeMap;

use i2vgen::{
    gpu::{Capabilities, DeviceKind, MatrixShape, PORTABLE},
    kernel,
};
use naga::{
    back::{hlsl, msl, spv},
    valid::{Capabilities as Valid, ShaderStages, SubgroupOperationSet, ValidationFlags, Validator},
};

/// Kinds of devices whose choices differ.
fn devices() -> Vec<Capabilities> {
    let discrete = Capabilities {
        kind: DeviceKind::Discrete,
        f16: true,
        max_binding: 1 << 31,
        max_buffer: 1 << 32,
        ..PORTABLE.clone()
    };
    let subgroups = Capabilities {
        subgroup: Some([32, 32]),
        max_workgroup_memory: 48 << 10,
        max_invocations: 1024,
        ..discrete.clone()
    };
    let cpu = Capabilities { kind: DeviceKind::Cpu, ..discrete.clone() };
    let cpu_subgroups = Capabilities { subgroup: Some([8, 8]), ..cpu.clone() };
    let cpu_int64 = Capabilities { int64: true, ..cpu_subgroups.clone() };
    let [matrices_8, matrices_16] = [8, 16].map(|side| Capabilities {
        matrices: vec![MatrixShape { mnk: [side; 3], operands: "f16".into(), sum: "f32".into() }],
        ..subgroups.clone()
    });
    vec![PORTABLE.clone(), discrete, subgroups, cpu, cpu_subgroups, cpu_int64, matrices_8, matrices_16]
}

#[test]
fn every_variant_translates_for_every_backend() {
    let mut texts = BTreeMap::new();
    for case in kernel::cases() {
        for device in devices() {
            let choice = case.op.choose(&device);
            let kernel = case.op.kernel();
            let wgsl = kernel::specialise(kernel.name, kernel.wgsl, &choice.defines).expect("the template expands");
            texts.entry(wgsl).or_insert_with(|| format!("{} {} ({})", kernel.name, choice.variant, case.name));
        }
    }
    let missing: Vec<_> =
        kernel::KERNELS.iter().filter(|k| !texts.values().any(|t| t.starts_with(&format!("{} ", k.name)))).collect();
    assert!(missing.is_empty(), "kernels without a case: {missing:?}");
    println!("{} shaders", texts.len());
    let failures: Vec<String> =
        texts.iter().filter_map(|(wgsl, name)| translate(wgsl).err().map(|e| format!("{name}: {e}"))).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn translate(wgsl: &str) -> Result<(), String> {
    let module = naga::front::wgsl::parse_str(wgsl).map_err(|e| e.emit_to_string(wgsl))?;
    let features = Valid::SHADER_FLOAT16
        | Valid::SHADER_FLOAT16_IN_FLOAT32
        | Valid::SHADER_INT64
        | Valid::SUBGROUP
        | Valid::SUBGROUP_BARRIER
        | Valid::COOPERATIVE_MATRIX;
    let mut validator = Validator::new(ValidationFlags::all(), features);
    validator.subgroup_stages(ShaderStages::COMPUTE).subgroup_operations(SubgroupOperationSet::all());
    let info = validator.validate(&module).map_err(|e| e.emit_to_string(wgsl))?;
    spv::write_vec(&module, &info, &spv::Options::default(), None).map_err(|e| format!("SPIR-V: {e}"))?;
    // naga writes matrices for Vulkan, and those that Metal has for Metal; DirectX 12 has none.
    let [matrices, metal] = ["coop_mat", "coop_mat8x8"].map(|name| wgsl.contains(name));
    if matrices && !metal {
        return Ok(());
    }
    let options =
        hlsl::Options { shader_model: hlsl::ShaderModel::V6_2, fake_missing_bindings: true, ..Default::default() };
    let pipeline = hlsl::PipelineOptions::default();
    if !matrices {
        let mut text = String::new();
        let writer = hlsl::Writer::new(&mut text, &options, &pipeline).write(&module, &info, None);
        writer.map_err(|e| format!("HLSL: {e}"))?;
        assert!(!text.is_empty());
    }
    let options = msl::Options { lang_version: (2, 4), fake_missing_bindings: true, ..Default::default() };
    let (msl, entries) =
        msl::write_string(&module, &info, &options, &Default::default()).map_err(|e| format!("MSL: {e}"))?;
    assert!(!msl.is_empty());
    entries.entry_point_names.into_iter().try_for_each(|entry| entry.map(|_| ()).map_err(|e| format!("MSL: {e}")))
}
