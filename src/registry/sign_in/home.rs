//! The configuration file as a source of credentials.

use std::path::PathBuf;
use std::time::Duration;

use chrono::TimeDelta;
use ureq::http::Uri;

use super::Answer;
use crate::environment::{ConfigFile, base_url_of_file};
use crate::registry::Call;
use crate::registry::credentials::{Credentials, Secret, Source};
use crate::registry::redirect::same_origin;
use crate::{Error, Result};

/// How long before a token expires the file is read again: the program that wrote it may have
/// renewed it.
const EARLY: TimeDelta = TimeDelta::minutes(1);

/// Another program may be writing the file right now.
const READS: u32 = 4;
const BETWEEN_READS: Duration = Duration::from_millis(50);

/// A configuration file, and the registry that its credentials may be shown to.
pub(super) struct Home {
    pub(super) path: Option<PathBuf>,
    pub(super) base: Uri,
    /// Whether the address came from the file as well, or is the default because the file has none.
    pub(super) gives_the_address: bool,
}

impl Home {
    /// The credentials of the file, unless they belong to another registry.
    pub(super) fn credentials(
        &self,
        file: &ConfigFile,
        anon_key: Option<Secret>,
    ) -> Result<Answer> {
        let text = |text: Option<String>| text.map(|text| Secret::new(text, Source::ConfigFile));
        let token = text(file.access_token()?);
        let api_key = text(file.api_key()?);
        let has_one = token.is_some() || api_key.is_some();
        if has_one && !self.is_meant_by(file)? {
            let none = Credentials::new(anon_key, None, None);
            return Ok((none.withholding(), None));
        }
        // Two kinds are never sent together.
        let api_key = api_key.filter(|_| token.is_none());
        let ends_at = file.expires_at()?.filter(|_| token.is_some());
        let ask_after = ends_at.and_then(|at| at.checked_sub_signed(EARLY));
        Ok((Credentials::new(anon_key, api_key, token), ask_after))
    }

    /// Whether the credentials of the file belong to our registry. If the address came from
    /// elsewhere and the file names none, they do.
    fn is_meant_by(&self, file: &ConfigFile) -> Result<bool> {
        let url = if self.gives_the_address {
            base_url_of_file(file)?
        } else {
            match file.api_base_url()? {
                Some(url) => url,
                None => return Ok(true),
            }
        };
        let uri: Option<Uri> = url.parse().ok();
        Ok(uri.is_some_and(|uri| same_origin(&uri, &self.base)))
    }

    pub(super) fn read_once(&self, anon_key: Option<&Secret>) -> Result<Answer> {
        let file = ConfigFile::at(self.path.clone());
        let answer = self.credentials(&file, anon_key.cloned())?;
        answer.0.check()?;
        Ok(answer)
    }

    /// Reads the file again, and waits if another program is writing it.
    pub(super) fn read(&self, anon_key: Option<&Secret>, call: &Call<'_>) -> Result<Answer> {
        let mut reads = 0;
        loop {
            let answer = self.read_once(anon_key);
            reads += 1;
            match answer {
                Err(Error::Io { .. }) if reads < READS && BETWEEN_READS < call.left() => {
                    if !call.clock.wait(BETWEEN_READS, call.cancel) {
                        return Err(Error::Cancelled);
                    }
                }
                answer => return answer,
            }
        }
    }
}
