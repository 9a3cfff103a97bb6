//! 1,599 red wines: eleven measures of each, and how good its tasters have found it.

use linfa_datasets::winequality;

/// Measures of a wine.
pub(crate) const MEASURES: usize = 11;

/// One wine in so many is kept for the validation.
const KEPT: usize = 8;

/// Coprime to the number of wines: steps of this length come past all of them.
const STRIDE: usize = 641;

/// Wines, in the order in which they are read.
pub(crate) struct Wines {
    wines: Vec<([f32; MEASURES], f32)>,
}

/// Some wines.
pub(crate) struct Batch {
    /// The measures of one wine after those of another.
    pub(crate) inputs: Vec<f32>,
    pub(crate) targets: Vec<f32>,
}

impl Wines {
    /// Those to train with, of which this rank has its share, and those to validate with. Each measure has
    /// the mean 0 and the variance 1.
    pub(crate) fn load(rank: usize, ranks: usize) -> (Wines, Wines) {
        let data = winequality();
        let count = data.records().nrows() as f64;
        let columns: Vec<Vec<f32>> = data
            .records()
            .columns()
            .into_iter()
            .map(|column| {
                let mean = column.iter().sum::<f64>() / count;
                let variance = column.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
                column.iter().map(|x| ((x - mean) / variance.sqrt()) as f32).collect()
            })
            .collect();
        let wine = |place: usize| {
            let measures = std::array::from_fn(|measure| columns[measure][place]);
            // Marks are from 3 to 8.
            (measures, data.targets()[place] as f32 - 5.5)
        };
        let (mut training, mut validation) = (Vec::new(), Vec::new());
        for place in 0..data.records().nrows() {
            if place % KEPT == 0 {
                validation.push(wine(place));
            } else if place % ranks == rank {
                training.push(wine(place));
            }
        }
        (Wines { wines: training }, Wines { wines: validation })
    }

    pub(crate) fn all(&self) -> Batch {
        Batch::of(&self.wines, 0..self.wines.len())
    }

    /// Endless batches from this step of the training on: a job that goes on reads what it would have read.
    pub(crate) fn batches_from(&self, step: usize, size: usize) -> impl Iterator<Item = Batch> {
        (step..).map(move |step| {
            let places = step * size..(step + 1) * size;
            Batch::of(&self.wines, places.map(|place| place * STRIDE % self.wines.len()))
        })
    }
}

impl Batch {
    fn of(wines: &[([f32; MEASURES], f32)], places: impl Iterator<Item = usize> + Clone) -> Batch {
        Batch {
            inputs: places.clone().flat_map(|place| wines[place].0).collect(),
            targets: places.map(|place| wines[place].1).collect(),
        }
    }
}
