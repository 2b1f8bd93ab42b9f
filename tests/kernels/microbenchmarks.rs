//! The microbenchmarks of `i2vgen roofline` are parsed, validated and translated to SPIR-V, HLSL and MSL, as the kernels are.

use i2vgen::lab::{Sample, microbenchmarks};
use naga::{
    back::{hlsl, msl, spv},
    valid::{Capabilities, ShaderStages, SubgroupOperationSet, ValidationFlags, Validator},
};

#[test]
fn microbenchmarks_translate_for_every_backend_that_can_express_them() {
    let all = microbenchmarks().expect("the templates expand");
    assert!(all.iter().filter(|sample| sample.matrix.is_some()).count() == 5 && all.len() == 12);
    let failures: Vec<String> =
        all.iter().filter_map(|sample| translate(sample).err().map(|e| format!("{}: {e}", sample.name))).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn translate(sample: &Sample) -> Result<(), String> {
    let wgsl = &sample.wgsl;
    let module = naga::front::wgsl::parse_str(wgsl).map_err(|e| e.emit_to_string(wgsl))?;
    let features = Capabilities::SHADER_FLOAT16
        | Capabilities::SHADER_FLOAT16_IN_FLOAT32
        | Capabilities::SUBGROUP
        | Capabilities::SHADER_INT64
        | Capabilities::COOPERATIVE_MATRIX;
    let mut validator = Validator::new(ValidationFlags::all(), features);
    validator.subgroup_stages(ShaderStages::COMPUTE).subgroup_operations(SubgroupOperationSet::all());
    let info = validator.validate(&module).map_err(|e| e.emit_to_string(wgsl))?;
    spv::write_vec(&module, &info, &spv::Options::default(), None).map_err(|e| format!("SPIR-V: {e}"))?;
    // DirectX has no cooperative matrices, and Metal has those of 8x8 only.
    if sample.matrix.is_none() {
        let options =
            hlsl::Options { shader_model: hlsl::ShaderModel::V6_2, fake_missing_bindings: true, ..Default::default() };
        let (pipeline, mut text) = (hlsl::PipelineOptions::default(), String::new());
        let mut writer = hlsl::Writer::new(&mut text, &options, &pipeline);
        writer.write(&module, &info, None).map_err(|e| format!("HLSL: {e}"))?;
    }
    if sample.matrix != Some(16) {
        let options = msl::Options { lang_version: (2, 4), fake_missing_bindings: true, ..Default::default() };
        let written = msl::write_string(&module, &info, &options, &Default::default());
        let (_, entries) = written.map_err(|e| format!("MSL: {e}"))?;
        entries.entry_point_names.into_iter().try_for_each(|e| e.map(|_| ()).map_err(|e| format!("MSL: {e}")))?;
    }
    Ok(())
}
