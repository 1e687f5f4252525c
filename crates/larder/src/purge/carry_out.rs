//! Carrying a purge out: what it names becomes hashes, and the hashes are stamped.

use std::{iter, thread};

use http::Uri;
use larder_policy::key::{QueryBuf, Target};
use tokio::runtime::Handle;

use super::estimate::Estimate;
use super::receipt::Receipt;
use super::told::tell;
use super::what::{Purge, What};
use crate::cache::{Cache, Shared};
use crate::fleet::{Purged, Ticket};
use crate::stamps::{Life, Manner, Named};
use crate::trace;

impl Cache {
    /// Drops what a purge names, for all who ask from now on: when this returns, no stored response
    /// that was begun before is served any more (or, if the purge is [soft](Purge::soft), as fresh), and
    /// what is being fetched at this moment is delivered to those who wait for it and not stored. Costs
    /// the same for one stored response and for a million.
    ///
    /// Call it after the change is made that it is about: what is fetched from then on is new.
    ///
    /// ```
    /// use larder::{Cache, KeyPart, PartWriter, Purge};
    ///
    /// #[derive(Clone)]
    /// struct UserId(u64);
    ///
    /// impl KeyPart for UserId {
    ///     const NAME: &'static str = "user";
    ///
    ///     fn write(&self, out: &mut PartWriter) {
    ///         out.number(self.0);
    ///     }
    /// }
    ///
    /// let cache = Cache::builder().build();
    /// // A user logs out.
    /// cache.purge(Purge::identity(&UserId(7)));
    /// ```
    #[expect(
        clippy::must_use_candidate,
        reason = "the purge is what counts; the receipt is for those who want it"
    )]
    pub fn purge(&self, purge: Purge) -> Receipt {
        let clock = &self.shared().clock;
        let manner = if purge.is_soft() {
            Manner::soft(clock.now())
        } else {
            Manner::Hard
        };
        let what = if purge.what().contains(&What::Everything) {
            Purged::Everything
        } else {
            Purged::Named(self.resolve(&purge))
        };
        let (position, ticket) = self.drop_purged(what, manner);
        tell(&purge, position);
        trace::purged(self, purge.is_soft());
        Receipt::new(purge, position, clock.now(), ticket)
    }

    /// What a purge would hit if it were made now. Cost: looks at every stored response, so it is for
    /// a dashboard and not for every request.
    ///
    /// ```
    /// use larder::{Cache, Purge};
    ///
    /// let cache = Cache::builder().build();
    /// let would_go = cache.estimate(&Purge::tag("product:42"));
    /// println!("{} responses, {} bytes", would_go.responses(), would_go.bytes());
    /// ```
    #[must_use]
    pub fn estimate(&self, purge: &Purge) -> Estimate {
        let everything = purge.what().contains(&What::Everything);
        let named = self.resolve(purge);
        let mut estimate = Estimate::default();
        self.shared().memory.for_each(|_, entry| {
            let names = entry.hashes();
            let hit = everything || named.iter().any(|named| named.covers(&names));
            if hit && entry.life(&self.shared().stamps) != Life::Dead {
                estimate.responses += 1;
                estimate.bytes += entry.weight() as u64;
            }
        });
        estimate
    }

    /// Forgets every stored response. What is being fetched at this moment is delivered but not
    /// stored.
    pub fn clear(&self) {
        self.purge(Purge::everything());
    }

    /// Purges by hashes, here and on all nodes. The position of the purge, or the present one if it names
    /// nothing.
    pub(crate) fn drop_purged(&self, what: Purged, manner: Manner) -> (u64, Option<Ticket>) {
        let Shared {
            clock,
            fleet,
            stamps,
            ..
        } = self.shared();
        if matches!(&what, Purged::Named(named) if named.is_empty()) {
            return (stamps.position(), None);
        }
        let clears = what == Purged::Everything && manner == Manner::Hard;
        let done = match fleet {
            None => (what.stamp(stamps, manner), None),
            Some(fleet) => {
                let (position, ticket) = fleet.purge(stamps, clock.now(), what, manner);
                (position, Some(ticket))
            }
        };
        if clears {
            self.forget_memory();
        }
        self.settle();
        done
    }

    /// Gives back the memory of what was stored before everything was purged.
    pub(crate) fn forget_memory(&self) {
        self.shared().memory.clear();
        self.shared().marks.forget_all();
    }

    /// Sees to it that what is remembered of purges does not grow without end.
    pub(crate) fn settle(&self) {
        let stamps = &self.shared().stamps;
        if stamps.is_full() {
            self.sweep();
        } else if stamps.asks_for_sweep() {
            self.sweep_soon();
        }
    }

    fn resolve(&self, purge: &Purge) -> Vec<Named> {
        let naming = &self.shared().naming;
        let mut named = Vec::with_capacity(purge.what().len());
        for what in purge.what() {
            match what {
                What::Everything => {}
                What::Tag(tag) => named.push(Named::One(naming.tag(tag))),
                What::AllTags(tags) => {
                    let hashes = tags.iter().map(|tag| naming.tag(tag));
                    named.extend(Named::all(hashes.collect()));
                }
                What::Partition(partition) => {
                    named.extend(naming.partition(partition).map(Named::One));
                }
                What::Prefix(uri) => {
                    let prefix = naming.prefix(uri.path());
                    let origin = of_host(uri).map(|target| naming.origin(&target));
                    named.extend(Named::all(prefix.into_iter().chain(origin).collect()));
                }
                What::Url(uri) => self.resolve_url(uri, &mut named),
            }
        }
        named
    }

    fn resolve_url(&self, uri: &Uri, named: &mut Vec<Named>) {
        if let Ok(target) = Target::from_request(uri, None, None) {
            self.urls_into(&target, None, named);
        }
    }

    /// The names of a URL, or of a path and query on all hosts. What is stored goes by what its route's
    /// key leaves of the query, and by the route where that stands for the path.
    pub(crate) fn urls_into(
        &self,
        target: &Target<'_>,
        route: Option<&str>,
        named: &mut Vec<Named>,
    ) {
        let Shared { keys, naming, .. } = self.shared();
        let mut add = |target: &Target<'_>| {
            let hash = match target.host() {
                Some(_) => naming.url(target),
                None => naming.resource(target.path(), target.query()),
            };
            if !named.contains(&Named::One(hash)) {
                named.push(Named::One(hash));
            }
        };
        add(target);
        let mut is_bare_added = target.query().is_none();
        for key in keys.kinds() {
            let route = route.filter(|_| key.is_by_route());
            for route in iter::once(None).chain(route.map(Some)) {
                let mut query = QueryBuf::new();
                let kept = key.target(target, route, &mut query);
                let is_bare = route.is_none() && kept.query().is_none();
                if kept != *target && !(is_bare && is_bare_added) {
                    add(&kept);
                }
                is_bare_added |= is_bare;
            }
        }
    }

    /// Looks at everything that is stored: what is dead is dropped, and the purges that made it so are
    /// forgotten.
    pub(crate) fn sweep(&self) {
        let shared = self.shared();
        let Some(sweep) = shared.stamps.begin_sweep() else {
            return;
        };
        let (mut stored, mut dead) = (0, Vec::new());
        shared.memory.for_each(|key, entry| {
            stored += 1;
            if entry.life(&shared.stamps) == Life::Dead {
                dead.push((key.clone(), entry.clone()));
            }
        });
        for (key, entry) in &dead {
            shared.memory.remove(key, entry);
        }
        let before = shared.stamps.records();
        sweep.end(stored);
        let left = shared.stamps.records();
        let (removed, forgotten) = (dead.len() as u64, before.saturating_sub(left));
        trace::swept(self, removed, forgotten, left);
    }

    fn sweep_soon(&self) {
        let cache = self.clone();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn_blocking(move || cache.sweep());
        } else {
            // Where no thread can be had, whoever purges too much sweeps himself.
            let builder = thread::Builder::new().name("larder-sweep".to_owned());
            let _ = builder.spawn(move || cache.sweep());
        }
    }
}

fn of_host(uri: &Uri) -> Option<Target<'_>> {
    uri.authority()?;
    Target::from_request(uri, None, None).ok()
}
