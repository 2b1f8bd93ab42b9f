//! Which files hold a component's weights: one file or shards, plain or of the `fp16` variant.

use std::collections::BTreeMap;

use serde_json::Value;

use super::error::{Error, Result};
use super::files::ModelFiles;
use super::json::{INDEX_LIMIT, read_object};

/// Which weight files to read where a folder has both kinds.
///
/// This is about file names: a plain file may hold half-precision numbers too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Variant {
    /// The `fp16` variant if it is there (half the bytes to read), otherwise the plain files.
    #[default]
    Auto,
    /// Only the plain files, which are f32 in the published checkpoint.
    F32,
    /// Only the `fp16` variant.
    F16,
}

/// Where a component's tensors are.
#[derive(Debug, PartialEq)]
pub enum WeightFiles {
    /// One file holds them all.
    Single(String),
    /// The index's file name, and the shard of each tensor that it lists.
    Sharded(String, BTreeMap<String, String>),
}

/// Finds the weights called `stem` in `folder`, a component of the model.
pub fn find(files: &ModelFiles, folder: &str, stem: &str, variant: Variant) -> Result<WeightFiles> {
    let plain = [format!("{stem}.safetensors"), format!("{stem}.safetensors.index.json")];
    let fp16 = [
        format!("{stem}.fp16.safetensors"),
        format!("{stem}.safetensors.index.fp16.json"),
        format!("{stem}.fp16.safetensors.index.json"),
    ];
    let wanted: Vec<&String> = match variant {
        Variant::Auto => fp16.iter().chain(&plain).collect(),
        Variant::F32 => plain.iter().collect(),
        Variant::F16 => fp16.iter().collect(),
    };
    for &name in &wanted {
        if files.contains(&format!("{folder}/{name}")) {
            return match name.ends_with(".json") {
                true => Ok(WeightFiles::Sharded(name.clone(), weight_map(files, folder, name)?)),
                false => Ok(WeightFiles::Single(name.clone())),
            };
        }
    }
    Err(nothing_found(files, folder, &wanted))
}

/// The error for a folder without any of the `wanted` files; it tells what is there instead.
fn nothing_found(files: &ModelFiles, folder: &str, wanted: &[&String]) -> Error {
    let names = files.names_in(folder);
    let (folder, dir) = (files.path(folder), files.root().to_path_buf());
    let first_with = |endings: &[&str]| names.iter().find(|name| endings.iter().any(|e| name.ends_with(e)));
    let safetensors = first_with(&[".safetensors"]);
    if let (None, Some(found)) = (safetensors, first_with(&[".bin", ".pth", ".pt", ".ckpt"])) {
        return Error::PickleOnly { folder, found: found.clone(), dir };
    }
    let wanted: Vec<&str> = wanted.iter().map(|name| name.as_str()).collect();
    let wanted = wanted.join(", ");
    match safetensors {
        Some(found) => Error::NoVariant { folder, wanted, found: found.clone() },
        None => Error::NoWeights { folder, wanted, dir },
    }
}

/// The shard of each tensor, from the index of a sharded checkpoint.
fn weight_map(files: &ModelFiles, folder: &str, name: &str) -> Result<BTreeMap<String, String>> {
    let name = format!("{folder}/{name}");
    let fail = |detail: String| Error::Index { path: files.path(&name), detail: super::json::one_line(&detail) };
    let index = read_object(files, &name, INDEX_LIMIT)?;
    let Some(Value::Object(map)) = index.get("weight_map") else {
        return Err(fail("has no object `weight_map`".into()));
    };
    if map.is_empty() {
        return Err(fail("`weight_map` is empty".into()));
    }
    map.iter()
        .map(|(tensor, shard)| match shard.as_str() {
            Some(shard) if shard.ends_with(".safetensors") && !shard.contains(['/', '\\', ':']) => {
                Ok((tensor.clone(), shard.to_string()))
            }
            _ => Err(fail(format!(
                "the shard of `{tensor}` is {shard}, expected the name of a safetensors file beside the index"
            ))),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::fixture::Folder;

    fn find_in(folder: &Folder, variant: Variant) -> Result<WeightFiles> {
        find(&folder.files(), "unet", "model", variant)
    }

    fn single(name: &str) -> WeightFiles {
        WeightFiles::Single(name.into())
    }

    #[test]
    fn variants_are_found_by_themselves() {
        let folder = Folder::new();
        folder.write("unet/model.safetensors", "");
        assert_eq!(find_in(&folder, Variant::Auto).unwrap(), single("model.safetensors"));
        let error = find_in(&folder, Variant::F16).unwrap_err().to_string();
        assert!(error.contains("has model.safetensors, but none of model.fp16.safetensors"), "{error}");
        folder.write("unet/model.fp16.safetensors", "");
        assert_eq!(find_in(&folder, Variant::Auto).unwrap(), single("model.fp16.safetensors"));
        assert_eq!(find_in(&folder, Variant::F32).unwrap(), single("model.safetensors"));
    }

    #[test]
    fn every_name_of_an_index_is_known() {
        for name in
            ["model.safetensors.index.json", "model.safetensors.index.fp16.json", "model.fp16.safetensors.index.json"]
        {
            let folder = Folder::new();
            folder.write(
                &format!("unet/{name}"),
                r#"{"metadata": {}, "weight_map": {"a": "model-00001-of-00001.safetensors"}}"#,
            );
            assert!(matches!(find_in(&folder, Variant::Auto).unwrap(), WeightFiles::Sharded(n, _) if n == name));
        }
    }

    #[test]
    fn an_index_cannot_point_elsewhere() {
        for shard in ["\"../x.safetensors\"", "\"/x.safetensors\"", "\"C:x.safetensors\"", "\"x.bin\"", "7"] {
            let folder = Folder::new();
            folder.write("unet/model.safetensors.index.json", format!(r#"{{"weight_map": {{"a": {shard}}}}}"#));
            let error = find_in(&folder, Variant::Auto).unwrap_err().to_string();
            assert!(error.contains("index.json") && error.contains("`a`"), "{error}");
        }
    }

    #[test]
    fn pickle_files_are_refused_with_advice() {
        let folder = Folder::new();
        folder.write("unet/pytorch_model.bin", "");
        let error = find_in(&folder, Variant::Auto).unwrap_err().to_string();
        assert!(error.contains("pytorch_model.bin") && error.contains("save_pretrained"), "{error}");
    }
}
