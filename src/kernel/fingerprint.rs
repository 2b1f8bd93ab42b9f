//! A name for what an op's kernel is made of on a device: it changes when a file of the kernel or the settings to choose among do.

use std::collections::BTreeMap;

use super::{Define, Op, list::SHARED};
use crate::{fingerprint::fnv1a, gpu::Capabilities};

/// A fingerprint of the WGSL that the settings of an op are specialised from, with all that it includes, and of the settings, the
/// kernel's own choice first: whatever was measured of them holds only as long as this stays the same.
pub fn fingerprint(op: &dyn Op, device: &Capabilities) -> u64 {
    let mut settings = vec![op.choose(device)];
    settings.extend(op.tunings(device));
    let bodies = settings.iter().flat_map(|choice| choice.defines.values()).filter_map(|define| match define {
        Define::Name(name) => Some(*name),
        _ => None,
    });
    let mut parts: Vec<String> = files(op.kernel().wgsl, bodies).into_iter().map(str::to_owned).collect();
    parts.extend(settings.iter().map(|choice| format!("{} {:?}", choice.variant, choice.defines)));
    fnv1a(parts.iter().flat_map(|part| part.bytes().chain([0])))
}

/// A file, and all shared ones that it, a define or another one of them names.
fn files<'a>(wgsl: &'a str, named: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found: BTreeMap<&str, &str> = BTreeMap::new();
    let mut unread: Vec<&str> = std::iter::once(wgsl).chain(named).collect();
    while let Some(text) = unread.pop() {
        for (name, file) in SHARED.iter().filter(|(name, _)| text.contains(name)) {
            if found.insert(name, file).is_none() {
                unread.push(file);
            }
        }
    }
    std::iter::once(wgsl).chain(found.into_values()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gpu::PORTABLE,
        kernel::{Dtype, Gemm, Linear},
    };

    #[test]
    fn it_is_of_the_kernel_its_includes_and_its_settings() {
        let op = |rows| Linear(Gemm::plain(rows, 32, 32, Dtype::F32));
        let of = |rows, device: &Capabilities| fingerprint(&op(rows), device);
        assert_eq!(of(64, &PORTABLE), of(128, &PORTABLE));
        // Few rows are for other settings, and so is more workgroup memory.
        assert_ne!(of(64, &PORTABLE), of(2, &PORTABLE));
        assert_ne!(of(64, &PORTABLE), of(64, &Capabilities { max_workgroup_memory: 8 << 10, ..PORTABLE.clone() }));
    }

    #[test]
    fn what_is_included_in_what_is_included_counts() {
        let shared = |name: &str| SHARED.iter().find(|(known, _)| *known == name).unwrap().1;
        let text = "# include \"shared/item.wgsl\"\n# include BODY\n";
        // item.wgsl includes store.wgsl, gemm_register.wgsl gemm_finish.wgsl.
        let plain = files(text, std::iter::empty());
        assert_eq!(plain, [text, shared("shared/item.wgsl"), shared("shared/store.wgsl")]);
        let whole = files(text, ["shared/gemm_register.wgsl", "f16"].into_iter());
        for name in ["shared/gemm_register.wgsl", "shared/gemm_finish.wgsl"] {
            assert!(whole.contains(&shared(name)), "{name}");
        }
        assert!(!whole.contains(&shared("shared/gemm_wide.wgsl")));
    }
}
