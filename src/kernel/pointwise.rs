//! Elementwise sums, scales, activations and conversions: `kernels/pointwise.wgsl`.

use std::{ops::Range, sync::Arc};

use serde_json::Value;

use super::{
    Binding, Case, Choice, Cost, Dispatch, Dtype, Kernel, Op, Span, Tolerance,
    activation::Activation,
    shape,
    threads::{item, portable, repeated, workgroups},
    tolerance,
};
use crate::gpu::Capabilities;

/// `y[i] = act(scale · a[i mod a_elements] + b[i mod b_elements])`, stored in another type if that is asked for.
///
/// a `[a_elements]`, b `[b_elements]` or absent → y `[elements]`. Units: blocks of 4 elements.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Pointwise {
    /// Elements of y.
    pub elements: usize,
    /// Factor of a.
    pub scale: f32,
    /// Elements of a, which is repeated.
    pub a_elements: usize,
    /// Elements of b, which is repeated; 0: there is no b.
    pub b_elements: usize,
    /// Applied to the sum.
    #[serde(default)]
    pub activation: Activation,
    /// Storage of a.
    #[serde(default)]
    pub a: Dtype,
    /// Storage of b.
    #[serde(default)]
    pub b: Dtype,
    /// Storage of y.
    #[serde(default)]
    pub y: Dtype,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    begin: u32,
    end: u32,
    elements: u32,
    scale: f32,
    a_elements: u32,
    b_elements: u32,
    activation: u32,
    a_base: u32,
    b_base: u32,
    y_base: u32,
}

impl Pointwise {
    /// The elements of y in these blocks.
    fn block(&self, units: &Range<usize>) -> Range<usize> {
        units.start * 4..(units.end * 4).min(self.elements)
    }
}

impl Op for Pointwise {
    fn kernel(&self) -> &'static Kernel {
        &Self::KERNEL
    }

    fn bindings(&self) -> Vec<Binding> {
        vec![
            Binding::input("a", &[self.a_elements], self.a),
            Binding::optional("b", self.b_elements > 0, &[self.b_elements], self.b),
            Binding::output("y", &[self.elements], self.y),
        ]
    }

    fn variants(&self, _: &Capabilities) -> Vec<Choice> {
        // Without b its type must not ask for f16.
        let b = if self.b_elements > 0 { self.b } else { Dtype::F32 };
        let vec = [self.elements, self.a_elements, self.b_elements].iter().all(|&n| item(n) == 4);
        portable([("A", self.a.into()), ("B", b.into()), ("Y", self.y.into()), ("VEC", vec.into())])
    }

    fn cost(&self) -> Cost {
        Cost::of(3.0 * self.elements as f64, &self.bindings())
    }

    fn units(&self) -> usize {
        self.elements.div_ceil(4)
    }

    fn spans(&self, units: &Range<usize>) -> Vec<Span> {
        let block = self.block(units);
        let b = if self.b_elements > 0 { repeated(&block, self.b_elements) } else { Span::All };
        vec![repeated(&block, self.a_elements), b, Span::Elements(block)]
    }

    fn dispatch(&self, choice: &Choice, units: &Range<usize>, bases: &[u32]) -> Dispatch {
        let params = Params {
            begin: units.start as u32,
            end: units.end as u32,
            elements: self.elements as u32,
            scale: self.scale,
            a_elements: self.a_elements as u32,
            b_elements: self.b_elements as u32,
            activation: self.activation.code(),
            a_base: bases[0],
            b_base: bases[1],
            y_base: bases[2],
        };
        Dispatch::new(params, workgroups(choice, units.len()))
    }

    fn shape(&self) -> Value {
        shape::json(self)
    }

    fn problem(&self) -> Option<String> {
        shape::sizes(&[
            ("elements", self.elements),
            ("a_elements", self.a_elements),
            ("b_elements", self.b_elements.max(1)),
        ])
    }

    fn tolerance(&self) -> Tolerance {
        tolerance(self.y)
    }

    fn twin(&self, inputs: &[&[f32]], units: &Range<usize>) -> Vec<Vec<f32>> {
        let [a, b] = inputs else { return vec![] };
        let y = self.block(units).map(|i| {
            let b = if b.is_empty() { 0.0 } else { b[i % b.len()] };
            let v = f64::from(self.scale) * f64::from(a[i % a.len()]) + f64::from(b);
            self.activation.apply(v) as f32
        });
        vec![y.collect()]
    }
}

/// The cases of the harness.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let base = Pointwise {
        elements: 0,
        scale: 1.0,
        a_elements: 0,
        b_elements: 0,
        activation: Activation::None,
        a: Dtype::F32,
        b: Dtype::F32,
        y: Dtype::F32,
    };
    let same = |op: Pointwise, n| Pointwise { elements: n, a_elements: n, ..op };
    for x in [Dtype::F32, Dtype::F16] {
        let mut add = |name: &str, op: Pointwise| cases.push(Case::new(format!("{name} {x}"), Arc::new(op)));
        let base = Pointwise { a: x, b: x, y: x, ..base.clone() };
        let silu = Activation::Silu;
        add("sum", Pointwise { b_elements: 4000, ..same(base.clone(), 4000) });
        add("activation, odd length", Pointwise { activation: silu, ..same(base.clone(), 1003) });
        add("b repeated", Pointwise { b_elements: 24, scale: -0.5, ..same(base.clone(), 600) });
        add("a repeated", Pointwise { elements: 540, a_elements: 180, b_elements: 540, ..base.clone() });
        add("odd repeats", Pointwise { elements: 90, a_elements: 15, b_elements: 9, ..base.clone() });
        add("exact gelu", Pointwise { activation: Activation::Gelu, ..same(base.clone(), 7) });
    }
    let f16 = Dtype::F16;
    for (name, op) in [
        ("f32 to f16", Pointwise { y: f16, scale: 0.18215, ..same(base.clone(), 1030) }),
        ("f16 to f32", Pointwise { a: f16, ..same(base.clone(), 1028) }),
        ("f16 + f32", Pointwise { a: f16, b_elements: 64, ..same(base.clone(), 256) }),
    ] {
        cases.push(Case::new(name, Arc::new(op)));
    }
    cases
}
