//! From a recipe to files.

use std::path::PathBuf;

use i2vgen::{
    pipeline::{Engine, Generated, MemoryUse, Output},
    video::{self, Clip, Kind, Target},
};
use serde_json::json;

use super::{Parameters, Recipe};
use crate::cli::{Error, output::table, progress::Progress, source::PictureMark};

/// A clip that was written.
pub struct Made {
    pub seed: u64,
    pub files: Vec<PathBuf>,
    /// The device's memory at most.
    pub memory: MemoryUse,
}

impl Made {
    /// Its files in short.
    pub fn named(&self) -> String {
        match self.files.as_slice() {
            [] => "standard output".into(),
            [one] => one.display().to_string(),
            [first, .., last] => format!("{} to {}", first.display(), last.display()),
        }
    }

    /// Its files and its seed.
    pub fn row(&self) -> Vec<String> {
        vec![self.named(), format!("seed {}", self.seed)]
    }
}

/// Generates the clips of a recipe and writes each to its target, with its parameters; `mark` tells what the picture was. Clips that are
/// finished when the run ends early are written and told before its error is returned.
pub fn make(
    engine: &Engine,
    recipe: &Recipe,
    mark: &PictureMark,
    targets: &[Target],
    progress: &mut Progress,
) -> Result<Vec<Made>, Error> {
    let Generated { outputs, stopped } = engine.generate_finished(&recipe.request, progress)?;
    if stopped.is_none() {
        progress.check()?;
    }
    let made = outputs.into_iter().zip(targets);
    let made = made.map(|(output, target)| store(engine, recipe, mark, target, output, progress));
    let made = made.collect::<Result<Vec<_>, _>>()?;
    let Some(error) = stopped else { return Ok(made) };
    let all = recipe.request.seeds.len();
    progress.note(&format!("{} of {all} clips were finished before the end, and are written", made.len()));
    progress.line(&table(&made.iter().map(Made::row).collect::<Vec<_>>()))?;
    Err(error.into())
}

/// Writes a clip that was generated.
pub fn store(
    engine: &Engine,
    recipe: &Recipe,
    mark: &PictureMark,
    target: &Target,
    output: Output,
    progress: &Progress,
) -> Result<Made, Error> {
    let (seed, memory) = (output.seed, output.memory);
    let [width, height] = recipe.enlarge.size(recipe.request.width, recipe.request.height);
    let parameters = Parameters::new(engine, recipe, mark, &output);
    let files = write(target, output, recipe, &parameters)?;
    left_over(target, files.len()).iter().for_each(|note| progress.note(note));
    progress.emit(json!({
        "event": "clip", "seed": seed, "files": files, "width": width, "height": height,
        "peak_device_bytes": memory.counted, "planned_device_bytes": memory.planned,
    }));
    Ok(Made { seed, files, memory })
}

/// What to know where a png sequence is followed by frames of a longer one.
pub fn left_over(target: &Target, frames: usize) -> Option<String> {
    let files = target.left_over(frames);
    let which = match (files.first()?.display(), files.last()?.display()) {
        (first, _) if files.len() == 1 => format!("{first} is"),
        (first, last) => format!("{first} to {last} are"),
    };
    Some(format!("{which} not of this clip, but of a longer one that had the same name: delete what you do not need"))
}

fn write(target: &Target, output: Output, recipe: &Recipe, parameters: &Parameters) -> Result<Vec<PathBuf>, Error> {
    let parameters = parameters.to_json()?;
    if target.kind() == Kind::Latents {
        return Ok(video::write_latents(target, &output.latents, output.latents_shape, &parameters)?);
    }
    let (width, height) = (recipe.request.width, recipe.request.height);
    let clip = recipe.enlarge.apply(Clip { width, height, fps: recipe.fps, frames: output.frames })?;
    Ok(video::write(target, &clip, recipe.quality, &parameters)?)
}
