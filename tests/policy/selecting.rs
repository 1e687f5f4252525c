//! Selecting header fields, for the oracle.

use super::messages::{Request, Response};
use super::wording::{is_token, lines, split_list, split_outside_quotes};

/// `None` when the response matches no later request.
pub fn varying_fields(response: &Response) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for member in lines(&response.fields, "vary").join(",").split(',') {
        let name = member.trim_matches([' ', '\t']).to_ascii_lowercase();
        if name == "*" || (!name.is_empty() && !is_token(&name)) {
            return None;
        }
        names.push(name);
    }
    let origin = lines(&response.fields, "access-control-allow-origin");
    if origin.first().is_some_and(|origin| origin != "*") {
        names.push("origin".into());
    }
    if !lines(&response.fields, "content-encoding").is_empty() {
        names.push("accept-encoding".into());
    }
    names.retain(|name| !name.is_empty());
    names.sort();
    names.dedup();
    (names.len() <= 16).then_some(names)
}

/// A request field in the form in which it is compared; `None` when it is absent.
pub fn comparable(name: &str, request: &Request) -> Option<String> {
    let lines = lines(&request.fields, name);
    if lines.is_empty() {
        return None;
    }
    let separator = if name == "cookie" { "; " } else { ", " };
    let merged = lines.join(separator);
    let parameters = [
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "prefer",
    ];
    if parameters.contains(&name) {
        let members = split_list(&merged).into_iter().map(|member| {
            let parts = split_outside_quotes(&member, ';').into_iter();
            let parts: Vec<_> = parts
                .map(|p| p.trim_matches([' ', '\t']).to_owned())
                .collect();
            parts.join(";")
        });
        let list = members.collect::<Vec<_>>().join(",");
        let folds = name != "accept" && name != "prefer";
        return Some(if folds {
            list.to_ascii_lowercase()
        } else {
            list
        });
    }
    if name == "cache-control" || name == "pragma" {
        return Some(split_list(&merged).join(","));
    }
    Some(merged.trim_matches([' ', '\t']).to_owned())
}
