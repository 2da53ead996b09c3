//! Redirects. They are followed on the same origin only, because requests carry credentials.

use ureq::Body;
use ureq::http::{Response, StatusCode, Uri};

use super::answer::told;
use super::credentials::Credentials;
use crate::{Error, Result};

/// A host name has at most 253 characters.
const MAX_PLACE: usize = 300;

/// How many redirects are followed for one request.
pub(super) const MAX_REDIRECTS: usize = 3;

/// The target of a redirect, if it may be followed. `is_first`: no page came from this registry yet.
pub(super) fn target(
    credentials: &Credentials,
    response: &Response<Body>,
    from: Option<&Uri>,
    is_first: bool,
) -> Result<Uri> {
    let location = response
        .headers()
        .get("location")
        .and_then(|location| location.to_str().ok());
    let (Some(location), Some(from)) = (location, from) else {
        let status = response.status();
        return Err(Error::Protocol(
            format!("HTTP {status} without a Location").into(),
        ));
    };
    let target = resolve(from, location)
        .ok_or_else(|| Error::Protocol("it redirects to something that is not a URL".into()))?;
    if !same_origin(from, &target) {
        // Scheme, host and port only: the path or query may contain secrets. So may the host.
        let scheme = target.scheme_str().unwrap_or_default();
        let host = target.host().unwrap_or_default();
        let port = target
            .port_u16()
            .map_or_else(String::new, |port| format!(":{port}"));
        let place = format!("to {scheme}://{host}{port}");
        let place = told(credentials, &place, MAX_PLACE);
        return Err(if is_first && is_of_the_network(response, from, &target) {
            wants_sign_in(&format!("redirects {place}, perhaps to a login page"))
        } else {
            Error::RedirectRefused(place)
        });
    }
    Ok(target)
}

/// More redirects than are followed. `is_loop`: one of them led to an address that was asked before. `is_first`: no page came
/// from this registry yet.
pub(super) fn too_many(is_loop: bool, is_first: bool) -> Error {
    let how = if is_loop {
        ", in a loop: it led back to an address that was asked before"
    } else {
        ""
    };
    let who = if is_first {
        ". If this network wants a sign-in first, do that with a browser, and try again."
    } else {
        ""
    };
    Error::Protocol(format!("it redirected more than {MAX_REDIRECTS} times{how}{who}").into())
}

/// Refuses the answer of a network that wants a sign-in first (RFC 6585).
pub(super) fn refuse_network(status: StatusCode) -> Result<()> {
    if status == StatusCode::NETWORK_AUTHENTICATION_REQUIRED {
        return Err(wants_sign_in("wants a sign-in first (HTTP 511)"));
    }
    Ok(())
}

fn wants_sign_in(how: &str) -> Error {
    let words = format!("the network {how}. Sign in with a browser, and try again.");
    Error::Unreachable(words.into())
}

/// Whether a redirect is that of a network which wants a sign-in first: for now, to another host, and to
/// another page than the one asked for.
fn is_of_the_network(response: &Response<Body>, from: &Uri, target: &Uri) -> bool {
    let page = from.path().rsplit('/').next().unwrap_or_default();
    matches!(response.status().as_u16(), 302 | 303 | 307)
        && from.host() != target.host()
        && !target.path().ends_with(page)
}

/// Resolves `location` against `from`; `None` if it is not an address.
fn resolve(from: &Uri, location: &str) -> Option<Uri> {
    let location = location.split('#').next().unwrap_or_default();
    if location.is_empty() {
        return None;
    }
    let scheme = from.scheme_str()?;
    let authority = from.authority()?.as_str();
    let text = if has_scheme(location) {
        location.to_owned()
    } else if let Some(rest) = location.strip_prefix("//") {
        format!("{scheme}://{rest}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if location.starts_with('?') {
        format!("{scheme}://{authority}{}{location}", from.path())
    } else {
        let folder = from
            .path()
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    };
    text.parse().ok()
}

/// Whether it begins with a scheme. The same characters in a query are part of the query.
fn has_scheme(location: &str) -> bool {
    location.split_once("://").is_some_and(|(scheme, _)| {
        let mut characters = scheme.chars();
        characters
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic())
            && characters.all(|next| next.is_ascii_alphanumeric() || "+-.".contains(next))
    })
}

/// Whether two addresses have the same scheme, host and port.
pub(super) fn same_origin(one: &Uri, other: &Uri) -> bool {
    origin(one).is_some_and(|origin_of_one| Some(origin_of_one) == origin(other))
}

fn origin(uri: &Uri) -> Option<(String, String, u16)> {
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let port = uri
        .port_u16()
        .unwrap_or(if scheme == "https" { 443 } else { 80 });
    // An address with user information counts as another origin.
    if uri.authority()?.as_str().contains('@') {
        return None;
    }
    Some((scheme, uri.host()?.to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_resolved_as_browsers_do() {
        let from: Uri = "http://h:8080/a/b?x=1".parse().unwrap();
        for (location, expected) in [
            ("/c?y", "http://h:8080/c?y"),
            ("c", "http://h:8080/a/c"),
            ("?z=2", "http://h:8080/a/b?z=2"),
            ("//other/c", "http://other/c"),
            ("https://h:8080/c#top", "https://h:8080/c"),
            ("/c?to=https://evil/", "http://h:8080/c?to=https://evil/"),
            ("?to=https://evil/", "http://h:8080/a/b?to=https://evil/"),
            ("c?to=https://evil/", "http://h:8080/a/c?to=https://evil/"),
        ] {
            assert_eq!(
                resolve(&from, location).unwrap().to_string(),
                expected,
                "{location}"
            );
        }
        assert_eq!(resolve(&from, ""), None);
        assert_eq!(resolve(&from, "http://"), None);
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let base: Uri = "https://api.example/x".parse().unwrap();
        for (other, same) in [
            ("https://API.example:443/y", true),
            ("http://api.example/x", false),
            ("https://api.example:8443/x", false),
            ("https://api.example.evil/x", false),
            ("https://api.example@evil/x", false),
        ] {
            assert_eq!(same_origin(&base, &other.parse().unwrap()), same, "{other}");
        }
    }
}
