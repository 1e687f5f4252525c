//! [`EarlyRefresh`]: validating a stored response before it expires.

use std::time::Duration;

use larder_policy::Serving;

/// Whether a hit on a response that is about to expire also starts its validation in the
/// background, so that nobody meets it expired. Default: [`off`](Self::off).
///
/// ```
/// use larder::{Cache, CacheLayer, EarlyRefresh};
///
/// let cache = Cache::builder().build();
/// let layer = CacheLayer::new(cache).with_early_refresh(EarlyRefresh::probabilistic());
/// # drop(layer);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct EarlyRefresh(Rule);

#[derive(Debug, Clone, Copy, PartialEq, Default)]
enum Rule {
    After(u8),
    #[default]
    Off,
    Probabilistic(f64),
}

impl EarlyRefresh {
    /// Responses are validated once they have expired.
    #[must_use]
    pub const fn off() -> Self {
        Self(Rule::Off)
    }

    /// Each hit starts a refresh with a probability that rises towards the expiry, the earlier the
    /// longer the inner service took over the response (`XFetch`: Vattani, Chierichetti, Lowenstein,
    /// "Optimal Probabilistic Cache Stampede Prevention", 2015). Needs no knowledge of the traffic:
    /// frequent hits start it early enough, rare ones do not bother.
    #[must_use]
    pub const fn probabilistic() -> Self {
        Self(Rule::Probabilistic(1.0))
    }

    /// As [`probabilistic`](Self::probabilistic), so many times as eager: 1 is the usual eagerness,
    /// 2 starts twice as early. What is not a number above 0 is taken for 1.
    #[must_use]
    pub fn probabilistic_times(eagerness: f64) -> Self {
        let valid = eagerness.is_finite() && eagerness > 0.0;
        Self(Rule::Probabilistic(if valid { eagerness } else { 1.0 }))
    }

    /// The first hit after so many percent of the time for which the response was fresh when it came
    /// starts the refresh: of its lifetime, less the age it came with. 100 and more never do.
    #[must_use]
    pub const fn after_percent(percent: u8) -> Self {
        Self(Rule::After(percent))
    }

    /// Whether this hit is to start a refresh. `held` is how long ago the response was asked for,
    /// `fill_time` how long the last fill took.
    pub(crate) fn is_due(self, serving: Serving, held: Duration, fill_time: Duration) -> bool {
        let left = serving.lifetime().saturating_sub(serving.age());
        match self.0 {
            Rule::Off => false,
            // A response may come past any part of its lifetime, from another cache. Were that what
            // counts, every hit on it would start a refresh.
            Rule::After(percent) => {
                let fresh = held.saturating_add(left).as_secs_f64();
                held.as_secs_f64() >= fresh * f64::from(percent) / 100.0
            }
            Rule::Probabilistic(eagerness) => {
                // In (0, 1]: the logarithm of 0 would refresh at any age.
                let chance = 1.0 - fastrand::f64();
                let ahead = fill_time.as_secs_f64() * eagerness * -chance.ln();
                ahead >= left.as_secs_f64()
            }
        }
    }

    pub(crate) const fn is_off(self) -> bool {
        matches!(self.0, Rule::Off)
    }
}
