//! Names and shapes of early VAE exports, brought to today's.

/// Today's names of an attention's projections beside those before diffusers 0.17.
const PROJECTIONS: [(&str, &str); 4] =
    [("query", "to_q"), ("key", "to_k"), ("value", "to_v"), ("proj_attn", "to_out.0")];

/// The name that diffusers gives the VAE tensor `name` on load, if it is an early one:
/// `encoder.mid_block.attentions.0.query.weight` is `encoder.mid_block.attentions.0.to_q.weight`.
pub fn current_vae_name(name: &str) -> Option<String> {
    let (block, projection, parameter) = attention_parts(name)?;
    let (_, current) = PROJECTIONS.iter().find(|(early, _)| *early == projection)?;
    Some(format!("{block}.{current}.{parameter}"))
}

/// The shape `[out, in]` of a VAE attention's projection that was written as a 1×1 convolution `[out, in, 1, 1]`.
///
/// diffusers has linear layers here; the training code it was converted from has convolutions, and the numbers are the
/// same in the same order.
pub fn linear_shape(name: &str, shape: &[usize]) -> Option<Vec<usize>> {
    let (_, projection, parameter) = attention_parts(name)?;
    let known = PROJECTIONS.iter().any(|(_, current)| *current == projection);
    match shape {
        [out, input, 1, 1] if known && parameter == "weight" => Some(vec![*out, *input]),
        _ => None,
    }
}

/// `BLOCK.attentions.N`, projection and parameter of an attention's tensor.
fn attention_parts(name: &str) -> Option<(&str, &str, &str)> {
    let (rest, parameter) = name.rsplit_once('.')?;
    let (blocks, rest) = rest.split_once(".attentions.")?;
    let (number, projection) = rest.split_once('.')?;
    number.parse::<usize>().ok()?;
    let block = name.get(..blocks.len() + ".attentions.".len() + number.len())?;
    Some((block, projection, parameter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn early_names_become_todays() {
        for (early, current) in PROJECTIONS {
            for parameter in ["weight", "bias"] {
                assert_eq!(
                    current_vae_name(&format!("decoder.mid_block.attentions.0.{early}.{parameter}")),
                    Some(format!("decoder.mid_block.attentions.0.{current}.{parameter}"))
                );
            }
        }
        for other in [
            "decoder.mid_block.attentions.0.group_norm.weight",
            "decoder.mid_block.attentions.0.to_q.weight",
            "query.weight",
            "x.attentions.y.query.weight",
            "",
        ] {
            assert_eq!(current_vae_name(other), None, "{other}");
        }
    }

    #[test]
    fn only_projections_lose_the_1x1() {
        let weight = "encoder.mid_block.attentions.0.to_out.0.weight";
        assert_eq!(linear_shape(weight, &[8, 4, 1, 1]), Some(vec![8, 4]));
        assert_eq!(linear_shape(weight, &[8, 4, 1, 2]), None);
        assert_eq!(linear_shape("quant_conv.weight", &[8, 8, 1, 1]), None);
    }
}
