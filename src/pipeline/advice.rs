//! What practice says about a request, before it runs: one line for each finding.
//!
//! For the published checkpoint the values are those of practitioners with an RTX 4090: a pixel count near 512², an aspect near 16:9,
//! 50 steps, guidance 6 to 10, eta at most 0.4. A checkpoint with settings of its own (`i2vgen.json`) is held against those.

use super::Request;
use crate::checkpoint::Defaults;

/// Guidance scales that make sense for the published checkpoint.
const PUBLISHED_GUIDANCE: [f32; 2] = [6.0, 10.0];
/// Sizes that practitioners found best, for the message about a size.
const BEST_SIZES: &str = "512x512, 640x384 or 768x448";
/// Pixels of the best sizes.
const BEST_PIXELS: f64 = 512.0 * 512.0;

/// What is unusual about a request; `defaults` are the checkpoint's own.
pub fn advice(request: &Request, defaults: Option<&Defaults>) -> Vec<String> {
    let mut advice = match defaults {
        Some(defaults) => own_size(request, defaults),
        None => published_size(request),
    };
    let range = defaults.map_or(Some(PUBLISHED_GUIDANCE), |d| d.cfg_range);
    advice.extend(range.and_then(|range| guidance(request, range)));
    let usual = defaults.map_or(Some(50), |d| d.steps);
    advice.extend(usual.and_then(|usual| steps(request.steps, usual as usize)));
    if request.eta > 0.4 {
        advice.push(format!(
            "eta {} adds much fresh noise in every step, which makes clips unsteady; 0.2 to 0.4 is the usual balance, 0 is steadiest",
            request.eta
        ));
    }
    if let Some(anchoring) = request.anchoring.filter(|a| a.interval >= request.frames && request.frames > 1) {
        advice.push(format!(
            "every {}th of {} frames is an anchor: only the first one; take a smaller --anchor-interval, usually 4",
            anchoring.interval, request.frames
        ));
    }
    advice
}

fn guidance(request: &Request, [low, high]: [f32; 2]) -> Option<String> {
    // 1 turns guidance off, which is meant where it is said.
    let scales = || request.guidance.scales().filter(|&scale| scale > 1.0);
    let (least, most) = (scales().min_by(f32::total_cmp)?, scales().max_by(f32::total_cmp)?);
    let range = format!("{low} to {high} suit this checkpoint");
    if most > high {
        Some(format!("guidance {most} is high: motion becomes stiff, then jitters, and colours burn; {range}"))
    } else if least < low {
        Some(format!("guidance {least} is low: the clip follows the prompt less and drifts more; {range}"))
    } else {
        None
    }
}

fn steps(steps: usize, usual: usize) -> Option<String> {
    if steps * 2 < usual {
        Some(format!("{steps} steps are few: frames stay rough; {usual} is usual for this checkpoint"))
    } else if steps > usual * 2 {
        Some(format!("{steps} steps take long and do not stop drift; {usual} is usual, anchoring is what helps"))
    } else {
        None
    }
}

/// Size and frames against the checkpoint's own.
fn own_size(request: &Request, defaults: &Defaults) -> Vec<String> {
    let mut advice = Vec::new();
    if let Some((width, height)) = defaults.width.zip(defaults.height)
        && (width, height) != (request.width, request.height)
    {
        let size = format!("{}x{}", request.width, request.height);
        advice.push(format!("this checkpoint was made for {width}x{height}; at {size} expect artefacts"));
    }
    if let Some(frames) = defaults.frames.filter(|&frames| frames as usize != request.frames) {
        advice.push(format!("this checkpoint was made for {frames} frames, not {}", request.frames));
    }
    advice
}

/// Size and frames against what practitioners found for the published checkpoint.
fn published_size(request: &Request) -> Vec<String> {
    let (width, height) = (f64::from(request.width), f64::from(request.height));
    let (size, ratio) = (format!("{}x{}", request.width, request.height), width * height / BEST_PIXELS);
    let mut advice = Vec::new();
    if width.max(height) > 1024.0 {
        advice.push(format!(
            "{size} is longer than 1024 pixels: memory grows fast and blocks appear; {BEST_SIZES} work best"
        ));
    } else if ratio > 1.5 {
        advice.push(format!("{size} has {ratio:.1} times the pixels of 512x512: less steady; {BEST_SIZES} work best"));
    } else if ratio < 0.7 {
        advice
            .push(format!("{size} has {ratio:.2} times the pixels of 512x512: detail is lost; {BEST_SIZES} work best"));
    }
    if width < height * 0.99 || width > height * 2.0 {
        advice.push(format!("the aspect of {size} is unusual for the model: square to 16:9 works best ({BEST_SIZES})"));
    }
    if request.frames > 24 || request.frames < 8 {
        let frames = request.frames;
        advice.push(format!("{frames} frames are far from the 16 that the model was trained with; 8 to 24 work best"));
    }
    advice
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        picture::Picture,
        sampler::{AnchorMode, AnchorNoise, Anchoring},
    };

    fn request() -> Request {
        Request::new(Picture::from_rgb8(8, 8, vec![0; 192]).unwrap(), "")
    }

    #[test]
    fn usual_requests_are_left_alone() {
        for (width, height, frames, scale) in
            [(512, 512, 16, 9.0), (640, 384, 16, 9.0), (768, 448, 24, 8.5), (512, 512, 16, 1.0)]
        {
            let request = Request { width, height, frames, guidance: scale.into(), eta: 0.3, ..request() };
            assert_eq!(advice(&request, None), Vec::<String>::new());
        }
    }

    #[test]
    fn each_departure_is_one_line() {
        let anchoring =
            Anchoring { interval: 16, strength: 0.5, mode: AnchorMode::Blend, until: 1.0, noise: AnchorNoise::Kept };
        for (changed, word) in [
            (Request { guidance: 12.0.into(), ..request() }, "guidance 12 is high"),
            (Request { guidance: 3.0.into(), ..request() }, "guidance 3 is low"),
            (Request { steps: 10, ..request() }, "10 steps are few"),
            (Request { steps: 300, ..request() }, "300 steps take long"),
            (Request { eta: 0.8, ..request() }, "eta 0.8"),
            (Request { width: 1280, height: 704, ..request() }, "1280x704 is longer than 1024"),
            (Request { width: 768, height: 768, ..request() }, "2.2 times the pixels"),
            (Request { width: 256, height: 256, ..request() }, "detail is lost"),
            (Request { width: 384, height: 640, ..request() }, "aspect"),
            (Request { frames: 48, ..request() }, "48 frames"),
            (Request { anchoring: Some(anchoring), ..request() }, "only the first one"),
        ] {
            let lines = advice(&changed, None);
            assert!(lines.len() == 1 && lines[0].contains(word) && !lines[0].contains('\n'), "{word}: {lines:?}");
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
        let fits = Request { width: 64, height: 64, frames: 8, steps: 10, guidance: 2.0.into(), ..request() };
        assert_eq!(advice(&fits, Some(&defaults)), Vec::<String>::new());
        let lines = advice(&Request { frames: 9, guidance: 9.0.into(), ..fits }, Some(&defaults));
        assert!(lines.len() == 2 && lines[0].contains("8 frames, not 9") && lines[1].contains("1 to 4"), "{lines:?}");
    }
}
