//! Settings from environment variables and the user's configuration file.

mod config_file;
mod unexpanded;

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

pub(crate) use self::config_file::ConfigFile;
use crate::{Error, Result};

/// The default address of the live registry.
const DEFAULT_BASE_URL: &str = "https://api.skillsmith.app/functions/v1";

/// The variable that gives the path of the database.
const DATABASE: &str = "SKILLSMITH_DB_PATH";

/// The variable that gives the address of a project, below which the registry is.
const PROJECT: &str = "SUPABASE_URL";

/// The registry's address in the configuration file, for a message.
pub(crate) const FILE_URL: &str = "apiBaseUrl in ~/.skillsmith/config.json";

/// The variable that names the home folder: of `USERPROFILE` and `HOME`, the one that Node's `os.homedir()` asks here, by
/// which the stack finds the database and the key. On Windows, shells such as that of Git set a HOME of their own.
pub(crate) const HOME: &str = if cfg!(windows) { "USERPROFILE" } else { "HOME" };

/// The folder of Skillsmith's files, in the home folder.
const SETTINGS: &str = ".skillsmith";

/// Returns the value of a variable.
type Lookup = Box<dyn Fn(&str) -> Option<OsString> + Send + Sync>;

/// The environment variables that the library reads: those of this process, or a test's.
///
/// Not a snapshot: each variable is looked up when it is needed. A client and a service read
/// theirs when they are created.
///
/// A variable that is empty or blank counts as not set. Paths may be any bytes, space around them included; space around
/// other values does not count, and one that is not UTF-8 is an [`Error::InvalidArgument`] that names the variable.
///
/// ```
/// use std::path::Path;
/// use skillsmith_sync::environment::Environment;
///
/// let environment = Environment::new(|name| (name == "HOME").then(|| "/home/ada".into()));
/// let path = environment.database_path()?;
/// assert_eq!(path, Path::new("/home/ada/.skillsmith/skills.db"));
/// assert!(environment.background_sync()?);
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
pub struct Environment {
    var: Lookup,
    /// Without a variable, the home folder is the one that the system has for the user.
    asks_system: bool,
}

impl Default for Environment {
    fn default() -> Self {
        Self::of_process()
    }
}

impl Environment {
    /// The variables of this process. Where none names the home folder, the system's database of users does.
    pub fn of_process() -> Self {
        Self::from_os(|name| std::env::var_os(name)).or_home_of_user()
    }

    /// Variables from a function.
    pub fn new(var: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self::from_os(move |name| var(name).map(OsString::from))
    }

    /// Variables from a function, with values that the system need not have as UTF-8.
    pub fn from_os(var: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static) -> Self {
        Self {
            var: Box::new(var),
            asks_system: false,
        }
    }

    /// The same, and without a variable for it the home folder is the one that the system has for the user.
    #[doc(hidden)]
    #[must_use]
    pub fn or_home_of_user(self) -> Self {
        Self {
            asks_system: true,
            ..self
        }
    }

    /// The value of a variable.
    pub(crate) fn var(&self, name: &str) -> Result<Option<String>> {
        match self.raw(name).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text.trim().to_owned())),
            // The value may be a credential.
            Some(Err(_)) => Err(Error::InvalidArgument(format!(
                "The value of {name} is not valid UTF-8. Set the variable again, or unset it."
            ))),
        }
    }

    /// Calls `read` with a function that returns values of variables. Fails if one that it asks for is not
    /// UTF-8.
    pub(crate) fn texts<T>(
        &self,
        read: impl FnOnce(&dyn Fn(&str) -> Option<String>) -> Result<T>,
    ) -> Result<T> {
        let failure = RefCell::new(None);
        let outcome = read(&|name| {
            self.var(name).unwrap_or_else(|error| {
                failure.borrow_mut().get_or_insert(error);
                None
            })
        });
        failure.into_inner().map_or(outcome, Err)
    }

    /// The value of a variable that only the terminal's output depends on: what is not UTF-8 is replaced.
    #[cfg(feature = "cli")]
    pub(crate) fn word(&self, name: &str) -> Option<String> {
        self.raw(name)
            .map(|value| value.to_string_lossy().trim().to_owned())
    }

    /// The value of a variable that names a file or folders: any bytes.
    pub(crate) fn raw(&self, name: &str) -> Option<OsString> {
        let value = (self.var)(name)?;
        let is_blank = value.to_str().is_some_and(|text| text.trim().is_empty());
        (!is_blank).then_some(value)
    }

    /// `SKILLSMITH_BACKGROUND_SYNC`: whether the background service may run. Default: true.
    ///
    /// # Errors
    /// As [`offline_mode`](Self::offline_mode).
    pub fn background_sync(&self) -> Result<bool> {
        self.switch("SKILLSMITH_BACKGROUND_SYNC", true)
    }

    /// `SKILLSMITH_OFFLINE_MODE`: whether to send no requests. Default: false.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if the value is neither a word for true nor one for false: who writes `ture` does not
    /// want requests.
    pub fn offline_mode(&self) -> Result<bool> {
        self.switch("SKILLSMITH_OFFLINE_MODE", false)
    }

    /// `SKILLSMITH_ALLOW_INSECURE_HTTP`: whether credentials may be sent over plain http to another machine.
    /// Default: false.
    pub(crate) fn allow_insecure_http(&self) -> Result<bool> {
        self.switch("SKILLSMITH_ALLOW_INSECURE_HTTP", false)
    }

    fn switch(&self, name: &str, default: bool) -> Result<bool> {
        let Some(word) = self.var(name)? else {
            return Ok(default);
        };
        match word.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Ok(true),
            "0" | "false" | "no" | "off" => Ok(false),
            _ => Err(Error::InvalidArgument(format!(
                "{name} is neither true nor false. Set one of them, or unset it."
            ))),
        }
    }

    /// `SKILLSMITH_DB_PATH`, or `~/.skillsmith/skills.db`.
    ///
    /// `~/` at the start of the variable is the home folder: a host may set it from a file of its own, where
    /// no shell replaces that.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if there is no home folder, or if the variable begins with what a shell would have
    /// replaced, such as `$HOME`, `~ada/` or a quotation mark: no folder of that name is what was meant.
    pub fn database_path(&self) -> Result<PathBuf> {
        match self.raw(DATABASE) {
            Some(path) => self.path_of_setting(DATABASE, Path::new(&path)),
            None => Ok(self.home_folder()?.join(SETTINGS).join("skills.db")),
        }
    }

    /// A path from a setting, with the home folder in place of a leading `~`.
    ///
    /// # Errors As [`database_path`](Self::database_path).
    pub(crate) fn path_of_setting(&self, setting: &str, path: &Path) -> Result<PathBuf> {
        let Ok(rest) = path.strip_prefix("~") else {
            unexpanded::ensure_none(setting, path)?;
            return Ok(path.to_owned());
        };
        let place = self.home_folder()?.join(rest);
        let is_folder = ends_with_separator(path.as_os_str());
        Ok(if is_folder { place.join("") } else { place })
    }

    fn home_folder(&self) -> Result<PathBuf> {
        self.home().ok_or_else(|| {
            Error::InvalidArgument(format!(
                "Cannot choose a path for the database: no home folder was found ({HOME} must be an absolute path). \
                 Give the path of the database, or set SKILLSMITH_DB_PATH to it, without ~/."
            ))
        })
    }

    /// The home folder. A path that depends on where the program was started names none.
    fn home(&self) -> Option<PathBuf> {
        self.named_home().filter(|home| home.has_root())
    }

    fn named_home(&self) -> Option<PathBuf> {
        let named = self.raw(HOME);
        let of_user = || std::env::home_dir().filter(|_| self.asks_system);
        let home = named.map(PathBuf::from).or_else(of_user)?;
        (!home.as_os_str().is_empty()).then_some(home)
    }

    /// `~/.skillsmith/config.json`, not read yet. Below a home folder that is not an absolute path it is an error when
    /// it is read: what it may say of the address and the credential must not be passed over.
    pub(crate) fn config_file(&self) -> ConfigFile {
        let home = self.named_home();
        ConfigFile::at(home.map(|home| home.join(SETTINGS).join("config.json")))
    }

    /// The registry's address that the variables give, and the variable that gives it.
    pub(crate) fn base_url(&self) -> Result<Option<(String, &'static str)>> {
        const ADDRESS: &str = "SKILLSMITH_API_URL";
        if let Some(url) = self.var(ADDRESS)? {
            return Ok(Some((url, ADDRESS)));
        }
        Ok(self.project_url()?.map(|url| (url, PROJECT)))
    }

    fn project_url(&self) -> Result<Option<String>> {
        let url = self.var(PROJECT)?;
        Ok(url.map(|url| format!("{}/functions/v1", url.trim_end_matches('/'))))
    }

    /// The sources of other addresses than the one that is used. One that cannot be read matters only where it is
    /// used, and is told there.
    #[cfg(feature = "cli")]
    pub(crate) fn overridden_urls(&self, used: &str) -> Vec<&'static str> {
        let sources = [
            (PROJECT, self.project_url()),
            (FILE_URL, self.config_file().api_base_url()),
        ];
        let others = sources.into_iter().filter(|(_, url)| {
            let url = url.as_ref().ok().and_then(Option::as_deref);
            url.is_some_and(|url| url.trim_end_matches('/') != used)
        });
        others.map(|(source, _)| source).collect()
    }
}

fn ends_with_separator(path: &OsStr) -> bool {
    let last = path.as_encoded_bytes().last();
    last.is_some_and(|byte| std::path::is_separator(char::from(*byte)))
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
        let background = |value| environment(value).background_sync().unwrap();
        assert!(background(&[]));
        assert!(!environment(&[]).offline_mode().unwrap());
        assert!(!background(&[("SKILLSMITH_BACKGROUND_SYNC", "False")]));
        assert!(background(&[("SKILLSMITH_BACKGROUND_SYNC", "")]));
        for on in ["1", "true", "YES", "on"] {
            let on = on.to_owned();
            let environment = Environment::new(move |_| Some(on.clone()));
            assert!(environment.offline_mode().unwrap());
        }
        // Who misspells it does not want requests.
        let offline = |value| environment(value).offline_mode();
        assert!(!offline(&[("SKILLSMITH_OFFLINE_MODE", "off")]).unwrap());
        for misspelt in [
            offline(&[("SKILLSMITH_OFFLINE_MODE", "ture")]),
            environment(&[("SKILLSMITH_BACKGROUND_SYNC", "flase")]).background_sync(),
        ] {
            let said = misspelt.unwrap_err().to_string();
            assert!(said.contains("neither true nor false"), "{said}");
        }
    }

    #[test]
    fn the_base_url_is_the_first_that_is_set() {
        let all: &[_] = &[
            ("SKILLSMITH_API_URL", "http://a"),
            ("SUPABASE_URL", "http://b/"),
        ];
        let address = |vars| environment(vars).base_url().unwrap();
        assert_eq!(
            address(all),
            Some(("http://a".into(), "SKILLSMITH_API_URL"))
        );
        assert_eq!(
            address(&all[1..]),
            Some(("http://b/functions/v1".into(), "SUPABASE_URL"))
        );
        assert_eq!(address(&[]), None);
        assert_eq!(
            base_url_of_file(&ConfigFile::at(None)).unwrap(),
            DEFAULT_BASE_URL
        );
    }

    #[test]
    fn the_database_is_at_home() {
        let path = environment(&[(HOME, "/home/u")]).database_path().unwrap();
        assert_eq!(path, PathBuf::from("/home/u/.skillsmith/skills.db"));
        let path = environment(&[(HOME, "/home/u"), ("SKILLSMITH_DB_PATH", "/data/s.db")])
            .database_path()
            .unwrap();
        assert_eq!(path, PathBuf::from("/data/s.db"));
        assert!(environment(&[]).database_path().is_err());
    }

    #[test]
    fn the_home_folder_is_that_of_node_on_each_system() {
        const BOTH: [(&str, &str); 2] = [("HOME", "/of/posix"), ("USERPROFILE", "/of/windows")];
        const OTHER: usize = if cfg!(windows) { 0 } else { 1 };
        let path = environment(&BOTH).database_path().unwrap();
        assert_eq!(
            path,
            Path::new(BOTH[1 - OTHER].1).join(".skillsmith/skills.db")
        );
        assert!(environment(&[BOTH[OTHER]]).database_path().is_err());
    }

    #[test]
    fn a_leading_tilde_is_the_home_folder() {
        for (given, meant) in [
            ("~/data/s.db", "/home/u/data/s.db"),
            ("~", "/home/u/"),
            ("~/data/", "/home/u/data/"),
            (" /data/ s.db ", " /data/ s.db "),
            ("./~ada/s.db", "./~ada/s.db"),
            ("data/~/s.db", "data/~/s.db"),
        ] {
            let environment = Environment::new(move |name| match name {
                HOME => Some("/home/u".into()),
                "SKILLSMITH_DB_PATH" => Some(given.into()),
                _ => None,
            });
            let path = environment.database_path().unwrap();
            // As text: two paths are equal with and without a slash at their end.
            assert_eq!(path.to_str(), Some(meant), "{given}");
        }
        let homeless = environment(&[("SKILLSMITH_DB_PATH", "~/s.db")]);
        assert!(homeless.database_path().is_err());
    }

    #[test]
    fn a_home_folder_that_is_not_an_absolute_path_names_no_place() {
        for home in [".", "home", "./home", "~"] {
            let environment = Environment::new(move |name| match name {
                HOME => Some(home.into()),
                "SKILLSMITH_DB_PATH" => Some("~/s.db".into()),
                _ => None,
            });
            assert!(environment.database_path().is_err(), "{home}");
            let environment = Environment::new(move |name| (name == HOME).then(|| home.into()));
            assert!(environment.database_path().is_err(), "{home}");
            // Not a missing one, whose address and credential would be those of the defaults.
            let error = environment.config_file().api_base_url().unwrap_err();
            let text = error.to_string();
            assert!(
                text.contains(&format!("Set {HOME} to an absolute path.")),
                "{text}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_not_utf_8_is_a_path_or_an_error_and_never_unset() {
        use std::os::unix::ffi::OsStringExt;
        let odd = || OsString::from_vec(b"/data/caf\xe9".to_vec());
        let environment = Environment::from_os(move |_| Some(odd()));
        assert_eq!(environment.database_path().unwrap(), PathBuf::from(odd()));
        let file = environment.config_file();
        let expected = PathBuf::from(odd()).join(".skillsmith/config.json");
        assert_eq!(file.path(), Some(expected.as_path()));
        let errors = [
            ("SKILLSMITH_API_URL", environment.base_url().map(drop)),
            (
                "SKILLSMITH_OFFLINE_MODE",
                environment.offline_mode().map(drop),
            ),
            (
                "SKILLSMITH_BACKGROUND_SYNC",
                environment.background_sync().map(drop),
            ),
            (
                "NO_PROXY",
                environment.texts(|var| Ok(var("NO_PROXY"))).map(drop),
            ),
        ];
        for (name, outcome) in errors {
            let text = outcome.unwrap_err().to_string();
            assert!(text.contains(name), "{text}");
            assert!(!text.contains("caf"), "{text}");
        }
    }
}
