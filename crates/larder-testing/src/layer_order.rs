//! [`assert_layer_order`]: are the layers on the right side of the cache?

use std::fmt;

use http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, CONTENT_ENCODING, COOKIE, HeaderName,
    HeaderValue, ORIGIN, SET_COOKIE, VARY,
};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body;
use larder::policy::key::{Input, InputKind};
use larder::{Probe, Probed};
use tower::Service;

use crate::app::App;
use crate::layer_report::{LayerKind, LayerReport, Misplaced};
use crate::untestable::{Untestable, or_panic};

/// Asks an application a few times past the cache, and panics if what comes from inside shows that a
/// session, CORS, compression or authentication layer is on the wrong side of it. Best with a request
/// as a logged-in user makes it, for a body of some kilobytes: small ones are seldom compressed. See
/// [`LayerOrder`] for how layers are recognised, and for settings.
///
/// # Panics
///
/// If a layer is on the wrong side: names it. If the test can show nothing: the route has no cache,
/// or the application fails.
pub async fn assert_layer_order<S, B, C>(app: S, request: Request<B>)
where
    S: Service<Request<B>, Response = Response<C>> + Clone,
    S::Error: fmt::Debug,
    B: Default,
    C: Body,
    C::Error: fmt::Debug,
{
    LayerOrder::new().assert(app, request).await;
}

/// [`assert_layer_order`] with settings.
///
/// | inside the cache is | when there |
/// |---|---|
/// | a session layer | `Set-Cookie` comes from, also for a request without cookies |
/// | a CORS layer | `Access-Control-Allow-Origin` comes from and is not the same for all, `Vary` names `Origin`, or preflights are answered; unless the key declares `origin` |
/// | a compression layer | coded content comes from to whom accepts it only, or `Vary` names `Accept-Encoding`; unless the key declares `accept-encoding` |
/// | an authentication layer | a request with `Authorization` or `Cookie` has no identity on a partitioned route, or is let through only when the credentials pass the cache |
#[derive(Debug, Clone, Default)]
#[must_use = "settings do nothing until `assert` or `check`"]
pub struct LayerOrder {
    allowed: Vec<LayerKind>,
}

impl LayerOrder {
    /// The settings of [`assert_layer_order`].
    pub fn new() -> Self {
        Self::default()
    }

    /// A kind of layer that is to be inside the cache.
    pub fn allow(mut self, kind: LayerKind) -> Self {
        self.allowed.push(kind);
        self
    }

    /// Panics if a layer is on the wrong side of the cache.
    ///
    /// # Panics
    ///
    /// As [`assert_layer_order`].
    pub async fn assert<S, B, C>(&self, app: S, request: Request<B>)
    where
        S: Service<Request<B>, Response = Response<C>> + Clone,
        S::Error: fmt::Debug,
        B: Default,
        C: Body,
        C::Error: fmt::Debug,
    {
        let report = or_panic(self.check(app, request).await);
        assert!(report.is_in_order(), "{report}");
    }

    /// Tells which layers are on the wrong side of the cache.
    ///
    /// # Errors
    ///
    /// When the test can show nothing.
    pub async fn check<S, B, C>(
        &self,
        app: S,
        request: Request<B>,
    ) -> Result<LayerReport, Untestable>
    where
        S: Service<Request<B>, Response = Response<C>> + Clone,
        S::Error: fmt::Debug,
        B: Default,
        C: Body,
        C::Error: fmt::Debug,
    {
        let parts = request.into_parts().0;
        let look = Look {
            app: App::new(app),
            parts,
        };
        let first = look.app.probed(&look.parts, Probe::new()).await?;
        let signs = [
            (
                LayerKind::Authentication,
                look.authentication(&first).await?,
            ),
            (LayerKind::Session, look.session(&first).await?),
            (LayerKind::Cors, look.cors(&first).await?),
            (LayerKind::Compression, look.compression(&first).await?),
        ];
        let misplaced = signs
            .into_iter()
            .filter(|(kind, _)| !self.allowed.contains(kind))
            .filter_map(|(kind, sign)| sign.map(|sign| Misplaced { kind, sign }));
        Ok(LayerReport {
            route: first.route().to_owned(),
            misplaced: misplaced.collect(),
        })
    }
}

/// An application, and a request to look at it with.
struct Look<S, B> {
    app: App<S, B>,
    parts: Parts,
}

type Sign = Option<String>;

impl<S, B, C> Look<S, B>
where
    S: Service<Request<B>, Response = Response<C>> + Clone,
    S::Error: fmt::Debug,
    B: Default,
    C: Body,
    C::Error: fmt::Debug,
{
    async fn authentication(&self, first: &Probed) -> Result<Sign, Untestable> {
        let carries = |name: &HeaderName| self.parts.headers.contains_key(name);
        let Some(name) = [AUTHORIZATION, COOKIE].into_iter().find(carries) else {
            return Ok(None);
        };
        if first.is_partitioned() && !first.is_identified() {
            let sign = format!("the request has `{name}`, and the cache finds no identity");
            return Ok(Some(sign));
        }
        let narrowed = self.app.probed(&self.parts, Probe::narrowed()).await?;
        let refused =
            [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&narrowed.status());
        let sign = || {
            let status = narrowed.status().as_u16();
            format!("without `{name}`, which the route does not declare, the answer is {status}")
        };
        Ok((refused && first.status().is_success()).then(sign))
    }

    async fn session(&self, first: &Probed) -> Result<Sign, Untestable> {
        let mut newcomer = self.parts.clone();
        newcomer.headers.remove(COOKIE);
        let newcomer = self.app.probe(&newcomer, Probe::new()).await?.probed;
        let mut answers = [Some(first), newcomer.as_ref()].into_iter().flatten();
        let sets = answers.any(|answer| answer.headers().contains_key(SET_COOKIE));
        Ok(sets.then(|| "`set-cookie` comes from there".to_owned()))
    }

    async fn cors(&self, first: &Probed) -> Result<Sign, Untestable> {
        if first.has(&Input::new(InputKind::Header, ORIGIN.as_str())) {
            return Ok(None);
        }
        let mut allowed = Vec::new();
        for origin in [
            None,
            Some("https://one.example"),
            Some("https://two.example"),
        ] {
            let answer = self.with(&ORIGIN, origin, Probe::new()).await?;
            let Some(answer) = answer else { continue };
            if names(answer.headers(), &ORIGIN) {
                return Ok(Some("`vary: origin` comes from there".to_owned()));
            }
            allowed.push(answer.headers().get(ACCESS_CONTROL_ALLOW_ORIGIN).cloned());
        }
        if allowed.windows(2).any(|pair| pair.first() != pair.last()) {
            let name = ACCESS_CONTROL_ALLOW_ORIGIN;
            let sign = format!("`{name}` comes from there and depends on `origin`");
            return Ok(Some(sign));
        }
        let mut preflight = self.parts.clone();
        preflight.method = Method::OPTIONS;
        let asked = HeaderValue::from_static("https://one.example");
        preflight.headers.insert(ORIGIN, asked);
        let method = HeaderValue::from_static("GET");
        preflight
            .headers
            .insert(ACCESS_CONTROL_REQUEST_METHOD, method);
        let answer = self.app.probe(&preflight, Probe::new()).await?.probed;
        let answers = answer.is_some_and(|answer| {
            let fields = answer.headers();
            fields.contains_key(ACCESS_CONTROL_ALLOW_METHODS)
                || fields.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN)
        });
        Ok(answers.then(|| "preflights (OPTIONS) are answered there".to_owned()))
    }

    async fn compression(&self, first: &Probed) -> Result<Sign, Untestable> {
        if first.has(&Input::new(InputKind::Header, ACCEPT_ENCODING.as_str())) {
            return Ok(None);
        }
        let all = Some("gzip, br, zstd, deflate");
        let coded = self.with(&ACCEPT_ENCODING, all, Probe::new()).await?;
        let plain = self.with(&ACCEPT_ENCODING, None, Probe::new()).await?;
        let (Some(coded), Some(plain)) = (coded, plain) else {
            return Ok(None);
        };
        let coding = |answer: &Probed| answer.headers().get(CONTENT_ENCODING).cloned();
        Ok(if coding(&coded) != coding(&plain) {
            Some("`content-encoding` comes from there and depends on `accept-encoding`".to_owned())
        } else if names(coded.headers(), &ACCEPT_ENCODING) {
            Some("`vary: accept-encoding` comes from there".to_owned())
        } else {
            None
        })
    }

    /// The request with a field of this value, or without it.
    async fn with(
        &self,
        name: &HeaderName,
        value: Option<&'static str>,
        probe: Probe,
    ) -> Result<Option<Probed>, Untestable> {
        let mut parts = self.parts.clone();
        parts.headers.remove(name);
        if let Some(value) = value {
            parts.headers.insert(name, HeaderValue::from_static(value));
        }
        Ok(self.app.probe(&parts, probe).await?.probed)
    }
}

/// `Vary` names a field.
fn names(headers: &HeaderMap, field: &HeaderName) -> bool {
    let lines = headers.get_all(VARY).iter();
    let mut named = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    named.any(|name| name.trim().eq_ignore_ascii_case(field.as_str()))
}
