//! What practice says about the numbers of a request.
//!
//! For the published checkpoint the values are those of practitioners with an RTX 4090: a pixel count near 512², an aspect near 16:9,
//! 50 steps, guidance 6 to 10, eta at most 0.4. A checkpoint with settings of its own (`i2vgen.json`) is held against those.

use super::{Advice, Topic};
use crate::{
    checkpoint::Defaults,
    pipeline::{Compat, Request},
    sampler::{Anchoring, Sampler},
};

/// Guidance scales that make sense for the published checkpoint.
const PUBLISHED_GUIDANCE: [f32; 2] = [6.0, 10.0];
/// Sizes that practitioners found best.
const BEST_SIZES: [[u32; 2]; 3] = [[512, 512], [640, 384], [768, 448]];
/// Pixels of the best sizes.
const BEST_PIXELS: f64 = 512.0 * 512.0;
/// Frames that the published checkpoint was trained with.
const BEST_FRAMES: usize = 16;

/// What is unusual about a request; `defaults` are the checkpoint's own.
pub fn request(request: &Request, defaults: Option<&Defaults>) -> Vec<Advice> {
    let mut advice = match defaults {
        Some(defaults) => own_size(request, defaults),
        None => published_size(request),
    };
    let usual = defaults.map_or(Some(50), |d| d.steps);
    advice.extend(usual.and_then(|usual| steps(request.steps, request.sampler, usual as usize)));
    let range = defaults.map_or(Some(PUBLISHED_GUIDANCE), |d| d.cfg_range);
    advice.extend(range.and_then(|range| guidance(request, range)));
    if request.eta > 0.4 {
        let finding = format!("{} adds much fresh noise in every step, which makes clips unsteady", request.eta);
        advice.push(Advice::new(Topic::Eta, finding, "take --eta 0.2 to 0.4; 0 is steadiest"));
    }
    let sparse = |a: &Anchoring| a.acts() && a.interval >= request.frames && request.frames > 1;
    if let Some(anchoring) = request.anchoring.filter(sparse) {
        let Anchoring { interval, .. } = anchoring;
        let finding =
            format!("at an interval of {interval}, of {} frames only the first one is an anchor", request.frames);
        let change = match request.frames {
            0..=4 => format!("take --anchor-interval {}, or 0 for none", request.frames / 2),
            _ => "take a smaller --anchor-interval, usually 4".to_owned(),
        };
        advice.push(Advice::new(Topic::Anchoring, finding, change));
    }
    advice
}

/// What to know about the published checkpoint where diffusers is followed.
pub fn branch_twice(request: &Request) -> Option<Advice> {
    let finding = "this model was trained with the image branch added twice, which diffusers does not do; if the motion is weak or the \
         colours turn blue, --compat vgen is worth a try";
    (request.compat == Compat::Diffusers).then(|| Advice::known(Topic::Compat, finding))
}

/// The scales in force, where there is guidance: 1 turns it off, which is meant where it is said.
fn guidance(request: &Request, [low, high]: [f32; 2]) -> Option<Advice> {
    let table = request.guidance_table().unwrap_or_default();
    let scales = || table.iter().flatten().copied().filter(|&scale| scale > 1.0);
    let (least, most) = (scales().min_by(f32::total_cmp)?, scales().max_by(f32::total_cmp)?);
    let schedules =
        [("--cfg-frames", request.guidance.frames.is_some()), ("--cfg-steps", request.guidance.steps.is_some())];
    let mut flags = vec!["--cfg-scale"];
    flags.extend(schedules.iter().filter(|(_, said)| *said).map(|(flag, _)| *flag));
    let finding = if most > high {
        format!("{most} is high: motion becomes stiff, then jitters, and colours burn")
    } else if least < low {
        format!("{least} is low: the clip follows the prompt less and drifts more")
    } else {
        return None;
    };
    Some(Advice::new(Topic::Guidance, finding, format!("{low} to {high} suit this checkpoint ({})", flags.join(", "))))
}

/// `usual` are steps of DDIM; a solver of second order gets by with about half of them (Lu et al. 2022: 15 to 20 in place of 50).
fn steps(steps: usize, sampler: Sampler, usual: usize) -> Option<Advice> {
    let usual = match sampler {
        Sampler::Ddim => usual,
        Sampler::DpmSolver => usual.div_ceil(2),
    };
    let finding = if steps * 2 < usual {
        format!("{steps} {} few: frames stay rough", if steps == 1 { "is" } else { "are" })
    } else if steps > usual * 2 {
        format!("{steps} take long and do not stop drift; anchoring is what helps")
    } else {
        return None;
    };
    Some(Advice::new(Topic::Steps, finding, format!("--steps {usual} is usual for this checkpoint and sampler")))
}

/// Size and frames against the checkpoint's own.
fn own_size(request: &Request, defaults: &Defaults) -> Vec<Advice> {
    let mut advice = Vec::new();
    if let Some((width, height)) = defaults.width.zip(defaults.height)
        && (width, height) != (request.width, request.height)
    {
        let size = format!("{}x{}", request.width, request.height);
        let finding = format!("this checkpoint was made for {width}x{height}; at {size} expect artefacts");
        advice.push(Advice::new(Topic::Size, finding, take_size([width, height])));
    }
    if let Some(frames) = defaults.frames.filter(|&frames| frames as usize != request.frames) {
        let finding = format!("this checkpoint was made for {frames}, not {}", request.frames);
        advice.push(Advice::new(Topic::Frames, finding, format!("take --frames {frames}")));
    }
    advice
}

fn take_size([width, height]: [u32; 2]) -> String {
    format!("take --width {width} --height {height}")
}

/// Of the best sizes, the one with the nearest aspect.
fn best_size(width: f64, height: f64) -> String {
    let away = |&[w, h]: &[u32; 2]| ((width / height) / (f64::from(w) / f64::from(h))).ln().abs();
    let best = BEST_SIZES.into_iter().min_by(|a, b| away(a).total_cmp(&away(b)));
    take_size(best.unwrap_or(BEST_SIZES[0]))
}

/// Size and frames against what practitioners found for the published checkpoint.
fn published_size(request: &Request) -> Vec<Advice> {
    let (width, height) = (f64::from(request.width), f64::from(request.height));
    let (size, ratio) = (format!("{}x{}", request.width, request.height), width * height / BEST_PIXELS);
    let mut found = Vec::new();
    if width.max(height) > 1024.0 {
        found.push(format!("{size} is longer than 1024 pixels: memory grows fast and blocks appear"));
    } else if ratio > 1.5 {
        found.push(format!("{size} has {ratio:.1} times the pixels of 512x512: less steady"));
    } else if ratio < 0.7 {
        found.push(format!("{size} has {ratio:.2} times the pixels of 512x512: detail is lost"));
    }
    if width < height * 0.99 || width > height * 2.0 {
        found.push(format!("the aspect of {size} is unusual for the model: square to 16:9 works best"));
    }
    let change = best_size(width, height);
    let mut advice: Vec<Advice> =
        found.into_iter().map(|finding| Advice::new(Topic::Size, finding, change.clone())).collect();
    if request.frames > 24 || request.frames < 8 {
        let finding = format!("{} are far from the {BEST_FRAMES} that the model was trained with", request.frames);
        advice.push(Advice::new(
            Topic::Frames,
            finding,
            format!("8 to 24 work best, --frames {BEST_FRAMES} first of all"),
        ));
    }
    advice
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampler::{AnchorMode, AnchorNoise, Guidance};

    /// The lines about a request.
    fn advice(asked: &Request, defaults: Option<&Defaults>) -> Vec<String> {
        request(asked, defaults).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn usual_requests_are_left_alone() {
        for (width, height, frames, scale) in
            [(512, 512, 16, 9.0), (640, 384, 16, 9.0), (768, 448, 24, 8.5), (512, 512, 16, 1.0)]
        {
            let request = Request { width, height, frames, guidance: scale.into(), eta: 0.3, ..Request::plain() };
            assert_eq!(advice(&request, None), Vec::<String>::new());
        }
    }

    #[test]
    fn each_departure_is_one_line() {
        let anchoring =
            Anchoring { interval: 16, strength: 0.5, mode: AnchorMode::Blend, until: 1.0, noise: AnchorNoise::Kept };
        for (changed, word) in [
            (Request { guidance: 12.0.into(), ..Request::plain() }, "guidance: 12 is high"),
            (Request { guidance: 3.0.into(), ..Request::plain() }, "guidance: 3 is low"),
            (Request { steps: 10, ..Request::plain() }, "steps: 10 are few"),
            (Request { steps: 300, ..Request::plain() }, "steps: 300 take long"),
            (Request { eta: 0.8, ..Request::plain() }, "eta: 0.8"),
            (Request { width: 1280, height: 704, ..Request::plain() }, "1280x704 is longer than 1024"),
            (Request { width: 768, height: 768, ..Request::plain() }, "2.2 times the pixels"),
            (Request { width: 256, height: 256, ..Request::plain() }, "detail is lost"),
            (Request { width: 384, height: 640, ..Request::plain() }, "aspect"),
            (Request { frames: 48, ..Request::plain() }, "frames: 48 are"),
            (Request { anchoring: Some(anchoring), ..Request::plain() }, "only the first one is an anchor"),
        ] {
            let lines = advice(&changed, None);
            assert!(lines.len() == 1 && lines[0].contains(word) && !lines[0].contains('\n'), "{word}: {lines:?}");
            assert!(lines[0].contains("; ") && lines[0].contains("--"), "no flag is named: {}", lines[0]);
        }
    }

    #[test]
    fn a_shorter_interval_is_proposed_than_the_one_that_is_too_long() {
        let anchoring = |interval| Anchoring {
            interval,
            strength: 0.3,
            mode: AnchorMode::Adain,
            until: 0.8,
            noise: AnchorNoise::Kept,
        };
        for (frames, interval, word) in
            [(4, 4, "--anchor-interval 2,"), (2, 4, "--anchor-interval 1,"), (8, 9, "usually 4")]
        {
            let request = Request { frames, anchoring: Some(anchoring(interval)), ..Request::plain() };
            let lines = advice(&request, None);
            assert!(lines.iter().any(|line| line.starts_with("anchoring: ") && line.contains(word)), "{lines:?}");
        }
    }

    #[test]
    fn a_solver_of_second_order_needs_fewer_steps() {
        let with = |steps: usize| advice(&Request { steps, sampler: Sampler::DpmSolver, ..Request::plain() }, None);
        assert_eq!((with(13), with(50)), (vec![], vec![]));
        assert!(with(12)[0].contains("12 are few") && with(12)[0].contains("--steps 25"), "{:?}", with(12));
        assert!(with(51)[0].contains("take long"), "{:?}", with(51));
    }

    #[test]
    fn scales_are_judged_as_they_are_in_force() {
        let guided = |frames: &str, steps: Option<&str>| {
            let steps = steps.map(|text| text.parse().unwrap());
            let guidance = Guidance { scale: 9.0, frames: Some(frames.parse().unwrap()), steps };
            advice(&Request { guidance, ..Request::plain() }, None)
        };
        // A base that no frame has; 1 + 9 · 9 / 8 where both schedules are at 10.
        assert!(guided("0-=8", None).is_empty());
        let both = guided("0-3=10", Some("0-50%=10"));
        assert!(both[0].contains("11.125 is high") && both[0].contains("--cfg-frames, --cfg-steps"), "{both:?}");
    }

    #[test]
    fn the_nearest_good_size_is_proposed() {
        for (width, height, best) in [
            (1280, 704, "--width 768 --height 448"),
            (1024, 1024, "--width 512 --height 512"),
            (384, 640, "--width 512 --height 512"),
            (1056, 640, "--width 640 --height 384"),
        ] {
            let lines = advice(&Request { width, height, ..Request::plain() }, None);
            assert!(lines.iter().all(|line| line.ends_with(best)), "{lines:?}");
        }
    }

    #[test]
    fn a_checkpoint_of_its_own_is_held_against_its_own_settings() {
        let defaults = Defaults {
            width: Some(64),
            height: Some(64),
            frames: Some(8),
            steps: Some(10),
            cfg_range: Some([1.0, 4.0]),
            ..Defaults::default()
        };
        let fits = Request { width: 64, height: 64, frames: 8, steps: 10, guidance: 2.0.into(), ..Request::plain() };
        assert_eq!(advice(&fits, Some(&defaults)), Vec::<String>::new());
        let lines = advice(&Request { frames: 9, guidance: 9.0.into(), ..fits }, Some(&defaults));
        assert!(lines.len() == 2 && lines[0].contains("8, not 9") && lines[1].contains("1 to 4"), "{lines:?}");
    }
}
