//! What a key was told, for those who ask afterwards: which inputs it has.

use super::declared::Key;
use super::input::{Input, InputKind};
use super::query_rule::Names;

impl Key {
    /// Whether an input is part of the key. Names of fields are compared without regard to case,
    /// those of parameters in decoded form. The query as a whole, which has no name, is part of the
    /// key if every parameter is, in the order they come in. Of partitions a key knows nothing.
    ///
    /// ```
    /// use larder_policy::key::{Input, InputKind, Key};
    ///
    /// let key = Key::new().query_except(["utm_*"]).header("accept-language");
    /// assert!(key.has(&Input::new(InputKind::Header, "Accept-Language")));
    /// assert!(key.has(&Input::new(InputKind::Query, "page")));
    /// assert!(!key.has(&Input::new(InputKind::Query, "utm_source")));
    /// ```
    #[must_use]
    pub fn has(&self, input: &Input) -> bool {
        let name = input.name();
        match input.kind() {
            // Without it a QUERY has no key at all.
            InputKind::Content => true,
            InputKind::Cookie => self.cookies.iter().any(|declared| **declared == *name),
            InputKind::Extension => self.extensions.iter().any(|part| *part.name == *name),
            InputKind::Header => self
                .headers
                .iter()
                .any(|part| part.name.as_str().eq_ignore_ascii_case(name)),
            InputKind::Partition => false,
            InputKind::Path => !self.by_route,
            InputKind::Query if name.is_empty() => self.query.is_exact(),
            InputKind::Query => self.query.keeps(name.as_bytes()),
        }
    }

    /// The inputs of the key. A parameter that is allowed by the beginning of its name stands with
    /// its `*`; where all but some are allowed, the query stands as a whole.
    #[must_use]
    pub fn inputs(&self) -> Vec<Input> {
        let mut inputs = Vec::new();
        if !self.by_route {
            inputs.push(Input::new(InputKind::Path, ""));
        }
        match &self.query.names {
            Names::Only(allowed) => {
                let named = |name: &_| Input::new(InputKind::Query, &format!("{name}"));
                inputs.extend(allowed.iter().map(named));
            }
            Names::All | Names::Except(_) => inputs.push(Input::new(InputKind::Query, "")),
        }
        let headers = self.headers.iter().map(|part| part.name.as_str());
        inputs.extend(headers.map(|name| Input::new(InputKind::Header, name)));
        let cookies = self.cookies.iter();
        inputs.extend(cookies.map(|name| Input::new(InputKind::Cookie, name)));
        let extensions = self.extensions.iter().map(|part| &part.name);
        inputs.extend(extensions.map(|name| Input::new(InputKind::Extension, name)));
        inputs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(key: &Key, kind: InputKind, name: &str) -> bool {
        key.has(&Input::new(kind, name))
    }

    #[test]
    fn key_has_what_was_declared_and_nothing_else() {
        let key = Key::new()
            .query(["page", "f_*"])
            .header("X-Api-Version")
            .cookie("theme")
            .extension_with("flags", |flags: &String| flags.clone());
        assert!(has(&key, InputKind::Path, ""));
        assert!(has(&key, InputKind::Query, "page"));
        assert!(has(&key, InputKind::Query, "f_size"));
        assert!(!has(&key, InputKind::Query, "Page"));
        assert!(!has(&key, InputKind::Query, ""));
        assert!(has(&key, InputKind::Header, "x-api-version"));
        assert!(!has(&key, InputKind::Header, "theme"));
        assert!(has(&key, InputKind::Cookie, "theme"));
        assert!(!has(&key, InputKind::Cookie, "Theme"));
        assert!(has(&key, InputKind::Extension, "flags"));
        assert!(!has(&key, InputKind::Partition, ""));
    }

    #[test]
    fn query_is_whole_unless_something_is_taken_from_it() {
        assert!(has(&Key::new(), InputKind::Query, ""));
        assert!(!has(&Key::new().sorted_query(), InputKind::Query, ""));
        assert!(!has(&Key::new().no_query(), InputKind::Query, "page"));
        assert!(!has(&Key::route(), InputKind::Path, ""));
    }

    #[test]
    fn inputs_are_listed_as_they_were_declared() {
        let key = Key::new().query(["page", "f_*"]).header("A").cookie("c");
        let key = key.extension_with("x", |x: &String| x.clone());
        let listed: Vec<_> = key.inputs().iter().map(Input::to_string).collect();
        let expected = [
            "path",
            "query `page`",
            "query `f_*`",
            "header `a`",
            "cookie `c`",
        ];
        assert_eq!(listed[..5], expected);
        assert_eq!(listed[5..], ["extension `x`"]);
        let all = Key::route().query_except(["utm_*"]).inputs();
        assert_eq!(all, [Input::new(InputKind::Query, "")]);
    }
}
