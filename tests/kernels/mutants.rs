//! Kernels broken on purpose: `check` must catch each of them, and must hold for the same text unbroken.
//!
//! A mutant is a text edit of a variant's specialised WGSL, as a user's file. Some compute the right values on every driver that can be had
//! here (a race whose threads write the same, memory that is zero before it is used): the interpreter sees those.

use std::{collections::BTreeMap, sync::Arc};

use i2vgen::{
    gpu::{self, Capabilities, Device, DeviceKind},
    kernel::{self, Case, Choice, WgslFile},
    lab::{Conditions, Prepared, Report},
};

/// What is wrong, the kernel, the variant, the case, and the edits: what is found (everywhere) and what takes its place.
type Mutant = (&'static str, &'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

const MUTANTS: &[Mutant] = &[
    // --- wrong index ---
    (
        "lines and columns of the input swapped",
        "conv2d",
        "register",
        "3x3 f32/f32",
        &[("+ y) * p.width + x", "+ y) * p.height + x")],
    ),
    (
        "the statistics of the next group",
        "group_norm_apply",
        "portable",
        "two inputs f32/f32",
        &[("c / p.group_width * 2u", "(c / p.group_width + 1u) % (p.stats_width / 2u) * 2u")],
    ),
    (
        "the statistics of the next group, 8 channels at a time",
        "group_norm_apply",
        "wide",
        "per frame f32/f32",
        &[("channel / p.group_width]", "(channel / p.group_width + 1u) % (p.stats_width / 2u)]")],
    ),
    (
        "channels of the second input counted from the first",
        "group_norm_partial",
        "wide",
        "groups of 80 across two inputs f32",
        &[("+ c8 - p.c0 / 8u]", "+ c8 % (p.c1 / 8u)]")],
    ),
    (
        "a mean of the first 8 channels",
        "layer_norm",
        "wide",
        "transformer f32/f32",
        &[("let mean = origin + offset;", "let mean = origin;")],
    ),
    (
        "noise in the order of the latents",
        "to_latents",
        "portable",
        "latents",
        &[("i % p.channels * p.plane + i / p.channels", "i")],
    ),
    (
        "a shared part read as if each batch had its own",
        "concat_rows",
        "portable",
        "context tokens f32",
        &[("select(batch, 0u, p.shared1 > 0u)", "batch")],
    ),
    (
        "keys of one context not shared by its frames",
        "attention",
        "workgroup",
        "causal, shared keys f32",
        &[("element(sequence / p.share,", "element(min(sequence, 1u),")],
    ),
    (
        "rows of q, k and v side by side taken to be as long as those of k alone",
        "attention",
        "packed",
        "q, k, v side by side, temporal f32",
        &[("p.inner * p.k_row", "p.inner * p.heads * 64u")],
    ),
    (
        "keys taken for the values beside them",
        "attention",
        "portable",
        "k, v side by side, for 3 frames f32",
        &[("- p.v_base", "- p.k_base")],
    ),
    (
        "the binding taken to begin at its first element",
        "linear",
        "register",
        "no bias f32/f32",
        &[("y[(at - p.gemm.y_base) / 4u]", "y[at / 4u]")],
    ),
    (
        "an absent bias read as if it were there",
        "linear",
        "register",
        "no bias f32/f32",
        &[("bias[bias_at(col4)]", "bias[col4]")],
    ),
    (
        "inner indices of w dealt to each other's lanes",
        "linear",
        "tall",
        "no bias f32/f32",
        &[("var w_at = lane * n8;", "var w_at = (lane ^ 1u) * n8;")],
    ),
    (
        "the last of an odd number of rows counted twice",
        "group_norm",
        "lanes",
        "per frame f32/f32",
        &[("select(vec2<f32>(), v.zw, row < last)", "v.zw")],
    ),
    (
        "a second input read from its second channels",
        "group_norm",
        "portable",
        "two inputs f32/f32",
        &[("+ channel - p.c0 - p.x1_base]", "+ channel % p.c1 - p.x1_base]")],
    ),
    (
        "a sum read before all threads have given theirs",
        "group_norm",
        "portable",
        "per frame f32/f32",
        &[("    workgroupBarrier();\n    if thread < half", "    if thread < half")],
    ),
    // --- wrong edge ---
    (
        "one line beyond the lower edge",
        "conv2d",
        "register",
        "3x3 f32/f32",
        &[("if y >= p.up_height ||", "if y > p.up_height ||")],
    ),
    ("no padding on the left", "conv2d", "workgroup", "3x3 f32/f16", &[("- p.pad_left", "- 0u * p.pad_left")]),
    (
        "frames of the next video",
        "conv3d",
        "register",
        "temporal f32/f32",
        &[(
            "if place.y + tap >= p.frames { return -1; }",
            "if place.x + tap * p.height * p.width < p.pad_frames * p.height * p.width { return -1; }",
        )],
    ),
    (
        "bins that do not overlap",
        "adaptive_pool",
        "portable",
        "bins that overlap f32",
        &[("((oy + 1u) * p.size_y + p.out_y - 1u) / p.out_y", "(oy + 1u) * p.size_y / p.out_y")],
    ),
    (
        "a window that reaches below the frame",
        "anchor",
        "portable",
        "lowpass latents",
        &[("min(row + p.radius, p.height - 1u)", "min(row + p.radius, p.height)")],
    ),
    ("the future seen", "attention", "portable", "causal, heads of 64 f32", &[("row_0 + 1u)", "row_0 + 2u)")]),
    // --- off by one, missing tails ---
    (
        "the last 4 channels not summed",
        "linear",
        "register",
        "no bias f32/f32",
        &[("c < (p.gemm.c0 + 3u) / 4u", "c < (p.gemm.c0 + 3u) / 4u - 1u")],
    ),
    (
        "the last of 3 columns not stored",
        "conv2d",
        "register",
        "three channels out f32/f32",
        &[("let count = min(4u, p.gemm.n - col4 * 4u);", "let count = min(4u, p.gemm.n - col4 * 4u) - 1u;")],
    ),
    (
        "positions from 0 to F instead of F - 1",
        "image_latents",
        "portable",
        "a clip f32",
        &[("max(p.frames, 2u) - 1u", "max(p.frames, 2u)")],
    ),
    ("nine rounds of ten", "philox", "portable", "odd length", &[("i < 10u", "i < 9u")]),
    (
        "ids beyond the vocabulary",
        "embedding",
        "portable",
        "tokens and positions f32/f32",
        &[("min(ids[i / p.width - p.ids_base], p.vocabulary - 1u)", "ids[i / p.width - p.ids_base]")],
    ),
    // --- what is missing or swapped ---
    (
        "no bias",
        "linear",
        "workgroup",
        "feed-forward out f32/f32",
        &[("var v = sum + bias[bias_at(col4)];", "var v = sum;")],
    ),
    (
        "no residual",
        "linear",
        "register",
        "odd sizes f32/f32",
        &[("if p.gemm.has_residual > 0u {", "if p.gemm.has_residual > 1u {")],
    ),
    (
        "value and gate swapped",
        "linear",
        "register",
        "feed-forward in f32/f32",
        &[("finish_geglu(row, col, sum, gate)", "finish_geglu(row, col, gate, sum)")],
    ),
    (
        "prompt and negative prompt swapped",
        "ddim",
        "portable",
        "guided",
        &[("m = u + coefficient(16u + frame) * (m - u);", "m = m + coefficient(16u + frame) * (u - m);")],
    ),
    (
        "clipped from above alone",
        "ddim",
        "portable",
        "guided, clipped",
        &[("clamp(clean, -clip, clip)", "min(clean, clip)")],
    ),
    (
        "the history of another clip",
        "multistep",
        "portable",
        "latents, first step",
        &[("if change != 0.0 {", "if change == change {")],
    ),
    (
        "the step before added and not subtracted",
        "multistep",
        "portable",
        "latents",
        &[("(x0[i - p.x0_base] - before", "(x0[i - p.x0_base] + before")],
    ),
    (
        "cosine and sine swapped",
        "sinusoid",
        "portable",
        "timesteps f32",
        &[("y[to + k] = v.x;", "y[to + k] = v.y;"), ("y[to + half + k] = v.y;", "y[to + half + k] = v.x;")],
    ),
    (
        "no eps",
        "layer_norm",
        "portable",
        "transformer f32/f32",
        &[("/ f32(p.channels) + p.eps)", "/ f32(p.channels))")],
    ),
    // --- what only some inputs show ---
    (
        "NaN for masked keys",
        "attention",
        "packed",
        "temporal, causal f32",
        &[("select(NO_SCORE, s_0_0,", "select(0.0 / f32(p.inner - p.inner), s_0_0,")],
    ),
    (
        "exponentials without the running maximum",
        "attention",
        "workgroup",
        "self, 2 heads of 64 f32",
        &[(" - top_0)", ")")],
    ),
    (
        "f16 without saturation",
        "linear",
        "register",
        "no bias f16/f16",
        &[("vec4<f16>(clamp(v, vec4<f32>(-65504.0), vec4<f32>(65504.0)))", "vec4<f16>(v)")],
    ),
    ("rounded towards 0", "rgb8", "portable", "a frame f32", &[("u32(round(v * 255.0))", "u32(v * 255.0)")]),
    (
        "a logarithm of the variance that is not clamped",
        "posterior",
        "portable",
        "latents",
        &[("clamp(moments[at + p.channels], -30.0, 20.0)", "moments[at + p.channels]")],
    ),
    (
        "squares of the values instead of the deviations",
        "channel_statistics",
        "portable",
        "latents of a clip",
        &[("p.channels] - mean;\n", "p.channels];\n")],
    ),
    // --- written where nothing belongs to ---
    (
        "rows beyond the last written",
        "linear",
        "register",
        "odd sizes f32/f32",
        &[
            ("if row < p.gemm.row_end && col < p.gemm.n4 {", "if col < p.gemm.n4 {"),
            ("let row = row0 + slot / 2u;", "let row = row0 + slot / 2u + 1u - 1u;"),
        ],
    ),
    (
        "the word behind the last written",
        "pointwise",
        "portable",
        "sum f32",
        &[("if block >= p.end { return; }", "if block > p.end { return; }")],
    ),
    (
        "the element before the first written",
        "rgb8",
        "portable",
        "odd length f32",
        &[("y[i - p.y_base] = word;", "y[i - p.y_base] = word; if i == p.begin { y[i - p.y_base - 1u] = 0u; }")],
    ),
    // --- written where another dispatch's units are, which would write the same or come later ---
    (
        "the first block of the next dispatch",
        "pointwise",
        "portable",
        "sum f32",
        &[("if block >= p.end { return; }", "if block > p.end || block * 4u >= p.elements { return; }")],
    ),
    (
        "no end of a dispatch but that of the op",
        "linear",
        "register",
        "odd sizes f32/f32",
        &[
            ("if row < p.gemm.row_end && col < p.gemm.n4 {", "if row < 37u && col < p.gemm.n4 {"),
            ("p.gemm.row_end - 1u)", "37u - 1u)"),
        ],
    ),
    (
        "the element of the next dispatch",
        "to_latents",
        "portable",
        "latents",
        &[("if i >= p.end { return; }", "if i > p.end || i >= p.channels * p.plane { return; }")],
    ),
    // --- workgroups in two dimensions ---
    (
        "only the first line of workgroups",
        "conv2d",
        "register",
        "3x3 f32/f32",
        &[("return wg.x + wg.y * groups.x;", "return wg.x;")],
    ),
    (
        "lines of a fixed number of workgroups",
        "pointwise",
        "portable",
        "sum f32",
        &[("return wg.x + wg.y * groups.x;", "return wg.x + wg.y * 65535u;")],
    ),
    (
        "workgroups beyond the last go on",
        "channel_statistics",
        "portable",
        "latents of a clip",
        &[("min(index, p.end * p.channels - 1u)", "index")],
    ),
    // --- barriers, races, memory that nobody wrote ---
    (
        "no barrier behind the staging of a tile",
        "linear",
        "workgroup",
        "no bias f32/f32",
        &[("let half = step & 1u;\n    workgroupBarrier();", "let half = step & 1u;")],
    ),
    (
        "the next tile is staged where this one is read",
        "conv2d",
        "workgroup",
        "3x3 f32/f32",
        &[("store_tile((1u - half)", "store_tile(half")],
    ),
    (
        "no barrier before workgroup memory is used again",
        "layer_norm",
        "portable",
        "transformer f32/f32",
        &[("  workgroupBarrier();\n  return sum;", "  return sum;")],
    ),
    (
        "no barrier between the rounds of a sum",
        "channel_statistics",
        "portable",
        "latents of a clip",
        &[("half /= 2u) {\n    workgroupBarrier();", "half /= 2u) {")],
    ),
    (
        "no barrier between the scores and their sums",
        "attention",
        "split",
        "VAE, one head of 512 f32",
        &[("    workgroupBarrier();\n    var sum = 0.0;", "    var sum = 0.0;")],
    ),
    (
        "a barrier that only some threads reach",
        "group_norm_partial",
        "large",
        "groups of 10 f32",
        &[(
            "    workgroupBarrier();\n\n    // Every group",
            "    if thread < tile { workgroupBarrier(); }\n\n    // Every group",
        )],
    ),
    (
        "a race whose threads write the same",
        "group_norm_finish",
        "parallel",
        "over all frames of two videos",
        &[("  if thread > 0u { return; }\n", "")],
    ),
    (
        "workgroup memory that is 0 by luck",
        "group_norm_finish",
        "parallel",
        "over all frames of two videos",
        &[
            ("  merged[thread] = all;\n", "  if part_of(thread) { merged[thread] = all; }\n"),
            ("@compute", "fn part_of(thread: u32) -> bool { return thread < p.parts && thread < 60u; }\n\n@compute"),
        ],
    ),
];

fn device() -> Device {
    let adapter = gpu::choose(std::env::var("I2VGEN_DEVICE").ok().as_deref()).expect("a device");
    Device::open(&adapter, gpu::Disable::default()).expect("the device opens")
}

/// The variant of a case, of this device or as a graphics card would have it.
fn variant(case: &Case, name: &str, device: &Capabilities) -> Choice {
    let card = Capabilities { kind: DeviceKind::Discrete, ..device.clone() };
    let all = [device, &card].into_iter().flat_map(|device| case.op.variants(device));
    all.into_iter().find(|choice| choice.variant == name).unwrap_or_else(|| panic!("{}: no variant {name}", case.name))
}

/// What `check` says of a text in place of a variant.
fn checked(device: &Device, case: &Case, prepared: &Prepared, base: &Choice, text: String) -> Report {
    let file = Arc::new(WgslFile::new("mutant.wgsl", text));
    let choice = kernel::stand_in(case.op.as_ref(), base, &file, device.capabilities());
    let choice = choice.unwrap_or_else(|e| panic!("{}: {e}", case.name));
    prepared.check(device, &choice, &mut |_| {}).unwrap_or_else(|e| panic!("{}: {e}", case.name))
}

#[test]
fn every_mutant_is_caught() {
    let device = device();
    let cases: BTreeMap<(&str, String), Case> =
        kernel::cases().into_iter().map(|case| ((case.op.kernel().name, case.name.clone()), case)).collect();
    let mut known: BTreeMap<(&str, &str, &str), (Prepared, Choice)> = BTreeMap::new();
    let mut escaped = Vec::new();
    for &(what, kernel, name, case, edits) in MUTANTS {
        let found = cases.get(&(kernel, case.to_owned())).unwrap_or_else(|| panic!("{kernel} has no case '{case}'"));
        let is_half = found.op.bindings().iter().any(|b| b.dtype == kernel::Dtype::F16 && b.name == "x0");
        if is_half && !device.capabilities().f16 {
            continue;
        }
        let (prepared, base) = known.entry((kernel, name, case)).or_insert_with(|| {
            let base = variant(found, name, device.capabilities());
            let prepared = Conditions::new(42).prepare(found);
            let text = base.wgsl(found.op.kernel()).expect("the text expands");
            let report = checked(&device, found, &prepared, &base, text);
            assert!(report.passed(), "{kernel} {name} {case}: the unbroken text fails: {report:#?}");
            (prepared, base)
        });
        let mut text = base.wgsl(found.op.kernel()).expect("the text expands");
        for (from, to) in edits {
            assert!(text.contains(from), "{what}: {kernel} {name} has no `{from}`");
            text = text.replace(from, to);
        }
        let report = checked(&device, found, prepared, base, text);
        let interpreter = report.interpreted.as_ref().is_some_and(|found| !report.is_clean(found));
        let by: Vec<String> =
            report.runs.iter().filter(|run| !report.holds(run)).map(|run| format!("{:?}", run.inputs)).collect();
        println!("{what} ({kernel} {name}): {}{}", by.join(" "), if interpreter { " interpreter" } else { "" });
        // Where bindings begin is another place on the interpreter.
        let in_bases = edits.iter().any(|(from, _)| from.contains("_base"));
        assert!(in_bases || !report.disputed, "{what}: the driver is suspected of it: {report:#?}");
        if report.passed() {
            escaped.push(format!("{what} ({kernel} {name} {case})"));
        }
    }
    assert!(escaped.is_empty(), "not caught:\n{}", escaped.join("\n"));
}
