//! Settings from environment variables and the user's configuration file.

mod config_file;

use std::fmt;
use std::path::PathBuf;

pub(crate) use self::config_file::ConfigFile;
use crate::Result;

/// The default address of the live registry.
const DEFAULT_BASE_URL: &str = "https://api.skillsmith.app/functions/v1";

/// Returns the value of a variable.
type Lookup = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The environment variables that the library reads: those of this process, or a test's.
///
/// Not a snapshot: each variable is looked up when it is needed. A client and a service read
/// theirs when they are created.
///
/// ```
/// use std::path::Path;
/// use skillsmith_sync::environment::Environment;
///
/// let environment = Environment::new(|name| (name == "HOME").then(|| "/home/ada".into()));
/// let path = environment.database_path().unwrap();
/// assert_eq!(path, Path::new("/home/ada/.skillsmith/skills.db"));
/// assert!(environment.background_sync());
/// ```
pub struct Environment {
    var: Lookup,
}

impl Default for Environment {
    fn default() -> Self {
        Self::of_process()
    }
}

impl Environment {
    /// The variables of this process.
    pub fn of_process() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    /// Variables from a function.
    pub fn new(var: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { var: Box::new(var) }
    }

    /// The value of a variable; an empty one counts as not set.
    pub(crate) fn var(&self, name: &str) -> Option<String> {
        (self.var)(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    /// `SKILLSMITH_BACKGROUND_SYNC`: whether the background service may run. Default: true.
    pub fn background_sync(&self) -> bool {
        self.switch("SKILLSMITH_BACKGROUND_SYNC").unwrap_or(true)
    }

    /// `SKILLSMITH_OFFLINE_MODE`: whether to send no requests. Default: false.
    pub fn offline_mode(&self) -> bool {
        self.switch("SKILLSMITH_OFFLINE_MODE").unwrap_or(false)
    }

    fn switch(&self, name: &str) -> Option<bool> {
        match self.var(name)?.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Some(true),
            "0" | "false" | "no" | "off" => Some(false),
            _ => None,
        }
    }

    /// `SKILLSMITH_DB_PATH`, or `~/.skillsmith/skills.db`; `None` if there is no home folder.
    pub fn database_path(&self) -> Option<PathBuf> {
        self.var("SKILLSMITH_DB_PATH")
            .map(PathBuf::from)
            .or_else(|| Some(self.settings_folder()?.join("skills.db")))
    }

    /// `~/.skillsmith`.
    fn settings_folder(&self) -> Option<PathBuf> {
        let home = self.var("HOME").or_else(|| self.var("USERPROFILE"))?;
        Some(PathBuf::from(home).join(".skillsmith"))
    }

    /// `~/.skillsmith/config.json`, not read yet.
    pub(crate) fn config_file(&self) -> ConfigFile {
        let folder = self.settings_folder();
        ConfigFile::at(folder.map(|folder| folder.join("config.json")))
    }

    /// The registry's address that the variables give.
    pub(crate) fn base_url(&self) -> Option<String> {
        self.var("SKILLSMITH_API_URL").or_else(|| {
            Some(format!(
                "{}/functions/v1",
                self.var("SUPABASE_URL")?.trim_end_matches('/')
            ))
        })
    }
}

/// The registry's address that the file gives, else that of the live service.
pub(crate) fn base_url_of_file(file: &ConfigFile) -> Result<String> {
    let url = file.api_base_url()?;
    Ok(url.unwrap_or_else(|| DEFAULT_BASE_URL.to_owned()))
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Some of the variables are credentials.
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(vars: &'static [(&str, &str)]) -> Environment {
        Environment::new(|name| {
            vars.iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn switches_have_defaults_and_several_spellings() {
        assert!(environment(&[]).background_sync());
        assert!(!environment(&[]).offline_mode());
        assert!(!environment(&[("SKILLSMITH_BACKGROUND_SYNC", "False")]).background_sync());
        assert!(environment(&[("SKILLSMITH_BACKGROUND_SYNC", "")]).background_sync());
        for on in ["1", "true", "YES", "on"] {
            let on = on.to_owned();
            assert!(Environment::new(move |_| Some(on.clone())).offline_mode());
        }
    }

    #[test]
    fn the_base_url_is_the_first_that_is_set() {
        let all: &[_] = &[
            ("SKILLSMITH_API_URL", "http://a"),
            ("SUPABASE_URL", "http://b/"),
        ];
        assert_eq!(environment(all).base_url().as_deref(), Some("http://a"));
        assert_eq!(
            environment(&all[1..]).base_url().as_deref(),
            Some("http://b/functions/v1")
        );
        assert_eq!(environment(&[]).base_url(), None);
        assert_eq!(
            base_url_of_file(&ConfigFile::at(None)).unwrap(),
            DEFAULT_BASE_URL
        );
    }

    #[test]
    fn the_database_is_at_home() {
        let path = environment(&[("HOME", "/home/u")]).database_path();
        assert_eq!(path, Some(PathBuf::from("/home/u/.skillsmith/skills.db")));
        let path = environment(&[("HOME", "/home/u"), ("SKILLSMITH_DB_PATH", "/data/s.db")])
            .database_path();
        assert_eq!(path, Some(PathBuf::from("/data/s.db")));
        assert_eq!(environment(&[]).database_path(), None);
    }
}
