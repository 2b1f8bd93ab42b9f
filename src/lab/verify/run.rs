//! Running a case through the pipeline.

use std::ops::ControlFlow;

use super::{
    case::{Case, Error, Tensor},
    stages::Verification,
};
use crate::{
    gpu::Buffer,
    graph::Keep,
    kernel::Dtype,
    picture::Picture,
    pipeline::{Course, Denoiser, Draw, Encoded, Engine, Event, Noise, Passes, Plans, Request, Shape, Text, to_torch},
};

/// Generates the clip of a case with its recorded noise, comparing every stage. `tell` is called with each stage's name.
pub fn verify(engine: &Engine, case: &Case, tell: &mut dyn FnMut(&str)) -> Result<Verification, Error> {
    let request = request(case)?;
    request.check(engine.checkpoint().configs()).map_err(Error::Pipeline)?;
    // What is compared last is asked for first.
    ["final_latents", "frames_f32", "frames_u8"].iter().try_for_each(|name| case.tensor(name).map(drop))?;
    let course = course(engine, case, &request)?;
    let plans = engine.plans(&request, Keep::Taps)?;
    plans.check_overrides()?.iter().for_each(|note| tell(&format!("note: {note}")));
    let mut v = Verification::new(engine.activation(), engine.device().capabilities().name.clone());

    tell("text and picture");
    let text = tokens(engine, case, &request, &mut v)?;
    let prepared = engine.prepare(&request)?;
    for (name, picture) in [
        ("image.clip_crop_u8", &prepared.clip_crop),
        ("image.clip_resized_u8", &prepared.clip_resized),
        ("image.vae_crop_u8", &prepared.vae_crop),
    ] {
        v.exact(case, name, picture.pixels().iter().map(|&b| f32::from(b)).collect())?;
    }
    v.compare(case, "image.clip_pixel_values", planes(&prepared.clip_pixels, 3))?;
    v.compare(case, "image.vae_pixels", planes(&prepared.vae_pixels, 3))?;
    v.exact(case, "timesteps", course.steps.iter().map(|s| s.timestep as f32).collect())?;
    v.compare(case, "alphas_cumprod", engine.schedule().alphas_cumprod.clone())?;

    tell("encoders");
    let mut noise = recorded(case, &plans.shape)?;
    let mut quiet = |_: Event<'_>| ControlFlow::Continue(());
    let encoded = engine.encoder(&plans).run(&text, &prepared, std::slice::from_mut(&mut noise), &mut quiet)?;
    encoders(engine, case, &plans, &encoded, &mut v)?;

    tell("first UNet call");
    let weights = engine.unet_weights(&plans)?;
    let denoiser = Denoiser::new(engine.device(), &plans, &weights)?;
    denoiser.condition(&encoded, 0, request.target_fps)?;
    denoiser.start(&mut noise)?;
    let run = Run { engine, case, plans: &plans, denoiser: &denoiser, course: &course };
    v.compare_if_there(case, "init_latents", run.latents("latents")?);
    run.first_call(&mut v)?;
    for i in 0..course.steps.len() {
        tell(&format!("step {i}"));
        run.chained(i, &mut noise, &mut v)?;
    }
    v.compare(case, "final_latents", run.latents("latents")?)?;
    let kept = engine.device().buffer("latents", denoiser.latents().bytes()).map_err(crate::pipeline::Error::from)?;
    engine.device().copy(denoiser.latents(), 0, &kept, 0, kept.bytes());
    for i in 0..course.steps.len() {
        tell(&format!("step {i}, from the reference's latents"));
        run.forced(i, &mut noise, &mut v)?;
    }
    drop(denoiser);
    drop(weights);

    tell("decoder");
    let frames = engine.decode(&plans, &[kept], true, &mut quiet)?.remove(0);
    let float: Vec<f32> = frames.iter().flat_map(|f| planes(f.pixels.as_deref().unwrap_or_default(), 3)).collect();
    v.compare(case, "frames_f32", float)?;
    v.frames(case, "frames_u8", frames.iter().flat_map(|f| f.rgb8.iter().map(|&b| f32::from(b))).collect())?;
    Ok(v)
}

/// The course with the case's own table of alpha_bar, which is compared as a stage: the rounding of torch's square root differs
/// between processors, 1 − alpha_bar magnifies it where alpha_bar is nearly 1, and a trained network magnifies that again.
fn course(engine: &Engine, case: &Case, request: &Request) -> Result<Course, Error> {
    let course = engine.course(request)?;
    let mut schedule = engine.schedule().clone();
    let recorded = case.tensor("alphas_cumprod")?;
    if recorded.values.len() != schedule.alphas_cumprod.len() {
        let reason =
            format!("has shape {:?}, but the scheduler has {} steps", recorded.shape, schedule.alphas_cumprod.len());
        return Err(Error::Tensor { name: "alphas_cumprod".into(), reason });
    }
    schedule.alphas_cumprod = recorded.values.clone();
    let steps = schedule.steps(&request.sampling());
    Ok(Course { steps: steps.map_err(crate::pipeline::Error::from)?, ..course })
}

fn request(case: &Case) -> Result<Request, Error> {
    let p = &case.params;
    Ok(Request {
        negative_prompt: Some(p.negative.clone().unwrap_or_default()),
        width: p.width,
        height: p.height,
        frames: p.frames,
        steps: p.steps,
        guidance: p.guidance.into(),
        eta: p.eta,
        target_fps: p.fps,
        clip_skip: case.clip_skip,
        passes: Passes::One,
        ..Request::new(Picture::open(&case.dir.join("input.png"))?.picture, p.prompt.clone())
    })
}

fn tokens(engine: &Engine, case: &Case, request: &Request, v: &mut Verification) -> Result<Text, Error> {
    let mut row = |name: &str, text: &str| {
        let ids = engine.tokenize(text)?.ids;
        v.exact(case, name, ids.iter().map(|&id| id as f32).collect())?;
        Ok::<_, Error>(ids)
    };
    let prompt = row("text.prompt_ids", &request.prompt)?;
    let negative = if request.guided() { Some(row("text.negative_ids", request.negative())?) } else { None };
    Ok(Text { prompt, negative })
}

/// The case's noise. Steps' noise is stored in the order of latents, `(1, 4, F, h, w)`, and drawn as `(F, 4, h, w)`.
fn recorded(case: &Case, s: &Shape) -> Result<Noise, Error> {
    let vae = case.tensor("noise.vae")?.values.clone();
    let init = case.tensor("noise.init")?.values.clone();
    let steps: Vec<Option<Vec<f32>>> =
        (0..case.params.steps).map(|i| case.get(&format!("noise.step.{i:03}")).map(|t| t.values.clone())).collect();
    let (frames, channels, pixels) = (s.frames, s.channels, s.pixels());
    Ok(Noise::Recorded(Box::new(move |draw| match draw {
        Draw::Vae => Some(vae.clone()),
        Draw::Initial => Some(init.clone()),
        Draw::Step(i) => {
            let stored = steps.get(i)?.as_ref()?;
            let index = |f: usize, c: usize, p: usize| (c * frames + f) * pixels + p;
            let order =
                (0..frames).flat_map(|f| (0..channels).flat_map(move |c| (0..pixels).map(move |p| index(f, c, p))));
            order.map(|at| stored.get(at).copied()).collect()
        }
    })))
}

fn encoders(engine: &Engine, case: &Case, plans: &Plans, e: &Encoded, v: &mut Verification) -> Result<(), Error> {
    let dtype = engine.activation();
    let read = |buffer: &Buffer, elements: usize, dtype: Dtype| floats(engine, buffer, elements, dtype);
    let prompt = case.tensor("text.prompt_embeds")?;
    v.compare(case, "text.prompt_embeds", read(&e.prompt, prompt.values.len(), dtype)?)?;
    if let Some(negative) = &e.negative {
        v.compare(case, "text.negative_embeds", read(negative, prompt.values.len(), dtype)?)?;
    }
    let clip = case.tensor("image.clip_embeds")?.values.len();
    v.compare(case, "image.clip_embeds", read(&e.clip, clip, dtype)?)?;
    let (pixels, channels) = (plans.shape.pixels(), plans.shape.channels);
    let moments = planes(&read(&e.moments, 2 * pixels * channels, Dtype::F32)?, 2 * channels);
    let (mean, logvar) = moments.split_at(pixels * channels);
    v.compare(case, "vae.mean", mean.to_vec())?;
    v.compare(case, "vae.logvar", logvar.iter().map(|x| x.clamp(-30.0, 20.0)).collect())?;
    v.compare(case, "vae.sample", planes(&read(&e.latents[0][0], pixels * channels, Dtype::F32)?, channels))?;
    Ok(())
}

struct Run<'a> {
    engine: &'a Engine,
    case: &'a Case,
    plans: &'a Plans,
    denoiser: &'a Denoiser<'a>,
    course: &'a Course,
}

impl Run<'_> {
    /// A tensor `[F, h·w, C]` of the loop, in torch's order.
    fn latents(&self, name: &str) -> Result<Vec<f32>, Error> {
        Ok(to_torch(&self.denoiser.read(name)?, &self.plans.shape))
    }

    /// The first UNet call, block by block.
    fn first_call(&self, v: &mut Verification) -> Result<(), Error> {
        self.denoiser.evaluate(self.course, 0)?;
        self.engine.device().wait().map_err(crate::pipeline::Error::from)?;
        let fps = ("unet0.fps_embedding".to_owned(), "fps_embedding".to_owned());
        for plan in [&self.plans.step.conditions, &self.plans.step.unet] {
            for (name, external) in plan.taps.iter().chain([&fps]) {
                let Some(external) = plan.externals.iter().find(|e| e.name == *external && e.written) else { continue };
                let (Some(reference), Some(buffer)) =
                    (self.case.get(name), self.denoiser.pass_tensor(0, &external.name))
                else {
                    continue;
                };
                let values = floats(self.engine, buffer, external.elements, external.dtype)?;
                v.compare(self.case, name, self.as_reference(name, reference, &values))?;
            }
        }
        v.missing(self.case, "unet0.");
        Ok(())
    }

    /// Our order, channels innermost, in the reference's order and number of rows.
    fn as_reference(&self, name: &str, reference: &Tensor, values: &[f32]) -> Vec<f32> {
        let s = &self.plans.shape;
        let (shape, wanted) = (&reference.shape, reference.values.len());
        let ours = match (name, shape.len()) {
            // (B, C, F, h, w)
            ("unet_in.image_latents", _) => to_torch(values, s),
            // (h·w, F, C): sequences of frames
            ("unet0.image_latents_temporal_encoder", _) => {
                let at = |p: usize, f: usize, c: usize| (f * s.pixels() + p) * s.channels + c;
                let order = (0..s.pixels())
                    .flat_map(|p| (0..s.frames).flat_map(move |f| (0..s.channels).map(move |c| at(p, f, c))));
                order.map(|i| values[i]).collect()
            }
            // (N, C, h, w)
            (_, 4) => {
                let map = shape[1..].iter().product::<usize>().max(1);
                values.chunks(map).flat_map(|chunk| planes(chunk, shape[1])).collect()
            }
            _ => values.to_vec(),
        };
        if ours.len() > wanted {
            // The reference kept the prompt's row, which is the last.
            ours[ours.len() - wanted..].to_vec()
        } else {
            // The same for all rows of the batch: we compute it once.
            ours.iter().copied().cycle().take(wanted).collect()
        }
    }

    fn predictions(&self, i: usize) -> Result<Vec<(String, Vec<f32>)>, Error> {
        let s = &self.plans.shape;
        let all = self.denoiser.read("prediction")?;
        let rows: Vec<Vec<f32>> = all.chunks(s.elements()).map(|row| to_torch(row, s)).collect();
        let names: &[&str] = if s.guided { &["uncond", "cond"] } else { &["cond"] };
        Ok(names.iter().zip(rows).map(|(n, row)| (format!("step.{i:03}.noise_pred_{n}"), row)).collect())
    }

    /// Step i from our own latents.
    fn chained(&self, i: usize, noise: &mut Noise, v: &mut Verification) -> Result<(), Error> {
        self.denoiser.evaluate(self.course, i)?;
        self.denoiser.step(self.course, i, noise)?;
        for (name, values) in self.predictions(i)? {
            v.compare_if_there(self.case, &name, values);
        }
        for (ours, name) in [("guided", "noise_pred"), ("x0", "pred_x0"), ("latents", "latents")] {
            v.compare(self.case, &format!("step.{i:03}.{name}"), self.latents(ours)?)?;
        }
        Ok(())
    }

    /// Step i from the reference's latents.
    fn forced(&self, i: usize, noise: &mut Noise, v: &mut Verification) -> Result<(), Error> {
        let before = match i {
            0 => self.case.get("init_latents").map_or_else(|| self.case.tensor("noise.init"), Ok)?,
            _ => self.case.tensor(&format!("step.{:03}.latents", i - 1))?,
        };
        if before.values.len() != self.plans.shape.elements() {
            let reason = format!("has shape {:?}, which is not that of the clip's latents", before.shape);
            return Err(Error::Tensor { name: format!("the latents before step {i}"), reason });
        }
        self.denoiser.write("latents", &from_torch(&before.values, &self.plans.shape))?;
        self.denoiser.evaluate(self.course, i)?;
        self.denoiser.step(self.course, i, noise)?;
        for (name, values) in self.predictions(i)? {
            if self.case.get(&name).is_some() {
                v.compare_forced(self.case, &name, values)?;
            }
        }
        for (ours, name) in [("guided", "noise_pred"), ("x0", "pred_x0"), ("latents", "latents")] {
            v.compare_forced(self.case, &format!("step.{i:03}.{name}"), self.latents(ours)?)?;
        }
        Ok(())
    }
}

/// Values of a buffer as f32.
fn floats(engine: &Engine, buffer: &Buffer, elements: usize, dtype: Dtype) -> Result<Vec<f32>, Error> {
    let bytes =
        engine.device().read(buffer, 0, (elements * dtype.bytes()) as u64).map_err(crate::pipeline::Error::from)?;
    Ok(dtype.to_f32(&bytes))
}

/// `[pixels, C]` as `[C, pixels]`.
fn planes(values: &[f32], channels: usize) -> Vec<f32> {
    let pixels = values.len() / channels.max(1);
    (0..channels).flat_map(|c| (0..pixels).map(move |p| values[p * channels + c])).collect()
}

/// `(1, C, F, h, w)` as `[F, h·w, C]`.
fn from_torch(values: &[f32], s: &Shape) -> Vec<f32> {
    let per_channel = s.frames * s.pixels();
    (0..per_channel).flat_map(|i| (0..s.channels).map(move |c| values[c * per_channel + i])).collect()
}
