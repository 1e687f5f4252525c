//! What the schedules of a test are made of.

/// How likely things are, from 0 to 1.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    pub name: &'static str,
    /// Many ask for the same at about the same time.
    pub crowds: f64,
    /// The origin has an error instead of a response.
    pub errors: f64,
    /// The origin is slow, or never answers.
    pub slow: f64,
    /// A body breaks off.
    pub breaks: f64,
    /// A body is longer than what is delivered at once.
    pub large: f64,
    /// A client rests while it reads.
    pub rests: f64,
    /// A client leaves before it has everything.
    pub leaving: f64,
    /// A request is a write.
    pub writes: f64,
    /// A step is `Cache::clear`.
    pub clears: f64,
    /// Before a request something is purged.
    pub purges: f64,
    /// A purge is soft.
    pub soft: f64,
    /// A limit of the cache is small.
    pub tiny: f64,
}

pub const CALM: Theme = Theme {
    name: "calm",
    crowds: 0.2,
    errors: 0.0,
    slow: 0.02,
    breaks: 0.0,
    large: 0.03,
    rests: 0.05,
    leaving: 0.0,
    writes: 0.03,
    clears: 0.0,
    purges: 0.0,
    soft: 0.0,
    tiny: 0.05,
};

pub const CROWDED: Theme = Theme {
    name: "crowded",
    crowds: 0.7,
    errors: 0.05,
    ..CALM
};

pub const FAILING: Theme = Theme {
    name: "failing",
    errors: 0.25,
    ..CALM
};

pub const SLOW: Theme = Theme {
    name: "slow",
    slow: 0.2,
    errors: 0.05,
    leaving: 0.05,
    ..CALM
};

pub const BREAKING: Theme = Theme {
    name: "breaking",
    breaks: 0.3,
    large: 0.1,
    rests: 0.2,
    ..CALM
};

pub const LARGE: Theme = Theme {
    name: "large",
    large: 0.6,
    rests: 0.3,
    leaving: 0.1,
    tiny: 0.15,
    ..CALM
};

pub const WRITES: Theme = Theme {
    name: "writes",
    writes: 0.2,
    crowds: 0.4,
    errors: 0.03,
    slow: 0.05,
    ..CALM
};

pub const CLEARS: Theme = Theme {
    name: "clears",
    clears: 0.1,
    crowds: 0.4,
    slow: 0.05,
    leaving: 0.1,
    ..CALM
};

pub const PURGES: Theme = Theme {
    name: "purges",
    purges: 0.15,
    crowds: 0.4,
    slow: 0.05,
    writes: 0.05,
    leaving: 0.1,
    ..CALM
};

pub const SOFT: Theme = Theme {
    name: "soft purges",
    soft: 0.85,
    errors: 0.05,
    ..PURGES
};

pub const LEAVING: Theme = Theme {
    name: "leaving",
    leaving: 0.5,
    errors: 0.05,
    breaks: 0.05,
    ..CALM
};

pub const LIMITED: Theme = Theme {
    name: "limited",
    tiny: 0.6,
    large: 0.2,
    leaving: 0.15,
    errors: 0.03,
    ..CALM
};

pub const EVERYTHING: Theme = Theme {
    name: "everything",
    crowds: 0.3,
    errors: 0.1,
    slow: 0.05,
    breaks: 0.1,
    large: 0.05,
    rests: 0.1,
    leaving: 0.2,
    writes: 0.1,
    clears: 0.02,
    purges: 0.05,
    soft: 0.4,
    tiny: 0.2,
};
