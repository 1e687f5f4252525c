//! Messages and settings as the oracle sees them: strings and plain integers.

/// One field line.
pub type Field = (String, String);

#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub fields: Vec<Field>,
    pub content: bool,
}

#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub fields: Vec<Field>,
}

/// When a request left, and when its response came.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub asked: i64,
    pub came: i64,
}

/// What the operator chose.
#[derive(Clone, Debug)]
pub struct Rules {
    pub shared: bool,
    pub errors: bool,
    pub heuristics: bool,
    pub honour: bool,
    pub share_cookies: bool,
    pub store_set_cookie: bool,
    pub windows_beat_s_maxage: bool,
    pub stale_on_failure: i64,
    /// None when zero.
    pub grace: i64,
    pub keep: Option<i64>,
    pub cap: Option<i64>,
    pub targets: Vec<String>,
}
