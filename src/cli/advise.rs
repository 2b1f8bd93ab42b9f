//! `i2vgen advise`: what would make a clip better, before it is made.

use std::path::Path;

use clap::Args;
use i2vgen::{
    gpu,
    graph::{Rate, Target},
    pipeline::{
        Advice, Fit, Request, Topic,
        advice::{crop, picture, prompt, too_long},
    },
    prepare::Mode,
    prompt::Tokenizer,
    video::Kind,
};
use serde_json::json;

use super::{
    Error,
    assume::AssumeOptions,
    generate::{Generate, Parameters, Recipe, Settings, earlier, unused},
    model::Model,
    output,
    source::Source,
    units,
};

/// Say what would make a clip better: prompt, picture, size, steps, guidance, memory
///
/// Takes a command line of `generate`, and makes nothing: no weights are loaded, and no device is needed. Picture and prompt may be left
/// out. Each line names what to change.
#[derive(Args)]
#[command(allow_negative_numbers = true)]
pub struct Advise {
    #[command(flatten)]
    generate: Generate,
    /// A model by name, without its files: i2vgen-xl is the published one
    #[arg(long, value_name = "i2vgen-xl", value_parser = ["i2vgen-xl"], conflicts_with = "model")]
    config: Option<String>,
    #[command(flatten)]
    assume: AssumeOptions,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What is asked for, as far as somebody says.
struct Asked {
    recipe: Recipe,
    source: Option<Source>,
    /// Was a prompt given? An empty one was.
    prompt: bool,
    /// The format of the file.
    kind: Kind,
}

impl Advise {
    pub fn run(self) -> Result<(), Error> {
        let model = match self.config {
            Some(_) => Model::published()?,
            None => Model::read(self.generate.machine.model.files())?,
        };
        let asked = self.asked(&model)?;
        let fit = self.fit(&asked.recipe, &model)?;
        let mut lines = asked.about_prompt(&model)?;
        lines.extend(asked.about_picture(&model)?);
        lines.extend(about_numbers(&asked.recipe, &model));
        lines.extend(asked.recipe.surroundings(asked.kind));
        lines.extend(unused(&self.generate.settings, &asked.recipe));
        lines.push(match &fit {
            Ok(fit) => fit.advice(),
            Err(why) => Advice::known(Topic::Memory, format!("not checked: {why}; --assume-device describes a device")),
        });
        // In the order of the topics; within one, as they came.
        lines.sort_by_key(|line| line.topic);
        let changes = lines.iter().filter(|line| line.change.is_some()).count();
        let Request { width, height, frames, steps, sampler, eta, .. } = asked.recipe.request;
        let scale = asked.recipe.request.guidance.scale;
        if self.json {
            return output::print_json(&json!({
                "model": model.name, "width": width, "height": height, "frames": frames, "steps": steps, "sampler": sampler,
                "cfg_scale": scale, "eta": eta, "ok": changes == 0, "advice": lines, "memory": fit.ok(),
            }));
        }
        let (sizes, steps) = (asked.recipe.sizes(), units::counted(steps, "step"));
        let mut text = format!("{}: {sizes}, {steps}, guidance {scale}, eta {eta}\n", model.name);
        let mark = |line: &Advice| if line.change.is_some() { "*" } else { "-" };
        lines.iter().for_each(|line| text += &format!("{} {line}\n", mark(line)));
        text += &match changes {
            0 => "nothing to change".to_owned(),
            _ => format!("{} to change (*)", units::counted(changes, "thing")),
        };
        output::print(&text)
    }

    fn asked(&self, model: &Model) -> Result<Asked, Error> {
        let Generate { settings, machine, count, .. } = &self.generate;
        let from = self.generate.earlier_clip();
        let parameters = from.as_deref().map(Parameters::read).transpose()?;
        let named = self.generate.picture_path();
        let clip = from.as_deref().zip(parameters.as_ref().map(|parameters| &parameters.picture));
        let source = match named.is_some() || clip.is_some() {
            true => Some(Source::open(named, clip)?),
            false => None,
        };
        let path = source.as_ref().map_or(Path::new("clip"), |source| &source.path);
        let kind = self.generate.target(path)?.kind();
        let earlier = earlier(parameters.as_ref(), kind);
        let presets = machine.presets(model.defaults.as_ref())?;
        let settings = presets.complete(settings.clone().or(earlier))?;
        let prompt = settings.prompt.is_some();
        let settings = Settings { prompt: Some(settings.prompt.unwrap_or_default()), ..settings };
        let opened = source.as_ref().map(|source| source.opened.picture.clone());
        let recipe = Recipe::new(settings, opened.unwrap_or_else(|| Request::plain().picture), *count)?;
        recipe.check(model, kind)?;
        Ok(Asked { recipe, source, prompt, kind })
    }

    /// How the request fits the device that was described, or the one that would run it; or why that is not known.
    fn fit(&self, recipe: &Recipe, model: &Model) -> Result<Result<Fit, gpu::Error>, Error> {
        let options = &self.generate.machine.device;
        let (device, rate) = match self.assume.is_given() {
            true => {
                let (device, rate) = self.assume.device()?;
                (options.limit(device), rate)
            }
            // Its speed decides how operations are split, not how much memory they need.
            false => match options.capabilities() {
                Ok(device) => (device, Rate::default()),
                Err(none @ gpu::Error::NoAdapter) => return Ok(Err(none)),
                Err(other) => return Err(other.into()),
            },
        };
        let choices = self.generate.machine.choosing.asked()?.into();
        let target = Target { choices, ..Target::new(device, rate) };
        let memory = self.generate.memory.policy();
        let fit =
            model.planning(&recipe.request, recipe.dtype, target, memory, |planner| planner.fit(&recipe.request))?;
        Ok(Ok(fit?))
    }
}

impl Asked {
    fn about_prompt(&self, model: &Model) -> Result<Vec<Advice>, Error> {
        let known = |text: &str| Advice::known(Topic::Prompt, text);
        if !self.prompt {
            return Ok(vec![known("not checked: none was given (-p)")]);
        }
        let mut lines: Vec<Advice> = self.recipe.notes.iter().map(|note| known(note)).collect();
        lines.extend(prompt(self.recipe.analysis()));
        let Some(files) = &model.files else {
            lines.push(known("its tokens are not counted: that needs the model's files"));
            return Ok(lines);
        };
        let (tokenizer, request) = (Tokenizer::open(files)?, &self.recipe.request);
        let tokens = tokenizer.encode(&request.prompt)?;
        match too_long("prompt", &tokens) {
            Some(line) => lines.push(line),
            None => lines.push(known(&format!("{} of {} tokens", tokens.tokens, tokens.ids.len()))),
        }
        if request.guided() {
            lines.extend(too_long("negative prompt", &tokenizer.encode(request.negative())?));
        }
        Ok(lines)
    }

    /// Also where nothing is to be prepared: what is weak, and what preparation would do.
    fn about_picture(&self, model: &Model) -> Result<Vec<Advice>, Error> {
        let known = |text: &str| Advice::known(Topic::Picture, text);
        let Some(source) = &self.source else {
            return Ok(vec![known("not checked: none was named")]);
        };
        let (request, options) = (&self.recipe.request, &self.recipe.preparation);
        let mut lines: Vec<Advice> = source.notes.iter().map(|note| known(note)).collect();
        lines.extend(source.transparency(self.recipe.preparation.background));
        lines.extend(source.hides_background(self.recipe.preparation.background));
        let mode = options.prepare.unwrap_or_default();
        let own = model.defaults.as_ref().and_then(|defaults| defaults.prepare.as_deref());
        let done = match mode == Mode::Off && own == Some("off") {
            // Then what is weak for the published checkpoint is not for this one.
            true => {
                lines.push(known("this checkpoint was made for pictures that are not prepared"));
                options.apply(&source.opened, request.width, request.height, Mode::Off)?
            }
            false => options.examine(&source.opened, request.width, request.height)?,
        };
        lines.extend(picture(&done.report, mode));
        // Where preparation is off, its report says what it would do.
        if mode == Mode::Off || !done.report.is_cropped() {
            let size = (source.opened.picture.width(), source.opened.picture.height());
            lines.extend(crop(size, request, model.defaults.as_ref()));
        }
        Ok(lines)
    }
}

/// The request's numbers against what suits the checkpoint, and its scheduler settings against the checkpoint's own.
fn about_numbers(recipe: &Recipe, model: &Model) -> Vec<Advice> {
    let mut lines = recipe.numbers(model);
    if !model.is_published() && model.defaults.is_none() {
        let unknown = "what suits this checkpoint is not known: it is not the published one, and has no i2vgen.json";
        lines.push(Advice::known(Topic::Size, unknown));
    }
    lines.extend(recipe.warnings(model));
    lines
}
