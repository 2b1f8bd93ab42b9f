//! The weights of one network: its files and its tensors by name.

use std::collections::BTreeMap;

use super::error::{Error, Result};
use super::files::ModelFiles;
use super::json::one_line;
use super::kind::ComponentKind;
use super::rename::{current_vae_name, linear_shape};
use super::safetensors_file::{Entry, SafetensorsFile};
use super::tensor::{Dtype, Tensor};
use super::weight_files::{Variant, WeightFiles, find};

/// The weights of one network.
///
/// Nothing is read until a tensor's bytes are. Names are those of diffusers 0.35.2: the early names of VAE attentions are
/// changed when the component is opened.
#[derive(Debug)]
pub struct Component {
    kind: ComponentKind,
    files: Vec<SafetensorsFile>,
    /// File and place of each tensor.
    tensors: BTreeMap<String, (usize, Entry)>,
}

impl Component {
    /// Finds, maps and checks the weight files of `kind`.
    pub fn open(files: &ModelFiles, kind: ComponentKind, variant: Variant) -> Result<Self> {
        let mut component = Self { kind, files: Vec::new(), tensors: BTreeMap::new() };
        match find(files, kind.folder(), kind.stem(), variant)? {
            WeightFiles::Single(name) => {
                for entry in component.map(files, &name)? {
                    component.tensors.insert(entry.name.clone(), (0, entry));
                }
            }
            WeightFiles::Sharded(index, shard_of) => component.open_shards(files, &index, &shard_of)?,
        }
        if kind == ComponentKind::Vae {
            component.use_current_vae_names();
        }
        Ok(component)
    }

    /// Which network this is.
    pub fn kind(&self) -> ComponentKind {
        self.kind
    }

    /// Names of all tensors on disk, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The tensor called `name`; `None` if there is none or its elements are none of [`Dtype`], which
    /// [`check`](Self::check) tells apart.
    pub fn tensor(&self, name: &str) -> Option<Tensor<'_>> {
        let (file, entry) = self.tensors.get(name)?;
        Some(Tensor {
            dtype: Dtype::of(entry.dtype)?,
            shape: entry.shape.clone(),
            bytes: self.files.get(*file)?.bytes(entry.bytes.clone()),
        })
    }

    pub(super) fn entry(&self, name: &str) -> Option<&Entry> {
        self.tensors.get(name).map(|(_, entry)| entry)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.tensors.iter().map(|(name, (_, entry))| (name.as_str(), entry))
    }

    pub(super) fn files(&self) -> &[SafetensorsFile] {
        &self.files
    }

    /// Name in the model of a file in the component's folder.
    fn name(&self, file: &str) -> String {
        format!("{}/{file}", self.kind.folder())
    }

    /// Maps one more file and returns what it holds.
    fn map(&mut self, files: &ModelFiles, file: &str) -> Result<Vec<Entry>> {
        let (file, entries) = SafetensorsFile::open(files, &self.name(file))?;
        self.files.push(file);
        Ok(entries)
    }

    /// Maps every shard once. Each tensor that the index lists must be in the shard that it names; tensors that it does
    /// not list are taken too, as the reference does.
    fn open_shards(&mut self, files: &ModelFiles, index: &str, shard_of: &BTreeMap<String, String>) -> Result<()> {
        let mut listed_in: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (tensor, shard) in shard_of {
            listed_in.entry(shard).or_default().push(tensor);
        }
        for (number, (shard, listed)) in listed_in.into_iter().enumerate() {
            let name = self.name(shard);
            if !files.contains(&name) {
                return Err(Error::MissingFile { path: files.path(&name), dir: files.root().to_path_buf() });
            }
            let mut found: BTreeMap<String, Entry> =
                self.map(files, shard)?.into_iter().map(|entry| (entry.name.clone(), entry)).collect();
            if let Some(tensor) = listed.into_iter().find(|name| !found.contains_key(*name)) {
                return Err(Error::Index {
                    path: files.path(&self.name(index)),
                    detail: one_line(&format!("`{tensor}` should be in {shard}, which does not hold it")),
                });
            }
            found.retain(|name, _| shard_of.get(name).is_none_or(|listed| listed == shard));
            self.tensors.extend(found.into_iter().map(|(name, entry)| (name, (number, entry))));
        }
        Ok(())
    }

    /// Gives early attention tensors today's names and shapes, unless today's name is taken.
    fn use_current_vae_names(&mut self) {
        let early: Vec<(String, String)> = self
            .names()
            .filter_map(|name| Some((name.to_string(), current_vae_name(name)?)))
            .filter(|(_, current)| !self.tensors.contains_key(current))
            .collect();
        for (early, current) in early {
            if let Some(place) = self.tensors.remove(&early) {
                self.tensors.insert(current, place);
            }
        }
        for (name, (_, entry)) in &mut self.tensors {
            if let Some(shape) = linear_shape(name, &entry.shape) {
                entry.shape = shape;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::fixture::{Folder, weights};
    use safetensors::Dtype as D;

    fn open(folder: &Folder, kind: ComponentKind) -> Result<Component> {
        Component::open(&folder.files(), kind, Variant::Auto)
    }

    fn sharded(map: &str) -> Folder {
        let folder = Folder::new();
        folder
            .write("unet/diffusion_pytorch_model-1.safetensors", weights(&[("a", D::F16, &[2]), ("x", D::F16, &[1])]));
        folder.write("unet/diffusion_pytorch_model-2.safetensors", weights(&[("b", D::F32, &[3])]));
        folder.write(
            "unet/diffusion_pytorch_model.safetensors.index.json",
            format!(r#"{{"metadata": {{"total_size": 16}}, "weight_map": {map}}}"#),
        );
        folder
    }

    #[test]
    fn tensors_come_out_of_the_file_they_lie_in() {
        let folder =
            sharded(r#"{"a": "diffusion_pytorch_model-1.safetensors", "b": "diffusion_pytorch_model-2.safetensors"}"#);
        let component = open(&folder, ComponentKind::UNet).unwrap();
        assert_eq!(component.names().collect::<Vec<_>>(), ["a", "b", "x"]);
        let (a, b) = (component.tensor("a").unwrap(), component.tensor("b").unwrap());
        assert_eq!((a.dtype, a.shape.as_slice(), a.bytes.len()), (Dtype::F16, &[2][..], 4));
        assert_eq!((b.dtype, b.bytes), (Dtype::F32, [0f32, 1.0, 2.0].map(f32::to_le_bytes).as_flattened()));
        assert!(component.tensor("c").is_none());
    }

    #[test]
    fn an_index_and_its_shards_must_agree() {
        let missing = sharded(r#"{"a": "diffusion_pytorch_model-3.safetensors"}"#);
        let error = open(&missing, ComponentKind::UNet).unwrap_err().to_string();
        assert!(error.contains("diffusion_pytorch_model-3.safetensors is missing"), "{error}");

        let elsewhere = sharded(r#"{"b": "diffusion_pytorch_model-1.safetensors"}"#);
        let error = open(&elsewhere, ComponentKind::UNet).unwrap_err().to_string();
        assert!(error.contains("index.json: `b` should be in diffusion_pytorch_model-1"), "{error}");
    }

    #[test]
    fn early_vae_attentions_get_todays_names_and_shapes() {
        let folder = Folder::new();
        folder.write(
            "vae/diffusion_pytorch_model.safetensors",
            weights(&[
                ("encoder.mid_block.attentions.0.query.weight", D::F32, &[2, 2, 1, 1]),
                ("encoder.mid_block.attentions.0.proj_attn.bias", D::F32, &[2]),
                ("quant_conv.weight", D::F32, &[2, 2, 1, 1]),
            ]),
        );
        let component = open(&folder, ComponentKind::Vae).unwrap();
        let query = component.tensor("encoder.mid_block.attentions.0.to_q.weight").unwrap();
        let values = [0f32, 1.0, 2.0, 3.0].map(f32::to_le_bytes);
        assert_eq!((query.shape.as_slice(), query.bytes), (&[2, 2][..], values.as_flattened()));
        assert!(component.tensor("encoder.mid_block.attentions.0.to_out.0.bias").is_some());
        assert_eq!(component.tensor("quant_conv.weight").unwrap().shape, [2, 2, 1, 1]);
        assert_eq!(component.names().count(), 3);
    }

    #[test]
    fn a_damaged_file_is_named() {
        let folder = Folder::new();
        let file = weights(&[("a", D::F32, &[8])]);
        for length in [0, 20, file.len() - 1] {
            folder.write("text_encoder/model.safetensors", &file[..length]);
            let error = open(&folder, ComponentKind::TextEncoder).unwrap_err().to_string();
            assert!(error.contains("model.safetensors is not a whole safetensors file"), "{error}");
        }
    }
}
