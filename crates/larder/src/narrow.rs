//! The narrowed request: on a route with declared inputs the inner service sees those only.

use std::mem::replace;
use std::sync::Arc;

use http::{Extensions, HeaderMap, Request, Uri};
use larder_policy::key::Key;
use larder_policy::{Credentials, Mode};

use crate::context::Context;
use crate::finding::Finding;
use crate::probe::Probe;
use crate::query::content;

/// Credentials that were withheld although the inner service may know what was made of them: another
/// cache on the way there does not see them any more.
#[derive(Clone, Copy)]
pub(crate) struct Withheld(Credentials);

impl Withheld {
    pub(crate) fn of(extensions: &Extensions) -> Credentials {
        let withheld = extensions.get::<Self>();
        withheld.map_or_else(Credentials::default, |Self(credentials)| *credentials)
    }
}

impl Context {
    /// Takes from a request what its route does not declare. `credentials` are those of the client on
    /// whose occasion it is made. Returned are those that the inner service may know of beyond what it
    /// sees: nobody can say what the application made of them and put into the extensions.
    pub(crate) fn narrow<B>(
        &self,
        request: &mut Request<B>,
        credentials: Credentials,
    ) -> Credentials {
        let Some(key) = self.key.as_deref() else {
            return credentials;
        };
        self.narrow_extensions(key, request.extensions_mut());
        let knows_more = credentials != Credentials::default()
            && self.policy.mode() == Mode::Shared
            && self.knows_more(key, request);
        self.narrow_fields(key, request);
        if knows_more {
            let credentials = credentials.taken_for_authorization();
            request.extensions_mut().insert(Withheld(credentials));
            credentials
        } else {
            Credentials::default()
        }
    }

    /// The same for a request that nobody is going to send.
    pub(crate) fn narrow_unsent<B>(&self, request: &mut Request<B>) {
        if let Some(key) = &self.key {
            self.narrow_extensions(key, request.extensions_mut());
            self.narrow_fields(key, request);
        }
    }

    fn narrow_fields<B>(&self, key: &Key, request: &mut Request<B>) {
        let narrowed = self.policy.narrow(key, request.headers());
        let fields = replace(request.headers_mut(), narrowed);
        content::describe(request, &fields);
        self.set_uris(request, |uri| key.narrowed_uri(uri));
    }

    /// Puts other URIs in the places of the request's own and of the one that the client asked for.
    pub(crate) fn set_uris<B>(
        &self,
        request: &mut Request<B>,
        other: impl Fn(&Uri) -> Option<Uri>,
    ) {
        if let Some(uri) = other(request.uri()) {
            *request.uri_mut() = uri;
        }
        let target = (self.framework.target)(request.extensions());
        if let Some(target) = target.and_then(other) {
            (self.framework.set_target)(request.extensions_mut(), target);
        }
    }

    /// Tells of fields that shape the responses of a route and that its key does not declare.
    pub(crate) fn check_vary(&self, route: &str, response: &HeaderMap) {
        let Some(key) = self.key.as_deref() else {
            return;
        };
        for undeclared in self.policy.undeclared(key, response) {
            let (name, withheld) = (undeclared.name().as_str(), undeclared.is_withheld());
            let finding = Finding::undeclared_vary(route, name, withheld);
            self.cache.shared().findings.report(&finding);
        }
    }

    /// The key of a route; `None` where nothing is declared, or the declaration is wrong.
    pub(crate) fn set_key(&mut self, key: Option<Key>) {
        self.invalid_key = false;
        if let Some(Err(error)) = key.as_ref().map(Key::check) {
            self.invalid_key = true;
            let finding = Finding::invalid_key(self.label.as_deref().unwrap_or("?"), &error);
            self.cache.shared().findings.report(&finding);
        }
        self.key = key.map(Arc::new);
        if let Some(key) = &self.key {
            self.cache.shared().keys.add(key);
        }
    }

    /// Who asks is no input of what is kept for all, nor who of a group asks of what is kept for the
    /// group, unless it is declared.
    fn narrow_extensions(&self, key: &Key, extensions: &mut Extensions) {
        if !key.forwards_all() && self.policy.mode() == Mode::Shared {
            let own = self.identify.as_ref().and_then(|identify| identify.of);
            let identities = &self.cache.shared().identities;
            identities.remove_from(extensions, |of| {
                own.is_some_and(|own| own.is_same(of)) || key.declares_extension_type(of.id())
            });
        }
    }

    /// There is something in the extensions that is neither declared, nor neutral, nor the
    /// framework's. What is known for two reasons must not make room for what is not, so each is
    /// taken out rather than counted.
    fn knows_more<B>(&self, key: &Key, request: &Request<B>) -> bool {
        let mut rest = request.extensions().clone();
        if let Some(own) = self.identify.as_ref().and_then(|identify| identify.of) {
            own.remove_from(&mut rest);
        }
        let neutral = &self.cache.shared().neutral_extensions;
        neutral.remove_from(&mut rest, |_| false);
        key.remove_from(&mut rest);
        let probe = usize::from(Probe::of(&rest).is_some());
        let withheld = usize::from(rest.get::<Withheld>().is_some());
        let ours = content::count_in(&rest) + probe + withheld;
        rest.len() > (self.framework.own)(&mut rest) + ours
    }
}
