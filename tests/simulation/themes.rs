//! What the schedules of a test are made of.

/// How likely things are, from 0 to 1.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    pub name: &'static str,
    /// The origin fails in some way.
    pub faults: f64,
    /// A client leaves before it has everything.
    pub leaving: f64,
    /// A request is a write.
    pub writes: f64,
    /// A step is `Cache::clear`.
    pub clears: f64,
    /// Bodies are longer than what is delivered at once.
    pub large: f64,
    /// The limits of the cache are small.
    pub tiny: f64,
}

pub const CALM: Theme = Theme {
    name: "calm",
    faults: 0.0,
    leaving: 0.0,
    writes: 0.03,
    clears: 0.0,
    large: 0.05,
    tiny: 0.05,
};

pub const FAULTS: Theme = Theme {
    name: "faults",
    faults: 0.3,
    ..CALM
};

pub const PURGES: Theme = Theme {
    name: "purges",
    faults: 0.03,
    leaving: 0.05,
    writes: 0.2,
    clears: 0.05,
    ..CALM
};

pub const LEAVING: Theme = Theme {
    name: "leaving",
    faults: 0.05,
    leaving: 0.5,
    large: 0.15,
    ..CALM
};

pub const LIMITS: Theme = Theme {
    name: "limits",
    faults: 0.05,
    leaving: 0.15,
    large: 0.3,
    tiny: 0.6,
    ..CALM
};

pub const EVERYTHING: Theme = Theme {
    name: "everything",
    faults: 0.15,
    leaving: 0.2,
    writes: 0.1,
    clears: 0.02,
    large: 0.1,
    tiny: 0.2,
};
