//! Purges, at random, and what they forbid.

use std::fmt;

use fastrand::Rng;
use larder::policy::key::Partition;
use larder::{Purge, RequestView};

use crate::moment::Moment;
use crate::origin::Kind;
use crate::settings::{chance, pick};
use crate::sight::Sight;
use crate::themes::Theme;
use crate::world::{Purged, State, World};

/// What is purged, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    what: Vec<What>,
    soft: bool,
}

#[derive(Clone, Debug)]
enum What {
    AllTags(Vec<Tag>),
    AnyTag(Vec<Tag>),
    Everything,
    Prefix(usize),
    Tag(Tag),
    Url(usize),
    User(u8),
}

/// A tag that routes give.
#[derive(Clone, Copy, Debug)]
enum Tag {
    Of(usize),
    /// Of every other resource.
    Parity(usize),
    Whole,
}

/// A soft purge that has returned.
#[derive(Clone, Copy, Debug)]
pub struct Softened {
    /// Whose copy; none is all.
    user: Option<u8>,
    version: u64,
    moment: Moment,
}

impl Plan {
    pub fn random(rng: &mut Rng, theme: &Theme, resources: usize) -> Self {
        let count = if chance(rng, 0.2) { 2 } else { 1 };
        Self {
            what: (0..count).map(|_| What::random(rng, resources)).collect(),
            soft: chance(rng, theme.soft),
        }
    }

    fn purge(&self) -> Purge {
        let whole = self.what.iter().map(What::purge);
        let whole = whole.reduce(Purge::and).expect("something");
        if self.soft { whole.soft() } else { whole }
    }

    pub fn carry_out(&self, world: &World) {
        world.cache.purge(self.purge());
        let mut state = world.state();
        state.log(format_args!("purge    {self}"));
        let now = state.moment();
        state.last_purge = now.order;
        for what in &self.what {
            for resource in 0..state.resources.len() {
                if !what.covers(resource) {
                    continue;
                }
                let resource = &mut state.resources[resource];
                let (version, order) = (resource.version, now.order);
                let user = what.user();
                if self.soft {
                    let moment = now;
                    resource.softened.push(Softened {
                        user,
                        version,
                        moment,
                    });
                } else {
                    let of = match user {
                        Some(user) => &mut resource.own[usize::from(user)],
                        None => &mut resource.purged,
                    };
                    *of = Purged { version, order };
                }
            }
        }
    }
}

impl What {
    fn random(rng: &mut Rng, resources: usize) -> Self {
        let resource = rng.usize(..resources);
        let mut tags = |most| {
            (0..rng.usize(1..=most))
                .map(|_| Tag::random(rng, resources))
                .collect()
        };
        let (any, all) = (tags(3), tags(3));
        match rng.u8(..20) {
            0 => Self::Everything,
            1..5 => Self::Url(resource),
            5..7 => Self::Prefix(resource),
            7..11 => Self::Tag(Tag::random(rng, resources)),
            11..14 => Self::AnyTag(any),
            14..17 => Self::AllTags(all),
            _ => Self::User(pick(rng, &[1, 2, 3])),
        }
    }

    fn purge(&self) -> Purge {
        match self {
            Self::AllTags(tags) => Purge::all_tags(tags.iter().map(ToString::to_string)),
            Self::AnyTag(tags) => Purge::any_tag(tags.iter().map(ToString::to_string)),
            Self::Everything => Purge::everything(),
            Self::Prefix(resource) => Purge::prefix(&format!("/{resource}")).unwrap(),
            Self::Tag(tag) => Purge::tag(tag.to_string()),
            Self::Url(resource) => Purge::url(&format!("/{resource}")).unwrap(),
            Self::User(user) => Purge::partition(Partition::of("user", &[*user]).unwrap()),
        }
    }

    fn covers(&self, resource: usize) -> bool {
        match self {
            Self::AllTags(tags) => tags.iter().all(|tag| tag.covers(resource)),
            Self::AnyTag(tags) => tags.iter().any(|tag| tag.covers(resource)),
            Self::Everything | Self::User(_) => true,
            Self::Prefix(of) | Self::Url(of) => *of == resource,
            Self::Tag(tag) => tag.covers(resource),
        }
    }

    fn user(&self) -> Option<u8> {
        match self {
            Self::User(user) => Some(*user),
            _ => None,
        }
    }
}

impl Tag {
    fn random(rng: &mut Rng, resources: usize) -> Self {
        let resource = rng.usize(..resources);
        match rng.u8(..3) {
            0 => Self::Of(resource),
            1 => Self::Parity(resource % 2),
            _ => Self::Whole,
        }
    }

    fn covers(self, resource: usize) -> bool {
        match self {
            Self::Of(of) => of == resource,
            Self::Parity(parity) => parity == resource % 2,
            Self::Whole => true,
        }
    }
}

/// The tags of the response to a request.
pub fn tags(request: &RequestView<'_>) -> Vec<String> {
    let resource: usize = request.uri().path()[1..].parse().unwrap();
    let tags = [Tag::Of(resource), Tag::Parity(resource % 2)];
    tags.iter().map(ToString::to_string).collect()
}

/// The group of the responses about a resource (RFC 9875).
pub fn group(resource: usize) -> String {
    format!("\"{}\"", resource % 2)
}

pub const WHOLE: &str = "whole";

impl State {
    /// The last purge that has returned of what a user may get of a resource.
    pub fn purged_for(&self, resource: usize, user: Option<u8>) -> Purged {
        let resource = &self.resources[resource];
        let own = user.filter(|_| resource.habit.kind == Kind::Own);
        let own = own.map(|user| resource.own[usize::from(user)]);
        let later = own.filter(|own| own.order > resource.purged.order);
        later.unwrap_or(resource.purged)
    }

    /// Soft purges that have returned of what a user may get of a resource, first to last.
    fn softened_for(
        &self,
        resource: usize,
        user: Option<u8>,
    ) -> impl DoubleEndedIterator<Item = &Softened> {
        let resource = &self.resources[resource];
        let own = resource.habit.kind == Kind::Own;
        let softened = resource.softened.iter();
        softened.filter(move |soft| soft.user.is_none_or(|of| own && user == Some(of)))
    }

    /// When the stale windows of what was asked for at one moment began, for who starts at another.
    pub fn softened_between(
        &self,
        resource: usize,
        user: Option<u8>,
        asked: Moment,
        started: Moment,
    ) -> Option<Moment> {
        let mut moments = self.softened_for(resource, user).map(|soft| soft.moment);
        moments.find(|moment| *moment > asked && *moment < started)
    }
}

/// Promise 2, of soft purges.
pub fn what_was_purged_softly_is_stale(state: &State, sight: &Sight) -> Result<(), String> {
    let visit = &state.visits[sight.visit];
    let softened = state.softened_for(visit.ask.resource, visit.ask.user);
    let mut before = softened.filter(|soft| soft.moment < visit.started);
    let Some(last) = before.next_back() else {
        return Ok(());
    };
    let older = |version: u64| version < last.version;
    let mut exchanges = sight.exchanges(state);
    let asked = sight
        .exchanges(state)
        .map(|(_, exchange)| exchange.called)
        .max();
    let old = asked.is_some_and(|asked| asked < last.moment);
    if !old && !exchanges.any(|(_, exchange)| older(exchange.version)) {
        return Ok(());
    }
    let status = &sight.cache_status;
    let stale = status.contains("ttl=-") || status.contains("ttl=0");
    let told = !status.contains("; hit") || status.contains("soft-purged");
    if stale && told {
        return Ok(());
    }
    Err(format!(
        "softly purged before v{}, served as fresh",
        last.version
    ))
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.soft { "soft" } else { "hard" };
        write!(f, "{how} {:?}", self.what)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(resource) => write!(f, "r{resource}"),
            Self::Parity(parity) => write!(f, "parity{parity}"),
            Self::Whole => f.write_str(WHOLE),
        }
    }
}
