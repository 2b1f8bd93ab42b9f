//! H.264 coding of a clip's frames.

use openh264::OpenH264API;
use openh264::encoder::{
    BitRate, Complexity, Encoder, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, MatrixCoefficients, QpRange,
    RateControlMode, UsageType, VuiConfig,
};
use openh264::formats::YUVSlices;

use super::clip::Clip;
use super::error::{Error, Result};
use super::limits::check_size;
use super::quality::Quality;
use super::target::Kind;
use super::yuv::{self, BT709, Matrix};

/// Bits for each pixel of each frame that are announced to the encoder; it chooses the stream's level by them.
const BITS_PER_PIXEL: f64 = 2.0;
/// Seconds between key frames, so that a player can jump.
const KEY_FRAME_SECONDS: f32 = 2.0;

/// One coded frame.
pub(super) struct Sample {
    /// Its NAL units, each after a start code; a key frame begins with the parameter sets.
    pub data: Vec<u8>,
    /// Whether it can be decoded without those before it.
    pub key: bool,
}

/// Codes all frames: one sample per frame, the first a key frame.
///
/// # Errors
/// [`Error::Encode`] if the size is beyond 3840×2160 (or upright) or the encoder refuses.
pub(super) fn encode(clip: &Clip, quality: Quality) -> Result<Vec<Sample>> {
    check_size(Kind::Mp4, clip.width, clip.height)?;
    let fail = |problem: openh264::Error| Error::encode("mp4", problem);
    let (width, height) = yuv::padded_size(clip.width, clip.height);
    let matrix = Matrix::for_size(width, height);
    let coefficients = match matrix {
        BT709 => MatrixCoefficients::Bt709,
        _ => MatrixCoefficients::Smpte170M,
    };
    let rate = clip.fps.clamp(1.0, 60.0);
    let bits = f64::from(width) * f64::from(height) * f64::from(rate) * BITS_PER_PIXEL;
    let config = EncoderConfig::new()
        // The one mode whose quantiser stays where the range puts it, and that never drops a frame.
        .rate_control_mode(RateControlMode::Bufferbased)
        .bitrate(BitRate::from_bps(bits.min(f64::from(i32::MAX)) as u32))
        .qp(QpRange::new(quality.quantiser(), quality.quantiser()))
        .max_frame_rate(FrameRate::from_hz(rate))
        .usage_type(UsageType::CameraVideoRealTime)
        .complexity(Complexity::High)
        .intra_frame_period(IntraFramePeriod::from_num_frames((rate * KEY_FRAME_SECONDS).ceil() as u32))
        .num_threads(1) // the same bytes on every machine
        .skip_frames(false)
        .adaptive_quantization(false)
        .background_detection(false)
        .scene_change_detect(false)
        .vui(VuiConfig::bt709().matrix_coefficients(coefficients));
    let mut encoder = Encoder::with_api_config(OpenH264API::from_source(), config).map_err(fail)?;
    clip.frames
        .iter()
        .map(|frame| {
            let planes = yuv::planes(clip, frame, matrix);
            let half = planes.width / 2;
            let picture = YUVSlices::new(
                (&planes.y, &planes.u, &planes.v),
                (planes.width, planes.height),
                (planes.width, half, half),
            );
            let coded = encoder.encode(&picture).map_err(fail)?;
            Ok(Sample { key: matches!(coded.frame_type(), FrameType::IDR | FrameType::I), data: coded.to_vec() })
        })
        .collect()
}
