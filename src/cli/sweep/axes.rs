//! What a sweep varies: options with several values each.

use clap::Args;
use i2vgen::{
    picture::Colour,
    pipeline::{Compat, DtypeChoice, RngKind},
    prepare::Mode,
    sampler::{
        AnchorMode, AnchorNoise, BetaSchedule, FrameScales, PredictionType, Sampler, StepScales, TimestepSpacing,
    },
    video::{Filter, MAX_SCALE, Quality},
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::{generate::SCHEDULER_HEADING, options::by_name, output::plain};

/// The options of `generate` that can take several values; what is given counts more than what a line of a list says.
#[derive(Args, Clone, Debug, Default)]
pub struct Axes {
    /// What happens; give it again for another prompt
    #[arg(short, long, value_name = "TEXT")]
    prompt: Vec<String>,
    /// What should not be seen; give it again for another one
    #[arg(short, long, value_name = "TEXT")]
    negative_prompt: Vec<String>,
    /// Presets
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    preset: Vec<String>,
    /// Put the prompt's motions into the present continuous
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "true,false", value_delimiter = ',')]
    rewrite_prompt: Vec<bool>,

    /// Sizes in pixels, such as 512x512,640x384
    #[arg(long, value_name = "WxH,…", value_delimiter = ',', value_parser = size, help_heading = "Clip")]
    size: Vec<[u32; 2]>,
    /// Numbers of frames
    #[arg(long, value_name = "N,…", value_delimiter = ',', help_heading = "Clip")]
    frames: Vec<usize>,
    /// Frame rates that the model is told
    #[arg(long, value_parser = finite, value_name = "RATE,…", value_delimiter = ',', help_heading = "Clip")]
    target_fps: Vec<f64>,
    /// Frames per second of the files
    #[arg(long, value_parser = finite, value_name = "RATE", help_heading = "Clip")]
    fps: Option<f64>,
    /// Write the clips enlarged by a whole factor
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_SCALE)), help_heading = "Clip")]
    output_scale: Option<u32>,
    /// How to enlarge
    #[arg(long, value_name = "smooth|nearest", value_parser = by_name::<Filter>, help_heading = "Clip")]
    output_filter: Option<Filter>,

    /// Quality of the files, 1 to 100
    #[arg(long, value_name = "1..100", help_heading = "Clip")]
    quality: Option<Quality>,

    /// Denoising steps
    #[arg(long, value_name = "N,…", value_delimiter = ',', help_heading = "Sampling")]
    steps: Vec<usize>,
    /// How a step is taken
    #[arg(long, value_name = "ddim,dpm-solver++", value_delimiter = ',', value_parser = by_name::<Sampler>, help_heading = "Sampling")]
    sampler: Vec<Sampler>,
    /// Run all of the UNet in every N-th step alone
    #[arg(long, value_name = "N,…", value_delimiter = ',', help_heading = "Sampling")]
    reuse_deep: Vec<usize>,
    /// Shares of fresh noise in each step
    #[arg(long, value_parser = finite, value_name = "SHARE,…", value_delimiter = ',', help_heading = "Sampling")]
    eta: Vec<f64>,
    /// Where random numbers come from
    #[arg(long, value_name = "torch-cpu,philox", value_delimiter = ',', value_parser = by_name::<RngKind>, help_heading = "Sampling")]
    rng: Vec<RngKind>,
    /// Reference implementations
    #[arg(long, value_name = "diffusers,vgen", value_delimiter = ',', value_parser = by_name::<Compat>, help_heading = "Sampling")]
    compat: Vec<Compat>,
    /// Layers left out at the end of the text encoder
    #[arg(long, value_name = "N,…", value_delimiter = ',', help_heading = "Sampling")]
    clip_skip: Vec<usize>,

    /// Strengths of the prompt
    #[arg(long, value_parser = finite, value_name = "SCALE,…", value_delimiter = ',', help_heading = "Guidance and anchoring")]
    cfg_scale: Vec<f64>,
    /// Other scales for some frames, such as 0-4=8,5-=9; give it again for another schedule
    #[arg(long, value_name = "RANGE=SCALE,…", help_heading = "Guidance and anchoring")]
    cfg_frames: Vec<FrameScales>,
    /// Other scales for parts of the denoising, such as 0-80%=9,80-100%=1; give it again for another schedule
    #[arg(long, value_name = "RANGE=SCALE,…", help_heading = "Guidance and anchoring")]
    cfg_steps: Vec<StepScales>,
    /// Frames from one anchor to the next; 0 turns anchoring off
    #[arg(long, value_name = "K,…", value_delimiter = ',', help_heading = "Guidance and anchoring")]
    anchor_interval: Vec<usize>,
    /// How strongly frames are pulled
    #[arg(long, value_parser = finite, value_name = "SHARE,…", value_delimiter = ',', help_heading = "Guidance and anchoring")]
    anchor_strength: Vec<f64>,
    /// What is pulled
    #[arg(long, value_name = "blend,lowpass,adain", value_delimiter = ',', value_parser = by_name::<AnchorMode>, help_heading = "Guidance and anchoring")]
    anchor_mode: Vec<AnchorMode>,
    /// Parts of the steps in which anchoring acts
    #[arg(long, value_parser = finite, value_name = "SHARE,…", value_delimiter = ',', help_heading = "Guidance and anchoring")]
    anchor_until: Vec<f64>,
    /// What becomes of the noise estimate where a frame is pulled
    #[arg(long, value_name = "kept,recomputed", value_delimiter = ',', value_parser = by_name::<AnchorNoise>, help_heading = "Guidance and anchoring")]
    anchor_noise: Vec<AnchorNoise>,

    /// What the network puts out
    #[arg(long, value_name = "epsilon,…", value_delimiter = ',', value_parser = by_name::<PredictionType>, help_heading = SCHEDULER_HEADING)]
    prediction_type: Vec<PredictionType>,
    /// How the noise grows over the training timesteps
    #[arg(long, value_name = "scaled_linear,…", value_delimiter = ',', value_parser = by_name::<BetaSchedule>, help_heading = SCHEDULER_HEADING)]
    beta_schedule: Vec<BetaSchedule>,
    /// Which timesteps are visited
    #[arg(long, value_name = "leading,…", value_delimiter = ',', value_parser = by_name::<TimestepSpacing>, help_heading = SCHEDULER_HEADING)]
    timestep_spacing: Vec<TimestepSpacing>,
    /// Rescale the schedule so that the last timestep is pure noise
    #[arg(long, value_name = "true,false", value_delimiter = ',', help_heading = SCHEDULER_HEADING)]
    zero_snr: Vec<bool>,

    /// How the picture is prepared: auto, off, or stages joined by commas; give it again for another way
    #[arg(long, value_name = "auto|off|STAGES", help_heading = "Picture")]
    prepare: Vec<Mode>,
    /// Colours that a transparent picture is laid over, such as white,teal,#102030
    #[arg(long, value_name = "COLOUR,…", value_delimiter = ',', help_heading = "Picture")]
    background: Vec<Colour>,
    /// How numbers are stored on the device
    #[arg(long, value_name = "auto,f32,f16", value_delimiter = ',', value_parser = by_name::<DtypeChoice>, help_heading = "Device")]
    dtype: Vec<DtypeChoice>,
}

/// An option with its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// The option's name.
    pub name: &'static str,
    /// Its values, each once.
    pub choices: Vec<Choice>,
}

/// A value of an option.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// As it is typed.
    pub label: String,
    /// The value, if it is a number.
    pub number: Option<f64>,
    /// The fields of a job that it sets.
    pub fields: Vec<(&'static str, Value)>,
}

impl Axes {
    /// The options that were given, in the order of tables.
    pub fn given(&self) -> Vec<Axis> {
        let sizes = self.size.iter().map(|[width, height]| Choice {
            label: format!("{width}x{height}"),
            number: None,
            fields: vec![("width", json!(width)), ("height", json!(height))],
        });
        let axes = [
            axis("preset", "preset", &self.preset),
            axis("prompt", "prompt", &self.prompt),
            axis("negative-prompt", "negative_prompt", &self.negative_prompt),
            axis("rewrite-prompt", "rewrite_prompt", &self.rewrite_prompt),
            axis("prepare", "prepare", &self.prepare),
            axis("background", "background", &self.background),
            Axis { name: "size", choices: sizes.collect() },
            axis("frames", "frames", &self.frames),
            axis("target-fps", "target_fps", &self.target_fps),
            axis("fps", "fps", self.fps.as_slice()),
            axis("output-scale", "output_scale", self.output_scale.as_slice()),
            axis("output-filter", "output_filter", self.output_filter.as_slice()),
            axis("quality", "quality", self.quality.as_slice()),
            axis("steps", "steps", &self.steps),
            axis("sampler", "sampler", &self.sampler),
            axis("reuse-deep", "reuse_deep", &self.reuse_deep),
            axis("eta", "eta", &self.eta),
            axis("cfg-scale", "cfg_scale", &self.cfg_scale),
            axis("cfg-frames", "cfg_frames", &self.cfg_frames),
            axis("cfg-steps", "cfg_steps", &self.cfg_steps),
            axis("anchor-interval", "anchor_interval", &self.anchor_interval),
            axis("anchor-strength", "anchor_strength", &self.anchor_strength),
            axis("anchor-mode", "anchor_mode", &self.anchor_mode),
            axis("anchor-until", "anchor_until", &self.anchor_until),
            axis("anchor-noise", "anchor_noise", &self.anchor_noise),
            axis("clip-skip", "clip_skip", &self.clip_skip),
            axis("prediction-type", "prediction_type", &self.prediction_type),
            axis("beta-schedule", "beta_schedule", &self.beta_schedule),
            axis("timestep-spacing", "timestep_spacing", &self.timestep_spacing),
            axis("zero-snr", "zero_snr", &self.zero_snr),
            axis("rng", "rng", &self.rng),
            axis("compat", "compat", &self.compat),
            axis("dtype", "dtype", &self.dtype),
        ];
        axes.into_iter().map(Axis::once).filter(|axis| !axis.choices.is_empty()).collect()
    }
}

impl Axis {
    /// Without values that were given before.
    fn once(self) -> Self {
        let mut choices: Vec<Choice> = Vec::new();
        for choice in self.choices {
            if !choices.contains(&choice) {
                choices.push(choice);
            }
        }
        Self { choices, ..self }
    }

    /// Are all its values numbers?
    pub fn is_numeric(&self) -> bool {
        self.choices.iter().all(|choice| choice.number.is_some())
    }
}

fn axis<T: Serialize>(name: &'static str, field: &'static str, values: &[T]) -> Axis {
    let choice = |value: &T| {
        let value = serde_json::to_value(value).unwrap_or_default();
        let number = value.as_f64();
        // 9, where JSON has 9.0.
        let label = number.map_or_else(|| plain(&value), |number| number.to_string());
        Choice { label, number, fields: vec![(field, value)] }
    };
    Axis { name, choices: values.iter().map(choice).collect() }
}

/// A number; NaN and infinities have no place in a job, nor in a file's name.
fn finite(text: &str) -> Result<f64, String> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(|| "expected a number".into())
}

fn size(text: &str) -> Result<[u32; 2], String> {
    let sides =
        text.split_once(['x', '×']).map(|(width, height)| [width, height].map(|side| side.trim().parse::<u32>()));
    match sides {
        Some([Ok(width), Ok(height)]) => Ok([width, height]),
        _ => Err("expected width and height such as 640x384".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::generate::Settings;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        axes: Axes,
    }

    fn given(arguments: &[&str]) -> Vec<Axis> {
        Line::try_parse_from([&["x"], arguments].concat()).unwrap_or_else(|e| panic!("{e}")).axes.given()
    }

    #[test]
    fn lists_become_choices() {
        let axes =
            given(&["--eta", "0,0.3,0", "--size", "512x512,640x384", "-p", "a, b", "-p", "c", "--cfg-scale", "9"]);
        let names: Vec<&str> = axes.iter().map(|axis| axis.name).collect();
        assert_eq!(names, ["prompt", "size", "eta", "cfg-scale"]);
        let labels: Vec<&str> =
            axes.iter().flat_map(|axis| &axis.choices).map(|choice| choice.label.as_str()).collect();
        assert_eq!(labels, ["a, b", "c", "512x512", "640x384", "0", "0.3", "9"]);
        assert_eq!(axes[1].choices[1].fields, [("width", json!(640)), ("height", json!(384))]);
        assert!(axes[2].is_numeric() && !axes[1].is_numeric());
    }

    /// Every option's field is one of a job, and takes the option's values.
    #[test]
    fn every_choice_is_a_setting() {
        let axes = given(&[
            "-p",
            "a",
            "-n",
            "b",
            "--preset",
            "pan",
            "--rewrite-prompt",
            "--prepare",
            "crop,edges",
            "--size",
            "8x16",
            "--frames",
            "2",
            "--target-fps",
            "4.5",
            "--fps",
            "3",
            "--output-scale",
            "2",
            "--output-filter",
            "nearest",
            "--quality",
            "80",
            "--background",
            "teal",
            "--steps",
            "6",
            "--sampler",
            "dpm-solver++",
            "--reuse-deep",
            "2",
            "--eta",
            "0.5",
            "--cfg-scale",
            "7.5",
            "--cfg-frames",
            "0-1=5",
            "--cfg-steps",
            "0-50%=2",
            "--anchor-interval",
            "3",
            "--anchor-strength",
            "0.25",
            "--anchor-mode",
            "adain",
            "--anchor-until",
            "0.5",
            "--anchor-noise",
            "recomputed",
            "--prediction-type",
            "epsilon",
            "--beta-schedule",
            "scaled_linear",
            "--timestep-spacing",
            "trailing",
            "--zero-snr",
            "false",
            "--clip-skip",
            "0",
            "--rng",
            "philox",
            "--compat",
            "vgen",
            "--dtype",
            "f32",
        ]);
        assert_eq!(axes.len(), 33);
        let fields = axes.iter().flat_map(|axis| &axis.choices).flat_map(|choice| choice.fields.clone());
        let fields: Value =
            fields.map(|(name, value)| (name.to_owned(), value)).collect::<serde_json::Map<_, _>>().into();
        let settings: Settings = serde_json::from_value(fields.clone()).unwrap();
        let mut back = serde_json::to_value(settings).unwrap();
        back.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        assert_eq!(back, fields);
    }

    #[test]
    fn slips_are_told() {
        for (arguments, word) in [
            (["--size", "512"], "640x384"),
            (["--size", "ax8"], "640x384"),
            (["--eta", "a"], "--eta"),
            (["--eta", "0,nan"], "expected a number"),
            (["--target-fps", "inf,8"], "expected a number"),
            (["--anchor-mode", "glue"], "lowpass"),
        ] {
            let error = Line::try_parse_from([&["x"][..], &arguments].concat()).err().unwrap().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
