//! Changes from frame to frame that motion does not explain.

use super::flow::Flow;
use super::plane::{Plane, Planes, blur, filled, holds, mean, sample};

/// Spread over which changes are averaged, as a share of the frame's shorter side: edges that the flow missed by part of a pixel
/// and grain cancel out, a part of the picture that becomes brighter stays.
const REGION: f32 = 0.04;

/// Flicker of brightness and of colour, in levels of 255.
///
/// With the next frame J brought back along the flow, r(p) = J(p + v(p)) − I(p) for Y, Cb and Cr, averaged over a neighbourhood by a
/// Gaussian, G r:
///
/// ```text
/// brightness = mean |G r_Y|        colour = mean √((G r_Cb)² + (G r_Cr)²)
/// ```
///
/// Places that the motion brings in from outside of the frame do not count.
pub fn flicker(first: &Planes, second: &Planes, flow: &Flow) -> [f64; 2] {
    let region = |residual: Plane| {
        let side = residual.width().min(residual.height()) as f32;
        blur(&residual, (REGION * side).max(1.0))
    };
    let residual = |of: fn(&Planes) -> &Plane| {
        let (before, after) = (of(first), of(second));
        let change = flow.vectors().zip(before.iter()).map(|((x, y, v), before)| {
            let (x, y) = (x + v[0], y + v[1]);
            if holds(after, x, y) { sample(after, x, y) - before } else { 0.0 }
        });
        region(filled(before.width(), before.height(), change))
    };
    let luma = residual(|planes| &planes.luma);
    let [blue, red] = [residual(|planes| &planes.blue), residual(|planes| &planes.red)];
    let colour = blue.iter().zip(red.iter()).map(|(&blue, &red)| f64::from(blue).hypot(f64::from(red)));
    [mean(luma.iter().map(|&change| f64::from(change.abs()))), mean(colour)]
}
