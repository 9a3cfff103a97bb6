//! A multi-layer perceptron with one output, trained by gradient descent.

/// So many numbers are summed up side by side, so that the compiler may take them at once.
const LANES: usize = 8;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Network {
    layers: Vec<Layer>,
}

#[derive(Clone, Debug, PartialEq)]
struct Layer {
    inputs: usize,
    outputs: usize,
    /// The weights of an input stand together, one for each output.
    weights: Vec<f32>,
    biases: Vec<f32>,
}

/// What a forward pass leaves for the backward pass: the input, and the output of each layer.
pub(crate) struct Pass(Vec<Vec<f32>>);

/// For each layer what its parameters should be less, in the shape of the layer.
pub(crate) struct Gradient(Vec<Layer>);

impl Network {
    /// One of this many inputs, of hidden layers of these widths, and one output. The weights are the same
    /// each time.
    pub(crate) fn new(inputs: usize, hidden: &[usize]) -> Network {
        let mut random = Random(0x9e37_79b9);
        let inputs = std::iter::once(inputs).chain(hidden.iter().copied());
        let outputs = hidden.iter().copied().chain([1]);
        let layers = inputs.zip(outputs).map(|(inputs, outputs)| {
            let mut layer = Layer::zero(inputs, outputs);
            let spread = (6.0 / inputs as f32).sqrt();
            layer.weights.fill_with(|| spread * random.next());
            layer
        });
        Network { layers: layers.collect() }
    }

    pub(crate) fn forward(&self, inputs: &[f32]) -> Pass {
        let mut outputs = vec![inputs.to_vec()];
        for (place, layer) in self.layers.iter().enumerate() {
            let mut output = layer.forward(&outputs[place]);
            if place + 1 < self.layers.len() {
                output.iter_mut().for_each(|value| *value = value.max(0.0));
            }
            outputs.push(output);
        }
        Pass(outputs)
    }

    /// The gradient of the mean square error.
    pub(crate) fn backward(&self, pass: &Pass, targets: &[f32]) -> Gradient {
        let share = 2.0 / targets.len() as f32;
        let mut deltas: Vec<f32> =
            pass.output().iter().zip(targets).map(|(y, target)| (y - target) * share).collect();
        let mut gradients = Vec::with_capacity(self.layers.len());
        for (layer, inputs) in self.layers.iter().zip(&pass.0).rev() {
            let (gradient, before) = layer.backward(inputs, &deltas);
            gradients.push(gradient);
            deltas = before;
        }
        gradients.reverse();
        Gradient(gradients)
    }

    pub(crate) fn descend(&mut self, gradient: &Gradient, rate: f32) {
        for (layer, gradient) in self.layers.iter_mut().zip(&gradient.0) {
            add(&mut layer.weights, -rate, &gradient.weights);
            add(&mut layer.biases, -rate, &gradient.biases);
        }
    }

    /// All parameters, always in the same order: to be written, and to be read.
    pub(crate) fn parameters(&mut self) -> impl Iterator<Item = &mut f32> {
        self.layers.iter_mut().flat_map(|layer| layer.weights.iter_mut().chain(&mut layer.biases))
    }
}

impl Pass {
    pub(crate) fn output(&self) -> &[f32] {
        self.0.last().map_or(&[], Vec::as_slice)
    }

    /// The mean square error.
    pub(crate) fn loss(&self, targets: &[f32]) -> f64 {
        let squares =
            self.output().iter().zip(targets).map(|(y, target)| f64::from(y - target).powi(2));
        squares.sum::<f64>() / targets.len() as f64
    }
}

impl Layer {
    fn zero(inputs: usize, outputs: usize) -> Layer {
        Layer { inputs, outputs, weights: vec![0.0; inputs * outputs], biases: vec![0.0; outputs] }
    }

    fn forward(&self, inputs: &[f32]) -> Vec<f32> {
        let samples = inputs.chunks_exact(self.inputs);
        let mut all = Vec::with_capacity(samples.len() * self.outputs);
        for sample in samples {
            let mut output = self.biases.clone();
            for (value, weights) in sample.iter().zip(self.weights.chunks_exact(self.outputs)) {
                add(&mut output, *value, weights);
            }
            all.extend(output);
        }
        all
    }

    /// The gradient of this layer, and the deltas of the one before it.
    fn backward(&self, inputs: &[f32], deltas: &[f32]) -> (Layer, Vec<f32>) {
        let mut gradient = Layer::zero(self.inputs, self.outputs);
        let mut before = Vec::with_capacity(inputs.len());
        let samples = inputs.chunks_exact(self.inputs);
        for (sample, deltas) in samples.zip(deltas.chunks_exact(self.outputs)) {
            add(&mut gradient.biases, 1.0, deltas);
            let rows = gradient.weights.chunks_exact_mut(self.outputs);
            let weights = self.weights.chunks_exact(self.outputs);
            for ((value, row), weights) in sample.iter().zip(rows).zip(weights) {
                // Where a rectified value is zero, nothing went through.
                let passes = *value != 0.0;
                if passes {
                    add(row, *value, deltas);
                }
                before.push(if passes { dot(weights, deltas) } else { 0.0 });
            }
        }
        (gradient, before)
    }
}

fn add(sum: &mut [f32], factor: f32, values: &[f32]) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += factor * value;
    }
}

fn dot(left: &[f32], right: &[f32]) -> f32 {
    let (left, left_rest) = left.as_chunks::<LANES>();
    let (right, right_rest) = right.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (left, right) in left.iter().zip(right) {
        for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
            *sum += left * right;
        }
    }
    let rest = left_rest.iter().zip(right_rest).map(|(left, right)| left * right);
    sums.into_iter().chain(rest).sum()
}

/// Numbers from -1 to 1 that look as if they were random.
struct Random(u32);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as f32 / u32::MAX as f32 * 2.0 - 1.0
    }
}
