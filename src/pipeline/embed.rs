//! What the image encoder sees in pictures: the embeddings that identity is measured by.

use super::{Engine, Error, Event, Observer, Phase, plans::image_plan, progress::tell};
use crate::{
    checkpoint::ComponentKind,
    graph::{Bindings, Program},
    kernel::Dtype,
    metrics::{Measures, Reference},
    picture::{self, Picture},
    video::Clip,
};

impl Engine {
    /// The projected class token of each picture, `[pictures][X]`, as the encoder gives it: not normalised.
    ///
    /// Each is cropped and resized as [`Engine::prepare`] does it for a clip of its own width. The weights are loaded once, the pictures run
    /// one after the other: their number does not change the memory.
    ///
    /// # Errors
    /// [`Error::NotANumber`] for embeddings that cannot be compared, whatever the device reports, [`Error::Cancelled`].
    pub fn embed(&self, pictures: &[Picture], observer: &mut dyn Observer) -> Result<Vec<Vec<f32>>, Error> {
        tell(observer, Event::Phase { phase: Phase::Image, clip: 0, clips: 1 })?;
        let plan = image_plan(&self.networks, self.types, &self.target)?;
        let residence = self.image_residence(&plan);
        let weights = self.weights.load(ComponentKind::ImageEncoder, &[&plan], &residence)?;
        let settings = self.clip_pixels();
        let side = settings.crop_size as usize;
        let input = self.device().buffer("clip_pixels", (side * side * 3 * 4) as u64)?;
        let mut bindings = Bindings::from([("clip_pixels".to_owned(), input.clone())]);
        let program = Program::new(self.device(), &plan, &weights, &mut bindings)?;
        let output = plan.externals.iter().find(|external| external.name == "image_embeds");
        let (bytes, dtype) = output.map_or((0, Dtype::F32), |external| (external.bytes(), external.dtype));
        let mut embeddings = Vec::new();
        for (index, picture) in pictures.iter().enumerate() {
            let view = picture::clip_view(picture, picture.width(), &settings)?;
            self.device().write(&input, 0, bytemuck::cast_slice(&view.pixels));
            program.run()?;
            let embedding = dtype.to_f32(&self.device().read(&bindings["image_embeds"], 0, bytes)?);
            if embedding.iter().any(|value| !value.is_finite()) {
                return Err(Error::NotANumber(format!("the embedding of picture {}", index + 1)));
            }
            embeddings.push(embedding);
            tell(observer, Event::Frame { done: index + 1, of: pictures.len() })?;
        }
        Ok(embeddings)
    }

    /// Adds to the `measures` of a clip how alike the image encoder finds its frames and the `reference` that they were measured with.
    ///
    /// # Errors
    /// As [`Engine::embed`]; [`Error::Picture`] for frames that are too small for a picture.
    pub fn add_identity(
        &self,
        measures: &mut Measures,
        clip: &Clip,
        reference: Reference<'_>,
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        let references = match reference {
            Reference::FirstFrame => Vec::new(),
            Reference::Picture(picture) => vec![picture.to_vec()],
            Reference::Clip(frames) => frames.to_vec(),
        };
        let pictures = references.iter().chain(&clip.frames);
        let pictures = pictures.map(|frame| Picture::from_rgb8(clip.width, clip.height, frame.clone()));
        let embeddings = self.embed(&pictures.collect::<Result<Vec<_>, _>>()?, observer)?;
        match embeddings.split_at_checked(references.len()) {
            Some(([], frames)) => measures.add_identity(frames, frames.get(..1).unwrap_or_default()),
            Some((references, frames)) => measures.add_identity(frames, references),
            None => {}
        }
        Ok(())
    }
}
