//! Validators of pages, and conditional requests.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::http::Request;
use crate::options::{NotModified, Options, Validators};
use crate::response::Response;
use crate::stamp;

/// What the server knows about the pages that it has served.
#[derive(Debug, Default)]
pub(crate) struct Served {
    /// The hash of the last body by query, and when that body was first served.
    pages: BTreeMap<String, (u64, DateTime<Utc>)>,
}

impl Served {
    /// Adds the page's validator, and answers with 304 where the request asks for a change and there
    /// is none.
    pub(crate) fn apply(&mut self, options: &Options, request: &Request, page: &mut Response) {
        let mut hasher = DefaultHasher::new();
        page.body.hash(&mut hasher);
        let hash = hasher.finish();
        let now = stamp::now(options.clock_offset_ms);
        let known = self
            .pages
            .entry(request.query.clone())
            .or_insert((hash, now));
        if known.0 != hash {
            *known = (hash, now);
        }
        let (name, validator, condition) = match options.validators {
            Validators::None => return,
            Validators::Etag => ("ETag", format!("\"{hash:016x}\""), "if-none-match"),
            Validators::Weak => ("ETag", format!("W/\"{hash:016x}\""), "if-none-match"),
            Validators::LastModified => {
                let modified = stamp::http_date(known.1);
                ("Last-Modified", modified, "if-modified-since")
            }
        };
        page.set_header(name, validator.clone());
        let asked = request.header(condition);
        let is_unchanged = match options.not_modified {
            NotModified::IfUnchanged | NotModified::WithBody => asked == Some(validator.as_str()),
            NotModified::IfAsked => asked.is_some(),
            NotModified::Always => true,
            NotModified::Never => false,
        };
        if is_unchanged {
            page.status = 304;
            if options.not_modified == NotModified::WithBody {
                page.is_rude = true;
            } else {
                page.body = Arc::default();
                page.drop_header("Content-Type");
            }
        }
    }
}
