//! What a clip's aspect cuts off the picture.

use super::{Advice, Topic};
use crate::{checkpoint::Defaults, picture::SIZE_MULTIPLE, pipeline::Request, prepare::frame::centred};

/// So much of a picture may be cut off without a word.
const UNTOLD: f64 = 0.1;
/// Aspects, width over height, that suit the published model.
const USUAL: std::ops::RangeInclusive<f64> = 0.99..=2.0;

/// One line where more than a tenth of a picture of `size` is cut off because the clip has another aspect; `defaults` are the
/// checkpoint's own.
pub fn crop(size: (u32, u32), request: &Request, defaults: Option<&Defaults>) -> Option<Advice> {
    let used = centred(size, (request.width, request.height))?;
    let pixels = |width: u32, height: u32| f64::from(width) * f64::from(height);
    if pixels(used.width, used.height) >= (1.0 - UNTOLD) * pixels(size.0, size.1) {
        return None;
    }
    let sides = if used.width < size.0 { "left and right" } else { "top and bottom" };
    let finding =
        format!("{}x{} of its {}x{} pixels are used: {sides} are cut off", used.width, used.height, size.0, size.1);
    let own = defaults.is_some_and(|defaults| defaults.width.is_some() && defaults.height.is_some());
    let aspect = f64::from(size.0) / f64::from(size.1);
    // A size that other advice would be against is not proposed.
    let change = match !own && USUAL.contains(&aspect) {
        true => {
            let [width, height] = same_aspect(aspect, pixels(request.width, request.height));
            format!("take --width {width} --height {height} to keep all of it")
        }
        false => "cut it yourself so that what matters stays (`i2vgen prepare` crops to a subject)".to_owned(),
    };
    Some(Advice::new(Topic::Picture, finding, change))
}

/// The sides with nearly this aspect and at most so many pixels.
fn same_aspect(aspect: f64, pixels: f64) -> [u32; 2] {
    let multiple = f64::from(SIZE_MULTIPLE);
    let side = |length: f64| (length / multiple).round().max(1.0) * multiple;
    let largest = (pixels * aspect).sqrt();
    // Where rounding hits the aspect best, among sizes that are not much smaller.
    let widths = (0..8).map(|step| ((largest / multiple).floor() - f64::from(step)).max(1.0) * multiple);
    let sizes = widths.map(|width| [width, side(width / aspect)]);
    let off = |[width, height]: &[f64; 2]| {
        ((width / height / aspect).ln().abs() * 4.0) + (1.0 - width * height / pixels).max(0.0)
    };
    let best = sizes.min_by(|a, b| off(a).total_cmp(&off(b))).unwrap_or([multiple; 2]);
    best.map(|side| side as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(size: (u32, u32), clip: (u32, u32), defaults: Option<&Defaults>) -> Option<String> {
        let request = Request { width: clip.0, height: clip.1, ..Request::plain() };
        crop(size, &request, defaults).map(|line| line.to_string())
    }

    #[test]
    fn what_is_cut_off_is_told_with_a_size_that_keeps_it() {
        let line = told((600, 400), (512, 512), None).unwrap();
        assert!(
            line.starts_with("picture: 400x400 of its 600x400 pixels are used: left and right are cut off; "),
            "{line}"
        );
        assert!(line.contains("take --width 624 --height 416 "), "{line}");
        for (size, clip) in [((1920, 1080), (512, 512)), ((4000, 3000), (768, 448)), ((1000, 1000), (640, 384))] {
            let line = told(size, clip, None).unwrap();
            let numbers: Vec<u32> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
            let [width, height] = numbers[..] else { panic!("{line}") };
            assert!(width % 8 == 0 && height % 8 == 0 && width * height <= clip.0 * clip.1 * 102 / 100, "{line}");
            assert_eq!(told(size, (width, height), None), None, "{line}");
        }
        let tall = told((400, 600), (512, 512), None).unwrap();
        assert!(tall.contains("top and bottom") && !tall.contains("--width"), "{tall}");
    }

    #[test]
    fn a_tenth_is_not_worth_a_line() {
        assert_eq!(told((560, 512), (512, 512), None), None);
        assert_eq!(told((90, 70), (90, 70), None), None);
        let own = Defaults { width: Some(64), height: Some(64), ..Defaults::default() };
        let line = told((600, 400), (64, 64), Some(&own)).unwrap();
        assert!(line.contains("cut it yourself") && !line.contains("--width"), "{line}");
    }
}
