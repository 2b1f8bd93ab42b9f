//! The plans of a generation: made without a device, for the engine and for `i2vgen plan`.

use super::{Error, Networks, Passes, Request, Residences, RngKind, Strips, VaeTile, strips::COUNTS, weight_dtype};
use crate::{
    checkpoint::{Checkpoint, ComponentKind, Configs},
    graph::{Graph, Keep, Plan, Residence, Target, Types},
    kernel::{Activation, AnchorMode, Ddim, Dtype, TunedInUse},
    model::{Condition, Depth},
    sampler::{Anchoring, Sampler},
};

/// The sizes of a generation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Width and height of the clip in pixels.
    pub size: [usize; 2],
    /// Number of frames.
    pub frames: usize,
    /// Height and width of the latents.
    pub latent: [usize; 2],
    /// Channels of the latents.
    pub channels: usize,
    /// Tokens of a prompt.
    pub text_tokens: usize,
    /// Clips that are made from one load.
    pub clips: usize,
    /// Layers of the text encoder that are left out at its end.
    pub clip_skip: usize,
    /// Is guidance on?
    pub guided: bool,
    /// Are both rows of guidance one batch?
    pub one_batch: bool,
    /// Are there steps without guidance among guided ones?
    pub mixed: bool,
    /// How a step is taken.
    pub sampler: Sampler,
    /// Is fresh noise added in each step?
    pub noise: bool,
    /// Are random numbers drawn on the device, from keys, or written there by the host?
    pub drawn: bool,
    /// Do steps reuse deep features of others?
    pub reuses: bool,
    /// What of the frames is pulled back to the picture, if anything.
    pub anchor: Option<AnchorMode>,
    /// How often the image-latent branch is added.
    pub image_branch_scale: f32,
    /// Rows of latents that are decoded at a time, with what overlaps besides; `None` is a whole frame.
    pub strip: Option<usize>,
    /// May frames be decoded in strips that nobody asked for?
    pub free_strip: bool,
}

impl Shape {
    /// The sizes of a request; `passes` Auto counts as one batch.
    pub fn new(configs: &Configs, request: &Request) -> Self {
        let factor = configs.vae.spatial_factor();
        let size = [request.width as usize, request.height as usize];
        let counts = request.step_counts();
        let [guided, unguided] = counts.by_guidance();
        Self {
            size,
            frames: request.frames,
            latent: [size[1] / factor, size[0] / factor],
            channels: configs.vae.latent_channels,
            text_tokens: configs.tokenizer_length,
            clips: request.seeds.len(),
            clip_skip: request.clip_skip,
            guided: guided > 0,
            mixed: guided > 0 && unguided > 0,
            one_batch: request.passes != Passes::Two,
            sampler: request.sampler,
            noise: request.eta > 0.0,
            reuses: counts.guided[1] + counts.unguided[1] > 0,
            drawn: request.rng == RngKind::Philox,
            anchor: request.anchoring.filter(Anchoring::acts).map(|anchoring| anchoring.mode),
            image_branch_scale: request.compat.image_branch_scale(),
            free_strip: request.vae_tile == VaeTile::Auto,
            strip: request.vae_tile.rows().map(|pixels| pixels as usize / factor.max(1)),
        }
    }

    /// Pixels of a latent.
    pub fn pixels(&self) -> usize {
        self.latent[0] * self.latent[1]
    }

    /// Values of a clip's latents.
    pub fn elements(&self) -> usize {
        self.frames * self.pixels() * self.channels
    }

    /// Evaluations of the UNet in a step.
    pub fn passes(&self) -> usize {
        if self.guided && !self.one_batch { 2 } else { 1 }
    }

    /// Clips side by side in one evaluation of the UNet.
    pub fn batch(&self) -> usize {
        if self.guided && self.one_batch { 2 } else { 1 }
    }

    fn condition(&self) -> Condition {
        Condition {
            batch: self.batch(),
            frames: self.frames,
            height: self.latent[0],
            width: self.latent[1],
            text_tokens: self.text_tokens,
            image_branch_scale: self.image_branch_scale,
        }
    }
}

/// Storage types per component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanTypes {
    /// Activations.
    pub activation: Dtype,
    /// Weights of text encoder, image encoder, VAE, UNet.
    pub weights: [Dtype; 4],
}

impl PlanTypes {
    /// Those of a checkpoint; where its files are not there, of f16 files, as the published ones are.
    pub fn new(checkpoint: Option<&Checkpoint>, activation: Dtype) -> Self {
        let of = |kind| checkpoint.map_or(Dtype::F16, |c| weight_dtype(c.component(kind), activation));
        Self { activation, weights: ComponentKind::ALL.map(of) }
    }

    fn of(&self, component: usize) -> Types {
        Types { activation: self.activation, weight: self.weights[component] }
    }
}

/// All plans of a generation.
#[derive(Clone, Debug)]
pub struct Plans {
    /// Text encoder, one prompt.
    pub text: Plan,
    /// Image encoder.
    pub image: Plan,
    /// VAE encoder and posterior.
    pub encode: Plan,
    /// Noise to initial latents.
    pub initial: Plan,
    /// A denoising step.
    pub step: StepPlans,
    /// A step without guidance, where other steps have it.
    pub unguided_step: Option<StepPlans>,
    /// VAE decoder, one frame; in strips, its beginning.
    pub decode: Plan,
    /// The rest of it, if frames are decoded in strips.
    pub strips: Option<Strips>,
    /// The sizes.
    pub shape: Shape,
    /// Which weights stay on the device: all, if nothing else was decided.
    pub residences: Residences,
}

/// The plans of a denoising step.
#[derive(Clone, Debug)]
pub struct StepPlans {
    /// Everything of the UNet that does not depend on the timestep.
    pub conditions: Plan,
    /// One evaluation of the UNet.
    pub unet: Plan,
    /// One of its outermost layers alone, on what a whole evaluation left, where steps reuse that.
    pub outer: Option<Plan>,
    /// Guidance, the sampler's step and anchoring.
    pub ddim: Plan,
    /// The sizes, with guidance as it is in this step.
    pub shape: Shape,
}

impl StepPlans {
    /// Those of the network.
    pub fn networks(&self) -> Vec<&Plan> {
        [&self.conditions, &self.unet].into_iter().chain(&self.outer).collect()
    }
}

impl Plans {
    /// Makes all plans. `keep` applies to the UNet's.
    pub fn new(
        networks: &Networks,
        shape: Shape,
        types: PlanTypes,
        target: &Target,
        keep: Keep,
    ) -> Result<Self, Error> {
        type Record<'a> = &'a dyn Fn(&mut Graph) -> Result<(), crate::graph::Error>;
        let plan = |name: &'static str, types: Types, keep: Keep, record: Record<'_>| {
            let mut graph = Graph::new(types).with_max_binding(target.device.max_binding);
            record(&mut graph)?;
            Ok::<_, crate::graph::Error>(Plan::new(&graph, target, keep)?.named(name))
        };
        let f32 = Types { activation: Dtype::F32, weight: Dtype::F32 };
        let nothing = Keep::Nothing;
        let step = |shape: Shape| {
            let condition = shape.condition();
            // Both are an evaluation of the UNet to whoever watches.
            let unet = |depth| plan("unet", types.of(3), keep, &|g| networks.unet.record(g, &condition, depth));
            Ok::<_, Error>(StepPlans {
                conditions: plan("conditions", types.of(3), keep, &|g| networks.unet.record_conditions(g, &condition))?,
                unet: unet(if shape.reuses { Depth::Leaving } else { Depth::Whole })?,
                outer: if shape.reuses { Some(unet(Depth::Outer)?) } else { None },
                ddim: plan("ddim", f32, nothing, &|g| record_ddim(g, &shape))?,
                shape,
            })
        };
        let [width, height] = shape.size;
        let (decode, strips, strip) = plan_decode(networks, &shape, types, target)?;
        let shape = Shape { strip, ..shape };
        Ok(Self {
            text: plan("text", types.of(0), nothing, &|g| networks.text.record(g, shape.text_tokens, shape.clip_skip))?,
            image: image_plan(networks, types, target)?,
            encode: plan("vae-encode", types.of(2), nothing, &|g| {
                networks.vae_encoder.record(g, height, width, shape.drawn)
            })?,
            initial: plan("initial", f32, nothing, &|g| record_initial(g, &shape))?,
            step: step(shape)?,
            unguided_step: if shape.mixed { Some(step(Shape { guided: false, ..shape })?) } else { None },
            decode,
            strips,
            shape,
            residences: Residences::default(),
        })
    }
}

impl Plans {
    /// Every plan, in the order in which they first run.
    pub fn all(&self) -> Vec<&Plan> {
        let mut all = vec![&self.text, &self.image, &self.encode];
        for step in self.steps() {
            all.extend(step.networks());
            all.push(&step.ddim);
        }
        all.push(&self.initial);
        all.extend(self.decoding());
        all
    }

    /// Those of the kinds of steps: usual ones, and those without guidance, where they have plans of their own.
    pub fn steps(&self) -> impl Iterator<Item = &StepPlans> {
        std::iter::once(&self.step).chain(&self.unguided_step)
    }

    /// Those of the network in every kind of step.
    pub fn networks(&self) -> Vec<&Plan> {
        self.steps().flat_map(StepPlans::networks).collect()
    }

    /// Those of the network's evaluations, which steps run.
    pub fn evaluations(&self) -> Vec<&Plan> {
        self.steps().flat_map(|step| std::iter::once(&step.unet).chain(&step.outer)).collect()
    }

    /// Those of what the network computes once for a clip.
    pub fn conditions(&self) -> Vec<&Plan> {
        self.steps().map(|step| &step.conditions).collect()
    }

    /// Those of the VAE decoder, whole or in strips.
    pub fn decoding(&self) -> Vec<&Plan> {
        self.strips.as_ref().map_or_else(|| vec![&self.decode], |strips| strips.behind(&self.decode))
    }

    /// Those that read weights of a component.
    pub(super) fn of_component(&self, kind: ComponentKind) -> Vec<&Plan> {
        match kind {
            ComponentKind::TextEncoder => vec![&self.text],
            ComponentKind::ImageEncoder => vec![&self.image],
            ComponentKind::Vae => std::iter::once(&self.encode).chain(self.decoding()).collect(),
            ComponentKind::UNet => self.networks(),
        }
    }

    /// Bytes of all weights on the device.
    pub(super) fn weight_bytes(&self) -> u64 {
        ComponentKind::ALL.iter().map(|&kind| Residence::All.weight_bytes(&self.of_component(kind))).sum()
    }

    /// The tuned settings that these plans came to use.
    pub fn tuned(&self) -> TunedInUse {
        let planned = self.all().into_iter().flat_map(|plan| &plan.ops);
        TunedInUse::among(planned.map(|planned| (planned.op.as_ref(), &planned.choice)))
    }

    /// Whether these plans have something of all that the user wants to run in place of the kernels' own choices; returns what to know.
    ///
    /// # Errors
    /// [`Error::Override`]: nothing runs with it, or its file runs where it was not made for.
    pub fn check_overrides(&self) -> Result<Vec<String>, Error> {
        check_overrides(&self.all())
    }

    /// The same with frames that are decoded in strips, of which each has so many rows of latents of its own; `None` if one would be as high as
    /// a frame.
    pub(super) fn in_strips(
        &self,
        networks: &Networks,
        types: PlanTypes,
        target: &Target,
        own: usize,
    ) -> Result<Option<Self>, Error> {
        let shape = Shape { strip: Some(own), ..self.shape };
        match plan_decode(networks, &shape, types, target)? {
            (decode, Some(strips), strip) => {
                Ok(Some(Self { decode, strips: Some(strips), shape: Shape { strip, ..shape }, ..self.clone() }))
            }
            _ => Ok(None),
        }
    }
}

/// The same for these plans alone, which may belong to several requests.
///
/// # Errors
/// [`Error::Override`].
pub fn check_overrides(plans: &[&Plan]) -> Result<Vec<String>, Error> {
    let Some(first) = plans.first() else { return Ok(Vec::new()) };
    let planned = plans.iter().flat_map(|plan| &plan.ops);
    Ok(first.target.choices.check(planned.map(|planned| (planned.op.as_ref(), &planned.choice)))?)
}

/// The plan of the VAE decoder for a frame, or that of its beginning and those of its strips with the rows of each. Strips that nobody asked
/// for are made where a whole frame exceeds the device's limits.
pub(super) fn plan_decode(
    networks: &Networks,
    shape: &Shape,
    types: PlanTypes,
    target: &Target,
) -> Result<(Plan, Option<Strips>, Option<usize>), Error> {
    let in_strips = |own: usize| {
        let found = Strips::new(networks, shape, types.of(2), target, own)?;
        Ok::<_, Error>(found.map(|(plan, strips)| (plan, Some(strips), Some(own))))
    };
    if let Some(own) = shape.strip
        && let Some(found) = in_strips(own)?
    {
        return Ok(found);
    }
    let mut graph = Graph::new(types.of(2)).with_max_binding(target.device.max_binding);
    let recorded = networks.vae_decoder.record(&mut graph, shape.latent[0], shape.latent[1]);
    match recorded.and_then(|()| Plan::new(&graph, target, Keep::Nothing)) {
        Ok(plan) => Ok((plan.named("vae-decode"), None, None)),
        Err(too_large) => {
            let smaller = || COUNTS.iter().find_map(|count| in_strips(shape.latent[0].div_ceil(*count)).ok().flatten());
            shape.free_strip.then(smaller).flatten().ok_or(too_large.into())
        }
    }
}

/// The plan of the image encoder alone.
pub(super) fn image_plan(networks: &Networks, types: PlanTypes, target: &Target) -> Result<Plan, Error> {
    let mut graph = Graph::new(types.of(1)).with_max_binding(target.device.max_binding);
    networks.image.record(&mut graph)?;
    Ok(Plan::new(&graph, target, Keep::Nothing)?.named("image"))
}

/// The normals `noise.init` in torch's order; output `latents`.
fn record_initial(g: &mut Graph, s: &Shape) -> Result<(), crate::graph::Error> {
    let noise = g.normals("noise.init", &[s.channels, s.frames, s.pixels()], s.drawn)?;
    let latents = g.to_latents(&noise, s.frames, s.pixels())?;
    g.output("latents", &latents);
    Ok(())
}

/// Inputs `prediction` (or `prediction.uncond` and `prediction.cond` of two passes), `latents`, `step`, the normals `noise.step`, and with anchoring
/// `image_latent` and `anchor`; outputs `guided`, `x0` and the new `latents`. A solver of several steps also reads the last step's
/// `x0.before` and leaves its own there, as it was before anchoring: that pulls the sample, not what the network estimates.
fn record_ddim(g: &mut Graph, s: &Shape) -> Result<(), crate::graph::Error> {
    let map = [s.frames, s.pixels(), s.channels];
    let rows = s.frames * s.pixels();
    let (cond, uncond) = if !s.guided {
        (g.input("prediction", &map, Dtype::F32), None)
    } else if s.one_batch {
        let both = g.input("prediction", &[2 * s.frames, s.pixels(), s.channels], Dtype::F32);
        (both.view_rows(rows..2 * rows), Some(both.view_rows(0..rows)))
    } else {
        (g.input("prediction.cond", &map, Dtype::F32), Some(g.input("prediction.uncond", &map, Dtype::F32)))
    };
    let latents = g.input("latents", &map, Dtype::F32);
    let fresh = [s.frames, s.channels, s.pixels()];
    let noise = if s.noise { Some(g.normals("noise.step", &fresh, s.drawn)?) } else { None };
    let step = g.input("step", &[Ddim::COEFFICIENTS + s.frames], Dtype::F32);
    let [guided, mut x0, mut next] = g.ddim(&cond, uncond.as_ref(), &latents, noise.as_ref(), &step)?;
    g.output("guided", &guided);
    if s.sampler == Sampler::DpmSolver {
        let before = g.input("x0.before", &map, Dtype::F32);
        next = g.multistep(&next, &x0, &before, &step)?;
        let kept = g.pointwise("x0.before", 1.0, &x0, None, Activation::None, Dtype::F32, &map)?;
        g.output("x0.before", &kept);
    }
    if let Some(mode) = s.anchor {
        let image = g.input("image_latent", &[s.pixels(), s.channels], Dtype::F32);
        let step = g.input("anchor", &[1 + s.frames], Dtype::F32);
        [x0, next] = g.anchor(mode, s.latent, [&x0, &next], &image, &step)?;
    }
    g.output("x0", &x0);
    let latents = g.pointwise("latents", 1.0, &next, None, Activation::None, Dtype::F32, &map)?;
    g.output("latents", &latents);
    Ok(())
}
