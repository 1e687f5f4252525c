//! Requests as caches see them: some keys popular by Zipf's law, sizes that differ, and what disturbs.

use fastrand::Rng;

/// Requests for numbered keys.
pub struct Trace {
    /// What it is.
    pub name: String,
    /// The keys that are asked for, in their order.
    pub requests: Vec<u32>,
    /// What a response takes, by key.
    sizes: Vec<u32>,
}

/// What the requests are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// By Zipf's law.
    Steadily,
    /// Every third one by somebody who asks for everything there is, once.
    WithScans,
    /// Every third one for one of a hundred keys that nobody asked for before, and others soon after.
    WithBursts,
    /// What is popular is another four times.
    Changing,
}

impl Trace {
    /// So many requests for so many keys, each as popular as Zipf's law with this exponent says. The
    /// same again for the same arguments.
    pub fn new(asked: Asked, exponent: f64, keys: u32, requests: u32) -> Self {
        let mut rng = Rng::with_seed(7);
        let popular = Zipf::new(exponent, keys);
        let mut names: Vec<u32> = (0..keys).collect();
        rng.shuffle(&mut names);
        let mut next = keys;
        let mut asks = Vec::with_capacity(requests as usize);
        for number in 0..requests {
            if asked == Asked::Changing && number % (requests / 5) == 0 {
                rng.shuffle(&mut names);
            }
            let disturbed = number % 3 == 2;
            asks.push(match asked {
                Asked::WithScans if disturbed => {
                    next += 1;
                    next
                }
                Asked::WithBursts if disturbed => {
                    // A hundred keys for the time of 3,000 requests.
                    keys + number / 3_000 * 100 + rng.u32(..100)
                }
                _ => names[popular.rank(rng.f64()) as usize],
            });
        }
        let largest = asks.iter().max().copied().unwrap_or_default();
        let sizes = (0..=largest).map(|_| size(&mut rng)).collect();
        let name = match asked {
            Asked::Steadily => format!("Zipf {exponent:.1}"),
            Asked::WithScans => format!("Zipf {exponent:.1}, with scans"),
            Asked::WithBursts => format!("Zipf {exponent:.1}, with bursts"),
            Asked::Changing => format!("Zipf {exponent:.1}, changing"),
        };
        Self {
            name,
            requests: asks,
            sizes,
        }
    }

    /// The same requests for responses of one size.
    #[must_use]
    pub fn of_one_size(mut self) -> Self {
        self.name += ", one size";
        self.sizes.fill(2 << 10);
        self
    }

    /// What the response with this key takes, in bytes.
    pub fn size(&self, key: u32) -> u64 {
        u64::from(self.sizes[key as usize])
    }

    /// What all responses that are asked for take.
    pub fn bytes(&self) -> u64 {
        let mut seen = vec![false; self.sizes.len()];
        let first = |key: &&u32| !std::mem::replace(&mut seen[**key as usize], true);
        let keys = self.requests.iter().filter(first);
        keys.map(|key| u64::from(self.sizes[*key as usize])).sum()
    }

    /// How many keys are asked for.
    pub fn keys(&self) -> u64 {
        let mut keys = self.requests.clone();
        keys.sort_unstable();
        keys.dedup();
        keys.len() as u64
    }
}

/// From 512 bytes to 64 KiB, each doubling as likely as the others.
fn size(rng: &mut Rng) -> u32 {
    (512.0 * 2f64.powf(rng.f64() * 7.0)) as u32
}

/// Ranks from 0, the most popular one.
struct Zipf(Vec<f64>);

impl Zipf {
    fn new(exponent: f64, keys: u32) -> Self {
        let mut sum = 0.0;
        let weight = |rank| f64::from(rank + 1).powf(-exponent);
        let sums = (0..keys).map(|rank| {
            sum += weight(rank);
            sum
        });
        Self(sums.collect())
    }

    /// The one below which this part of all requests is.
    fn rank(&self, part: f64) -> u32 {
        let all = self.0.last().copied().unwrap_or_default();
        let below = self.0.partition_point(|sum| *sum < part * all);
        u32::try_from(below.min(self.0.len() - 1)).expect("a key is a u32")
    }
}
