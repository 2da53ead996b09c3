//! What a client uses, for a person who looks for a fault.

use chrono::{DateTime, Utc};

use super::SkillsmithApiClient;
use crate::Result;

impl SkillsmithApiClient {
    /// The credential that requests carry, and where it came from, without its value.
    pub(crate) fn credential(&self) -> String {
        self.sign_in.known().describe()
    }

    /// When that credential ends, if it is a token that says so.
    pub(crate) fn credential_ends_at(&self) -> Option<DateTime<Utc>> {
        self.sign_in.known().ends_at()
    }

    /// The proxy without its password, and the variable that names it.
    pub(crate) fn proxy(&self) -> (String, Option<&'static str>) {
        self.transport.proxy()
    }

    /// What the list of exceptions from the proxy has that is not understood, in words.
    pub(crate) fn not_understood(&self) -> Option<&str> {
        self.transport.not_understood()
    }

    /// How many certificates are trusted, and the variable that names them; nothing without TLS.
    ///
    /// # Errors [`Error::InvalidArgument`](crate::Error::InvalidArgument) if a variable names certificates that cannot be used.
    pub(crate) fn certificates(&self) -> Result<Vec<(String, Option<&'static str>)>> {
        self.transport.certificates()
    }
}
