//! The cause of a failure: a message, and the error of a lower level.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// The cause of a failure: a message for a person, and the underlying error, if any.
///
/// [`Error`](crate::Error) shows the message, and has the underlying error as its
/// [`source`](std::error::Error::source).
///
/// ```
/// use std::error::Error as _;
/// use skillsmith_sync::{Cause, Error};
///
/// let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
/// let error = Error::Unreachable(Cause::new("the connection was refused.").with_source(refused));
/// assert_eq!(error.to_string(), "Cannot reach the registry: the connection was refused.");
/// assert!(error.source().is_some());
/// // Words alone will do.
/// assert!(Error::Unreachable("no route.".into()).source().is_none());
/// ```
#[derive(Clone)]
pub struct Cause {
    message: String,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    /// No connection was made to the registry, as far as is known.
    unconnected: bool,
}

impl Cause {
    /// A message alone.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: None,
            unconnected: false,
        }
    }

    /// Adds the underlying error.
    ///
    /// Callers can read its message through the chain of sources, so it must not contain
    /// credentials.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// An error with its own message.
    pub(crate) fn of(source: impl StdError + Send + Sync + 'static) -> Self {
        Self::new(source.to_string()).with_source(source)
    }

    /// Adds a sentence to the message.
    #[must_use]
    pub(crate) fn and(mut self, sentence: &str) -> Self {
        self.message = format!("{}. {sentence}", self.message.trim_end_matches('.'));
        self
    }

    /// Adds what else than the registry may be at fault, unless that is clear.
    #[must_use]
    pub(crate) fn doubted(self, doubt: &str) -> Self {
        if self.unconnected {
            self
        } else {
            self.and(doubt).unconnected(true)
        }
    }

    /// The same for a message that stands in brackets.
    #[must_use]
    pub(crate) fn and_aside(mut self, aside: &str) -> Self {
        self.message = format!("{}; {aside}", self.message.trim_end_matches('.'));
        self
    }

    #[must_use]
    pub(crate) fn doubted_aside(self, aside: &str) -> Self {
        if self.unconnected {
            self
        } else {
            self.and_aside(aside).unconnected(true)
        }
    }

    /// Marks the cause of a failure before anything was sent.
    pub(crate) const fn unconnected(mut self, unconnected: bool) -> Self {
        self.unconnected = unconnected;
        self
    }

    pub(crate) const fn is_unconnected(&self) -> bool {
        self.unconnected
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }

    /// Removes secrets with `redact`. A source that contains one, itself or further down its
    /// chain, is dropped.
    #[must_use]
    pub(crate) fn redacted(mut self, redact: impl Fn(&str) -> String) -> Self {
        self.message = redact(&self.message);
        let mut link = self.source();
        while let Some(error) = link {
            if shows_secret(error, &redact) {
                self.source = None;
                break;
            }
            link = error.source();
        }
        self
    }
}

/// Whether the `Display` or `Debug` text of an error contains a secret.
fn shows_secret(error: &dyn StdError, redact: impl Fn(&str) -> String) -> bool {
    let (shown, debug) = (error.to_string(), format!("{error:?}"));
    // In a quoted text, a secret with a quote or a backslash is escaped.
    let unquoted = debug.replace(r#"\""#, r#"""#).replace(r"\\", r"\");
    [shown, debug, unquoted]
        .iter()
        .any(|text| redact(text) != *text)
}

impl From<String> for Cause {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

impl From<&str> for Cause {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            None => fmt::Debug::fmt(&self.message, f),
            Some(source) => f
                .debug_struct("Cause")
                .field("message", &self.message)
                .field("source", source)
                .finish_non_exhaustive(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Link(&'static str, Option<Box<Link>>);

    impl fmt::Display for Link {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a text of {} bytes", self.0.len())
        }
    }

    impl StdError for Link {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            self.1.as_deref().map(|link| link as &dyn StdError)
        }
    }

    #[test]
    fn promise_10_a_source_that_shows_a_secret_is_not_kept() {
        let redact = |text: &str| text.replace(r#"se"cr\et"#, "[redacted]");
        let deep = |last| Link("first", Some(Box::new(Link(last, None))));
        let kept = Cause::new("words").with_source(deep("harmless"));
        assert!(kept.redacted(redact).source().is_some());
        for source in [Link(r#"of se"cr\et"#, None), deep(r#"of se"cr\et"#)] {
            let cause = Cause::new(r#"words of se"cr\et"#).with_source(source);
            let cause = cause.redacted(redact);
            assert!(cause.source().is_none());
            assert_eq!(cause.message(), "words of [redacted]");
        }
    }
}
